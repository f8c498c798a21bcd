"""Worlds of several physics, and seas that are made of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rows import every

from oceanbench.assimilation.fourdvarnet.anywhere.worlds import gaussian_fields, simulations
from oceanbench.assimilation.fourdvarnet.anywhere.worlds.families import FAMILIES
from oceanbench.assimilation.fourdvarnet.anywhere.worlds.random_numbers import smooth_field
from oceanbench.assimilation.fourdvarnet.anywhere.worlds.seas import (
    AMPLITUDES,
    CELLS,
    LATITUDES,
    SMOOTHING,
    Sea,
    draw_sea,
)
from oceanbench.dynamics import rotation
from oceanbench.errors import OceanbenchError


@every("name", FAMILIES)
def test_a_simulated_world_moves_and_is_the_same_again(name: str) -> None:
    sizes = {"points": 16, "days": 6, "spin_up": 4}
    worlds = [
        simulations.simulated(FAMILIES[name], np.random.default_rng(5), **sizes) for _ in range(2)
    ]
    height = worlds[0].height.astype(float)
    assert height.shape == (6, 16, 16)
    assert height.std() == pytest.approx(1.0, abs=0.01)
    assert abs(height[-1] - height[0]).max() > 0.01
    assert 5.5 <= worlds[0].spacing_km <= 15.0
    np.testing.assert_array_equal(worlds[0].height, worlds[1].height)


def test_a_world_that_is_kept_is_not_simulated_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulations, "POINTS", 16)
    made = []

    def simulated(*_: object, **__: object) -> simulations.World:
        made.append(1)
        return simulations.World(np.ones((2, 4, 4), np.float16), 9.0, 35.0)

    monkeypatch.setattr(simulations, "simulated", simulated)
    for _ in range(2):
        simulations.make_world(tmp_path, 3, seed=0)
    assert len(made) == 1
    path = simulations.world_path(tmp_path, 3)
    assert simulations.read_world(path).spacing_km == 9.0
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(OceanbenchError, match=r"world-0003.safetensors: not a whole world"):
        simulations.read_world(path)


def test_a_gaussian_field_has_the_memory_and_the_waves_it_was_drawn_with() -> None:
    fields = [
        gaussian_fields.gaussian_field(np.random.default_rng(seed), 20.0, 12, points=32)
        for seed in range(6)
    ]
    for field in fields:
        anomaly = field - field.mean((1, 2), keepdims=True)
        spectrum = abs(np.fft.fft2(anomaly)).mean(0) ** 2
        assert spectrum[:3, :3].sum() > 20.0 * spectrum[10:13, 10:13].sum()
        lagged = [(anomaly[lag:] * anomaly[: len(field) - lag]).mean() for lag in (0, 1, 11)]
        assert lagged[0] > lagged[1] > 0.5 * lagged[0]
        assert lagged[2] < lagged[1]


def test_a_smooth_field_has_the_covariance_that_it_says() -> None:
    spacing, wavelength = 20.0, 400.0
    fields = [
        smooth_field(np.random.default_rng(seed), 64, spacing, wavelength) for seed in range(40)
    ]
    lag = 4
    found = np.mean([(f * np.roll(f, lag, 1)).mean() for f in fields])
    expected = np.exp(-((2.0 * np.pi * lag * spacing / wavelength) ** 2) / 4.0)
    assert found == pytest.approx(expected, abs=0.03)


def world(size: int = 64) -> Sea:
    """A wave that goes east at one point a day."""
    phase = np.arange(size) - np.arange(40)[:, None]
    maps = np.sin(2.0 * np.pi * phase / size)[:, None, :] * np.ones((1, size, 1))
    return Sea(maps, np.zeros((size, size)), 1.0, 20.0, 20.0)


def test_a_sea_is_its_world_in_kilometres_and_days() -> None:
    sea = world()
    zero = np.zeros(1)
    for day, east in ((0.0, 320.0), (3.0, 380.0), (10.0, 520.0)):
        found = sea.height(np.array([day]), zero, np.array([east]))
        assert found[0] == pytest.approx(np.sin(2.0 * np.pi * 16 / 64), abs=1e-9)
    slow = replace(sea, step_days=2.0, step_km=40.0)
    assert slow.height(np.array([6.0]), zero, np.array([760.0]))[0] == pytest.approx(1.0)
    turned = replace(sea, turn=np.pi / 2)
    np.testing.assert_allclose(
        turned.height(zero, np.array([-320.0]), zero), sea.height(zero, zero, np.array([320.0]))
    )


def test_mean_and_trend_are_added_and_told_apart() -> None:
    mean = np.full((CELLS, CELLS), 0.4)
    sea = replace(world(), mean=mean, trend=(0.01, 0.0))
    day, zero = np.array([5.0]), np.zeros(1)
    moving = sea.moving(day, zero, zero)
    np.testing.assert_allclose(sea.height(day, zero, zero), moving + 0.4 + 0.05)
    np.testing.assert_allclose(sea.known_mean(zero, zero), 0.4)
    np.testing.assert_allclose(sea.steady(np.array([9e3]), zero), 0.4)


def test_a_smoothed_wave_is_lower_by_what_gaussian_weights_leave_of_it() -> None:
    sea, km, days = world(), 60.0, 3.0
    place = (np.array([20.0]), np.zeros(1), np.array([380.0]))
    length, period = 64 * sea.step_km, 64 * sea.step_days
    expected = np.exp(-2.0 * np.pi**2 * ((km / length) ** 2 + (days / period) ** 2))
    found = sea.smoothed(km, days).moving(*place) / sea.moving(*place)
    assert found[0] == pytest.approx(expected, rel=1e-3)
    assert sea.smoothed(km, days).of_deviation(0.1).deviation() == pytest.approx(0.1)
    assert sea.smoothed(30.0, days).smoothed(40.0, days).smooth_km == pytest.approx(50.0)


def test_drawn_seas_have_amplitudes_of_the_sea() -> None:
    for seed in range(3):
        sea = draw_sea(np.random.default_rng(seed), [])
        again = draw_sea(np.random.default_rng(seed), [])
        days, north, east = np.meshgrid([0.0, 20.0], sea.axis, sea.axis, indexing="ij")
        height = sea.height(days, north, east)
        np.testing.assert_array_equal(height, again.height(days, north, east))
        deviation = sea.moving(days, north, east).std()
        assert AMPLITUDES[0] / 2 < deviation < 2 * AMPLITUDES[1]
        assert 14.0 <= sea.cell_km <= 24.0


def test_half_of_the_seas_say_that_they_are_smooth() -> None:
    told = [draw_sea(np.random.default_rng(seed), []).smooth_km for seed in range(24)]
    smooth = [km for km in told if km]
    assert 6 <= len(smooth) <= 18
    assert all(SMOOTHING[0][0] <= km <= SMOOTHING[0][1] for km in smooth)


def test_a_stretched_world_keeps_its_currents_and_the_gradient_of_rotation(tmp_path: Path) -> None:
    """A wave of a streamfunction: what crosses a wavelength in a day does so when stretched."""
    size, latitude, unit = 64, 41.0, 0.2
    wave = np.sin(2.0 * np.pi * np.arange(size) / size)[:, None] * np.ones((60, 1, size))
    path = tmp_path / "world-0000.safetensors"
    simulations.keep_world(simulations.World(wave.astype(np.float16), 12.0, latitude, unit), path)
    drawn = 0
    for seed in range(40):
        sea = draw_sea(np.random.default_rng(seed), [path], gaussian=0.0)
        longer, slower = sea.step_km / 12.0, sea.step_days
        place = abs(sea.latitudes[0])
        if not LATITUDES[0] < place < LATITUDES[1]:
            continue  # held at the edge of where seas are
        drawn += 1
        assert np.sign(sea.latitudes[0]) == np.sign(sea.latitudes[1])
        sweeps = [
            at_place / rotation.coriolis(at) / length**2 * days
            for at_place, at, length, days in (
                (unit, latitude, 1.0, 1.0),
                (sea.amplitude, place, longer, slower),
            )
        ]
        assert sweeps[1] == pytest.approx(sweeps[0])
        gradients = [rotation.planetary_gradient(at) for at in (latitude, place)]
        assert gradients[1] * longer * slower == pytest.approx(gradients[0])
        mean = sea.known_mean(np.zeros(1), np.zeros(1))
        assert abs(mean) <= sea.amplitude * 1.01 and not sea.mean.any()
    assert drawn > 10
