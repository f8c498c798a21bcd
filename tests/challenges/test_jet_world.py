"""The frozen data of the jet challenges are what their cards say, and their recipe still runs.

Statistics within tolerances, never bits: the flow is chaotic, and a rebuilt world is another one.
"""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import xarray as xr
from places import ROOT
from rows import every

from oceanbench.observing.noise import karin_noise_std
from oceanbench.observing.sampling import sample

torch = pytest.importorskip("torch")

CHALLENGES = ROOT / "challenges"
CLEAN = CHALLENGES / "ssh_osse_jet" / "data"
NOISY = CHALLENGES / "ssh_osse_jet_noisy" / "data"
WITHHELD = CHALLENGES / "ssh_ose_jet" / "data" / "cryosat2.nc"
COUNTS = {  # observations in the file, and in the scored box and period
    "topex-poseidon_interleaved": (82_000, 6_350),
    "jason1": (81_700, 6_430),
    "geosat2": (76_000, 6_140),
    "envisat": (71_100, 5_530),
    "swot_karin": (641_000, 243_000),
}
NADIRS = [name for name in COUNTS if name != "swot_karin"]
WORLDS = ("ssh_ose_jet", "ssh_osse_jet", "ssh_osse_jet_noisy")
FILES = sorted(path for name in WORLDS for path in (CHALLENGES / name).glob("data/*"))


