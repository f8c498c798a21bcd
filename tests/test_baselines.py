"""Every baseline keeps the contract of a method; optimal interpolation is the exact posterior."""

from __future__ import annotations

from pathlib import Path

import builders
import numpy as np
import pytest
import torch
import xarray as xr

from oceanbench import resources
from oceanbench.challenge import Challenge
from oceanbench.errors import OceanbenchError
from oceanbench.method import Inputs, load_method

DEVICES = [
    "cpu",
    pytest.param(
        "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
    ),
]


def altimeter(seed: int, passes: int = 20, samples: int = 40) -> xr.Dataset:
    """Two dozen passes over and around the toy domain, at random hours."""
    random = np.random.default_rng(seed)
    time = np.concatenate(
        [
            builders.FIRST
            + np.timedelta64(int(hour), "h")
            + np.arange(samples) * np.timedelta64(1_000_000_000, "ns")
            for hour in np.sort(random.uniform(-200, 500, passes))
        ]
    )
    latitude = np.tile(np.linspace(32.5, 36.5, samples), passes)
    longitude = np.repeat(random.uniform(-66, -61, passes), samples) + (latitude - 34.5) / 3
    ssh = builders.smooth(time, latitude, longitude)
    order = np.argsort(time, kind="stable")
    coords = {"longitude": ("time", longitude[order]), "latitude": ("time", latitude[order])}
    return xr.Dataset(
        {"ssh": ("time", ssh[order], {"units": "m"})}, {"time": time[order], **coords}
    )


@pytest.fixture
def challenge(tmp_path: Path) -> Challenge:
    """Toy maps observed by two altimeters, with training maps outside the scored period."""
    builders.write(altimeter(1), tmp_path / "one.nc")
    builders.write(altimeter(2), tmp_path / "two.nc")
    training = builders.maps(first=np.datetime64("2013-02-01", "ns"))
    builders.write(training, tmp_path / "training.nc")
    track = {"role": "observations", "layout": "track", "variables": {"ssh": "ssh"}, "units": "m"}
    datasets = builders.MAPS["datasets"] | {
        "one": track | {"path": "one.nc"},
        "two": track | {"path": "two.nc"},
        "before": {"role": "training", "path": "training.nc", "variables": {"ssh": "ssh"}},
    }
    periods = {"training": ["2013-02-01", "2013-02-15"]}
    return builders.maps_challenge(tmp_path, datasets=datasets, periods=periods)


@pytest.mark.parametrize("name", resources.names("baselines"))
def test_a_baseline_fills_the_target_and_is_reproducible(name: str, challenge: Challenge) -> None:
    _, method = load_method(name)
    target = challenge.target()
    before = target.copy(deep=True)
    first = method.estimate(Inputs(challenge), target, device="cpu", seed=3)
    again = method.estimate(Inputs(challenge), challenge.target(), device="cpu", seed=3)
    xr.testing.assert_identical(target, before)
    assert first["ssh"].dims == target["ssh"].dims
    assert np.isfinite(first["ssh"]).all()
    xr.testing.assert_identical(first, again)


def test_the_mean_field_is_the_mean_of_the_training_maps(challenge: Challenge) -> None:
    _, method = load_method("mean_field")
    found = method.estimate(Inputs(challenge), challenge.target(), device="cpu", seed=0)["ssh"]
    expected = challenge.open("before")["ssh"].mean("time")
    np.testing.assert_allclose(found.isel(time=4), expected, rtol=1e-12)
    assert float(found.std("time").max()) < 1e-12


def test_without_training_maps_the_mean_field_is_that_of_the_observations(
    challenge: Challenge,
) -> None:
    _, method = load_method("mean_field")
    inputs = {k: v for k, v in Inputs(challenge).items() if k != "before"}
    constant = {k: v.assign(ssh=v["ssh"] * 0 + 0.7) for k, v in inputs.items()}
    found = method.estimate(constant, challenge.target(), device="cpu", seed=0)["ssh"]
    np.testing.assert_allclose(found, 0.7, rtol=1e-12)


