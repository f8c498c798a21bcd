"""DUACS-like mapping: scales of the whole ocean, tiles that agree, a fit that finds the world."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import builders
import numpy as np
import pytest
import torch
import xarray as xr
from dense import DEVICES, altimeters, dense_posterior, nodes_of, target
from hypothesis import given
from hypothesis import strategies as st
from rows import every

from oceanbench.assimilation.gaussian.covariance import Covariance
from oceanbench.assimilation.observations import tiled_mapping
from oceanbench.assimilation.observations.superobservations import DAY, kilometres, samples
from oceanbench.assimilation.observations.tiled_mapping import covariance_at
from oceanbench.errors import OceanbenchError
from oceanbench.methods.inputs import Inputs
from oceanbench.methods.method_file import load_method

_, METHOD = load_method("duacs")
PLACE = (10.0, 35.0)
DEFAULTS = dict(zip(METHOD.SCALES, METHOD.DEFAULTS, strict=True))


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
    unit = dict.fromkeys(METHOD.SCALES, 1.0) | changes
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
    found = METHOD.train(seen, device="cpu", seed=0, coarsen=1, dates=8, evaluations=40)
    assert set(found) == {*METHOD.SCALES, "rmse"}
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
