"""The frozen data of `ssh_osse_fronts` are what their card says, and their recipe still runs.

Statistics within tolerances, never bits: the flow is chaotic, and a rebuilt sea is another one.
"""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import xarray as xr
from places import ROOT

from oceanbench.challenge import Challenge
from oceanbench.data.files import sha256
from oceanbench.observing.karin_errors import systematic_error
from oceanbench.observing.noise import karin_noise_std
from oceanbench.observing.sampling import sample

torch = pytest.importorskip("torch")

FOLDER = ROOT / "challenges" / "ssh_osse_fronts"
DATA = FOLDER / "data"
FILES = sorted(DATA.glob("*.nc"))
if not FILES:
    pytest.skip("no data yet: python challenges/ssh_osse_fronts/build.py", allow_module_level=True)
NADIRS = ("topex-poseidon_interleaved", "jason1", "geosat2", "envisat")
SIBLINGS = ("fronts", "measured", "build")


@pytest.fixture(scope="module")
def recipe() -> Iterator[dict[str, ModuleType]]:
    """The modules of the recipe, which import each other as scripts of one folder do."""
    for name in SIBLINGS:
        sys.modules.pop(name, None)
    sys.path.insert(0, str(FOLDER))
    yield {name: importlib.import_module(name) for name in SIBLINGS}
    sys.path.remove(str(FOLDER))
    for name in SIBLINGS:
        sys.modules.pop(name)


@pytest.fixture(scope="module")
def measured(recipe) -> dict[str, float]:
    return {label: value for label, value, _ in recipe["measured"].of_files(DATA)}


def load(name: str) -> xr.Dataset:
    return xr.load_dataset(DATA / f"{name}.nc", engine="h5netcdf")


def test_files_are_small_and_say_what_they_are():
    sizes = {path.name: path.stat().st_size for path in FILES}
    assert len(FILES) == 10
    assert max(sizes.values()) < 5e6, sizes
    assert sum(sizes.values()) < 10e6, sizes
    for path in FILES:
        file = load(path.stem)
        said = "synthetic: surface quasi-geostrophic simulation under a mixed layer"
        assert file.attrs["comment"] == said
        assert file["time"].dtype == "datetime64[ns]"
        assert all("long_name" in variable.attrs for variable in file.variables.values())
        units = {"ssh": "m", "sst": "degrees_C"}
        assert all(
            file[name].attrs["units"] == units[name] for name in file.data_vars if name in units
        )


def test_truth_is_daily_on_an_eighth_of_a_degree_and_days_are_apart():
    for name, first, last, west, south, width in (
        ("truth", "2012-10-22", "2012-12-02", 325, 35, 10),
        ("training_truth_1", "2013-01-02", "2013-04-01", 324, 34, 12),
        ("training_truth_2", "2013-04-02", "2013-06-30", 324, 34, 12),
    ):
        file = load(name)
        days = np.arange(np.datetime64(first), np.datetime64(last) + 1)
        np.testing.assert_array_equal(file["time"].values, days.astype("datetime64[ns]"))
        for axis, low in (("longitude", west), ("latitude", south)):
            np.testing.assert_array_equal(file[axis], np.linspace(low, low + width, 8 * width + 1))
        assert all(bool(file[variable].notnull().all()) for variable in ("ssh", "sst"))


def nearest(file: xr.Dataset, truth: xr.DataArray) -> xr.DataArray:
    """Observations minus the truth of their day and the next, in the scored box and period."""
    here = (
        (file["longitude"] >= 325)
        & (file["longitude"] <= 335)
        & (file["latitude"] >= 35)
        & (file["latitude"] <= 45)
    )
    points = file.assign_coords({n: file[n].where(here) for n in ("longitude", "latitude")})
    inside = (points["time"] >= truth["time"][0]) & (points["time"] <= truth["time"][-1])
    points = points.isel(time=inside.values)
    return points["ssh"] - sample(truth, points)


def test_altimeters_see_the_truth_with_their_errors():
    """White and red parts of nadirs; of the swath random noise and what a line shares."""
    truth = load("truth")["ssh"]
    for name in NADIRS:
        file = load(name)
        error = nearest(file, truth)
        assert float(error.std()) == pytest.approx(np.hypot(0.03, 0.02), rel=0.12)
        assert file["time"].values[-1] > np.datetime64("2013-06-28")
    file = load("swot_karin")
    error = nearest(file, truth).transpose("time", "cross_track")
    x = np.abs(file["cross_track_distance"].values) / 60
    shared = 0.015**2 * x**2 + 0.01**2 * x**2 + 0.005**2 + 0.005**2 * x**4
    random = karin_noise_std(60 * x, pixel_km2=16.0) ** 2
    found = (error**2).mean("time").values
    np.testing.assert_allclose(found, shared + random, rtol=0.5, atol=0.01**2)
    assert float(np.sqrt((error**2).mean())) == pytest.approx(
        np.sqrt((shared + random).mean()), rel=0.3
    )
    left, right = error[:, 0].values, error[:, -1].values
    both = np.isfinite(left) & np.isfinite(right)
    assert np.corrcoef(left[both], right[both])[0, 1] < -0.15  # the roll


