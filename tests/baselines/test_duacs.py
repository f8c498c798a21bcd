"""DUACS-like mapping: scales of the whole ocean, tiles that agree, a fit that finds the world."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import builders
import numpy as np
import pytest
import torch
import xarray as xr
from dense import DEVICES, START, altimeters, dense_posterior, kernel_of, nodes_of, target
from hypothesis import given
from hypothesis import strategies as st
from rows import every

from oceanbench.assimilation.gaussian import linear_filter
from oceanbench.assimilation.gaussian.covariance import Covariance
from oceanbench.assimilation.gaussian.posterior_samples import RandomField
from oceanbench.assimilation.gaussian.tiles import tiles
from oceanbench.assimilation.observations import second_field, tiled_mapping
from oceanbench.assimilation.observations.signal_variance import MeanSquares
from oceanbench.assimilation.observations.superobservations import DAY, kilometres, samples
from oceanbench.assimilation.observations.tiled_mapping import covariance_at
from oceanbench.errors import OceanbenchError
from oceanbench.grid import KM_PER_DEGREE
from oceanbench.methods.inputs import Inputs
from oceanbench.methods.method_file import load_method

_, METHOD = load_method("duacs")
PLACE = (10.0, 35.0)
DEFAULTS = dict(zip(tiled_mapping.SCALES, tiled_mapping.DEFAULTS, strict=True))


@cache
def world(degrees: float = 8.0, **options: Any) -> dict[str, xr.Dataset]:
    covariance = Covariance(250.0, 220.0, 12.0, shape="arhan")
    return altimeters(covariance, PLACE, **{"passes": 40, "days": 50.0} | options, degrees=degrees)


def wanted(side: float = 3.0, step: float = 0.5) -> xr.Dataset:
    nodes = np.arange(-side / 2, side / 2 + step / 2, step)
    return target(PLACE[0] + nodes, PLACE[1] + nodes, [22.0, 25.0])


def estimated(
    inputs: dict[str, xr.Dataset], maps: xr.Dataset | None = None, **options: Any
) -> xr.Dataset:
    given = {"device": "cpu", "seed": 0, "coarsen": 2} | options
    return METHOD.estimate(inputs, wanted() if maps is None else maps, **given)


def scales_at(latitude: float, **changes: float) -> Covariance:
    unit = dict.fromkeys(tiled_mapping.SCALES, 1.0) | changes
    return covariance_at(latitude, unit)


@pytest.mark.parametrize("kind", ["maps", "tracks"])
def test_it_fills_the_target_of_a_challenge(kind: str, tmp_path: Path) -> None:
    seen = builders.track(seed=3)
    seen = seen.assign(ssh=(seen["sla"] + seen["mdt"]).assign_attrs(units="m"))[["ssh"]]
    builders.write(seen, tmp_path / "seen.nc")
    content = builders.MAPS if kind == "maps" else builders.TRACKS
    make = builders.maps_challenge if kind == "maps" else builders.tracks_challenge
    mission = {"role": "observations", "layout": "track", "variables": {"ssh": "ssh"}}
    mission |= {"path": "seen.nc", "units": "m"}
    challenge = make(tmp_path, datasets=content["datasets"] | {"seen": mission})
    maps = challenge.target()
    found = METHOD.estimate(Inputs(challenge), maps, device="cpu", seed=0)
    assert found["ssh"].dims == maps["ssh"].dims
    assert np.isfinite(found["ssh"]).all()
    assert found["ssh"].std() > 0.05


@every("latitude, length", [(0, 300.0), (20, 223.0), (38, 146.0), (50, 116.2), (60, 100.0)])
def test_lengths_are_those_of_the_documented_form(latitude: float, length: float) -> None:
    c = scales_at(latitude)
    assert c.length_y == pytest.approx(length, abs=0.5)
    assert c.length_x == pytest.approx(c.length_y * max(1.0, 1.6 - latitude / 25))
    assert c.length_time == pytest.approx(10.0 + min(latitude / 3, 5.0))


def as_array(c: Covariance) -> np.ndarray:
    return np.array([c.length_x, c.length_y, c.length_time, c.speed_x])


@given(st.floats(-90, 90))
def test_scales_are_positive_symmetric_and_continuous(latitude: float) -> None:
    here = as_array(scales_at(latitude))
    assert (here[:3] > 0).all()
    np.testing.assert_array_equal(here, as_array(scales_at(-latitude)))
    near = as_array(scales_at(latitude + 1e-7))
    np.testing.assert_allclose(near, here, rtol=1e-5, atol=1e-6)


@given(st.floats(-90, 90), st.floats(0, 3))
def test_propagation_is_westward_and_at_most_35_cm_per_second(
    latitude: float, factor: float
) -> None:
    c = scales_at(latitude, speed_factor=factor)
    assert -0.35 * 86.4 * factor - 1e-12 <= c.speed_x <= 0.0
    assert c.speed_y == 0.0


def test_propagation_slows_away_from_the_equator() -> None:
    speeds = [scales_at(latitude).speed_x for latitude in np.arange(0.0, 90.0)]
    assert speeds[0] == pytest.approx(-0.35 * 86.4)
    assert (np.diff(speeds) >= 0).all()
    assert speeds[38] == pytest.approx(-1.4, abs=0.1)


@pytest.mark.parametrize("device", DEVICES)
def test_one_tile_is_the_dense_posterior_with_its_formal_error(device: str) -> None:
    """Anomalies to the training mean, kilometres about the centre, scales of its latitude."""
    options = {"noise": 0.05, "correlated": 0.1, "speed_factor": 1.0, "formal_error": True}
    found = estimated(world(), device=device, **options)
    seen = samples(world(), "ssh", wanted()["time"].values[0], PLACE[0], coarsen=2)
    wide, maps = 2.5 / np.cos(np.deg2rad(PLACE[1])), wanted()
    seen = seen.within(
        (PLACE[0] - 1.5 - wide, PLACE[0] + 1.5 + wide), (PLACE[1] - 4.0, PLACE[1] + 4.0)
    )
    c = covariance_at(PLACE[1], DEFAULTS | {"speed_factor": 1.0})
    window = 2 * c.length_time
    used = seen.take((seen.time > -window) & (seen.time < 3.0 + window))
    deviation = used.deviation(0.15)
    o = used.observations(PLACE, np.full(3, 0.05), correlated=0.1, deviation=deviation)
    x, y = kilometres(maps["longitude"].values, maps["latitude"].values, PLACE)
    for number, date in enumerate([0.0, 3.0]):
        mean, error = dense_posterior(o, c, nodes_of(x, y, date), date=date, window=window)
        level = found.isel(time=number)
        np.testing.assert_allclose(level["ssh"].values.ravel(), deviation * mean, atol=1e-9)
        expected = deviation * np.sqrt(error.diagonal())
        np.testing.assert_allclose(level["ssh_std"].values.ravel(), expected, atol=1e-9)


def test_a_variance_that_varies_and_a_drift_are_in_the_dense_posterior() -> None:
    """Covariance σ σ' C of a field that drifts east; white noise as σ varies, pass errors alike."""
    error = {"noise": 0.05, "correlated": 0.1}
    options = error | {"speed_factor": -0.8, "zonal_factor": 0.7, "deviation_km": 100.0}
    given = {n: d.assign(ssh=d["ssh"] * loud(d["longitude"])) for n, d in world().items()}
    found = estimated(given, formal_error=True, sharpness=1.3, **options)
    c, maps = covariance_at(PLACE[1], DEFAULTS | options), wanted()
    assert c.speed_x > 0.0
    assert c.length_x == pytest.approx(0.7 * c.length_y)
    seen = samples(given, "ssh", maps["time"].values[0], PLACE[0], coarsen=2)
    wide = 2.5 + 300.0 / KM_PER_DEGREE
    longitude = tuple(PLACE[0] + s * (1.5 + wide / np.cos(np.deg2rad(PLACE[1]))) for s in (-1, 1))
    around = seen.within(longitude, (PLACE[1] - 1.5 - wide, PLACE[1] + 1.5 + wide))
    around = around.take((around.time > -2 * c.length_time) & (around.time < 3 + 2 * c.length_time))
    squares = MeanSquares.of(around, 100.0, c.length_time)
    wide = 2.5 / np.cos(np.deg2rad(PLACE[1]))
    near = seen.within((PLACE[0] - 1.5 - wide, PLACE[0] + 1.5 + wide), (31.0, 39.0))
    x, y = kilometres(maps["longitude"].values, maps["latitude"].values, PLACE)
    grid_y, grid_x = np.meshgrid(maps["latitude"], maps["longitude"], indexing="ij")
    at = squares.deviation(grid_x.ravel(), grid_y.ravel(), **error)[0]
    shared = 0.1 * np.mean(around.value**2) / 1.15
    for number, date in enumerate([0.0, 3.0]):
        used = near.take(np.abs(near.time - date) < 2 * c.length_time)
        sigma = squares.deviation(used.longitude, used.latitude, **error)[0]
        assert sigma.max() > 1.5 * sigma.min()
        places = np.stack([*kilometres(used.longitude, used.latitude, PLACE), used.time])
        nodes, kernel = nodes_of(x, y, date), kernel_of(c)
        own = np.outer(sigma, sigma) * kernel(places, places) + np.diag(0.05 * sigma**2)
        own += shared * (used.track[:, None] == used.track)
        cross = np.outer(at, sigma) * kernel(nodes, places)
        level = found.isel(time=number)
        expected = cross @ np.linalg.solve(own, used.value)
        np.testing.assert_allclose(level["ssh"].values.ravel(), expected, atol=1e-9)
        error_variance = at**2 - np.sum(cross * np.linalg.solve(own, cross.T).T, axis=1)
        expected = at * (error_variance / at**2) ** (1.3 / 2)
        np.testing.assert_allclose(level["ssh_std"].values.ravel(), expected, atol=1e-9)


