"""What a device computes is what the CPU does, in double precision where there is a choice.

Tests of the smaller parts take a device too (``grep -rl DEVICES tests``); these are the methods
and models that do not have one there. On a machine without CUDA the device is the CPU.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from dense import DEVICES
from map_worlds import inputs
from places import ROOT
from safetensors.torch import load_file
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.adjoint import with_transpose
from oceanbench.assimilation.fourdvarnet.learned_descent import LearnedDescent
from oceanbench.assimilation.fourdvarnet.priors import BilinearPrior
from oceanbench.assimilation.fourdvarnet.published.network import Modulator, Prior, Solver
from oceanbench.challenge import Challenge
from oceanbench.dynamics import (
    layered_ocean,
    mixed_layer,
    quasigeostrophic,
    reduced_gravity,
    surface_quasigeostrophic,
)
from oceanbench.dynamics.basin import north_atlantic_like
from oceanbench.forecasting.emulator import Emulator
from oceanbench.learning.layers import ConvLstm, UNet
from oceanbench.methods.method_file import load_method

pytestmark = pytest.mark.parametrize("device", DEVICES)

SINGLE, REDUCED = 1e-4, 5e-2  # of the largest value, after some steps of a network
SMALL = {
    "first_guess": "mean",
    "step_degrees": 0.5,
    "days": 5,
    "hidden": 4,
    "prior_hidden": 4,
    "iterations": 2,
    "scenes": 1,
    "crop": 8,
    "batch": 2,
    "reduced": False,
}


@pytest.fixture(autouse=True)
def _single_precision_is_single(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not that of 10 digits in which CUDA convolves unless told."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def close(found: Tensor, expected: Tensor, tolerance: float) -> None:
    found, expected = (values.detach().cpu().double() for values in (found, expected))
    size = float(expected.abs().amax()) if expected.numel() else 0.0
    torch.testing.assert_close(found, expected, rtol=0, atol=tolerance * size)


def same(compute: Callable[[str], Tensor], device: str, tolerance: float) -> None:
    """What a function computes on a device is what it does on the CPU: there, once, finite."""
    found = compute(device)
    assert bool(found.isfinite().all())
    if device != "cpu":
        close(found, compute("cpu"), tolerance)


@cache
def seen() -> dict[str, xr.Dataset]:
    return inputs(62, error=0.02)


def wanted(given: dict[str, xr.Dataset]) -> xr.Dataset:
    """Three days amid the maps of the training, without their edges."""
    middle = slice(2, -2)
    maps = given["training"].isel(time=slice(30, 33), latitude=middle, longitude=middle)
    return maps * np.nan


# Ocean models


def test_quasigeostrophic_ocean(device: str) -> None:
    def end(place: str) -> Tensor:
        model = quasigeostrophic.operators(quasigeostrophic.Parameters(), 32, device=place)
        state = quasigeostrophic.initial_state(model, seed=0)
        *_, last = quasigeostrophic.integrate(state, model, time_step=1800.0, steps=20)
        return torch.view_as_real(last)

    same(end, device, 1e-11)


def test_surface_quasigeostrophic_ocean_under_a_mixed_layer(device: str) -> None:
    def end(place: str) -> Tensor:
        sqg = surface_quasigeostrophic
        model = sqg.operators(sqg.Parameters(), 32, device=place)
        flow = mixed_layer.Flow(
            partial(sqg.streamfunction, model=model), partial(sqg.tendency, model=model), model
        )
        *_, last = mixed_layer.integrate(
            mixed_layer.at_rest(sqg.initial_state(model, seed=0)),
            flow,
            mixed_layer.operators(mixed_layer.Parameters(), model),
            seed=0,
            time_step=1800.0,
            steps=10,
            intervals=2,
        )
        return torch.view_as_real(last.state)

    same(end, device, 1e-11)


def test_layered_ocean(device: str) -> None:
    def end(place: str) -> Tensor:
        basin = north_atlantic_like(1.0)
        model = layered_ocean.operators(layered_ocean.Parameters(), basin, device=place)
        state = layered_ocean.initial_state(model, seed=0)
        *_, last = layered_ocean.integrate(state, 0.0, model, time_step=3600.0, steps=5)
        return last

    same(end, device, 1e-11)


@pytest.mark.parametrize("precision", [torch.float64, torch.float32])
def test_adjoint_of_the_reduced_gravity_ocean(device: str, precision: torch.dtype) -> None:
    def pulled(place: str, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        parameters = reduced_gravity.Parameters(38.0, 2.0)
        model = reduced_gravity.operators(parameters, 16, 20, (2e4, 2e4), dtype=dtype, device=place)
        height = (0.1 * random(16, 20)).to(place, dtype)
        edge = torch.zeros_like(height)
        start = reduced_gravity.potential_vorticity(height, model)

        def ahead(state: Tensor) -> Tensor:
            for _ in range(3):
                state = reduced_gravity.advance(state, (edge, edge), model, time_step=600.0)
            return state

        end, transpose = with_transpose(ahead, start)
        return end, transpose(random(*end.shape, seed=1).to(place, dtype))

    tolerance = 1e-10 if precision == torch.float64 else 1e-3
    for found, expected in zip(
        pulled(device, precision), pulled("cpu", torch.float64), strict=True
    ):
        close(found, expected, tolerance)


# Methods


@cache
def nudged(device: str, precision: str) -> np.ndarray:
    """Maps of a small sea, after two iterations forth and back."""
    tracks = {name: data for name, data in seen().items() if name != "training"}
    options = {"iterations": 2, "window_days": 4, "stride_days": 2, "tolerance": 0.0}
    estimate = load_method("bfn")[1].estimate
    found = estimate(tracks, wanted(seen()), device=device, seed=0, precision=precision, **options)
    return found["ssh"].values


@pytest.mark.parametrize(("precision", "tolerance"), [("double", 1e-8), ("single", 1e-3)])
def test_back_and_forth_nudging(device: str, precision: str, tolerance: float) -> None:
    found, expected = nudged(device, precision), nudged("cpu", "double")
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * np.abs(expected).max())


@cache
def toy() -> tuple[dict[str, xr.Dataset], xr.Dataset]:
    """Observations and target of two windows of Lorenz-96, and what methods may learn from."""
    challenge = Challenge.load("lorenz96")
    given = {
        name: challenge.open(name).load()
        for name, dataset in challenge.datasets.items()
        if dataset.role not in ("truth", "observed_truth")
    }
    observed = given["observations"]
    given["observations"] = observed.isel(window=slice(2)).assign_attrs(observed.attrs)
    return given, challenge.target().isel(window=slice(2))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fourdvarnet_ode", "fourdvarnet_conv"])
def test_fourdvarnet_for_windows(device: str, name: str) -> None:
    given, target = toy()
    weights = load_file(ROOT / "baselines" / "weights" / "lorenz96" / f"{name}.safetensors")
    estimate = load_method(name)[1].estimate

    options = {"member": 0} if name == "fourdvarnet_conv" else {}

    def states(place: str) -> Tensor:
        there = {key: tensor.to(place) for key, tensor in weights.items()}
        found = estimate(given, target, device=place, seed=0, weights=there, **options)
        return torch.as_tensor(next(iter(found.data_vars.values())).values)

    same(states, device, 1e-3)


def small(name: str) -> Any:
    """Method file whose presets are networks that learn in no time."""
    method = load_method(name)[1]
    method.PRESETS["cpu"] = replace(method.PRESETS["cpu"], **SMALL)
    return method


@pytest.mark.parametrize("name", ["fourdvarnet", "learned_correction", "unet"])
def test_a_network_for_maps_learns_and_maps(device: str, name: str, tmp_path: Path) -> None:
    """As it does on the CPU; and a training that was interrupted goes on."""
    method, given = small(name), seen()
    options: dict[str, Any] = {"seed": 0, "steps": 2}
    weights = method.train(given, device=device, checkpoint=str(tmp_path), **options)
    again = method.train(given, device=device, checkpoint=str(tmp_path), **options)
    reference = weights if device == "cpu" else method.train(given, device="cpu", **options)
    for key, tensor in reference.items():
        torch.testing.assert_close(again[key], weights[key], rtol=0, atol=0)
        close(weights[key], tensor, 1e-2)  # kept in half precision

    def maps(place: str) -> Tensor:
        there = {key: tensor.to(place) for key, tensor in reference.items()}
        found = method.estimate(given, wanted(given), device=place, seed=0, weights=there)
        return torch.as_tensor(found["ssh"].values)

    same(maps, device, SINGLE)


# Networks: forward and backward


def descent(*, reduced: bool) -> torch.nn.Module:
    torch.manual_seed(0)
    return LearnedDescent(
        BilinearPrior(5, hidden=8, kernel=(3, 3), coarsen=(2, 2)),
        ConvLstm(15, 5, hidden=8, coarsen=(2, 2)),
        inputs=("observation_gradient", "prior_gradient", "state"),
        iterations=4,
        reduced=reduced,
    )


def published(*, reduced: bool) -> torch.nn.Module:
    torch.manual_seed(0)
    modulator = Modulator(5, 8, dropout=0.0)
    return Solver(Prior(5, 8, quadratic=False), modulator, steps=4, rate=1.0, reduced=reduced)


@pytest.mark.parametrize("reduced", [False, True])
@pytest.mark.parametrize("make", [descent, published])
def test_solver_forward_and_backward(device: str, make: Any, reduced: bool) -> None:
    """Against double precision on the CPU: the estimate, and the gradient of every weight."""
    values, observed = random(2, 5, 24, 24), random(2, 5, 24, 24, seed=1) > 1.0
    weight = random(2, 5, 24, 24, seed=2)

    def done(network: torch.nn.Module, like: Tensor) -> list[Tensor]:
        given = (values.to(like), observed.to(like.device), torch.zeros_like(values).to(like))
        found = network.train()(*given)
        (found * weight.to(like)).mean().backward()
        with torch.inference_mode():
            applied = network.eval()(*given)
        return [applied, found, *(p.grad for p in network.parameters() if p.grad is not None)]

    network = make(reduced=reduced)
    expected = done(make(reduced=False).double(), values)
    found = done(network.to(device), torch.zeros((), device=device))
    assert len(found) == len(expected)
    for one, other in zip(found[:2], expected[:2], strict=True):
        close(one, other, REDUCED if reduced else SINGLE)
    learned, right = (
        torch.cat([gradient.flatten().cpu().double() for gradient in parts[2:]])
        for parts in (found, expected)
    )
    assert float((learned - right).norm() / right.norm()) < (
        3 * REDUCED if reduced else 10 * SINGLE
    )


@pytest.mark.parametrize("noise", [0, 2])
def test_emulator_forward_and_backward(device: str, noise: int) -> None:
    """The noise of members is drawn on the CPU, so that it is the same everywhere."""
    sizes = replace(
        load_method("emulator")[1].PRESETS["cpu"], hidden=8, noise=noise, around=2, reduced=False
    )
    torch.manual_seed(0)
    network = Emulator(sizes, 3)
    assert isinstance(network.update, UNet)
    state, sea = random(2, 3, 12, 16).float(), (random(2, 3, 12, 16, seed=1) > -1.0).float()
    place = random(2, 4, 12, 16, seed=2).float()
    season = torch.tensor([0.3, 2.0])

    def done(network: Emulator, where: str) -> list[Tensor]:
        draws = torch.Generator().manual_seed(3)
        given = [part.to(where) for part in (state, sea, place, season)]
        found = network.train()(*given, passes=2, random=draws)
        found.square().mean().backward()
        return [found, *(p.grad for p in network.parameters() if p.grad is not None)]

    expected = done(copy.deepcopy(network), "cpu")
    for one, other in zip(done(network.to(device), device), expected, strict=True):
        close(one, other, 1e-3)