@pytest.mark.parametrize("device", DEVICES)
def test_oi_is_the_dense_gaussian_posterior(challenge: Challenge, device: str) -> None:
    """Map by map with an explicit inverse, as the data challenges' own code computes it."""
    _, method = load_method("oi")
    target = challenge.target()
    options = {"noise": 0.1, "coarsen": 4, "length_longitude": 0.8, "length_latitude": 1.1}
    found = method.estimate(Inputs(challenge), target, device=device, seed=0, **options)["ssh"]

    rows = []
    for name in ("one", "two"):
        track = challenge.open(name)
        days = (track["time"].values - target["time"].values[0]) / np.timedelta64(1, "D")
        columns = (days, track["longitude"].values, track["latitude"].values, track["ssh"].values)
        stacked = np.stack(columns)  # 40 samples a pass: blocks of 4 never bridge two passes
        rows.append(stacked.reshape(4, -1, 4).mean(axis=2))
    t, x, y, v = np.concatenate(rows, axis=1)
    near = (x >= -65.8) & (x <= -60.2) & (y >= 31.9) & (y <= 37.1)
    t, x, y, v = t[near], x[near], y[near], v[near]

    def covariance(a: tuple, b: tuple) -> np.ndarray:
        scaled = zip(a, b, (7.0, 0.8, 1.1), strict=True)
        return np.exp(-sum(((p[:, None] - q) / length) ** 2 for p, q, length in scaled))

    grid_y, grid_x = np.meshgrid(target["latitude"], target["longitude"], indexing="ij")
    for day in (0, 7, 14):
        window = np.abs(t - day) < 14.0
        points = (t[window], x[window], y[window])
        inverse = np.linalg.inv(covariance(points, points) + 0.1**2 * np.eye(window.sum()))
        nodes = (np.full(grid_x.size, float(day)), grid_x.ravel(), grid_y.ravel())
        expected = (covariance(nodes, points) @ inverse @ v[window]).reshape(grid_x.shape)
        np.testing.assert_allclose(found.values[day], expected, atol=1e-9)


def test_oi_without_observations_near_returns_the_background(challenge: Challenge) -> None:
    _, method = load_method("oi")
    inputs = dict(Inputs(challenge))
    late = np.timedelta64(400, "D")
    inputs = {k: v.assign_coords(time=v["time"] + late) for k, v in inputs.items()}
    for name in ("one", "two"):
        inputs[name] = inputs[name].assign_attrs(layout="track")
    found = method.estimate(inputs, challenge.target(), device="cpu", seed=0)["ssh"]
    assert float(np.abs(found).max()) == 0.0


def test_oi_relative_to_a_mean_field_adds_it_back(challenge: Challenge) -> None:
    _, method = load_method("oi")
    plain = method.estimate(Inputs(challenge), challenge.target(), device="cpu", seed=0)["ssh"]
    target = challenge.target()
    wide = {"latitude": np.linspace(30, 39, 19), "longitude": np.linspace(-70, -56, 29)}
    slope = np.repeat(0.5 * wide["latitude"][:, None], wide["longitude"].size, axis=1)
    mean = xr.Dataset({"ssh": (("latitude", "longitude"), slope)}, wide)
    inputs = dict(Inputs(challenge))
    for name in ("one", "two"):
        lifted = inputs[name]["ssh"] + 0.5 * inputs[name]["latitude"]
        inputs[name] = inputs[name].assign(ssh=lifted)
    inputs["mdt"] = mean.assign_attrs(layout="static")
    found = method.estimate(inputs, target, device="cpu", seed=0)["ssh"]
    np.testing.assert_allclose(found, plain + 0.5 * target["latitude"], atol=1e-9)


def test_averaging_across_gaps_makes_points_between_passes(challenge: Challenge) -> None:
    """The published flaw, kept as an option: with blocks that bridge two passes the maps change."""
    _, method = load_method("oi")
    options = {"device": "cpu", "seed": 0, "coarsen": 7}
    sound = method.estimate(Inputs(challenge), challenge.target(), **options)
    published = method.estimate(Inputs(challenge), challenge.target(), across_gaps=True, **options)
    truth = challenge.open("truth")
    errors = [float(np.sqrt(((m - truth) ** 2).mean()["ssh"])) for m in (sound, published)]
    assert errors[0] < errors[1]


@pytest.mark.parametrize(
    "options", [{"noise": -1.0}, {"length_time": 0.0}, {"coarsen": 0}, {"missions": "nobody"}]
)
def test_oi_refuses_impossible_options(challenge: Challenge, options: dict) -> None:
    _, method = load_method("oi")
    with pytest.raises(OceanbenchError):
        method.estimate(Inputs(challenge), challenge.target(), device="cpu", seed=0, **options)
