"""The frozen data of `reanalysis_emulation` are what their card says, and the recipe still runs.

Statistics within tolerances, never bits: the flow is chaotic, and a rebuilt world is another one.
"""

import importlib
import sys
from collections.abc import Iterator
from types import ModuleType

import numpy as np
import pytest
import xarray as xr
from places import ROOT
from rows import every

from oceanbench.observing.sampling import sample

torch = pytest.importorskip("torch")

FOLDER = ROOT / "challenges" / "reanalysis_emulation"
DATA = FOLDER / "data"
FILES = sorted(DATA.glob("*.nc"))
if not FILES:
    pytest.skip(
        "no data yet: python challenges/reanalysis_emulation/build.py", allow_module_level=True
    )
FIELDS = ("thetao", "so", "uo", "vo", "zos")
YEARS = range(2001, 2009)
UNITS = {"thetao": "degrees_C", "so": "1e-3", "uo": "m s-1", "vo": "m s-1", "zos": "m"}
SIBLINGS = ("world", "observers", "measure", "climate", "build")


@pytest.fixture(scope="module")
def recipe() -> Iterator[dict[str, ModuleType]]:
    """The modules of the recipe, which import each other as scripts of one folder do."""
    sys.path.insert(0, str(FOLDER))
    yield {name: importlib.import_module(name) for name in SIBLINGS}
    sys.path.remove(str(FOLDER))
    for name in SIBLINGS:
        del sys.modules[name]


@pytest.fixture(scope="module")
def statistics(recipe) -> dict[str, float]:
    rows = [(label.strip(), value) for label, value, _ in recipe["measure"].statistics(DATA)]
    found: dict[str, float] = {}
    for label, value in rows:  # indented rows belong to the last one with a colon
        if label.endswith(": error of climatology"):
            variable = label.split(":")[0]
        needs = label.startswith(("of persistence", "persistence"))
        found[f"{variable} {label}" if needs else label] = value
    return found


def load(name: str) -> xr.Dataset:
    return xr.load_dataset(DATA / name, engine="h5netcdf")


@pytest.fixture(scope="module")
def reanalysis() -> xr.Dataset:
    parts = [load(f"reanalysis_{year}.nc") for year in YEARS]
    return xr.concat(parts, "time", combine_attrs="drop")


def test_files_are_small():
    sizes = {path.name: path.stat().st_size for path in FILES}
    assert len(FILES) == 8 + 1 + 3 + 3 + 1 + 2
    assert max(sizes.values()) < 5e6, sizes
    assert sum(sizes.values()) < 20e6, sizes


@every("path", FILES)
def test_files_say_that_they_are_synthetic(path):
    attributes = load(path.name).attrs
    assert attributes["title"].endswith("(SYNTHETIC)")
    assert attributes["source"].startswith("oceanbench synthetic ocean")
    assert attributes["comment"].startswith("not a CMEMS product")


def test_reanalysis_is_daily_in_the_schema_of_glorys(reanalysis):
    days = np.arange(np.datetime64("2001-01-01"), np.datetime64("2009-02-01"))
    np.testing.assert_array_equal(reanalysis["time"].values, days.astype("datetime64[ns]"))
    assert tuple(reanalysis.data_vars) == FIELDS
    for name in FIELDS:
        assert reanalysis[name].dims == ("time", "latitude", "longitude")
        assert load("reanalysis_2008.nc")[name].attrs["units"] == UNITS[name]
    np.testing.assert_allclose(reanalysis["latitude"], 27 + 0.6 * np.arange(0.5, 30))
    np.testing.assert_allclose(reanalysis["longitude"], -78 + 0.6 * np.arange(0.5, 50))


