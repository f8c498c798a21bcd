"""Estimates that come part by part are the same in memory and in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from command import Command
from forecast_worlds import CONTENT, declare

from oceanbench.challenge import Challenge
from oceanbench.errors import OceanbenchError
from oceanbench.kinds import room
from oceanbench.kinds.parts import part_of, put_together
from oceanbench.kinds.room import FileRoom, Place
from oceanbench.methods import running

SIZES = {"start": 3, "lead": 2, "depth": 2, "latitude": 4, "longitude": 5}
COORDS: dict[str, Any] = {n: np.arange(float(size)) for n, size in SIZES.items()}
COORDS["start"] = np.datetime64("2020-01-01", "ns") + np.arange(3) * np.timedelta64(7, "D")
SHAPES = {"thetao": tuple(SIZES), "zos": ("start", "lead", "latitude", "longitude", "member")}
PLACES: list[Place] = [{"start": np.array([number])} for number in (1, 2, 0)]
SIMPLE = [row for row in CONTENT["metrics"] if row["metric"] == "rmse"]


def fields() -> xr.Dataset:
    random, sizes = np.random.default_rng(0), SIZES | {"member": 3}
    variables = {
        name: (dims, random.normal(size=[sizes[d] for d in dims]).astype("f4"))
        for name, dims in SHAPES.items()
    }
    variables["zos"][1][:, :, 1] = np.nan
    return xr.Dataset(variables, COORDS)


def test_a_file_holds_what_the_memory_would(tmp_path: Path) -> None:
    whole = fields()
    target = whole.isel(member=0)
    path, units = tmp_path / "x.nc", {"zos": "m", "thetao": "degrees_C"}
    parts = [(place, part_of(whole, place)) for place in PLACES]
    found = put_together(target, parts, FileRoom(path, units, "mine on toy"))
    assert put_together(target, parts)[list(units)].equals(found.load())
    found.close()
    with xr.open_dataset(path) as written:
        assert written.attrs["title"] == "mine on toy"
        assert {n: written[n].attrs["units"] for n in units} == units
        assert written["zos"].encoding["chunksizes"] == (1, 1, 4, 5, 1)


def test_parts_that_differ_are_refused(tmp_path: Path) -> None:
    whole = fields()
    parts = [(place, part_of(whole, place)) for place in PLACES]
    parts[1] = (PLACES[1], parts[1][1].isel(member=[0]))
    with pytest.raises(OceanbenchError, match="as many members as for the others"):
        put_together(whole.isel(member=0), parts, FileRoom(tmp_path / "x.nc", {"zos": "m"}, ""))


def test_a_disk_that_may_be_too_small_is_said(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(room.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 100}))
    with pytest.raises(OceanbenchError, match="make room, or choose another --output"):
        FileRoom(tmp_path / "x.nc", {"zos": "m"}, "").make(fields(), part_of(fields(), PLACES[0]))


def test_a_run_writes_large_forecasts_as_they_come(
    tmp_path: Path, monkeypatch: Any, oceanbench: Command
) -> None:
    path = declare(tmp_path / "toy", metrics=SIMPLE)
    for name, limit in (("usual", running.IN_MEMORY), ("streamed", 0)):
        monkeypatch.setattr(running, "IN_MEMORY", limit)
        code, _, errors = oceanbench("run", "persistence", path, "--name", name)
        assert code == 0, errors
    folder = Path("results") / Challenge.load(path).name
    with (
        xr.open_dataset(folder / "usual.nc") as one,
        xr.open_dataset(folder / "streamed.nc") as two,
    ):
        assert one.equals(two) and one.attrs["title"].replace("usual", "streamed") == two.title
    assert sorted(p.suffix for p in folder.iterdir()) == [".json", ".json", ".nc", ".nc"]