def test_errors_of_the_swath_are_drawn_again(recipe):
    """Of the frozen positions: the systematic part is the seed's."""
    file, seed = load("swot_karin"), recipe["build"].SEEDS["swot_karin"]
    again = systematic_error(file, seed=seed + 1)
    truth = load("truth")["ssh"]
    error = nearest(file, truth)
    known = again.sel(time=error["time"]) + 0 * error
    explained = 1 - float(((error - known) ** 2).mean() / (error**2).mean())
    assert explained > 0.3


@pytest.mark.slow
def test_the_card_says_what_the_files_hold(measured):
    """Whoever fits to the card's numbers fits to the data."""
    for label, expected, tolerance in (
        ("ssh std, scored period", 0.208, 0.001),
        ("ssh std, training period", 0.232, 0.001),
        ("ssh std about the time mean, training period", 0.185, 0.001),
        ("sst std about the time mean, training period", 0.85, 0.01),
        ("e-folding time of the ssh anomaly", 16.4, 0.1),
        ("e-folding time of the sst anomaly", 8.2, 0.1),
        ("zonal spectral slope of ssh, 50 to 250 km", -4.4, 0.1),
        ("zonal spectral slope of sst, 50 to 250 km", -1.8, 0.1),
        ("eddy kinetic energy", 844, 1),
        ("observations of swot_karin", 672391, 0),
        ("observations of jason1", 62066, 0),
    ):
        assert measured[label] == pytest.approx(expected, abs=tolerance), label


@pytest.mark.slow
def test_temperature_tells_of_height_and_is_no_copy_of_it(measured):
    """What the best linear map of error-free temperatures around leaves is most of the error."""
    assert 0.3 < measured["correlation of the anomalies of ssh and sst"] < 0.5
    assert 40 < measured["ssh anomaly told by sst within 2 degrees, linearly"] < 70


def test_the_files_are_those_of_the_declaration():
    challenge = Challenge.load("ssh_osse_fronts")
    found = {path.name: sha256(path) for path in FILES}
    named = {}
    for dataset in challenge.datasets.values():
        sums = dataset.sha256
        named |= sums if isinstance(sums, dict) else {Path(dataset.path).name: sums}
    assert named == found


@pytest.mark.slow
def test_radiometers_see_the_temperature_with_their_errors(measured):
    assert measured["sst_infrared: share of pixels seen"] == pytest.approx(43, abs=5)
    assert measured["sst_infrared minus truth, scored period"] == pytest.approx(0.27, abs=0.05)
    assert measured["sst_microwave: share of pixels seen"] == 100
    assert measured["sst_microwave minus truth, scored period"] == pytest.approx(0.5, abs=0.08)
    for name in ("sst_infrared", "sst_microwave"):
        days = load(name)["time"].values
        assert days[0] == np.datetime64("2012-10-01")
        assert days[-1] == np.datetime64("2013-06-30")


def test_the_same_seed_makes_the_same_sea(recipe):
    fronts = recipe["fronts"]
    first, again, other = (
        fronts.simulate(stages=(fronts.Stage(32, 7200.0, 2),), days=1, seed=seed)
        for seed in (0, 0, 1)
    )
    xr.testing.assert_identical(first, again)
    for name in ("ssh", "sst"):
        assert not np.allclose(first[name], other[name])


@pytest.mark.slow
def test_recipe_still_runs(recipe, tmp_path):
    """A short, coarse rebuild by the same code: a sea, observed and written."""
    fronts, build = recipe["fronts"], recipe["build"]
    stages = (fronts.Stage(32, 7200.0, 40), fronts.Stage(48, 5400.0, 2))
    world = fronts.simulate(stages=stages, days=2)
    assert world.sizes["time"] == 9
    assert world.sizes["day"] == 3
    assert 0.05 < float(world["ssh"].std()) < 0.4
    assert float(world["sst"].mean()) == pytest.approx(18, abs=1)
    end = fronts.START + np.timedelta64(2, "D")
    for name, dataset in {
        "truth": build.truth(world, build.BOX, "2012-10-01", "2012-10-03"),
        "jason1": build.along_track(world, "jason1", end),
        "swot": build.swath(world, end),
        "infrared": build.sst_infrared(world, "2012-10-02"),
        "microwave": build.sst_microwave(world, "2012-10-02"),
    }.items():
        build.write(dataset, tmp_path / f"{name}.nc", name)
        back = xr.load_dataset(tmp_path / f"{name}.nc", engine="h5netcdf")
        for variable, precision in (("ssh", 1e-3), ("sst", 0.05)):
            if variable in dataset:
                assert back[variable].count() == dataset[variable].count() > 0
                np.testing.assert_allclose(back[variable], dataset[variable], atol=0.51 * precision)
        np.testing.assert_allclose(back["longitude"], dataset["longitude"], atol=1e-9)
        np.testing.assert_array_equal(back["time"], dataset["time"])
