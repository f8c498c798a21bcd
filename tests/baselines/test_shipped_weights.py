"""Shipped weights give the errors on the board again, window by window."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from places import ROOT
from rows import every

from oceanbench.assimilation.fourdvarnet.maps.configuration import MapConfiguration
from oceanbench.assimilation.fourdvarnet.maps.inference import TrainedMembers
from oceanbench.challenge import Challenge
from oceanbench.errors import OceanbenchError
from oceanbench.methods.inputs import Inputs
from oceanbench.methods.method_file import load_method
from oceanbench.methods.running import run
from oceanbench.methods.weights import Weights
from oceanbench.result import Result

SHIPPED = sorted((ROOT / "baselines" / "weights").glob("*/*.safetensors"))
OF_NO_CHALLENGE = sorted((ROOT / "baselines" / "weights").glob("*.safetensors"))
MOST = 2 * 2**20  # bytes
FEW = 2  # windows, or starts
ERRORS = {  # of sea level over the first starts and all leads, metres: what was found once
    "emulator": 0.06641,
    "emulator_ensemble": 0.06698,
}


ITERATES = ("fourdvar", "fourdvarnet_ode")  # many steps of a model, one after the other
OF_WINDOWS = [path for path in SHIPPED if Challenge.load(path.parent.name).kind == "windows"]


def updates(path: Path) -> set[str]:
    """What the networks for maps of a method file update their estimate by; empty of others."""
    method = load_method(Weights.load(path).method["name"])[1]
    presets = getattr(method, "PRESETS", {}).values()
    return {preset.update for preset in presets if isinstance(preset, MapConfiguration)}


def named(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def test_there_are_weights() -> None:
    assert SHIPPED


@every("path", SHIPPED)
def test_weights_are_small_and_say_where_they_come_from(path: Path) -> None:
    weights = Weights.load(path)
    challenge = Challenge.load(path.parent.name)
    assert path.stat().st_size <= MOST
    method = weights.method["name"]
    assert path.stem == method or path.stem.startswith(f"{method}_")
    assert weights.challenge["name"] == challenge.name
    assert weights.challenge["version"] <= challenge.version  # which a change of scores raises
    assert not weights.provenance["commit"].endswith("+")
    assert weights.provenance["seconds"] > 0


def test_weights_of_no_challenge_have_opened_none() -> None:
    for path in OF_NO_CHALLENGE:
        weights = Weights.load(path)
        assert path.stat().st_size <= MOST
        assert weights.method["name"] == path.stem
        assert not weights.of_challenge
        assert not weights.provenance["commit"].endswith("+")


@every("path", [p for p in SHIPPED if updates(p)])
def test_networks_for_maps_are_those_of_the_method(path: Path) -> None:
    trained = TrainedMembers.of(Weights.load(path).tensors, name=path.stem)
    assert len(trained.solvers) == (4 if path.stem.endswith("ensemble") else 1)
    assert trained.configuration.update in updates(path)


def of_windows() -> Iterator[object]:
    """Weights of windows; of what takes its time those of one challenge, the others slow."""
    for path in OF_WINDOWS:
        slow = path.stem in ITERATES and path.parent.name != "amoc"
        yield pytest.param(path, id=named(path), marks=[pytest.mark.slow] if slow else [])


@pytest.mark.parametrize("path", list(of_windows()))
def test_the_first_windows_are_estimated_as_on_the_board(path: Path) -> None:
    challenge = Challenge.load(path.parent.name)
    result = Result.load(ROOT / "leaderboards" / challenge.name / f"{path.stem}.json")
    inputs = dict(Inputs(challenge))
    inputs = {
        name: dataset.isel(window=slice(FEW))
        if dataset.attrs.get("role") == "observations"
        else dataset
        for name, dataset in inputs.items()
    }
    target = challenge.target().isel(window=slice(FEW))
    found = load_method(path.stem)[1].estimate(
        inputs, target, device="cpu", seed=0, weights=Weights.load(path).tensors
    )
    truth = challenge.open(challenge.truth_name)["state"].isel(window=slice(FEW))
    dims = [d for d in ("sampling", "time", "component") if d in target.dims]
    states = found["state"]
    mean = states.mean("member") if "member" in states.dims else states
    error = ((mean - truth) ** 2).sum(dims)
    (series,) = (s for s in result.series if (s["variable"], s["mask"]) == ("state", "all"))
    np.testing.assert_allclose(error, series["squared_error"][:FEW], rtol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("path", [p for p in SHIPPED if p.stem in ERRORS], ids=named)
def test_the_first_forecasts_are_as_they_were(path: Path) -> None:
    challenge = Challenge.load(path.parent.name)
    inputs = dict(Inputs(challenge))
    inputs["analysis"] = inputs["analysis"].isel(start=slice(FEW))
    target = challenge.target().isel(start=slice(FEW))
    found = load_method(path.stem)[1].estimate(
        inputs, target, device="cpu", seed=0, weights=Weights.load(path).tensors
    )["zos"]
    valid = target["start"] + target["lead"] * np.timedelta64(86_400_000_000_000, "ns")
    truth = challenge.open(challenge.truth_name)["zos"].sel(time=valid)
    mean = found.mean("member") if "member" in found.dims else found
    assert float(((mean - truth) ** 2).mean() ** 0.5) == pytest.approx(ERRORS[path.stem], rel=1e-3)


@pytest.mark.parametrize("path", [p for p in SHIPPED if p.stem in ERRORS], ids=named)
def test_weights_of_another_method_are_refused(path: Path, tmp_path: Path) -> None:
    other = "emulator_ensemble" if path.stem == "emulator" else "emulator"
    with pytest.raises(OceanbenchError, match=f"weights of the method '{path.stem}', expected"):
        run(other, Challenge.load(path.parent.name), output=tmp_path, weights=path)