def loud(longitude: Any) -> Any:
    """Deviation, relative to that of the field: half in the west, twice in the east."""
    return 2.0 ** np.tanh((longitude - PLACE[0]) / 2.0)


def test_its_error_is_right_in_quiet_and_in_loud_water() -> None:
    """Errors are about as large as formal ones in both, where one variance errs by half in both."""
    c = covariance_at(PLACE[1], DEFAULTS)
    ratios: dict[float, list[np.ndarray]] = {0.0: [], 80.0: []}
    maps = wanted(8.0, 0.8)
    x, y = kilometres(maps["longitude"].values, maps["latitude"].values, PLACE)
    for seed in range(5):
        options = {"passes": 60, "days": 70.0, "degrees": 14.0, "step": 0.8, "seed": seed}
        given = altimeters(c, PLACE, **options)
        given = {n: d.assign(ssh=d["ssh"] * loud(d["longitude"])) for n, d in given.items()}
        field = RandomField.draw(c, 1, seed=seed)
        for km, parts in ratios.items():
            options = {"noise": 0.02, "correlated": 0.0, "formal_error": True}
            found = estimated(given, maps, coarsen=1, deviation_km=km, **options)
            for number, date in enumerate([22.0, 25.0]):
                true = field.at(*nodes_of(x, y, date))[:, 0].numpy().reshape(y.size, x.size)
                level = found.isel(time=number)
                error = level["ssh"] - 0.2 * true * loud(maps["longitude"]).values
                parts.append((error / level["ssh_std"]).values)
    size = {km: np.sqrt(np.mean(np.square(parts), axis=(0, 1))) for km, parts in ratios.items()}
    west, east = slice(0, 4), slice(-4, None)
    assert 0.6 < size[80.0][west].mean() < 1.1, size
    assert 0.9 < size[80.0][east].mean() < 1.25, size
    assert size[0.0][west].mean() < 0.5
    assert size[0.0][east].mean() > 1.3


