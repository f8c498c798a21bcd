"""Challenges 2023a and 2024 on files named and shaped as distributed (values are synthetic)."""

from __future__ import annotations

import io
import shlex
import tarfile
from pathlib import Path

import builders
import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner
from rows import every

from oceanbench.challenge import Challenge
from oceanbench.cli.commands import cli
from oceanbench.data import downloads
from oceanbench.result import Result

PARTS = {
    "coastal": lambda lat, sea: sea & (lat < -20),
    "offshore, high variability": lambda lat, sea: sea & (lat > 10),
    "offshore, low variability": lambda lat, sea: sea & (lat > -20) & (lat < 10),
    "equatorial band": lambda lat, sea: sea & (np.abs(lat) <= 10),
    "Arctic": lambda lat, sea: sea & (lat >= 70),
}


def signal(time: np.ndarray, latitude: np.ndarray, longitude: np.ndarray) -> np.ndarray:
    """Sea level round the globe: the same at 0 and 360 degrees."""
    t = (time - np.datetime64("2019-01-01", "ns")) / builders.DAY
    x, y = np.deg2rad(longitude), np.deg2rad(latitude)
    return 0.2 * np.sin(3 * x + 0.05 * t) * np.cos(2 * y) + 0.1 * np.cos(5 * x + 4 * y)


def sad(folder: Path) -> None:
    """Static fields on coarse nodes, linear in latitude: 200 km at 20° S, 0.02 m² at 10° N."""
    (folder / "sad").mkdir(parents=True, exist_ok=True)
    latitude, longitude = np.arange(-90.0, 91.0, 10.0), np.arange(0.0, 360.0, 10.0)
    across = np.zeros(longitude.size)
    distance = 200.0 + 2.0 * (latitude + 20.0)[:, None] + across
    variance = 0.02 + 1e-4 * (latitude - 10.0)[:, None] + across
    land = np.zeros_like(distance)
    land[:, 9:11] = 1.0  # 90 to 100° E
    named = {"lat": latitude, "lon": longitude}
    for name, variable, values in (
        ("distance_to_nearest_coastline_60", "distance", distance),
        ("land_water_mask_60", "mask", land),
    ):
        builders.write(
            xr.Dataset({variable: (("lat", "lon"), values)}, named), folder / "sad" / f"{name}.nc"
        )
    builders.write(
        xr.Dataset(
            {"sla": (("latitude", "longitude"), variance)},
            {"latitude": latitude, "longitude": longitude},
        ),
        folder / "sad" / "variance_cmems_dt_allsat.nc",
    )


def passes(first: np.datetime64, days: int) -> xr.Dataset:
    """Each day two half passes from 75° S to 75° N, seven kilometres from sample to sample."""
    size = 1200
    time = np.concatenate(
        [
            first + (d * 86400 + 3600 + p * 40000) * np.timedelta64(1, "s") + 1056 * np.arange(size)
            * np.timedelta64(1, "ms")
            for d in range(days)
            for p in (0, 1)
        ]
    )  # fmt: skip
    latitude = np.tile(np.r_[np.linspace(-75, 0, size), np.linspace(0, 75, size)], days)
    number = np.repeat(np.arange(2 * days), size)
    longitude = (np.degrees(0.3 * number) + latitude / 4) % 360.0
    return xr.Dataset(
        coords={
            "time": time,
            "latitude": ("time", latitude),
            "longitude": ("time", longitude),
        }
    )


def altika(first: np.datetime64, days: int) -> xr.Dataset:
    track = passes(first, days)
    time, y, x = (track[n].values for n in ("time", "latitude", "longitude"))
    noise = 0.02 * np.random.default_rng(1).standard_normal(time.size)
    lwe = 0.01 * np.sin(np.deg2rad(x))
    measured = signal(time, y, x) + noise
    return track.assign(sla_unfiltered=("time", measured + lwe), lwe=("time", lwe))


def maps(first: np.datetime64, count: int) -> xr.Dataset:
    """Daily maps on 2°, off by a smooth error and with no value beyond 70° S."""
    time = first + np.arange(count) * builders.DAY
    y, x = np.arange(-89.0, 90.0, 2.0), np.arange(0.0, 360.0, 2.0)
    values = signal(time[:, None, None], y[:, None], x)
    values = values + 0.03 * np.sin(np.deg2rad(7 * x)) + 0.01 + 0 * y[:, None]
    values[:, y < -70] = np.nan
    axes = {"time": time, "latitude": y, "longitude": x}
    return xr.Dataset({"sla": (tuple(axes), values, {"units": "m"})}, axes)


