"""Scenes: seas seen by altimeters, and first guesses of them."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from oceanbench.assimilation.fourdvarnet.anywhere.configuration import GUESSES
from oceanbench.assimilation.fourdvarnet.anywhere.scenes import altimeters, first_guesses
from oceanbench.assimilation.fourdvarnet.anywhere.scenes.first_guesses import (
    InterpolationScales,
    e_folding,
    interpolated,
)
from oceanbench.assimilation.fourdvarnet.anywhere.scenes.scene import SEED, make_scene
from oceanbench.assimilation.fourdvarnet.anywhere.worlds.seas import CELLS, draw_sea
from oceanbench.assimilation.observations.superobservations import samples


def test_altimeters_see_the_sea_with_their_errors_and_nothing_on_land() -> None:
    random = np.random.default_rng(3)
    sea = draw_sea(random, [])
    place = altimeters.draw_place(random, sea)
    errors = altimeters.AltimeterErrors(1e-6, 0.0, 100.0)
    land = np.zeros((CELLS, CELLS), bool)
    land[:, CELLS // 2 :] = True
    seen = altimeters.observed(random, sea, land, place, errors)
    tracks = [data for data in seen.values() if data.attrs["layout"] == "track"]
    assert len(tracks) >= 2
    shrink = np.cos(np.deg2rad(place.latitude))
    for track in tracks:
        north = (track["latitude"].values - place.latitude) * altimeters.KM_PER_DEGREE
        east = (track["longitude"].values - place.longitude) * altimeters.KM_PER_DEGREE * shrink
        days = (track["time"].values - altimeters.EPOCH) / np.timedelta64(1, "D")
        known = np.isfinite(track["ssh"].values)
        truth = sea.height(days, north, east)
        np.testing.assert_allclose(track["ssh"].values[known], truth[known], atol=1e-5)
        inside = abs(east) < CELLS / 2 * sea.cell_km
        assert not known[(east > sea.cell_km) & inside].any()
        assert known[(east < -sea.cell_km)].all()


def test_correlations_fall_by_e_where_they_say() -> None:
    wave = np.sin(2.0 * np.pi * np.arange(640) / 64.0)[:, None, None] * np.ones((1, 4, 4))
    assert e_folding(wave, 0) == pytest.approx(64 * np.arccos(np.exp(-1.0)) / (2.0 * np.pi), abs=1)


def test_an_interpolation_follows_what_is_observed() -> None:
    random = np.random.default_rng(3)
    sea = draw_sea(random, [])
    place = altimeters.draw_place(random, sea)
    errors = altimeters.AltimeterErrors(0.01, 0.0, 100.0)
    seen = altimeters.observed(random, sea, np.zeros((CELLS, CELLS), bool), place, errors)
    grid = place.grid(sea.cell_km)
    averaged = samples(seen, "ssh", grid.days[0], grid.centre, coarsen=6, swath_km=40.0)
    day = np.array([10.0])
    scales = InterpolationScales(300.0, 10.0, 0.02, 0.0)
    found = interpolated(averaged, grid, scales, day, most=500, every=4)[0]
    axis = sea.axis[::4]
    truth = sea.height(*np.meshgrid(day, axis, axis, indexing="ij"))[0]
    assert found.shape == truth.shape
    assert (found - truth).std() < 0.8 * truth.std()


@pytest.mark.slow
def test_a_scene_is_the_same_again_and_its_guesses_are_better_than_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of a quarter of the observations that are solved for at once else."""
    monkeypatch.setattr(first_guesses, "interpolated", partial(interpolated, most=1250))
    monkeypatch.setattr(first_guesses, "MOST_OF_A_DAY", 500)
    scene = make_scene(1, [])
    truth, sea = scene.truth.astype(float), scene.sea
    assert (truth + scene.mean.astype(float))[:, sea].std() == pytest.approx(1.0, abs=0.01)
    errors = {
        GUESSES[kind]: (guess.astype(float) - truth)[:, sea].std()
        for kind, guess in zip(scene.kind, scene.guess, strict=True)
    }
    assert list(errors) == [name for name in GUESSES if name in errors]
    assert max(errors.values()) < 0.9 and {"fitted", "wrong scales"} <= errors.keys()
    cells = np.unravel_index(scene.cell, truth.shape)
    assert sea[cells[1:]].mean() > 0.9
    left = truth[cells] - scene.guess[0].astype(float)[cells]
    assert np.corrcoef(left, scene.innovation[0].astype(float))[0, 1] > 0.2
    assert list(errors)[-1] == "bfn"
    np.testing.assert_array_equal(scene.guess, make_scene(1, []).guess)
    sea = draw_sea(np.random.default_rng([SEED, 1]), [])
    assert (scene.cell_km, scene.smooth_km) == (sea.cell_km, sea.smooth_km)