def warmth(seed: int = 5) -> dict[str, xr.Dataset]:
    """White maps of another variable every nine days, and training maps that hold their mean."""
    maps = target(PLACE[0] + np.arange(-8.0, 8.1, 8.0), PLACE[1] + np.arange(-4.0, 4.1, 8.0), [0.0])
    maps = maps.isel(time=0, drop=True)["ssh"].rename("sst")
    random, time = np.random.default_rng(seed), START + np.arange(0, 55, 9) * DAY
    values = 18.0 + random.standard_normal((time.size, *maps.shape))
    seen = xr.DataArray(values, {"time": time, **maps.coords}, ("time", *maps.dims), "sst")
    training = seen.isel(time=slice(2)).copy(data=np.full((2, *maps.shape), 18.0))
    return {
        "sst": seen.to_dataset().assign_attrs(role="observations", layout="grid"),
        "before": training.to_dataset().assign_attrs(role="training", layout="grid"),
    }


def as_learned() -> dict[str, torch.Tensor]:
    return {n: torch.tensor(v, dtype=torch.float64) for n, v in DEFAULTS.items()}


def test_with_a_second_field_it_is_the_dense_posterior_of_both() -> None:
    """Sea level is a filter of temperature, whose noise is white, and a field of its own."""
    given, maps, origin = world() | warmth(), wanted(), wanted()["time"].values[0]
    options = {"noise": 0.05, "correlated": 0.0, "tile": 20.0, "halo": 3.0}
    weights = 0.02 * np.random.default_rng(1).standard_normal(linear_filter.COUNT)
    learned = as_learned() | {METHOD.FILTER: torch.tensor(weights)}
    found = estimated(given, maps, weights=learned, second="sst", **options)["ssh"]

    anomaly = (given["sst"]["sst"] - 18.0).rename("ssh")
    steps = (9.0, 8.0 * KM_PER_DEGREE, 8.0 * KM_PER_DEGREE * np.cos(np.deg2rad(PLACE[1])))
    unit = np.eye(anomaly.size).reshape(-1, *anomaly.shape)
    parts = [anomaly.copy(data=linear_filter.filtered(one, steps, weights)) for one in unit]
    seen = samples(given, "ssh", origin, PLACE[0], coarsen=2).within(*tiles_reach(maps))
    at = [second_field.beyond(replace(seen, value=0 * seen.value), p, origin) for p in parts]
    assert at[0].value.size == seen.value.size
    of_seen = -np.stack([one.value for one in at], axis=1)
    of_maps = np.stack([p.interp(maps.coords).values.ravel() for p in parts], axis=1)

    c = covariance_at(PLACE[1], DEFAULTS)
    left = replace(seen, value=seen.value - of_seen @ anomaly.values.ravel())
    for number, date in enumerate([0.0, 3.0]):
        near = np.abs(seen.time - date) < 2 * c.length_time
        used = (left.time > -2 * c.length_time) & (left.time < 3.0 + 2 * c.length_time)
        deviation = left.take(used).deviation(0.05)
        places = np.stack([*kilometres(seen.longitude, seen.latitude, PLACE), seen.time])[:, near]
        x, y = kilometres(maps["longitude"].values, maps["latitude"].values, PLACE)
        nodes, kernel = nodes_of(x, y, date), kernel_of(c)
        seen_now, maps_now = of_seen[near], np.split(of_maps, 2)[number]
        own = kernel(places, places) + 0.05 * np.eye(near.sum())
        both = np.block(
            [
                [np.eye(anomaly.size), seen_now.T],
                [seen_now, seen_now @ seen_now.T + deviation**2 * own],
            ]
        )
        with_maps = np.hstack(
            [maps_now, maps_now @ seen_now.T + deviation**2 * kernel(nodes, places)]
        )
        values = np.concatenate([anomaly.values.ravel(), seen.value[near]])
        expected = with_maps @ np.linalg.solve(both, values)
        np.testing.assert_allclose(found[number].values.ravel(), expected, atol=1e-8)
    assert float(np.abs(found - estimated(world(), maps, **options)["ssh"]).max()) > 0.01