def test_land_is_missing_always_and_everywhere_alike(reanalysis):
    wet = reanalysis["zos"][0].notnull().values
    assert 1000 < wet.sum() < 1300
    assert not wet[[0, -1]].any()
    for name in FIELDS:
        missing = np.isnan(reanalysis[name].values)
        assert (missing == ~wet).all(), name
    analysis = load("analysis.nc")
    np.testing.assert_array_equal(
        np.isnan(analysis["so"].values), np.broadcast_to(~wet, (52, *wet.shape))
    )
    nature = load("mdt.nc")["mdt"].notnull().values
    assert not (wet & ~nature).any()  # the model needs 3 of 4 cells to be wet, nature 5 of 9
    assert 0 < (nature & ~wet).sum() < 0.06 * wet.sum()


def test_analysis_is_given_at_the_52_starts():
    time = load("analysis.nc")["time"].values
    assert time.size == 52
    assert time[0] == np.datetime64("2008-01-02")
    assert (np.diff(time) == np.timedelta64(7, "D")).all()
    assert time[-1] + np.timedelta64(30, "D") < np.datetime64("2009-01-31")


def test_ocean_is_stationary(statistics):
    energy = np.array([statistics[f"in {year}"] for year in YEARS])
    assert 150 < energy.mean() < 500
    assert np.abs(energy / energy.mean() - 1).max() < 0.3
    assert 14 < statistics["mean thetao"] < 20
    assert statistics["largest speed"] < 2.5


@every("name", FIELDS)
def test_persistence_reaches_climatology_between_ten_and_forty_days(name, statistics):
    reached = statistics[f"{name} persistence reaches climatology after"]
    assert 9.9 < reached < 40
    first, tenth = (statistics[f"{name} of persistence, {k} days"] for k in (1, 10))
    assert tenth > 3 * first


def test_analysis_is_near_the_reanalysis_and_not_the_same(statistics):
    for name in FIELDS:
        difference = statistics[f"analysis: rms_difference_to_reanalysis_{name}"]
        assert 0.1 < difference / statistics[f"{name}: error of climatology"] < 0.8


def test_surface_currents_are_those_of_sea_level(reanalysis):
    day = reanalysis.isel(time=1234)
    f0, degree = 2 * 7.2921159e-5 * np.sin(np.deg2rad(36)), 111.195e3
    east = (day["zos"].shift(longitude=-1) - day["zos"].shift(longitude=1)) / (
        1.2 * degree * np.cos(np.deg2rad(36))
    )
    north = (day["zos"].shift(latitude=-1) - day["zos"].shift(latitude=1)) / (1.2 * degree)
    for name, expected in (("vo", 9.81 / f0 * east), ("uo", -9.81 / f0 * north)):
        both = (expected + day[name]).notnull().values
        a, b = expected.values[both], day[name].values[both]
        assert np.corrcoef(a, b)[0, 1] > 0.9


def test_altimetry_is_sea_level_with_a_datum_and_errors(reanalysis):
    """Sla + mdt - zos of the reanalysis is the datum, and its error: little more than the noise."""
    track = load("sla_jason1.nc")
    filled = reanalysis["zos"].sel(time=slice("2008-01-01", None)).interpolate_na("longitude")
    filled = filled.ffill("longitude").bfill("longitude").fillna(0.0)
    inner = track.isel(
        time=((np.abs(track["latitude"] - 36) < 6) & (np.abs(track["longitude"] + 61) < 9)).values
    )
    difference = inner["sla"] + inner["mdt"] - sample(filled, inner)
    assert float(difference.mean()) == pytest.approx(0.1148, abs=0.02)
    assert 0.036 < float(difference.std()) < 0.09


def test_profiles_images_and_drifters_see_the_same_ocean(reanalysis):
    test = reanalysis.sel(time=slice("2008-01-01", None))
    images = load("sst.nc")["thetao"]
    seen = (images - test["thetao"]).values
    assert 0.3 < np.isfinite(images.values).mean() < 0.5
    # less than the error of the image, 0.3: the reanalysis has fitted a part of it
    assert 0.2 < np.nanstd(seen) < 0.3
    floats = load("profiles.nc")
    assert floats.sizes == {"time": 6 * test.sizes["time"], "depth": 6}
    # passive T: nothing forbids cold water above warm, in the north in winter (see the card)
    assert 0.8 < float((floats["thetao"][:, -1] < floats["thetao"][:, 0]).mean()) < 0.95
    near = test["thetao"].sel(
        {n: floats[n] for n in ("time", "latitude", "longitude")}, method="nearest"
    )
    assert float((near - floats["thetao"][:, 0]).std()) < 0.8
    drifters = load("drifters.nc")
    at = {n: drifters[n] for n in ("latitude", "longitude")}
    current = test["uo"].sel(time=drifters["time"]).sel(at, method="nearest")
    both = current.notnull().values
    assert np.corrcoef(current.values[both], drifters["uo"].values[both])[0, 1] > 0.5


