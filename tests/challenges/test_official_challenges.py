"""The official challenges run on files named and shaped as distributed (values are synthetic)."""

from __future__ import annotations

from pathlib import Path

import builders
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from click.testing import CliRunner
from rows import every

from oceanbench.boards.published import TEXTS, published_table
from oceanbench.challenge import Challenge
from oceanbench.cli.commands import cli, main
from oceanbench.data import shipped
from oceanbench.errors import OceanbenchError
from oceanbench.result import Result

HOUR = np.timedelta64(1, "h")


@pytest.fixture(scope="module")
def natl60(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, xr.Dataset]:
    """Folder of the hourly truth, one file a day, at half a degree; and the truth as a whole."""
    folder = tmp_path_factory.mktemp("natl60")
    axes = {
        "time": np.arange(42 * 24) * HOUR + builders.FIRST + np.timedelta64(30, "m"),
        "lat": np.linspace(33.02, 43.0, 21),
        "lon": np.linspace(-64.98, -55.0, 21),
    }
    values = builders.smooth(axes["time"][:, None, None], axes["lat"][None, :, None], axes["lon"])
    whole = xr.Dataset({"sossheig": (tuple(axes), values)}, coords=axes)
    (folder / "dc_ref").mkdir(parents=True)
    for date, day in whole.groupby("time.date"):
        name = f"NATL60-CJM165_GULFSTREAM_y{date:%Ym%md%d}.1h_SSH.nc"
        builders.write(day, folder / "dc_ref" / name)
    return folder, whole


@pytest.mark.slow
def test_2020a_scores_daily_means_of_hourly_files(
    natl60: tuple[Path, xr.Dataset], tmp_path: Path
) -> None:
    folder, truth = natl60
    maps = builders.maps(west=-65.5, east=-54.5, south=32.5, north=43.5, count=43, noise=0.02)
    builders.write(maps.rename(ssh="gssh", latitude="lat", longitude="lon"), tmp_path / "mine.nc")
    arguments = ["evaluate", "ssh_osse_natl60_2020a", str(tmp_path / "mine.nc"), "--board"]
    arguments += ["--data-dir", str(folder), "--output", str(tmp_path / "results")]
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    result = Result.load(tmp_path / "results" / "ssh_osse_natl60_2020a" / "mine.json")

    daily = truth["sossheig"].values.reshape(42, 24, 21, 21).mean(axis=1)
    places = {"latitude": truth["lat"].values, "longitude": truth["lon"].values}
    mapped = maps["ssh"].isel(time=slice(42)).interp(places).values
    expected = 1 - np.sqrt(((mapped - daily) ** 2).mean() / (daily**2).mean())
    assert result.score("µ(RMSE)").value == pytest.approx(expected, rel=1e-9)
    assert result.coverage[0]["filled"] == 0
    assert result.score("λx").units == "degrees_east"
    assert "4DVarQG" in done.output


@pytest.mark.slow
def test_2020a_fills_what_a_submission_does_not_cover_and_says_so(
    natl60: tuple[Path, xr.Dataset], tmp_path: Path
) -> None:
    folder, _ = natl60
    maps = builders.maps(west=-64.0, east=-56.0, south=33.0, north=42.5, count=42)
    builders.write(maps, tmp_path / "mine.nc")
    arguments = ["evaluate", "ssh_osse_natl60_2020a", str(tmp_path / "mine.nc")]
    arguments += ["--data-dir", str(folder), "--output", str(tmp_path / "results")]
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    result = Result.load(tmp_path / "results" / "ssh_osse_natl60_2020a" / "mine.json")
    assert result.coverage[0]["filled"] > 0
    assert "points filled" in done.output


def test_2021a_drops_the_last_day_and_counts_it(tmp_path: Path) -> None:
    """Maps end on 2017-12-31 00:00, tracks at the end of that day."""
    first = np.datetime64("2017-01-01", "ns")
    maps = builders.maps(west=295, east=305, south=33, north=43, count=365, first=first)
    builders.write(maps.rename(latitude="lat", longitude="lon"), tmp_path / "mine.nc")
    day = np.repeat(np.arange(365), 12)
    second = np.tile(np.arange(12), 365) * 1.0
    time = first + day * builders.DAY + (43200e9 + second * 943_400_000).astype("timedelta64[ns]")
    latitude = 34.0 + second * 0.7
    longitude = 295.0 + (day * 0.7 + second * 0.1) % 10
    ssh = builders.smooth(time, latitude, longitude) + 0.05
    track = xr.Dataset(
        {
            "sla_unfiltered": ("time", ssh - 0.5),
            "mdt": ("time", np.full(ssh.size, 0.6)),
            "lwe": ("time", np.full(ssh.size, 0.1)),
        },
        coords={
            "time": time,
            "longitude": ("time", longitude),
            "latitude": ("time", latitude),
        },
    )
    (tmp_path / "dc_obs").mkdir()
    name = "dt_global_c2_phy_l3_20161201-20180131_285-315_23-53.nc"
    builders.write(track, tmp_path / "dc_obs" / name)
    arguments = ["evaluate", "ssh_ose_gulfstream_2021a", str(tmp_path / "mine.nc")]
    arguments += ["--data-dir", str(tmp_path), "--output", str(tmp_path / "results")]
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    result = Result.load(tmp_path / "results" / "ssh_ose_gulfstream_2021a" / "mine.json")
    inset = (longitude >= 295.25) & (longitude <= 304.75) & (latitude <= 42.75)
    assert result.coverage[0]["points"] == int(inset.sum())
    assert result.coverage[0]["scored"] == int((inset & (day < 364)).sum())
    assert result.coverage[0]["missing_from"].startswith("2017-12-31")
    assert result.score("λx").flag == "no_data"