def tiles_reach(maps: xr.Dataset) -> tuple[tuple[float, float], tuple[float, float]]:
    (tile,) = tiles(maps["longitude"].values, maps["latitude"].values, size=20.0, overlap=3.0)
    return tile.reach(3.0)


def test_a_second_field_that_tells_nothing_changes_nothing() -> None:
    nothing = torch.zeros(linear_filter.COUNT, dtype=torch.float64)
    learned = as_learned() | {METHOD.FILTER: nothing}
    found = estimated(world() | warmth(), weights=learned, second="sst", halo=2.0)
    np.testing.assert_allclose(found["ssh"], estimated(world(), halo=2.0)["ssh"], atol=1e-12)


def test_a_second_field_and_weights_that_know_it_go_together() -> None:
    learned = as_learned()
    given = world() | warmth()
    with pytest.raises(OceanbenchError, match="needs weights that learned what it tells"):
        estimated(given, second="sst", weights=learned)
    learned |= {METHOD.FILTER: torch.zeros(linear_filter.COUNT)}
    with pytest.raises(OceanbenchError, match="give --set second=NAME"):
        estimated(given, weights=learned)
    assert METHOD.LEARNS_FROM(second="", dates=3) == "observations"
    assert METHOD.LEARNS_FROM(second="sst") is None