def load_build(challenge: str) -> ModuleType:
    path = CHALLENGES / challenge / "build.py"
    spec = importlib.util.spec_from_file_location(f"{challenge}_build", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def jet():
    return load_build("ssh_osse_jet")


@pytest.fixture(scope="module")
def statistics(jet):
    return {label: value for label, value, _ in jet.statistics()}


def load(path: Path) -> xr.Dataset:
    return xr.load_dataset(path, engine="h5netcdf")


def test_files_are_small():
    sizes = {path.name: path.stat().st_size for path in FILES}
    assert len(FILES) == 15
    assert max(sizes.values()) < 5e6, sizes
    assert sum(path.stat().st_size for path in FILES) < 22e6


@every("path", FILES)
def test_files_say_what_they_are(path):
    file = load(path)
    assert file.attrs["institution"] == "OceanBench"
    assert file.attrs["comment"] == "synthetic: two-layer quasi-geostrophic simulation"
    assert file["ssh"].attrs["units"] == "m"
    assert "time" not in file or file["time"].dtype == "datetime64[ns]"
    assert file["ssh"].dtype == file["longitude"].dtype == file["latitude"].dtype == "float64"
    assert all("long_name" in variable.attrs for variable in file.variables.values())


@pytest.mark.parametrize(
    ("name", "first", "last", "longitude", "latitude"),
    [
        ("truth", "2012-10-22", "2012-12-02", (295, 305), (33, 43)),
        ("training_truth_1", "2013-01-02", "2013-05-17", (294, 306), (32, 44)),
        ("training_truth_2", "2013-05-18", "2013-09-30", (294, 306), (32, 44)),
    ],
)
def test_truth_is_daily_on_a_tenth_of_a_degree(name, first, last, longitude, latitude):
    file = load(CLEAN / f"{name}.nc")
    days = np.arange(np.datetime64(first), np.datetime64(last) + 1)
    np.testing.assert_array_equal(file["time"].values, days.astype("datetime64[ns]"))
    for axis, (low, high) in (("longitude", longitude), ("latitude", latitude)):
        np.testing.assert_array_equal(file[axis], np.linspace(low, high, 10 * (high - low) + 1))
    assert file["ssh"].dims == ("time", "latitude", "longitude")
    assert bool(file["ssh"].notnull().all())


def test_ocean_is_as_its_card_says(statistics):
    assert statistics["ssh std, scored period"] == pytest.approx(0.30, abs=0.02)
    assert statistics["ssh std, training period"] == pytest.approx(0.27, abs=0.02)
    anomaly = statistics["ssh std about the time mean, training period"]
    assert anomaly == pytest.approx(0.18, abs=0.02)
    assert statistics["e-folding time of the anomaly"] == pytest.approx(12.6, abs=2)
    assert statistics["zonal spectral slope, 50 to 250 km"] == pytest.approx(-5.5, abs=0.3)
    assert statistics["eddy kinetic energy"] == pytest.approx(530, abs=50)
    assert statistics["largest speed"] == pytest.approx(1.55, abs=0.2)


def test_ocean_is_statistically_stationary(statistics):
    parts = np.array([v for k, v in statistics.items() if k.startswith("ssh std, training days")])
    assert len(parts) == 6
    assert np.abs(parts / parts.mean() - 1).max() < 0.2
    assert statistics["ssh std, scored period"] == pytest.approx(parts.mean(), rel=0.2)


def test_there_is_a_jet_between_warm_and_cold_water():
    """SSH falls by more than half a metre from south to north, across a front near 38° N."""
    profile = load(CLEAN / "training_truth_1.nc")["ssh"].mean(("time", "longitude"))
    south, north = profile.sel(latitude=slice(34, 37)), profile.sel(latitude=slice(39, 42))
    assert float(south.mean() - north.mean()) > 0.3
    front = profile.rolling(latitude=10).mean().differentiate("latitude").idxmin("latitude")
    assert float(front) == pytest.approx(38, abs=1.5)


@every("name", COUNTS)
def test_observations_are_as_many_as_the_orbits_allow(name, jet):
    file = load(CLEAN / f"{name}.nc")
    everywhere, scored = COUNTS[name]
    assert int(file["ssh"].count()) == pytest.approx(everywhere, rel=0.01)
    assert int(jet.scored(file).sum()) == pytest.approx(scored, rel=0.01)


@pytest.mark.parametrize("name", NADIRS)
def test_tracks_are_in_time_order_and_passes_are_short(name):
    file = load(CLEAN / f"{name}.nc")
    assert (np.diff(file["time"].values) == np.timedelta64(1, "s")).mean() > 0.99
    assert bool((np.diff(file["time"].values) > np.timedelta64(0, "s")).all())
    assert bool((np.diff(file["track"]) >= 0).all())
    ends = np.flatnonzero(np.diff(file["track"], append=-1))
    starts = np.concatenate([[0], ends[:-1] + 1])
    assert (file["time"].values[ends] - file["time"].values[starts]).max() < np.timedelta64(
        300, "s"
    )


def difference_to_truth(jet: ModuleType, file: xr.Dataset) -> xr.DataArray:
    """Daily truth, interpolated to the scored observations, minus the observations."""
    truth = load(CLEAN / "truth.nc")["ssh"]
    scored = jet.scored(file)
    points = file.assign_coords({n: file[n].where(scored) for n in ("longitude", "latitude")})
    points = points.isel(time=(points["time"] <= truth["time"][-1]).values)
    points = points.isel(time=(points["time"] >= truth["time"][0]).values)
    return sample(truth, points) - points["ssh"]


@pytest.mark.parametrize("name", ["topex-poseidon_interleaved", "jason1"])
def test_noise_free_observations_are_the_truth_at_its_instants(name, jet):
    """Within ten minutes of midnight, to the interpolation on a tenth of a degree; the orbits of
    the other altimeters never cross the box at that time."""
    difference = difference_to_truth(jet, load(CLEAN / f"{name}.nc"))
    near = np.abs(difference["time"] - difference["time"].dt.round("D"))
    difference = difference[(near <= np.timedelta64(10, "m")).values]
    assert int(difference.count()) > 50
    assert float(np.abs(difference).max()) < 0.003


@every("name", COUNTS)
def test_noise_free_observations_are_the_truth_in_between(name, jet):
    """Any time of the day: what linear interpolation over a day loses is small."""
    difference = difference_to_truth(jet, load(CLEAN / f"{name}.nc"))
    assert int(difference.count()) > 0.95 * COUNTS[name][1]
    assert float(np.sqrt((difference**2).mean())) < 0.005


@pytest.mark.parametrize("name", NADIRS)
def test_nadir_errors_are_white_plus_a_red_process_per_pass(name):
    clean, noisy = (load(folder / f"{name}.nc") for folder in (CLEAN, NOISY))
    for variable in ("time", "longitude", "latitude", "track"):
        np.testing.assert_array_equal(noisy[variable], clean[variable])
    error = (noisy["ssh"] - clean["ssh"]).values
    assert error.std() == pytest.approx(np.hypot(0.03, 0.02), rel=0.03)
    assert abs(error.mean()) < 0.002
    same_pass = clean["track"].values[30:] == clean["track"].values[:-30]
    covariance = np.mean((error[30:] * error[:-30])[same_pass])
    assert covariance == pytest.approx(0.02**2 * np.exp(-30 / 150), rel=0.15)


def test_karin_errors_depend_on_the_distance_to_the_nadir():
    clean, noisy = (load(folder / "swot_karin.nc") for folder in (CLEAN, NOISY))
    spread = (noisy["ssh"] - clean["ssh"]).std("time")
    expected = karin_noise_std(clean["cross_track_distance"], pixel_km2=16.0)
    np.testing.assert_allclose(spread, expected, rtol=0.03)


def test_instruments_draw_different_errors():
    files = [[load(folder / f"{name}.nc")["ssh"] for folder in (CLEAN, NOISY)] for name in NADIRS]
    errors = [(noisy - clean).values[:5000] for clean, noisy in files]
    correlation = np.corrcoef(errors) - np.eye(len(errors))
    assert np.abs(correlation).max() < 0.1


def test_swot_covers_its_two_bands_and_the_box(jet):
    file = load(CLEAN / "swot_karin.nc")
    distance = np.abs(file["cross_track_distance"].values)
    assert file.sizes["cross_track"] == 26
    assert (distance.min(), distance.max()) == (10.0, 58.0)
    missing = file["ssh"].isnull()
    np.testing.assert_array_equal(missing, file["longitude"].isnull())
    np.testing.assert_array_equal(missing, file["latitude"].isnull())
    assert jet.cells_per_day(file) == pytest.approx(11.4, rel=0.05)
    seen = jet.scored(file).values
    cells = [
        np.floor(2 * (file[name].values[seen] - low)).clip(0, 19)
        for name, low in (("longitude", 295), ("latitude", 33))
    ]
    assert np.unique(np.stack(cells), axis=1).shape[1] > 0.99 * 20 * 20  # two cycles see it all


def test_observations_reach_fourteen_days_beyond_the_scored_period():
    for name in COUNTS:
        for folder in (CLEAN, NOISY):
            time = load(folder / f"{name}.nc")["time"].values
            assert time[0] < np.datetime64("2012-10-08")
            assert time[-1] > np.datetime64("2012-12-16")


def test_withheld_altimeter_sees_the_same_ocean_with_its_error(jet):
    """It differs from the truth by the error of a nadir altimeter."""
    file = load(WITHHELD)
    assert file.sizes["time"] == pytest.approx(14_700, rel=0.01)
    assert float(difference_to_truth(jet, file).std()) == pytest.approx(0.0361, rel=0.05)


def test_recipe_still_runs(jet, tmp_path):
    """A short, coarse rebuild by the same code: a turbulent jet, observed and written."""
    world = jet.simulate(stages=(jet.Stage(48, 5400.0, 200), jet.Stage(72, 3600.0, 5)), days=3)
    assert world.sizes["time"] == 13
    assert 0.15 < float(world.std()) < 0.4
    u, v = jet.geostrophic_velocity(world)
    assert 0.5 < float(np.hypot(u, v).max()) < 3.0
    assert float(v.std()) > 0.03

    end = jet.START + np.timedelta64(3, "D")
    truth = jet.gridded(world, jet.BOX, "2012-10-01", "2012-10-03")
    for name, dataset in {
        "truth": truth,
        "jason1": jet.along_track(world, "jason1", end),
        "swot": jet.swath(world, end),
    }.items():
        jet.write(dataset, tmp_path / f"{name}.nc", name)
        back = load(tmp_path / f"{name}.nc")
        assert back["ssh"].count() == dataset["ssh"].count() > 0
        np.testing.assert_array_equal(back["time"], dataset["time"])
        np.testing.assert_allclose(back["longitude"], dataset["longitude"], atol=1e-9)
        np.testing.assert_allclose(back["latitude"], dataset["latitude"], atol=1e-9)
        np.testing.assert_allclose(back["ssh"], dataset["ssh"], atol=0.51e-4)


def test_errors_are_redrawn_bit_for_bit_up_to_the_packing():
    """The noise, unlike the flow, is reproducible: the recipe gives the frozen errors again."""
    build = load_build("ssh_osse_jet_noisy")
    for name in ("envisat", "swot_karin"):
        again = build.noisy(name, load(CLEAN / f"{name}.nc"))["ssh"]
        np.testing.assert_allclose(again, load(NOISY / f"{name}.nc")["ssh"], atol=0.51e-4)


def test_withheld_recipe_still_runs(jet):
    build = load_build("ssh_ose_jet")
    world = jet.simulate(stages=(jet.Stage(64, 3600.0, 1),), days=2)
    end = jet.START + np.timedelta64(2, "D")
    error = build.withheld(world, end)["ssh"] - jet.along_track(world, build.MISSION, end)["ssh"]
    assert error.size > 200
    assert float(error.std()) == pytest.approx(np.hypot(0.03, 0.02), rel=0.3)
