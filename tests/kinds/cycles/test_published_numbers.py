"""Driven by the framework from near the truth, filters reach the published errors.

The benchmark takes ten thousand cycles, and is held to 0.02; here a tenth of that is, to 0.03.
"""

from __future__ import annotations

import re
import sys
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType

import pytest
from places import ROOT, TESTS
from rows import every

from oceanbench.methods.weights import Weights

QUICK = ("ETKF", "DEnKF")
LEARNED = 0.27  # of the row and a tenth


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = spec_from_file_location("cycling_benchmark", TESTS / "benchmarks" / "cycling.py")
    assert spec is not None and spec.loader is not None
    module = sys.modules[spec.name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def held(script: ModuleType, cycles: int, *names: str) -> None:
    """Whether what the benchmark prints is near what it says was published."""
    for name in names:
        method, options, published = script.PUBLISHED[name]
        nature, truth = script.sakov_and_oke(cycles, seed=2)
        ((members, _, _),) = script.filtered(nature, method, options)
        error = script.errors(members, truth)[100:].mean()
        assert error == pytest.approx(published, abs=0.03), name


def test_the_published_errors_of_two_filters(script: ModuleType) -> None:
    held(script, 900, *QUICK)


@pytest.mark.slow
def test_the_published_errors_of_the_others(script: ModuleType) -> None:
    held(script, 1500, *(name for name in script.PUBLISHED if name not in QUICK))


@every("name, most, asked", [("learned_analysis", LEARNED, 0), ("fourdvarnet_cycle", 0.23, 51)])
def test_a_shipped_network_holds_a_world_that_it_never_saw(
    script: ModuleType, name: str, most: float, asked: int
) -> None:
    """Asked for so many steps of the model a cycle, beside that of the cycle itself."""
    path = ROOT / "baselines" / "weights" / "lorenz96_cycles" / f"{name}.safetensors"
    nature, truth = script.sakov_and_oke(300, seed=2)
    options = {"weights": Weights.load(path).tensors}
    ((members, steps, _),) = script.filtered(nature, name, options)
    assert script.errors(members, truth)[50:].mean() < most and steps == 300 * (1 + asked)


def test_it_prints_what_it_found(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    script.anchor(200, ["optimal interpolation"])
    found = capsys.readouterr().out
    assert re.match(r"optimal interpolation: 0\.\d{3} \(published 0\.95\), pooled 0\.", found)
    assert "1 model steps a cycle" in found