def analysis(growth: float = 0.0) -> xr.Dataset:
    """Maps of a slope, from before the first observation to after the last; it may grow."""
    axes = {
        "time": START + np.arange(-5, 61, 5) * np.timedelta64(1, "D"),
        "latitude": PLACE[1] + np.arange(-8.0, 9.0),
        "longitude": PLACE[0] + np.arange(-8.0, 9.0),
    }
    slope = 0.3 * (axes["longitude"] - PLACE[0])
    height = slope + growth * np.arange(14)[:, None, None] + np.zeros((14, 17, 17))
    maps = xr.Dataset({"ssh": (tuple(axes), height)}, axes)
    return maps.assign_attrs(role="first_guess", layout="grid")


def test_anomalies_are_relative_to_a_background_as_to_a_mean_field() -> None:
    steady = analysis()
    mean = steady.mean("time").assign_attrs(role="auxiliary", layout="static")
    expected = estimated(world() | {"mean": mean}, halo=2.0)["ssh"]
    options = {"background": "analysis", "halo": 2.0}
    found = estimated(world() | {"analysis": steady, "mean": mean}, **options)["ssh"]
    np.testing.assert_allclose(found, expected, atol=1e-9)
    growing = analysis(growth=1.0)
    same = {name: data.copy(deep=True) for name, data in world().items()}
    for data in same.values():
        data["ssh"] += (data["time"] - START) / np.timedelta64(5, "D") + 1.0
    later = estimated(same | {"analysis": growing}, **options)["ssh"]
    trend = (later["time"] - START) / np.timedelta64(5, "D") + 1.0
    np.testing.assert_allclose((later - trend).values, expected, atol=1e-6)


def test_what_is_no_background_is_refused() -> None:
    given = world() | warmth() | {"analysis": analysis()}
    with pytest.raises(OceanbenchError, match=r"background=sst: no input .*analysis"):
        estimated(given, background="sst")
    with pytest.raises(OceanbenchError, match="leave the other out"):
        learned = as_learned() | {METHOD.FILTER: torch.zeros(linear_filter.COUNT)}
        estimated(given, background="analysis", second="sst", weights=learned)
    short = analysis().isel(time=slice(0, 5))  # to day 15
    with pytest.raises(OceanbenchError, match=r"background=analysis: .* not covered by it"):
        estimated(given | {"analysis": short}, background="analysis")


def test_scales_are_fitted_to_anomalies_to_a_background() -> None:
    observed = world(13.0, passes=150, step=2.0)
    given = {name: data.copy(deep=True) for name, data in observed.items()}
    for data in given.values():
        data["ssh"] += 0.3 * (data["longitude"] - PLACE[0])
    options = {
        "device": "cpu",
        "seed": 0,
        "coarsen": 1,
        "dates": 2,
        "evaluations": 1,
        "local": False,
    }
    mean = analysis().mean("time").assign_attrs(role="auxiliary", layout="static")
    expected = METHOD.train(given | {"mean": mean}, **options)["rmse"]
    found = METHOD.train(given | {"analysis": analysis()}, background="analysis", **options)["rmse"]
    np.testing.assert_allclose(found, expected, rtol=0.1)  # samples beyond it are left out
    with pytest.raises(OceanbenchError, match="leave the other out"):
        METHOD.train(given, background="analysis", second="sst", **options)


