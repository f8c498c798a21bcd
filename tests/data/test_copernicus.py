"""Days of the Copernicus Marine Service: each whole, brought once, by its client or not at all."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from builders import MAPS, load_challenge, maps, write
from click.testing import CliRunner
from rows import every

from oceanbench.cli.commands import cli, main
from oceanbench.errors import OceanbenchError

SOURCE = {
    "copernicusmarine": {
        "datasets": ["my_P1D-m", "myint_P1D-m"],
        "time": ["2012-10-22", "2012-10-26"],
        "depth": [0.49, 0.5],
    }
}
GIVEN = {"datasets__truth__path": "glo/*.nc", "datasets__truth__source": SOURCE}
DAYS = ["20121022", "20121023", "20121024", "20121025", "20121026"]


class OutsideError(Exception):
    """The day is in no part of a dataset."""


class Client(SimpleNamespace):
    """Stands for the client: the first dataset ends on 24 October; what it writes is private."""

    CoordinatesOutOfDatasetBounds = OutsideError

    def __init__(self, **changes: Any) -> None:
        super().__init__(
            **{"asked": [], "account": True, "fails_on": (), "writes": True, **changes}
        )

    def login(self, *, check_credentials_valid: bool) -> bool:
        assert check_credentials_valid  # nothing is asked on the terminal, and nothing stored
        if isinstance(self.account, Exception):
            raise self.account
        return self.account

    def subset(self, **asked: Any) -> None:
        self.asked.append(asked)
        day = asked["start_datetime"][:10]
        if asked["dataset_id"].startswith("my_") and day > "2012-10-24":
            raise OutsideError(day)
        place = Path(asked["output_directory"], asked["output_filename"])
        if self.writes:
            first = int(day[-2:]) - 22
            write(maps().isel(time=[first]), place)
            place.chmod(0o600)
        if day in self.fails_on:
            raise RuntimeError("the connection\nbroke")


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    given = Client()
    monkeypatch.setitem(sys.modules, "copernicusmarine", given)
    return given


def test_days_are_brought_in_the_names_that_they_keep(client, tmp_path, monkeypatch):
    challenge = load_challenge(tmp_path / "c", MAPS, **GIVEN)
    monkeypatch.chdir(tmp_path)
    before = os.umask(0o022)
    try:
        done = CliRunner().invoke(
            cli, ["fetch", str(challenge.path), "--data-dir", "data"], catch_exceptions=False
        )
    finally:
        os.umask(before)
    assert done.output.splitlines()[-1] == "truth: 5 downloaded, 5 present"
    expected = {f"my_P1D-m_{d}.nc" for d in DAYS[:3]} | {f"myint_P1D-m_{d}.nc" for d in DAYS[3:]}
    found = [p for p in Path("data").rglob("*") if p.is_file()]
    assert {p.relative_to("data/glo").as_posix() for p in found} == expected
    assert {p.stat().st_mode & 0o777 for p in found} == {0o644}
    first = client.asked[0]
    assert (first["start_datetime"], first["end_datetime"]) == (
        "2012-10-22T00:00:00",
        "2012-10-22T23:59:59",
    )
    assert (first["minimum_depth"], first["maximum_depth"]) == (0.49, 0.5)
    assert first["variables"] == ["ssh"]
    assert first["output_directory"].is_absolute()
    assert challenge.open("truth", Path("data")).sizes["time"] == 5


def test_what_broke_is_not_kept_and_what_is_here_not_asked_again(client, tmp_path):
    challenge = load_challenge(tmp_path / "c", MAPS, **GIVEN)
    client.fails_on = ("2012-10-24",)
    words = r"2012-10-24 could not be fetched \(RuntimeError: the connection broke\); days before"
    with pytest.raises(OceanbenchError, match=words):
        challenge.fetch("truth", tmp_path / "data")
    assert sorted(p.name for p in (tmp_path / "data").rglob("*")) == [
        "glo", *(f"my_P1D-m_{d}.nc" for d in DAYS[:2])
    ]  # fmt: skip
    client.fails_on = ()
    client.asked.clear()
    assert (
        challenge.fetch("truth", tmp_path / "data", offline=True)
        == "2 files present, 3 days missing"
    )
    assert challenge.fetch("truth", tmp_path / "data") == "3 downloaded, 5 present"
    assert {a["start_datetime"][:10] for a in client.asked} == {
        f"2012-10-{d[-2:]}" for d in DAYS[2:]
    }
    client.asked.clear()
    assert challenge.fetch("truth", tmp_path / "data") == "5 files present"
    assert client.asked == []


def test_files_that_came_another_way_are_left_alone(client, tmp_path):
    challenge = load_challenge(tmp_path / "c", MAPS, **GIVEN)
    (tmp_path / "data" / "glo").mkdir(parents=True)
    write(maps(), tmp_path / "data" / "glo" / "mercator.nc")
    assert challenge.fetch("truth", tmp_path / "data") == "1 file present"
    assert client.asked == []


@every(
    "changes, words",
    [
        (None, "copernicusmarine is not installed"),
        ({"account": False}, "no valid account; register at"),
        ({"account": OSError("no route")}, r"could not be asked \(OSError: no route\)"),
        ({"writes": False}, "the client wrote no my_P1D-m_20121022.nc"),
    ],
)
def test_without_client_or_account_one_line_says_so(changes, words, tmp_path, monkeypatch, capsys):
    challenge = load_challenge(tmp_path / "c", MAPS, **GIVEN)
    given = Client(**changes) if changes is not None else None
    monkeypatch.setitem(sys.modules, "copernicusmarine", given)
    arguments = ["fetch", str(challenge.path), "--data-dir", str(tmp_path / "d")]
    monkeypatch.setattr("sys.argv", ["oceanbench", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    with pytest.raises(OceanbenchError, match=words):
        raise OceanbenchError(line)
    assert [p for p in (tmp_path / "d").rglob("*") if p.is_file()] == []


def test_more_than_may_be_stored_is_refused(client, tmp_path):
    challenge = load_challenge(tmp_path / "c", MAPS, **GIVEN)
    small = challenge.model_copy(update={"budget": challenge.budget.times(1e-7)})
    with pytest.raises(OceanbenchError, match=r"more than 6872 bytes; raise what may be stored"):
        small.fetch("truth", tmp_path / "data")


@every(
    "path, changes, words",
    [
        ("glo.nc", {}, "a file a day has the name my_P1D-m_YYYYMMDD.nc, which is no glo.nc"),
        ("glo/*.nc", {"time": ["2012-10-26", "2012-10-22"]}, "is empty"),
        ("glo/*.nc", {"datasets": ["../up"]}, "should match pattern"),
    ],
)
def test_what_could_not_be_asked_for_is_no_challenge(path, changes, words, tmp_path):
    asked = {**SOURCE["copernicusmarine"], **changes}
    given = {
        "datasets__truth__path": path,
        "datasets__truth__source": {"copernicusmarine": asked},
    }
    with pytest.raises(OceanbenchError, match=words):
        load_challenge(tmp_path / "c", MAPS, **given)


@every("path", ["/glo/*.nc", "../glo/*.nc"])
def test_no_day_leaves_the_folder(path, client, tmp_path):
    challenge = load_challenge(tmp_path / "c", MAPS, **{**GIVEN, "datasets__truth__path": path})
    with pytest.raises(OceanbenchError, match="leads out of the folder"):
        challenge.fetch("truth", tmp_path / "data")
    assert client.asked == []


def test_files_come_from_one_place(tmp_path):
    source = {**SOURCE, "url": "http://127.0.0.1:9/x.nc"}
    given = {**GIVEN, "datasets__truth__source": source}
    with pytest.raises(OceanbenchError, match="url and copernicusmarine: files come from one"):
        load_challenge(tmp_path / "c", MAPS, **given)
