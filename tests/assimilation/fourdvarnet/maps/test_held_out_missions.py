"""4DVarNet from observations alone: one altimeter is held out from it at a time."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
import xarray as xr
from map_worlds import inputs, observed, waves
from small_networks import SMALL, exact, target
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.maps.held_out_missions import (
    HeldOutMissions,
    hold_out_missions,
)
from oceanbench.assimilation.fourdvarnet.maps.inference import TrainedMembers, estimate_members
from oceanbench.assimilation.fourdvarnet.maps.map_grid import grid_around
from oceanbench.assimilation.fourdvarnet.maps.training import train_members
from oceanbench.assimilation.fourdvarnet.maps.window_estimates import estimates
from oceanbench.errors import OceanbenchError

DAYS = 70
ALONE = replace(SMALL, first_guess="smooth", supervised=False, steps=200)


@cache
def tracks() -> dict[str, xr.Dataset]:
    return {n: d for n, d in inputs(DAYS, error=0.02).items() if n != "training"}


def held_out(given: dict[str, xr.Dataset]) -> HeldOutMissions:
    return hold_out_missions(given, ALONE, name="mine")


def train(given: dict[str, xr.Dataset], steps: int) -> dict[str, Tensor]:
    configuration = replace(ALONE, steps=steps)
    return train_members(
        held_out(given), configuration, name="mine", members=1, seed=0, device="cpu"
    )


@cache
def trained() -> dict[str, Tensor]:
    return train(tracks(), ALONE.steps)


def misfit(found: Tensor) -> float:
    """To the held-out altimeters, on the days that validate."""
    validation = held_out(tracks()).validation_windows(ALONE.days)
    squares = validation.weight * (found - validation.wanted).square()
    return float(squares.sum() / validation.weight.sum())


@pytest.mark.slow
def test_the_misfit_to_held_out_altimeters_falls_and_the_maps_get_better() -> None:
    validation = held_out(tracks()).validation_windows(ALONE.days)
    (solver,) = TrainedMembers.of(trained(), name="mine").solvers
    assert misfit(estimates(solver, *validation.given())) < 0.5 * misfit(validation.first_guess)
    found = estimate_members(tracks(), target(), trained(), name="mine")[0]
    zero = {k: torch.zeros_like(v) if k.startswith("0.") else v for k, v in trained().items()}
    guess = estimate_members(tracks(), target(), zero, name="mine")[0]
    errors = [float(np.sqrt(np.mean((f - exact()) ** 2))) for f in (found, guess)]
    assert errors[0] < 0.7 * errors[1]


def test_maps_of_the_truth_are_not_read() -> None:
    """It gets the same weights with training maps that hold nothing but NaN."""
    poison = waves(DAYS).to_dataset() * np.nan
    poisoned = tracks() | {"training": poison.assign_attrs(role="training", layout="grid")}
    expected, found = (train(given, 5) for given in (tracks(), poisoned))
    assert all(torch.equal(value, found[name]) for name, value in expected.items())


def test_what_is_held_out_is_neither_given_nor_in_the_first_guess() -> None:
    """The series that hides an altimeter does not change with what that observes."""
    moved = tracks()["second"].assign(ssh=tracks()["second"]["ssh"] + 5.0)
    whole, other = (held_out(t) for t in (tracks(), tracks() | {"second": moved}))
    hides = 1  # the second
    for name in ("values", "first_guess"):
        one, two = (
            getattr(c.series[hides], name) * c.normalisation.deviation + c.normalisation.mean
            for c in (whole, other)
        )
        torch.testing.assert_close(one, two, rtol=0, atol=1e-4)
    one, two = (c.series[hides] for c in (whole, other))
    assert torch.equal(one.observed, two.observed) and torch.equal(one.known, two.known)
    shift = (two.truth * other.normalisation.deviation + other.normalisation.mean) - (
        one.truth * whole.normalisation.deviation + whole.normalisation.mean
    )
    torch.testing.assert_close(shift, 5.0 * one.known, rtol=0, atol=1e-4)


def test_the_grid_is_where_and_when_there_are_observations() -> None:
    grid = grid_around(waves(DAYS).isel(time=slice(0, -1)), SMALL.step_degrees)
    series = held_out(tracks()).series[0]
    assert tuple(series.truth.shape) == grid.shape
    first = observed(tracks(), grid, "smooth", missions="second")
    assert float(series.observed.sum()) == pytest.approx(first.observed.sum(), rel=0.05)


def test_one_altimeter_alone_is_refused() -> None:
    with pytest.raises(OceanbenchError, match=r"mine: supervised=False hides .* only first"):
        held_out({"first": tracks()["first"]})
    renamed = tracks() | {"second": tracks()["second"].rename(ssh="sst")}
    with pytest.raises(OceanbenchError, match="have nothing in common, expected one variable"):
        held_out(renamed)
    with pytest.raises(OceanbenchError, match=r"mine: 20 days of training maps"):
        held_out({n: d for n, d in inputs(20).items() if n != "training"})


def test_numbers_of_passes_and_cycles_are_no_observations() -> None:
    def numbered(data: xr.Dataset) -> xr.Dataset:
        number = xr.zeros_like(data["time"], dtype=int)
        return data.assign(track=number, cycle=number)

    found = held_out({name: numbered(data) for name, data in tracks().items()})
    assert torch.equal(found.series[0].truth, held_out(tracks()).series[0].truth)
