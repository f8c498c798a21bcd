"""How many windows of Lorenz-96 a second 4DVar and the smoother take, and what a solve costs.

    OMP_NUM_THREADS=1 pytest tests/benchmarks/test_variational_benchmark.py

Expected: some 2 CPU seconds a window for 4DVar with a given model error, 0.4 for the smoother, and
solves that take twice as long for windows twice as long. Nothing here fails when they are missed: a
timing is a report, not a test.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from oceanbench import Challenge
from oceanbench.assimilation.variational.block_tridiagonal import factorise, solve
from oceanbench.methods.inputs import Inputs
from oceanbench.methods.method_file import load_method

pytest.importorskip("pytest_benchmark")

WINDOWS, COMPONENTS = 4, 40
LENGTHS = (50, 100, 200, 400)
METHODS: dict[str, dict[str, Any]] = {"fourdvar": {"model_error": 1e-6}, "enks": {}}


@pytest.mark.parametrize("method", METHODS)
def test_windows_of_lorenz_96(benchmark: Any, method: str) -> None:
    challenge = Challenge.load("lorenz96")
    inputs = dict(Inputs(challenge))
    inputs["observations"] = inputs["observations"].isel(window=slice(WINDOWS))
    target = challenge.target().isel(window=slice(WINDOWS))
    estimate = load_method(method)[1].estimate

    def run() -> Any:
        return estimate(inputs, target.copy(), device="cpu", seed=0, **METHODS[method])

    found = benchmark.pedantic(run, rounds=3, warmup_rounds=1)
    benchmark.extra_info["windows_per_second"] = WINDOWS / benchmark.stats["mean"]
    assert np.isfinite(found["state"]).all()


@pytest.mark.parametrize("times", LENGTHS)
def test_a_block_tridiagonal_solve(benchmark: Any, times: int) -> None:
    random = torch.Generator().manual_seed(0)
    shape = (times, WINDOWS, COMPONENTS, COMPONENTS)
    below = 0.1 * torch.randn(shape, generator=random, dtype=torch.float64)[1:]
    diagonal = 4.0 * torch.eye(COMPONENTS, dtype=torch.float64).expand(shape)
    right = torch.ones(shape[:-1], dtype=torch.float64)
    found = benchmark(lambda: solve(factorise(diagonal, below), right))
    benchmark.extra_info["microseconds_per_time"] = 1e6 * benchmark.stats["mean"] / times
    assert found.isfinite().all()
