"""A kind is a plug: one that lives here, registered, goes every road of the others.

Its truth is an index: one number at each time, of no place.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Executor
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import xarray as xr
import yaml
from command import Command
from matplotlib.figure import Figure
from places import ROOT

from oceanbench import figures, kinds
from oceanbench.challenge import Challenge
from oceanbench.data import opening
from oceanbench.declaration import Declaration, Mask, Section, Text, time_slice
from oceanbench.errors import OceanbenchError
from oceanbench.grid import as_nanoseconds
from oceanbench.kinds.kind import Cases, Kind, Submitted, refuse_workers
from oceanbench.kinds.submitted import check_values, empty, open_variables
from oceanbench.methods.inputs import Inputs
from oceanbench.result import Result
from oceanbench.scoring.points import (
    Evaluated,
    Geometry,
    Pieces,
    in_words,
    matched_by_score,
    score_points,
)

TIMES = np.arange("2012-01-01", "2012-03-01", dtype="datetime64[D]").astype("datetime64[ns]")


# ------------------------------------------------- what a folder of oceanbench/kinds would hold


class IndexKeys(Section):
    """Keys that only challenges of an index have."""

    season: Text | None = None


def canonical(opened: xr.Dataset, where: str) -> xr.Dataset:
    if "time" not in opened.dims:
        raise OceanbenchError(f"{where}: no dimension 'time'; an index has that one")
    return as_nanoseconds(opened)


def check(declaration: Declaration) -> None:
    if declaration.domain is not None:
        raise ValueError("domain: an index has no place; remove it")


def open_index(
    declaration: Declaration, name: str, data_dir: Path | None, period: slice | None = None
) -> xr.Dataset:
    (file,) = declaration.files(name, data_dir)
    variables = declaration.datasets[name].variables
    opened = canonical(opening.open_file(file), file.name).rename(
        {source: index for index, source in variables.items()}
    )
    opened = opened[list(variables)]
    return opened if period is None else opened.sel(time=period)


def target(declaration: Declaration, data_dir: Path | None) -> xr.Dataset:
    truth = open_index(declaration, declaration.truth_name, data_dir)
    return empty(declaration, {"time": truth["time"].values})


def read(
    declaration: Declaration, submitted: Submitted, data_dir: Path | None = None
) -> xr.Dataset:
    opened = open_variables(submitted.files[0], declaration, canonical, ["time"])
    whole = opening.loaded(opened, submitted.name)
    check_values(whole, declaration, submitted.name)
    return whole


def matched(declaration: Declaration, submitted: Submitted, data_dir: Path | None) -> Pieces:
    def at_truth(field: xr.DataArray, truth: xr.DataArray) -> xr.DataArray:
        return field.reindex(time=truth["time"]).transpose(*truth.dims)

    def inside(points: xr.DataArray, mask: Mask) -> xr.DataArray:
        found = xr.ones_like(points, dtype=bool)
        if mask.time is not None:
            bounds = time_slice(mask.time)
            found &= (points["time"] >= bounds.start) & (points["time"] <= bounds.stop)
        return found

    truth = open_index(declaration, declaration.truth_name, data_dir)
    geometry = Geometry(lambda index: index, at_truth, inside)
    estimates = read(declaration, submitted)
    return matched_by_score(declaration, truth, estimates, geometry, submitted.name)


def score(
    declaration: Declaration, submitted: Submitted, data_dir: Path | None, executor: Executor | None
) -> Evaluated:
    refuse_workers(declaration, executor)
    return score_points(declaration, matched(declaration, submitted, data_dir))


def validate(declaration: Declaration, submitted: Submitted, data_dir: Path | None) -> list[str]:
    return in_words(matched(declaration, submitted, data_dir))


def drive(functions: Any, inputs: Any, target: xr.Dataset, arguments: Any) -> xr.Dataset:
    """Call a method once a month, as kinds to come call theirs once a start."""
    months = target.groupby("time.month")
    parts = [functions["advance"](inputs, part, **arguments) for _, part in months]
    return xr.concat(parts, "time")


INDICES = Kind(
    truth_layout="series",
    roles={"truth": "series", "observations": "series", "training": "series"},
    layouts=("series",),
    mask_keys=("time",),
    cases=Cases("time", dated=True),
    check=check,
    open=open_index,
    target=target,
    read=read,
    score=score,
    validate=validate,
    keys=IndexKeys,
    hidden_in_training=("observations",),
    contract={"advance": "advance(inputs, target, *, device, seed)"},
    drive=drive,
    facts=lambda declaration: [("season", str(declaration.own.season))],  # type: ignore[attr-defined]
)


def drawn(declaration: Declaration, heading: str, material: Pieces) -> Iterator[tuple[str, Figure]]:
    for (variable, mask), piece in material.items():
        figure = Figure()
        axes = figure.subplots()
        axes.plot(piece.truth["time"], piece.truth, label="truth")
        axes.plot(piece.truth["time"], piece.estimate, label="estimate")
        axes.set(title=heading, ylabel=variable)
        yield f"{variable}_{mask}", figure


# --------------------------------------------------------------------------- that it is a plug


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add the two rows, wherever the tables were imported."""
    table = MappingProxyType({**kinds.CHALLENGE_KINDS, "indices": INDICES})
    for name, module in list(sys.modules.items()):
        if name.startswith("oceanbench") and "CHALLENGE_KINDS" in vars(module):
            monkeypatch.setattr(module, "CHALLENGE_KINDS", table)
    monkeypatch.setattr(figures, "DRAWERS", {**figures.DRAWERS, "indices": drawn})