def at(field: xr.DataArray, track: xr.Dataset) -> np.ndarray:
    """Linear interpolation, over the seam too."""
    again = [field.isel(longitude=[-1]), field, field.isel(longitude=[0])]
    again[0] = again[0].assign_coords(longitude=again[0]["longitude"] - 360.0)
    again[2] = again[2].assign_coords(longitude=again[2]["longitude"] + 360.0)
    whole = xr.concat(again, "longitude", join="outer")
    return whole.interp({n: track[n] for n in ("time", "latitude", "longitude")}).values


def evaluated(name: str, folder: Path, files: str) -> tuple[Result, str]:
    arguments = ["evaluate", name, files, "--name", "mine", "--board", "--data-dir", str(folder)]
    arguments += ["--output", str(folder / "results")]
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return Result.load(folder / "results" / name / "mine.json"), done.output


def check_parts(result: Result, truth: np.ndarray, estimate: np.ndarray, track: xr.Dataset) -> None:
    """Fractions of explained variance of every part, from first principles."""
    x = track["longitude"].values
    sea = np.interp(x, [0, 80, 90, 100, 110, 360], [0, 0, 1, 1, 0, 0]) < 0.5
    known = np.isfinite(estimate)
    error = estimate - truth
    for label, inside in PARTS.items():
        some = inside(track["latitude"].values, sea) & known
        expected = 1 - error[some].var() / truth[some].var()
        assert result.score(label).value == pytest.approx(expected, rel=1e-9), label
        assert result.score(label).n == some.sum(), label
    assert result.score("Antarctic").flag == "no_data"
    total = 1 - np.sqrt((error[known] ** 2).mean() / (truth[known] ** 2).mean())
    assert result.score("total RMSE score").value == pytest.approx(total, rel=1e-9)


def test_2023a_scores_parts_of_the_ocean(tmp_path: Path) -> None:
    first = np.datetime64("2019-03-01", "ns")
    sad(tmp_path)
    folder = tmp_path / "independent_alongtrack" / "alg" / "2019"
    folder.mkdir(parents=True)
    whole = altika(first, 4)
    for date, day in whole.groupby("time.date"):
        builders.write(day, folder / f"dt_global_alg_phy_l3_{date:%Y%m%d}_20210603.nc")
    submitted = maps(first, 5)
    (tmp_path / "maps").mkdir()
    for day in range(5):
        builders.write(submitted.isel(time=[day]), tmp_path / "maps" / f"{day}.nc")
    result, said = evaluated("ssh_ose_global_2023a", tmp_path, str(tmp_path / "maps" / "*.nc"))
    truth = (whole["sla_unfiltered"] - whole["lwe"]).values
    check_parts(result, truth, at(submitted["sla"], whole), whole)
    assert "NeurOST SSH-SST" in said
    label = "offshore, high variability"  # of the short scales the signal has next to nothing
    assert result.score(f"{label}, 65–500 km").value < 0.5 < result.score(label).value
    assert result.score("Antarctic, 65–500 km").flag == "no_data"


def test_2024_scores_maps_of_every_six_hours(tmp_path: Path) -> None:
    first = np.datetime64("2023-12-30", "ns")
    sad(tmp_path)
    whole = altika(first, 3)
    for date, day in whole.groupby("time.date"):
        folder = tmp_path / "indep_nadir" / "al" / f"{date:%Y}"
        folder.mkdir(parents=True, exist_ok=True)
        builders.write(day, folder / f"nrt_global_al_phy_l3_1hz_{date:%Y%m%d}_20240101.nc")
    daily = maps(first, 4)
    finer = first + np.arange(13) * np.timedelta64(6, "h")
    submitted = daily.interp(time=finer)
    builders.write(submitted, tmp_path / "maps.nc")
    result, said = evaluated("ssh_ose_swot_2024", tmp_path, str(tmp_path / "maps.nc"))
    truth = (whole["sla_unfiltered"] - whole["lwe"]).values
    check_parts(result, truth, at(submitted["sla"], whole), whole)
    assert "6 nadirs and SWOT" in said


