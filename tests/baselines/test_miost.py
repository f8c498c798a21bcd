"""MIOST-like mapping keeps its promises as a method."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
import xarray as xr
from rows import every

from oceanbench.errors import OceanbenchError
from oceanbench.methods.method_file import load_method

FIRST = np.datetime64("2020-03-01", "ns")


@pytest.fixture(scope="module")
def miost() -> ModuleType:
    return load_method("miost")[1]


def truth(time: np.ndarray, latitude: np.ndarray, longitude: np.ndarray) -> np.ndarray:
    """Slow waves of 260 and 400 km; arguments broadcast."""
    days = (time - FIRST) / np.timedelta64(1, "D")
    x, y = 111.2 * np.cos(np.deg2rad(36)) * longitude, 111.2 * latitude
    k = 2 * np.pi / 260
    return 0.15 * np.sin(k * (0.6 * x + 0.8 * y) + 0.1 * days) + 0.1 * np.cos(2 * np.pi / 400 * x)


def altimeter(passes: int = 40, samples: int = 60, **attrs: str) -> xr.Dataset:
    """Passes at random hours from five days before the first map to five days after the last."""
    random = np.random.default_rng(5)
    second = np.timedelta64(1_000_000_000, "ns")
    starts = np.sort(random.uniform(-120, 360, passes) * 3600)
    time = np.concatenate(
        [FIRST + s.astype(int) * second + np.arange(samples) * second for s in starts]
    )
    latitude = np.tile(np.linspace(33.5, 38.5, samples), passes)
    longitude = np.repeat(random.uniform(-66, -60, passes), samples) + (latitude - 36) / 3
    ssh = truth(time, latitude, longitude)
    coords = {"time": time, "latitude": ("time", latitude), "longitude": ("time", longitude)}
    number = {"track": ("time", np.repeat(np.arange(passes), samples))}
    attrs = {"role": "observations", "layout": "track", **attrs}
    return xr.Dataset({"ssh": ("time", ssh), **number}, coords, attrs)


def target() -> xr.Dataset:
    axes = {
        "time": FIRST + np.arange(10) * np.timedelta64(1, "D"),
        "latitude": np.linspace(34, 38, 17),
        "longitude": np.linspace(-65, -61, 17),
    }
    return xr.Dataset({"ssh": (tuple(axes), np.full((10, 17, 17), np.nan))}, axes)


def error(maps: xr.Dataset) -> float:
    ssh = maps["ssh"].transpose("time", "latitude", "longitude")
    nodes = (ssh["time"].values[:, None, None], ssh["latitude"].values[:, None])
    return float(np.sqrt(np.mean((ssh.values - truth(*nodes, ssh["longitude"].values)) ** 2)))


def test_a_field_of_waves_is_mapped(miost: ModuleType) -> None:
    maps = miost.estimate({"one": altimeter()}, target(), device="cpu", seed=0, pass_error=0.0)
    assert error(maps) < 0.02  # of 0.13


def test_offsets_of_passes_are_told_from_the_field(miost: ModuleType) -> None:
    track = altimeter()
    offset = 0.05 * np.random.default_rng(0).standard_normal(40)
    track["ssh"] = track["ssh"] + offset[track["track"].values]
    errors = [
        error(miost.estimate({"one": track}, target(), device="cpu", seed=0, pass_error=p))
        for p in (0.05, 0.0)
    ]
    assert errors[0] < 0.7 * errors[1]


def test_without_observations_the_background_is_returned(miost: ModuleType) -> None:
    late = altimeter()
    late = late.assign_coords(time=late["time"] + np.timedelta64(90, "D"))
    maps = miost.estimate({"one": late}, target(), device="cpu", seed=0)
    assert not maps["ssh"].values.any()


def test_maps_relative_to_a_mean_field_have_it_added_back(miost: ModuleType) -> None:
    axes = {"latitude": np.linspace(32, 40, 9), "longitude": np.linspace(-68, -58, 11)}
    slope = np.repeat(0.3 * axes["latitude"][:, None], 11, axis=1)
    mean = xr.Dataset({"ssh": (tuple(axes), slope)}, axes, {"layout": "static"})
    track, lifted = altimeter(), altimeter()
    lifted["ssh"] = lifted["ssh"] + 0.3 * lifted["latitude"]
    options = {"device": "cpu", "seed": 0, "tolerance": 1e-9}
    plain = miost.estimate({"one": track}, target(), **options)
    found = miost.estimate({"one": lifted, "mdt": mean}, target(), **options)
    expected = plain["ssh"] + 0.3 * target()["latitude"]
    np.testing.assert_allclose(found["ssh"], expected.transpose(*found["ssh"].dims), atol=1e-7)


def test_the_order_of_the_dimensions_is_kept(miost: ModuleType) -> None:
    usual = miost.estimate({"one": altimeter()}, target(), device="cpu", seed=0)
    turned = target().transpose("longitude", "time", "latitude")
    found = miost.estimate({"one": altimeter()}, turned, device="cpu", seed=0)
    assert found["ssh"].dims == ("longitude", "time", "latitude")
    np.testing.assert_array_equal(found["ssh"].transpose(*usual["ssh"].dims), usual["ssh"])


@every(
    "options, words",
    [
        ({"noise": 0.0}, "noise 0.0"),
        ({"swath_noise": -1.0}, "swath_noise -1.0"),
        ({"pass_error": -0.1}, "pass_error -0.1"),
        ({"window": -1.0}, "window -1.0"),
        ({"slope": -4.0}, "slope -4.0"),
        ({"coarsen": 0}, "coarsen 0"),
        ({"missions": "nobody"}, "nobody"),
        ({"tolerance": 0.0}, "tolerance 0.0"),
    ],
)
def test_impossible_options_are_refused(miost: ModuleType, options: dict, words: str) -> None:
    with pytest.raises(OceanbenchError, match=words):
        miost.estimate({"one": altimeter()}, target(), device="cpu", seed=0, **options)


def test_a_box_too_tall_for_one_plane_is_refused(miost: ModuleType) -> None:
    tall = target().assign_coords(latitude=np.linspace(0, 40, 17))
    with pytest.raises(OceanbenchError, match="at most 30 degrees"):
        miost.estimate({"one": altimeter()}, tall, device="cpu", seed=0)
