"""`ssh_forecast_med2014` on files of the distributed names and variables, invented or real."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import xarray as xr
from places import ROOT, SHARED

from oceanbench.challenge import Challenge
from oceanbench.errors import OceanbenchError
from oceanbench.evaluate import evaluate
from oceanbench.kinds.forecasts.examination import first_starts
from oceanbench.methods.running import run
from oceanbench.result import Result
from oceanbench.submission import Submission

FOLDER = ROOT / "challenges" / "ssh_forecast_med2014"
REAL = SHARED / "data" / "ose_med2014"
MISSIONS = ("cryosat2", "altika", "hy2", "jason2")
ONE_DAY = np.timedelta64(1, "D")
FIRST = np.datetime64("2014-05-20", "ns")
DAYS = np.arange(np.datetime64("2014-05-15"), np.datetime64("2014-06-04"))


@pytest.fixture(scope="module")
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("med2014_build", FOLDER / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def track(number: int, height: float) -> xr.Dataset:
    """A pass a day from 12° to 20° E, at a height above an anomaly of the mean of 0.1 m."""
    count = 30
    begin = DAYS.astype("M8[s]") + np.timedelta64(3 + 5 * number, "h")
    time = (begin[:, None] + np.arange(0, 2 * count, 2)).ravel()
    longitude = np.tile(np.linspace(12.0, 20.0, count), DAYS.size)
    latitude = np.tile(np.linspace(34.0, 38.0, count), DAYS.size) + 0.3 * number
    values = {
        "mdt": np.full(time.size, 0.1),
        "sla_unfiltered": np.full(time.size, height + 0.02),
        "sla_filtered": np.full(time.size, np.nan),
        "lwe": np.full(time.size, 0.02),
    }
    places = {"longitude": longitude.astype("f4"), "latitude": latitude.astype("f4")}
    found = {name: ("time", one) for name, one in {**places, **values}.items()}
    return xr.Dataset(found, {"time": time.astype("M8[ns]")})


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sea 5 cm above its mean, of which two inputs find 5 cm and the third and the truth 6 cm."""
    folder = tmp_path_factory.mktemp("invented")
    challenge = Challenge.load("ssh_forecast_med2014")
    for number, name in enumerate(MISSIONS):
        path = folder / challenge.datasets[name].path
        path.parent.mkdir(exist_ok=True)
        seen = track(number, 0.06 if name in ("cryosat2", "jason2") else 0.05)
        units = {"units": "microseconds since 1950-01-01"}
        seen.to_netcdf(path, engine="h5netcdf", encoding={"time": units})
    latitude, longitude = 30.0625 + np.arange(128) / 8, -5.9375 + np.arange(344) / 8
    mean = np.full((latitude.size, longitude.size), 0.1, "f4")
    mean[:, longitude < 5.0] = np.nan
    axes = {"lat": latitude, "lon": longitude}
    (folder / "dc_maps").mkdir()
    mdt = xr.DataArray(mean, axes, tuple(axes), "mdt", {"units": "m"})
    mdt.to_netcdf(folder / "dc_maps" / "mdt.nc", engine="h5netcdf")
    return folder


def test_nowcasts_are_made_of_what_was_delivered_and_scored_along_the_withheld_track(
    build, data, tmp_path
):
    challenge = first_starts(Challenge.load("ssh_forecast_med2014"), 2)
    build.copied(challenge, data, tmp_path)
    made = build.nowcasts(challenge, tmp_path)
    assert list(made["time"].values) == [FIRST, FIRST + ONE_DAY]
    inputs = [challenge.datasets[name].path for name in MISSIONS[1:]]
    for path in inputs:  # what was not delivered by the first start changes nothing of it
        seen = xr.load_dataset(tmp_path / path)
        late = seen["time"] > FIRST - ONE_DAY
        seen["sla_unfiltered"] = seen["sla_unfiltered"] + 0.5 * late
        (tmp_path / path).unlink()
        seen.drop_encoding().to_netcdf(tmp_path / path, engine="h5netcdf")
    (tmp_path / challenge.truth.path).unlink()  # which no nowcast knows
    again = build.nowcasts(challenge, tmp_path)
    xr.testing.assert_identical(again.isel(time=0), made.isel(time=0))
    assert float(abs(again - made)["ssh"].isel(time=1).max()) > 0.1
    with pytest.raises(OceanbenchError, match=r"build\.py --data DATA --output FOLDER"):
        run("persistence", challenge, output=tmp_path, data_dir=data)

    build.copied(challenge, data, tmp_path)
    made.to_netcdf(tmp_path / "nowcast.nc", engine="h5netcdf")
    submission, _ = run("persistence", challenge, output=tmp_path, data_dir=tmp_path)
    result = evaluate(challenge, submission, data_dir=tmp_path)
    (along, *_) = result.coverage
    assert (along["against"], along["points"]) == ("cryosat2", 2 * 5 * 30)
    nodes = challenge.target(tmp_path)
    higher = nodes.fillna(0.1 + 0.06 + 0.02).where(nodes["longitude"] >= 5.0)
    higher.to_netcdf(tmp_path / "higher.nc", engine="h5netcdf")
    known = evaluate(challenge, Submission("higher", tmp_path / "higher.nc"), data_dir=tmp_path)
    assert known.score("RMSE 1–5").value == pytest.approx(0.02, abs=1e-6)
    assert known.score("bias day 3").value == pytest.approx(0.02, abs=1e-6)
    skill = known.score("skill 1–5 / climatology").value
    assert skill == pytest.approx(1 - 0.02**2 / 0.06**2, abs=1e-4)
    later = np.sqrt((2 * 0.03**2 + 0.02**2) / 3)
    assert known.score("RMSE 1–5 later").value == pytest.approx(later, abs=1e-6)
    assert result.score("skill / persistence day 5").value == pytest.approx(0.0, abs=1e-6)


@pytest.mark.slow
@pytest.mark.skipif(
    not REAL.is_dir(), reason="the real data of ose_med2014 (not ours to ship) are not here"
)
def test_persistence_of_the_real_nowcasts_has_the_scores_of_the_board(build, tmp_path):
    challenge = Challenge.load("ssh_forecast_med2014")
    build.copied(challenge, REAL, tmp_path)
    made = build.nowcasts(challenge, tmp_path)
    made.to_netcdf(tmp_path / "nowcast.nc", engine="h5netcdf")
    submission, _ = run("persistence", challenge, output=tmp_path, data_dir=tmp_path)
    result = evaluate(challenge, submission, data_dir=tmp_path)
    board = ROOT / "leaderboards" / "ssh_forecast_med2014" / "persistence.json"
    shipped = Result.load(board)
    for label in ("RMSE 1–5", "RMSE day 0", "skill 1–5 / climatology"):
        expected = shipped.score(label).value
        assert result.score(label).value == pytest.approx(expected, rel=1e-4)
