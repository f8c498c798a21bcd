"""The stress matrix: two cells of a toy sea from end to end, resumed, gathered, shown."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import xarray as xr
from places import ROOT

SCALES = {"length_factor": 1.0, "time_factor": 0.7, "speed_factor": 0.0}
ERRORS = {"noise": 0.03, "correlated": 0.02}
METHODS = ("duacs", "oi")


def toy() -> xr.DataArray:
    """Waves that drift, of 30 cm, with land in a corner."""
    axes = {
        "time": np.datetime64("2013-01-01", "ns") + np.arange(40) * np.timedelta64(1, "D"),
        "latitude": 34.0 + 0.2 * np.arange(41),
        "longitude": 296.0 + 0.2 * np.arange(41),
    }
    t, y, x = np.meshgrid(np.arange(40), np.arange(41), np.arange(41), indexing="ij")
    height = 0.3 * np.sin(0.4 * x + 0.1 * t) * np.cos(0.35 * y)
    maps = xr.DataArray(height, axes, tuple(axes), "ssh", {"units": "m"})
    return maps.where((maps["longitude"] > 297.5) | (maps["latitude"] > 35.5))


@pytest.fixture
def stress(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "figures"))
    stress, stress_seas = import_module("stress"), import_module("stress_seas")
    days = ("2013-01-01", "2013-02-09")
    sea = stress_seas.Sea(toy, (296.0, 34.0), ("2013-01-03", "2013-01-06"), days)
    monkeypatch.setitem(stress_seas.SEAS, "toy", sea)
    cells = [
        stress.Cell("toy", "another", "two", "twice"),
        stress.Cell("toy", "training", "four", "nominal"),
    ]
    monkeypatch.setattr(stress, "CELLS", cells)
    (tmp_path / "fits").mkdir()
    fits = {"duacs": SCALES | ERRORS, "end_to_end": SCALES | ERRORS, "states": SCALES}
    (tmp_path / "fits" / "toy.json").write_text(json.dumps(fits), encoding="utf-8")
    return stress


def test_cells_are_made_once_gathered_and_shown(
    stress: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stress_table = import_module("stress_table")
    stress.make(tmp_path, stress.CELLS, METHODS)
    first = capsys.readouterr().out.splitlines()
    assert len(first) == 4 and first[0].startswith("toy | training | four | nominal | duacs")
    row = stress.CELLS[0].row(tmp_path, "oi")
    row.unlink()  # as if it had been interrupted there
    stress.make(tmp_path, stress.CELLS, METHODS)
    (again,) = capsys.readouterr().out.splitlines()
    assert again.startswith("toy | another | two | twice | oi")

    found = stress.gathered(tmp_path, {"jet | another | two | none": {"duacs": [1], "bfn": [2]}})
    assert found["jet | another | two | none"]["bfn"] == [2]  # what was known is kept
    kept = json.loads(row.read_text(encoding="utf-8"))
    assert found[str(stress.CELLS[0])]["oi"] == kept["rmse"]
    assert len(kept["rmse"]) == len(kept["sea"]) == 9
    assert kept["sea"][0] < min(kept["sea"][1:])  # the corner with land has less sea

    matrix = stress_table.Matrix(found | {"sea": {"toy": kept["sea"], "jet": [1]}})
    expected = stress.total(kept["rmse"], kept["sea"])
    expected /= stress.total(found[str(stress.CELLS[0])]["duacs"], kept["sea"])
    assert matrix.ratio(tuple(stress.CELLS[0]), "oi") == pytest.approx(expected)
    low, high = matrix.interval(tuple(stress.CELLS[0]), "oi")
    assert low <= expected <= high
    assert matrix.mean("bfn") == pytest.approx(2.0)
    stress_table.show(found | {"sea": {"toy": kept["sea"], "jet": [1]}}, tmp_path / "image.png")
    assert (tmp_path / "image.png").is_file()
    assert "| `bfn` | 1 | 2.00 | 2.00 | jet, another, two, none | 1 |" in capsys.readouterr().out


def test_the_error_of_a_box_is_that_of_its_sea(stress: ModuleType) -> None:
    truth = toy().isel(time=slice(0, 3), latitude=slice(5, 36), longitude=slice(5, 36))
    rmse, sea = stress.mean_squares(truth + 0.02, truth)
    assert rmse == [20_000] * 9 and stress.total(rmse, sea) == pytest.approx(20_000)
    assert sum(sea) == pytest.approx(
        float((truth[0].notnull() * np.cos(np.deg2rad(truth["latitude"]))).sum()), abs=5
    )
    with pytest.raises(ValueError, match="holes in the sea"):
        stress.mean_squares(truth.where(truth["longitude"] > 300.0), truth)


def test_reversals_are_pairs_that_either_wins_surely(stress: ModuleType) -> None:
    stress_table = import_module("stress_table")
    sure, unsure = [10, 11, 12], [10, 20, 12]
    rows = {
        f"toy | {season} | {sampling} | none": {
            "duacs": sure,
            "a": [5, 6, 7] if sampling == "two" else [20, 22, 24],
            "b": [10, 10, 13] if season == "training" else unsure,
        }
        for season in ("training", "another")
        for sampling in ("two", "six")
    }
    table = list(stress_table.reversals(stress_table.Matrix({"sea": {"toy": [1, 1, 1]}} | rows)))
    assert table[2:] == [
        "| `duacs` | `a` | 2 of 4 | six (2 of 2) | 2 | two (2 of 2) |",
        "| `a` | `b` | 2 of 4 | two (2 of 2) | 2 | six (2 of 2) |",
    ]