SEASONS = {"autumn": ("2012-10-21", "2012-11-30"), "summer": ("2013-07-11", "2013-08-20")}
BOXES = {"gulfstream": (-64, 29), "greenland": (-39, 49), "madeira": (-27, 29)}


@pytest.mark.slow
@every("region", list(BOXES))
def test_2023_scores_the_year_and_its_seasons(region: str, tmp_path: Path) -> None:
    """The truth is of the whole basin, a year, at three quarters of a degree here."""
    west, south = BOXES[region]
    name, folder = f"ssh_osse_natl60_{region}_2023", tmp_path / region
    (folder / "dc_ref").mkdir(parents=True)
    first = np.datetime64("2012-10-01", "ns")
    given = {"count": 365, "first": first, "step": 0.75}
    box = {"west": west - 1.5, "east": west + 16.5, "south": south - 1.5, "north": south + 16.5}
    truth = builders.maps(**box, **given).rename(latitude="lat", longitude="lon")
    builders.write(truth, folder / "dc_ref" / "NATL60-CJM165-daily-reg-1_20.nc")
    noisy = builders.maps(**box, **given, noise=0.02)
    builders.write(noisy, folder / "mine.nc")
    arguments = ["evaluate", name, str(folder / "mine.nc"), "--board", "--data-dir", str(folder)]
    arguments += ["--output", str(folder / "results")]
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    result = Result.load(folder / "results" / name / "mine.json")
    for label, days in {"": ("2012-10-21", "2013-09-10"), **SEASONS}.items():
        part = {"time": slice(*days), "longitude": slice(west, west + 15)}
        part |= {"latitude": slice(south, south + 15)}
        known = truth["ssh"].rename(lat="latitude", lon="longitude").sel(part)
        error = noisy["ssh"].sel(part) - known
        expected = 1 - float(np.sqrt((error**2).mean() / (known**2).mean()))
        found = result.score(f"µ(RMSE), {label}" if label else "µ(RMSE)")
        assert found.value == pytest.approx(expected, rel=1e-9), (region, label)
    assert result.score("λx").units == "degrees_east"
    assert result.score("λx, autumn").flag in (None, "resolved_below_grid")
    assert "4DVarNet-GRE 1/8°" in done.output


PUBLISHED = [name for name in shipped.names("challenges") if Challenge.load(name).published]


@every("name", PUBLISHED)
def test_published_rows_are_numbers_of_the_scores(name: str) -> None:
    """Nothing but numbers stands in a column of a score, and a row has at least one."""
    table = published_table(Challenge.load(name))
    scores = table[[c for c in table.columns if c not in TEXTS]]
    values = scores.apply(lambda column: pd.to_numeric(column.where(column != "")))
    assert values.notna().any(axis=1).all()
    assert not table.duplicated([c for c in table.columns if c in TEXTS]).any()


@pytest.mark.parametrize(
    "name", ["ssh_osse_natl60_2020a", "ssh_ose_gulfstream_2021a", "ssh_ose_med2014"]
)
def test_without_the_files_one_line_says_what_to_fetch(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in (["fetch", name], ["evaluate", name], ["run", "oi", name]):
        arguments = [*command, "--data-dir", str(tmp_path)]
        monkeypatch.setattr("sys.argv", ["oceanbench", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
        assert stop.value.code == 2
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert "AVISO" in line
        assert str(tmp_path) in line
        assert "--data-dir" in line
    challenge = Challenge.load(name)
    with pytest.raises(OceanbenchError, match="AVISO"):
        challenge.fetch("mdt" if "mdt" in challenge.datasets else "truth", tmp_path, offline=True)
    optional = [n for n, d in challenge.datasets.items() if d.optional]
    assert {challenge.fetch(n, tmp_path) for n in optional} <= {"optional, not here"}