METHOD = '''"""Observations of the index, smoothed."""

KINDS = ("indices",)


def advance(inputs, target, *, device, seed, share=1.0):
    assert "truth" not in inputs
    found = share * inputs["seen"]["amo"].interp(time=target["time"])
    return target.assign(amo=found.assign_attrs(units="K"))
'''


@pytest.fixture
def challenge(tmp_path: Path) -> Path:
    phase = np.arange(TIMES.size) / 9.0
    noise = 0.1 * np.random.default_rng(0).standard_normal(TIMES.size)
    for name, values in (("truth", np.sin(phase)), ("seen", np.sin(phase) + noise)):
        index = xr.Dataset({"amo": ("time", values, {"units": "K"})}, {"time": TIMES})
        index.to_netcdf(tmp_path / f"{name}.nc", engine="h5netcdf")
    same = {"amo": "amo"}
    content = {
        "name": "amo_index",
        "version": 1,
        "title": "An index",
        "kind": "indices",
        "season": "winter",
        "datasets": {
            "truth": {"role": "truth", "path": "truth.nc", "units": "K", "variables": dict(same)},
            "seen": {
                "role": "observations",
                "path": "seen.nc",
                "units": "K",
                "variables": dict(same),
            },
        },
        "submission": {"variables": {"amo": {"units": "K"}}},
        "masks": {"all": {}, "february": {"time": [_date("2012-02-01"), _date("2012-02-29")]}},
        "metrics": [
            {"metric": "rmse", "label": "RMSE"},
            {"metric": "explained_variance", "label": "EV", "mask": "february"},
        ],
        "rank_by": "RMSE",
    }
    path = tmp_path / "challenge.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    (tmp_path / "smoothed.py").write_text(METHOD, encoding="utf-8")
    return path


def _date(text: str) -> Any:
    return np.datetime64(text, "D").item()


def test_it_is_declared_run_scored_ranked_and_drawn(challenge: Path, oceanbench: Command) -> None:
    code, out, _ = oceanbench("show", challenge)
    assert code == 0
    assert "season    winter" in out
    for share in ("1.0", "0.5"):
        code, out, err = oceanbench(
            "run", "smoothed.py", challenge, "--set", f"share={share}", "--name", f"by{share}",
            "--figures",
        )  # fmt: skip
        assert (code, err) == (0, "")
    assert re.search(r"\| 2 +\| b +\| by0.5 ◀ new", out)
    assert "by1.0" in out
    results = Path("results/amo_index")
    found = {share: Result.load(results / f"by{share}.json") for share in ("1.0", "0.5")}
    noise = 0.1 * np.random.default_rng(0).standard_normal(TIMES.size)
    rmse = found["1.0"].score("RMSE")
    assert rmse.value == pytest.approx(np.sqrt(np.mean(noise**2)), rel=1e-6)
    assert rmse.interval is not None
    assert rmse.interval.low < rmse.value < rmse.interval.high
    assert found["1.0"].score("EV").n == 29
    assert {p.name for p in (results / "by1.0").iterdir()} == {"amo_all.png", "amo_february.png"}
    code, out, _ = oceanbench("validate", challenge, results / "by1.0.nc")
    assert code == 0
    assert "amo, mask february: 29 of 29 points can be scored, one value at each point" in out


def test_its_rules_are_its_own(challenge: Path) -> None:
    content = yaml.safe_load(challenge.read_text(encoding="utf-8"))

    def refused(words: str, **changes: object) -> None:
        path = challenge.with_name("changed.yaml")
        path.write_text(yaml.safe_dump({**content, **changes}), encoding="utf-8")
        with pytest.raises(OceanbenchError, match=words):
            Challenge.load(path)

    refused("domain: an index has no place", domain={
        "longitude": [0, 1], "latitude": [0, 1], "time": [_date("2012-01-01"), _date("2012-02-01")]
    })  # fmt: skip
    refused("masks.all.inset_degrees: kind 'indices' has no such part",
            masks={"all": {"inset_degrees": 1.0}})  # fmt: skip
    refused("leads: is for kind 'forecasts', kind is 'indices'", leads=[1])
    refused("season", season=3)
    refused("needs a grid, kind is 'indices'", metrics=[{"metric": "resolved_period"}])


def test_what_it_hides_in_training_is_hidden(challenge: Path) -> None:
    loaded = Challenge.load(challenge)
    assert set(Inputs(loaded)) == {"seen"}
    assert set(Inputs(loaded, for_training=True)) == set()


def test_nothing_else_asks_for_the_kind() -> None:
    """Nothing but kinds compares a kind with a word; the drawers are a table of figures."""
    words = "|".join(kinds.CHALLENGE_KINDS)
    pattern = rf"""kind *(==|!=|in|not in) *[("'\[{{]*["']?({words})["']"""
    found = subprocess.run(
        ["git", "grep", "-nE", pattern, "--", "oceanbench", "baselines"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert [line for line in found.stdout.splitlines() if "/kinds/" not in line] == []
