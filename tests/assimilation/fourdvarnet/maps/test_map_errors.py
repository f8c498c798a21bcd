"""Members of learned maps, on a small sea of which all is known."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import map_worlds
import numpy as np
import pytest
import torch
import xarray as xr
from small_networks import SMALL
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.maps.inference import estimate_members, filled
from oceanbench.assimilation.fourdvarnet.maps.map_errors import (
    ErrorStatistics,
    calibrate,
    draw_members,
)
from oceanbench.assimilation.fourdvarnet.maps.training import train_members
from oceanbench.assimilation.fourdvarnet.maps.training_set import training_set
from oceanbench.assimilation.uncertainty.error_samples import Members, spread_factor
from oceanbench.errors import OceanbenchError

DAYS = 60
CONFIGURATION = replace(
    SMALL, step_degrees=0.5, hidden=4, prior_hidden=2, crop=8, steps=60, along_track=False
)


@cache
def world() -> xr.DataArray:
    return map_worlds.drawn(DAYS)


@cache
def seen() -> dict[str, xr.Dataset]:
    return map_worlds.inputs(DAYS, error=0.03, maps=world())


@cache
def trained() -> dict[str, Tensor]:
    data = training_set(seen(), CONFIGURATION, name="mine")
    weights = train_members(data, CONFIGURATION, name="mine", members=3, seed=0, device="cpu")
    return weights | calibrate(data, weights, seen(), name="mine").tensors()


def target() -> xr.DataArray:
    latitude, longitude = 37.0 + 0.25 * np.arange(9), 297.0 + 0.25 * np.arange(9)
    times = world()["time"].values[10:16]
    axes = {"time": times, "latitude": latitude, "longitude": longitude}
    return xr.DataArray(np.full((6, 9, 9), np.nan), axes, tuple(axes), "ssh")


def drawn(way: str, *, seed: int = 0, members: int = 3) -> np.ndarray:
    return draw_members(
        seen(), target(), trained(), name="mine", way=way, members=members, seed=seed
    )


def raw() -> np.ndarray:
    return estimate_members(seen(), target(), trained(), name="mine")


@pytest.mark.slow
def test_training_learns_the_error_of_the_altimeters() -> None:
    noise = ErrorStatistics.of(trained(), "mine").noise
    assert noise.white == pytest.approx(0.03, rel=0.1)
    assert noise.correlated < 0.01


@pytest.mark.slow
def test_the_spread_of_the_ensemble_is_the_error_in_validation() -> None:
    data = training_set(seen(), replace(CONFIGURATION, scenes=1), name="mine")
    known = calibrate(data, trained(), seen(), name="mine")
    assert known.spread == pytest.approx(float(trained()["spread"]))
    raw_members, found = Members(raw()), Members(drawn("ensemble"))
    np.testing.assert_allclose(found.mean, raw_members.mean, atol=1e-12)
    np.testing.assert_allclose(found.std, known.spread * raw_members.std)


@pytest.mark.parametrize("way", ["conditional", "perturbed"])
def test_drawn_members_scatter_about_the_estimate(way: str) -> None:
    found = drawn(way, members=4)
    assert found.shape == (4, *target().shape)
    np.testing.assert_allclose(found.mean(axis=0), raw().mean(axis=0), atol=1e-10)
    truth = world().interp(target().coords, method="cubic").transpose(*target().dims).values
    assert 0.5 < spread_factor([Members(found)], [truth]) < 2.0


@pytest.mark.parametrize("way", ["conditional", "perturbed"])
def test_the_seed_makes_the_draws(way: str) -> None:
    first, again, other = drawn(way), drawn(way), drawn(way, seed=1)
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3


def test_a_dataset_is_filled_with_members() -> None:
    whole = target().to_dataset()

    def members(variable: xr.DataArray) -> np.ndarray:
        return draw_members(
            seen(), variable, trained(), name="mine", way="ensemble", members=20, seed=0
        )

    found = filled(whole, members)
    assert found["ssh"].dims == ("member", "time", "latitude", "longitude")
    np.testing.assert_array_equal(found["ssh"].values, drawn("ensemble"))


def test_bad_requests_are_refused_in_one_line() -> None:
    with pytest.raises(OceanbenchError, match="mine: way=conditionl: unknown; did you mean"):
        drawn("conditionl")
    with pytest.raises(OceanbenchError, match="1 members have no spread"):
        drawn("conditional", members=1)
    plain = {k: v for k, v in trained().items() if k != "spread"}
    with pytest.raises(OceanbenchError, match="mine: weights without spread; train it"):
        ErrorStatistics.of(plain, "mine")
    swath = {n: d.assign_attrs(layout="swath") if n == "first" else d for n, d in seen().items()}
    with pytest.raises(OceanbenchError, match="first: errors of a swath are not known"):
        draw_members(swath, target(), trained(), name="mine", way="conditional", members=2, seed=0)


def test_what_is_known_of_errors_is_kept_and_read_again() -> None:
    known = ErrorStatistics.of(trained(), "mine")
    again = ErrorStatistics.of(known.tensors(), "mine")
    torch.testing.assert_close(again.field.vector(), known.field.vector())
    assert again.noise == known.noise
    assert again.spread == known.spread