def test_2023a_scores_currents_at_drifters(tmp_path: Path) -> None:
    """Drifters report at the same hours, each in a file of its own."""
    sad(tmp_path)
    (tmp_path / "independent_drifters").mkdir()
    first = np.datetime64("2019-06-01", "ns")
    random = np.random.default_rng(3)
    hours = first + np.arange(72) * np.timedelta64(1, "h")
    parts = []
    for number in range(12):
        y = -60 + 11.0 * number + 0.05 * np.arange(72)
        x = (31.0 * number + 355.0 + 0.2 * np.arange(72)) % 360.0
        u, v = (signal(hours, y, x) + 0.1 * random.standard_normal(72) for _ in range(2))
        parts.append(
            xr.Dataset(
                {
                    "EWCT": ("time", u, {"units": "m s-1"}),
                    "NSCT": ("time", v, {"units": "m s-1"}),
                    "sensor_id": ("time", np.full(72, number)),
                    "latitude": ("time", y),
                    "longitude": ("time", x),
                },
                coords={"time": hours},
            )
        )
        path = tmp_path / "independent_drifters" / f"uv_drifters_{number}.nc"
        builders.write(parts[-1], path)
    given = maps(first, 4)["sla"]
    submitted = xr.Dataset({"ugos": given, "vgos": 0.5 * given})
    for name in submitted:
        submitted[name].attrs["units"] = "m/s"
    builders.write(submitted, tmp_path / "maps.nc")
    result, said = evaluated("currents_ose_global_2023a", tmp_path, str(tmp_path / "maps.nc"))
    whole = xr.concat(parts, "time", data_vars="all", join="override")
    sea = np.interp(whole["longitude"], [0, 80, 90, 100, 110, 360], [0, 0, 1, 1, 0, 0]) < 0.5
    for variable, of, drift in (("u", "ugos", "EWCT"), ("v", "vgos", "NSCT")):
        error = at(submitted[of], whole) - whole[drift].values
        rmse = np.sqrt((error**2).mean())
        assert result.score(f"RMSE of {variable}").value == pytest.approx(rmse, rel=1e-9)
        for label in ("coastal", "equatorial band"):
            some = PARTS[label](whole["latitude"].values, sea)
            found = result.score(f"{label}, {variable}")
            assert found.value == pytest.approx(error[some].var(), rel=1e-9), label
            assert found.units == "(m s-1)2"
    assert "GLORYS12v1" in said


NAMES = {
    "ssh_ose_global_2023a": "independent_alongtrack/alg/2019/dt_global_alg_phy_l3_20190103_2.nc",
    "currents_ose_global_2023a": "independent_drifters/uv_drifters_1.nc",
    "ssh_ose_swot_2024": "nadirs/swon/2024/nrt_global_swo_hr_phy_l3_1hz_20240101_2.nc",
}


@every("name, inside", list(NAMES.items()))
def test_archives_are_unpacked_to_where_files_are_looked_for(
    name: str, inside: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, content = tmp_path / name, io.BytesIO()
    builders.write(altika(np.datetime64("2019-01-03", "ns"), 1), tmp_path / "file.nc")
    sad(tmp_path)
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        archive.add(tmp_path / "file.nc", inside)
        archive.add(tmp_path / "sad", "sad")
    asked = []

    def download(url: str, place: Path, most: float) -> None:
        asked.append(url)
        place.write_bytes(content.getvalue())

    monkeypatch.setattr(downloads, "download", download)
    challenge = Challenge.load(name)
    for key in ("land", *(k for k, d in challenge.datasets.items() if _is(d.path, inside))):
        assert challenge.fetch(key, folder).endswith(("downloaded", "present"))
    assert (folder / inside).is_file()
    assert all(url.endswith(".tar.gz") for url in asked)


def test_what_can_be_fetched_is_before_one_line_says_what_comes_by_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first file in an archive of nadirs lacks what the second has: the refusal says which."""
    builders.write(altika(np.datetime64("2024-01-03", "ns"), 1), tmp_path / "file.nc")
    sad(tmp_path)
    missions = ["s3a", "s3b", "s6a_hr", "c2n", "h2b", "j3n"]

    def run(given: list[str], folder: str) -> tuple[int, str]:
        def download(url: str, place: Path, most: float) -> None:
            with tarfile.open(place, "w:gz") as archive:
                for m in given:
                    inside = f"nadirs/{m}/2024/nrt_global_{m}_phy_l3_1hz_20240103_2.nc"
                    archive.add(tmp_path / "file.nc", inside)
                archive.add(tmp_path / "file.nc", NAMES["ssh_ose_swot_2024"])
                archive.add(tmp_path / "sad", "sad")

        monkeypatch.setattr(downloads, "download", download)
        command = ["fetch", "ssh_ose_swot_2024", "--data-dir", str(tmp_path / folder)]
        done = CliRunner().invoke(cli, command)
        return len(done.output.splitlines()), str(done.exception)

    lines, said = run(missions, "all")
    assert lines == len(Challenge.load("ssh_ose_swot_2024").datasets) - 1
    assert "dataset 'altika': no file" in said and "catalog.html" in said
    lines, said = run(missions[:1], "some")
    assert lines == 1
    assert "nadirs.tar.gz holds no nadirs/s3b/" in said


def _is(pattern: str, path: str) -> bool:
    return Path(path).match(pattern)


@every("name", list(NAMES))
def test_the_card_gives_commands_that_there_are(name: str) -> None:
    card = Path(Challenge.load(name).path).with_name("README.md").read_text(encoding="utf-8")
    lines = [shlex.split(line) for line in card.splitlines() if line.startswith("oceanbench ")]
    assert [words[1] for words in lines] == ["fetch", "evaluate", "leaderboard"]
    for words in lines:
        options = {p for c in cli.commands[words[1]].params for p in c.opts}
        assert {w for w in words if w.startswith("--")} <= options, words