def test_training_keeps_the_filter_of_a_second_field() -> None:
    before = warmth()["sst"].assign(ssh=warmth()["sst"]["sst"] / 10.0).assign_attrs(role="training")
    given = world(13.0, passes=150, step=2.0) | warmth() | {"before": before}
    options = {"device": "cpu", "seed": 0, "coarsen": 1, "dates": 4, "evaluations": 1}
    options |= {"local": False}
    found = METHOD.train(given, second="sst", **options)
    assert set(found) == {*tiled_mapping.SCALES, "rmse", METHOD.FILTER}
    assert float(found[METHOD.FILTER].abs().max()) > 0.0
    assert METHOD.FILTER not in METHOD.train(given, **options)


def test_tiles_agree_with_one_exact_map_the_better_the_wider_their_halo() -> None:
    """20 by 20 degrees; what is left is their own scales, and the Earth's curvature in one."""
    seen, maps = world(26.0, step=1.0, passes=90, seed=1), wanted(20.0, 1.0)
    whole = estimated(seen, maps, coarsen=1, tile=50.0, halo=5.0)["ssh"]
    differences = [
        float((estimated(seen, maps, coarsen=1, halo=halo)["ssh"] - whole).std() / whole.std())
        for halo in (1.5, 2.5)
    ]
    assert differences[1] < 0.07
    assert differences[1] < differences[0]


def test_a_map_of_the_globe_has_no_seam() -> None:
    """Where the grid ends, as where it does not: steps from one column to the next are alike."""
    place = (180.0, 0.0)
    seen = altimeters(Covariance(300.0, 250.0, 12.0, shape="arhan"), place, degrees=24.0, step=1.0)
    turned = {
        n: d.assign_coords(longitude=(d["longitude"] + 180) % 360 - 180) for n, d in seen.items()
    }
    latitude, options = np.arange(-4.0, 5.0, 2.0), {"coarsen": 1, "tile": 30.0, "halo": 6.0}
    maps = [target(start + np.arange(0, 360, 2.0), latitude, [20.0]) for start in (-180.0, 0.0)]
    cut, whole = (estimated(turned, m, **options)["ssh"] for m in maps)
    cut = cut.assign_coords(longitude=cut["longitude"] % 360).sortby("longitude")
    assert float(whole.std()) > 0.01
    np.testing.assert_allclose(cut, whole, atol=1e-9)


def test_weights_go_before_defaults_and_options_before_weights() -> None:
    weights = {n: torch.tensor(2.0 * v + 0.1) for n, v in DEFAULTS.items()}
    doubled = {n: float(v) for n, v in weights.items()}
    fitted = estimated(world(), weights=weights | {"rmse": torch.tensor([0.1, 0.1])})
    assert fitted.identical(estimated(world(), **doubled))
    mixed = estimated(world(), weights=weights, noise=0.5)
    assert mixed.identical(estimated(world(), **doubled | {"noise": 0.5}))
    assert estimated(world()).identical(estimated(world(), **DEFAULTS))
    assert not mixed.equals(fitted)


def test_the_noise_of_a_mission_is_its_own() -> None:
    """All the same noise is the option ``noise``; a very noisy mission is as good as absent."""
    same = "mission0=0.2, mission1 = 0.2,mission2=2e-1,"
    options = {"correlated": 0.0}
    plain = estimated(world(), noise=0.2, **options)["ssh"]
    named = estimated(world(), noise=0.1, mission_noise=same, **options)["ssh"]
    assert float(np.abs(named - plain).max()) > 0  # the signal's deviation takes the common noise
    np.testing.assert_allclose(named, plain, atol=1e-9)
    noisy = estimated(world(), mission_noise="mission1=1e9", **options)["ssh"]
    absent = estimated(world(), missions="mission0,mission2", **options)["ssh"]
    np.testing.assert_allclose(noisy, absent, atol=1e-6)


@every(
    "text",
    [
        "mission0",
        "mission0=",
        "mission0=high",
        "mission0=0",
        "mission0=-1",
        "mission0=nan",
        "you=1",
    ],
)
def test_the_noise_of_a_mission_is_positive_and_of_one_that_is_mapped(text: str) -> None:
    words = "is not mission=variance with a variance above 0 of one of mission0, mission1, mission2"
    with pytest.raises(OceanbenchError, match=words):
        estimated(world(), mission_noise=f"mission1=0.1,{text}")