def test_recipe_still_runs(recipe, tmp_path, monkeypatch):
    """A short, coarse rebuild by the same code: nature is run, observed, reanalysed and written."""
    world, build = recipe["world"], recipe["build"]
    for name, coarser in (("nature", 0.6), ("model", 0.6)):
        monkeypatch.setitem(world.RESOLUTION, name, coarser)
        monkeypatch.setitem(world.STEP, name, 21600.0)
    nature = world.nature_run(world.spin_up(((0.6, 21600.0, 60),)), 10)
    first = world.day_number(world.START)
    truth = world.surface(nature, "nature").assign_coords(
        time=world.dates(range(first, first + 10))
    )
    observers = recipe["observers"]
    height = observers.heights(nature, first)
    track = observers.along_track(height, height.mean("time"), "hy2b", rate_hz=1 / 16, white=0.01)
    floats = observers.profiles(nature, first, every=3)
    seen = observers.network([track], floats, observers.images(truth["thetao"]))
    period = (world.START, str(world.dates([first + 9])[0])[:10])
    found = build.held(nature[5], period, seen, build.REANALYSIS)
    differences = dict(build.rms(found, truth))
    assert 0 < differences["zos"] < 0.05
    build.write(found, tmp_path / "found.nc", "Reanalysis")
    back = xr.load_dataset(tmp_path / "found.nc", engine="h5netcdf")
    np.testing.assert_array_equal(back["time"], found["time"])
    for name in FIELDS:
        half = 0.51 * build.SCALE[name]
        np.testing.assert_allclose(back[name], found[name], atol=half)


def test_growth_of_small_errors_is_measured(recipe, monkeypatch):
    """The bookkeeping, not the chaos, which needs eddies: a twin begins 2 mm away."""
    world, measure = recipe["world"], recipe["measure"]
    monkeypatch.setitem(world.RESOLUTION, "model", 0.6)
    monkeypatch.setitem(world.STEP, "model", 43200.0)
    state = world.spin_up(((0.6, 21600.0, 5),))
    errors = measure.twin_growth("model", state, 5, seed=0)
    assert len(errors) == 7
    assert 0.5e-3 < errors[0] < 3e-3


def test_leads_at_which_errors_reach_a_level(recipe):
    crossing = recipe["measure"].crossing
    assert crossing([1.0, 2.0, 3.0], 2.5) == 2.5
    assert crossing([1.0, 2.0], 0.5) == 0.5
    assert crossing([1.0, 2.0], 3.0) == np.inf


def test_climatology_finds_a_season_in_noise(recipe):
    time = xr.date_range("2001-01-01", periods=6 * 365).values
    later = xr.DataArray(time[-365:] + np.timedelta64(730, "D"), dims="time")
    angle = 2 * np.pi * xr.DataArray(time, dims="time").dt.dayofyear.values / 365.25
    noise = np.random.default_rng(0).standard_normal((time.size, 2, 2))
    field = xr.DataArray(
        15 + 4 * np.cos(angle)[:, None, None] + 0.1 * noise,
        {"time": time, "latitude": [30.0, 31.0], "longitude": [0.0, 1.0]},
    )
    usual = recipe["measure"].climatology(field, later)
    expected = 15 + 4 * np.cos(2 * np.pi * later.dt.dayofyear.values / 365.25)
    np.testing.assert_allclose(usual, np.broadcast_to(expected[:, None], (365, 4)), atol=0.03)
