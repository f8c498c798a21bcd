"""Optimal interpolation is the data challenges' own procedure, and says how sure it is."""

from __future__ import annotations

from typing import Any

import builders
import numpy as np
import pytest
import xarray as xr
from dense import DAY, DEVICES, START, dense_map, dense_posterior, gaussian, nodes_of, target, track
from rows import every

from oceanbench.assimilation.gaussian.covariance import Covariance
from oceanbench.assimilation.gaussian.optimal_interpolation import Observations
from oceanbench.errors import OceanbenchError
from oceanbench.methods.method_file import load_method

_, METHOD = load_method("oi")
LENGTHS = {"length_longitude": 0.8, "length_latitude": 1.1, "length_time": 5.0}
DAYS = [0.0, 6.0, 13.0]


def wanted() -> xr.Dataset:
    return target(np.linspace(-64, -62, 6), np.linspace(33.5, 35.5, 5), DAYS)


def flown(seed: int, samples: int = 23) -> xr.Dataset:
    """Passes whose samples do not divide by five, so that blocks can bridge two of them."""
    seen = builders.track(samples=samples, seed=seed)
    attributes = {"layout": "track", "role": "observations"}
    return seen.assign(ssh=seen["sla"] + seen["mdt"])[["ssh"]].assign_attrs(attributes)


@pytest.fixture
def inputs() -> dict[str, xr.Dataset]:
    return {"one": flown(1), "two": flown(2)}


def estimated(inputs: dict[str, xr.Dataset], **options: Any) -> xr.Dataset:
    given = {"device": "cpu", "seed": 0} | options
    return METHOD.estimate(inputs, wanted(), **given)


def published(inputs: dict[str, xr.Dataset], noise: float, count: int) -> Observations:
    """What the data challenges' code maps: file by file coarsened, joined, then cut."""
    parts = [d.coarsen(time=count, boundary="trim").mean() for d in inputs.values()]
    whole = xr.concat(parts, "time").sortby("time")
    grid = wanted()
    chosen = np.ones(whole.sizes["time"], bool)
    for name in ("longitude", "latitude"):
        margin = LENGTHS[f"length_{name}"]
        chosen &= (whole[name] >= grid[name].min() - margin).values
        chosen &= (whole[name] <= grid[name].max() + margin).values
    near = whole.isel(time=chosen)
    columns = [near[n].values for n in ("longitude", "latitude", "ssh")]
    days = (near["time"].values - START) / DAY
    return Observations(days, *columns, np.full(days.size, noise**2))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("count", [1, 5, 7])
def test_maps_are_those_of_the_published_procedure(
    inputs: dict[str, xr.Dataset], count: int, device: str
) -> None:
    """Coarsened across gaps, a margin of one length, a strict window, an explicit inverse."""
    options = {"noise": 0.1, "coarsen": count, "across_gaps": True, "device": device} | LENGTHS
    found = estimated(inputs, **options)["ssh"]
    o, grid = published(inputs, 0.1, count), wanted()
    for date, level in zip(DAYS, found.values, strict=True):
        expected = dense_map(
            np.stack([o.x, o.y, o.time]),
            o.value,
            np.diag(o.noise),
            date,
            2 * LENGTHS["length_time"],
            gaussian(*LENGTHS.values()),
            grid["longitude"].values,
            grid["latitude"].values,
        )
        np.testing.assert_allclose(level, expected, atol=1e-9)


@every(
    "days, east, used",
    [(-9.9, 0.0, True), (-10.0, 0.0, False), (1.0, 0.79, True), (1.0, 0.81, False)],
)
def test_the_window_is_strict_and_the_margin_one_length(
    days: float, east: float, used: bool
) -> None:
    time = START + (np.array([days]) * 86400e9).astype("timedelta64[ns]")
    seen = track(time, np.array([-62.0 + east]), np.array([34.0]), np.ones(1))
    found = METHOD.estimate(
        {"one": seen}, wanted().isel(time=[0]), device="cpu", seed=0, coarsen=1, **LENGTHS
    )
    assert bool(found["ssh"].any()) == used


def test_averaging_across_gaps_makes_points_between_passes(inputs: dict[str, xr.Dataset]) -> None:
    """The published flaw, kept as an option: it is farther from the truth."""
    grid = wanted()
    axes = np.meshgrid(grid["time"], grid["latitude"], grid["longitude"], indexing="ij")
    truth = builders.smooth(*axes)
    sound, flawed = (
        np.sqrt(np.mean((estimated(inputs, across_gaps=a, **LENGTHS)["ssh"] - truth) ** 2))
        for a in (False, True)
    )
    assert sound < 0.7 * flawed