def test_an_infinite_noise_of_a_mission_is_refused_by_its_name() -> None:
    with pytest.raises(OceanbenchError, match="mission_noise"):
        estimated(world(), mission_noise="mission0=inf")


def test_too_many_observations_are_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiled_mapping, "MOST", 100)
    with pytest.raises(
        OceanbenchError, match=r"at most 100 can be solved at once; raise coarsen"
    ) as e:
        estimated(world())
    assert "tile at 10 E, 35 N" in str(e.value)
    assert "\n" not in str(e.value)


@every(
    "options, words",
    [
        ({"length_factor": 0.0}, "length_factor, time_factor and noise must be > 0"),
        ({"time_factor": -1.0}, "must be > 0"),
        ({"noise": 0.0}, "must be > 0"),
        ({"correlated": -0.1}, "correlated -0.1 must not be negative"),
        ({"deviation_km": -1.0}, "deviation_km -1.0 must not be negative"),
        ({"zonal_factor": 0.0}, "zonal_factor and sharpness must be > 0"),
        ({"halo": 0.0}, "overlap 0.0 must be between 0 and the size"),
        ({"tile": -1.0}, "must be between 0 and the size"),
        ({"missions": "nobody"}, "no observations 'nobody'"),
        ({"precision": "half"}, "expected 'double' or 'single'"),
        ({"workers": 0}, "workers 0: expected 1 or more"),
    ],
)
def test_impossible_options_are_refused(options: dict, words: str) -> None:
    with pytest.raises(OceanbenchError, match=words):
        estimated(world(), **options)


def test_without_observations_near_the_map_is_the_background() -> None:
    late = {n: d.assign_coords(time=d["time"] + 400 * DAY) for n, d in world().items()}
    found = estimated(late, formal_error=True)
    assert not found["ssh"].any()
    assert (found["ssh_std"] == 1.0).all()


def test_a_checkpoint_gives_the_same_maps_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"tile": 2.0, "halo": 0.5, "checkpoint": str(tmp_path / "tiles")}
    first = estimated(world(), formal_error=True, **options)
    assert len(list((tmp_path / "tiles").iterdir())) == 4
    monkeypatch.setattr("oceanbench.assimilation.gaussian.mapping.MappingProblem.estimate", None)
    assert estimated(world(), formal_error=True, **options).identical(first)


def test_single_precision_gives_the_same_maps() -> None:
    options = {"noise": 0.05, "tile": 2.0, "halo": 0.5}
    found = [estimated(world(), precision=p, **options)["ssh"] for p in ("single", "double")]
    np.testing.assert_allclose(*found, atol=1e-5)


@pytest.mark.slow
def test_training_finds_the_scales_of_the_world_and_the_error_of_its_passes() -> None:
    true = {"length_factor": 0.7, "time_factor": 1.2, "speed_factor": 1.0}
    covariance = covariance_at(PLACE[1], DEFAULTS | true)
    options = {"days": 70.0, "passes": 150, "degrees": 13.0, "step": 2.0, "seed": 4, "noise": 0.03}
    seen = altimeters(covariance, PLACE, **options, correlated=0.15)
    options = {"dates": 8, "evaluations": 40, "local": False}
    found = METHOD.train(seen, device="cpu", seed=0, coarsen=1, **options)
    assert set(found) == {*tiled_mapping.SCALES, "rmse"}
    for name in ("length_factor", "time_factor"):
        assert float(found[name]) == pytest.approx(true[name], rel=0.4)
    assert float(found["correlated"]) > 1.5 * DEFAULTS["correlated"]
    before, after = found["rmse"].tolist()
    assert after < before


def test_training_on_one_mission_is_refused() -> None:
    with pytest.raises(OceanbenchError, match="two or more"):
        METHOD.train(world(missions=1), device="cpu", seed=0, coarsen=1)


def test_training_without_observations_is_refused() -> None:
    with pytest.raises(OceanbenchError, match="needs observations"):
        METHOD.train({}, device="cpu", seed=0)