@pytest.mark.parametrize("precision", ["double", "single"])
def test_the_formal_error_is_the_closed_form_times_the_signals_deviation(
    inputs: dict[str, xr.Dataset], precision: str
) -> None:
    options = {"noise": 0.3, "coarsen": 5, "across_gaps": True, "precision": precision} | LENGTHS
    found = estimated(inputs, formal_error=True, **options)
    assert set(found.data_vars) == {"ssh", "ssh_std"}
    xr.testing.assert_allclose(found["ssh"], estimated(inputs, **options)["ssh"], atol=1e-9)
    o, grid = published(inputs, 0.3, 5), wanted()
    deviation = np.sqrt(np.mean(o.value**2) / (1 + 0.3**2))
    for date, level in zip(DAYS, found["ssh_std"].values, strict=True):
        nodes = nodes_of(grid["longitude"].values, grid["latitude"].values, date)
        c = Covariance(*LENGTHS.values())
        _, error = dense_posterior(o, c, nodes, date=date, window=10.0)
        expected = deviation * np.sqrt(error.diagonal().reshape(level.shape))
        np.testing.assert_allclose(
            level, expected, atol={"double": 1e-9, "single": 1e-4}[precision]
        )


def test_members_are_those_of_their_seed_and_scatter_about_the_map(
    inputs: dict[str, xr.Dataset],
) -> None:
    options = {"noise": 0.3} | LENGTHS
    found = estimated(inputs, formal_error=True, **options)
    members = estimated(inputs, members=200, seed=4, **options)
    assert list(members.data_vars) == ["ssh"]
    assert members["ssh"].dims == ("member", "time", "latitude", "longitude")
    assert members.sizes["member"] == 200
    scatter = members["ssh"].std("member", ddof=1)
    score = (members["ssh"].mean("member") - found["ssh"]) / (scatter / np.sqrt(200))
    assert np.sqrt(float((score**2).mean())) == pytest.approx(1.0, abs=0.25)
    assert float((scatter / found["ssh_std"]).mean()) == pytest.approx(1.0, abs=0.03)
    few = [estimated(inputs, members=3, seed=s, **options)["ssh"] for s in (4, 4, 5)]
    assert few[0].identical(few[1])
    assert not np.isclose(few[0], few[2]).any()


def test_without_observations_near_the_map_is_the_background(
    inputs: dict[str, xr.Dataset],
) -> None:
    late = {n: d.assign_coords(time=d["time"] + 400 * DAY) for n, d in inputs.items()}
    assert not estimated(late)["ssh"].any()
    assert (estimated(late, formal_error=True)["ssh_std"] == 1.0).all()


def test_without_observations_near_members_are_draws_of_the_prior(
    inputs: dict[str, xr.Dataset],
) -> None:
    late = {n: d.assign_coords(time=d["time"] + 400 * DAY) for n, d in inputs.items()}
    assert estimated(late, members=3)["ssh"].sizes["member"] == 3


@every("members", [0, 3])
def test_relative_to_a_mean_field_it_adds_it_back(
    inputs: dict[str, xr.Dataset], members: int
) -> None:
    wide = {"latitude": np.linspace(30, 39, 19), "longitude": np.linspace(-70, -56, 29)}
    slope = np.repeat(0.5 * wide["latitude"][:, None], wide["longitude"].size, axis=1)
    mean = xr.Dataset({"ssh": (("latitude", "longitude"), slope)}, wide, {"layout": "static"})
    lifted = {n: d.assign(ssh=d["ssh"] + 0.5 * d["latitude"]) for n, d in inputs.items()}
    found = estimated(lifted | {"mdt": mean}, members=members)["ssh"]
    plain = estimated(inputs, members=members)["ssh"]
    np.testing.assert_allclose(found, plain + 0.5 * wanted()["latitude"], atol=1e-9)


def test_only_the_missions_asked_for_are_mapped(inputs: dict[str, xr.Dataset]) -> None:
    one = estimated({"one": inputs["one"]})
    xr.testing.assert_identical(estimated(inputs, missions="one"), one)
    optional = inputs | {"two": inputs["two"].assign_attrs(optional=1)}
    xr.testing.assert_identical(estimated(optional), one)
    xr.testing.assert_identical(estimated(optional, missions="all"), estimated(inputs))


@every(
    "options, words",
    [
        ({"noise": -1.0}, "noise -1.0 must be positive"),
        ({"noise": 0.0}, "must be positive"),
        ({"length_time": 0.0}, "must be positive"),
        ({"length_longitude": -2.0}, "must be positive"),
        ({"coarsen": 0}, "coarsen 0 must be >= 1"),
        ({"swath_km": 0.0}, "swath_km 0.0 positive"),
        ({"missions": "nobody"}, "no observations 'nobody'"),
        ({"precision": "half"}, "expected 'double' or 'single'"),
        ({"members": -1}, "members -1 must be positive"),
        ({"members": 2, "formal_error": True}, "either members or formal_error"),
    ],
)
def test_impossible_options_are_refused(
    inputs: dict[str, xr.Dataset], options: dict, words: str
) -> None:
    with pytest.raises(OceanbenchError, match=words):
        estimated(inputs, **options)
