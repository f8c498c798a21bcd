"""A kind is a plug: one that lives here, registered, goes every road of the others.

Its truth is an index: one number at each time, of no place.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, cast

import numpy as np
import pytest
import xarray as xr
import yaml
from command import Command
from matplotlib.figure import Figure
from places import ROOT
from pydantic import Field
from rows import every

from oceanbench import figures, kinds
from oceanbench.challenge import Challenge
from oceanbench.data import opening
from oceanbench.declaration import Dates, Declaration, Mask, MetricRow, Section, Text, time_slice
from oceanbench.errors import OceanbenchError, did_you_mean
from oceanbench.grid import as_nanoseconds
from oceanbench.kinds.kind import Cases, Kind, Submitted
from oceanbench.kinds.points import score_by, validate_by
from oceanbench.kinds.submitted import check_values, empty, only_file, open_variables
from oceanbench.methods.inputs import Inputs
from oceanbench.result import Result
from oceanbench.scoring.points import Geometry, Pieces, matched_by_score
from oceanbench.submission import Submission

TIMES = np.arange("2012-01-01", "2012-03-01", dtype="datetime64[D]").astype("datetime64[ns]")


# ------------------------------------------------- what a folder of oceanbench/kinds would hold


class IndexKeys(Section):
    """Keys that only challenges of an index have."""

    season: Text | None = None


class IndexMask(Mask):
    """Some days of an index, or those of one phase of the truth."""

    time: Dates | None = None
    phase: Literal["warm", "cold"] | None = None


class IndexRow(MetricRow):
    """One score, or one through each mask that is listed."""

    through: list[Text] = Field(default_factory=list)


def canonical(opened: xr.Dataset, where: str) -> xr.Dataset:
    if "time" not in opened.dims:
        raise OceanbenchError(f"{where}: no dimension 'time'; an index has that one")
    found: xr.Dataset = as_nanoseconds(opened)
    return found


def check(declaration: Declaration) -> None:
    if declaration.domain is not None:
        raise ValueError("domain: an index has no place; remove it")
    for row in cast(list[IndexRow], declaration.metrics):
        for mask in row.through:
            if mask not in declaration.masks:
                raise ValueError(f"through: {did_you_mean(mask, declaration.masks)}")


def score_rows(declaration: Declaration) -> list[MetricRow]:
    found: list[MetricRow] = []
    for row in cast(list[IndexRow], declaration.metrics):
        each = [{"label": f"{row.label} {mask}", "mask": mask} for mask in row.through]
        found += [row.model_copy(update=update) for update in each or [{}]]
    return found


def open_index(
    declaration: Declaration, name: str, data_dir: Path | None, period: slice | None = None
) -> xr.Dataset:
    file = only_file(declaration.files(name, data_dir), f"dataset '{name}'")
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
    file = only_file(submitted.files, submitted.name)
    opened = open_variables(file, declaration, canonical, ["time"])
    whole = opening.loaded(opened, submitted.name)
    check_values(whole, declaration, submitted.name)
    return whole


def matched(
    declaration: Declaration, submitted: Submitted, data_dir: Path | None, against: str
) -> Pieces:
    def at_truth(field: xr.DataArray, truth: xr.DataArray) -> xr.DataArray:
        return field.reindex(time=truth["time"]).transpose(*truth.dims)

    def inside(points: xr.DataArray, mask: IndexMask) -> xr.DataArray:
        found = xr.ones_like(points, dtype=bool)
        if mask.time is not None:
            bounds = time_slice(mask.time)
            found &= (points["time"] >= bounds.start) & (points["time"] <= bounds.stop)
        if mask.phase is not None:
            found &= (points > 0) == (mask.phase == "warm")
        return found

    truth = open_index(declaration, against, data_dir)
    geometry = Geometry(lambda index: index, at_truth, inside)
    estimates = read(declaration, submitted)
    return matched_by_score(declaration, truth, estimates, geometry, submitted.name)


def drive(
    functions: Any, inputs: Any, target: xr.Dataset, arguments: Any, driving: Any
) -> xr.Dataset:
    """Call a method once a month, as kinds to come call theirs once a start."""
    months = target.groupby("time.month")
    parts = [functions["advance"](inputs, part, **arguments) for _, part in months]
    joined: xr.Dataset = xr.concat(parts, "time")
    return joined


INDICES = Kind(
    truth_layout="series",
    roles={"truth": "series", "observations": "series", "training": "series"},
    layouts=("series",),
    cases=Cases("time", dated=True),
    check=check,
    open=open_index,
    target=target,
    read=read,
    score=partial(score_by, matched),
    validate=partial(validate_by, matched),
    keys=IndexKeys,
    mask_keys=IndexMask,
    row_keys=IndexRow,
    score_rows=score_rows,
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
        "masks": {
            "all": {},
            "february": {"time": [_date("2012-02-01"), _date("2012-02-29")]},
            "warm": {"phase": "warm"},
            "cold": {"phase": "cold"},
        },
        "metrics": [
            {"metric": "rmse", "label": "RMSE"},
            {"metric": "explained_variance", "label": "EV", "mask": "february"},
            {"metric": "bias", "label": "bias", "through": ["warm", "cold"]},
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
            "--figures", "--board",
        )  # fmt: skip
        assert (code, err) == (0, "")
    assert re.search(r"\| 2 +\| b +\| by0\.5 ◀ new", out)
    assert "by1.0" in out
    results = Path("results/amo_index")
    found = {share: Result.load(results / f"by{share}.json") for share in ("1.0", "0.5")}
    noise = 0.1 * np.random.default_rng(0).standard_normal(TIMES.size)
    rmse = found["1.0"].score("RMSE")
    assert rmse.value == pytest.approx(np.sqrt(np.mean(noise**2)), rel=1e-6)
    assert rmse.interval is not None
    assert rmse.interval.low < rmse.value < rmse.interval.high
    assert found["1.0"].score("EV").n == 29
    warm = np.sin(np.arange(TIMES.size) / 9.0) > 0
    for name, chosen in (("warm", warm), ("cold", ~warm)):
        bias = found["1.0"].score(f"bias {name}")
        assert (bias.mask, bias.n) == (name, chosen.sum())
        assert bias.value == pytest.approx(noise[chosen].mean(), abs=1e-9)
    drawn = {p.stem for p in (results / "by1.0").iterdir()}
    assert drawn == {"amo_all", "amo_february", "amo_warm", "amo_cold"}
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
    refused("masks.all: unknown key 'inset_degrees'; .*known: phase, time",
            masks={"all": {"inset_degrees": 1.0}})  # fmt: skip
    refused("masks.all: unknown key 'fase'; did you mean 'phase'", masks={"all": {"fase": "warm"}})
    refused("masks.all.phase: found 'hot', expected: 'warm' or 'cold'",
            masks={"all": {"phase": "hot"}})  # fmt: skip
    row = {"metric": "rmse", "label": "RMSE"}
    refused(r"metrics\[0\]: unknown option 'trough' .*; did you mean 'through'",
            metrics=[row | {"trough": ["all"]}])  # fmt: skip
    refused("through: did you mean 'warm'", metrics=[row | {"through": ["wram"]}])
    refused(r"metrics\[0\].shown: found .*, expected: a valid boolean",
            metrics=[row | {"shown": {"masks": ["all"]}}])  # fmt: skip
    variables = content["submission"]["variables"]
    for rule, value in (("regrid", "linear"), ("grid", {"step_degrees": 1.0}),
                        ("crop_to_domain", True), ("max_step_days", 2.0)):  # fmt: skip
        refused(f"submission.{rule}: kind 'indices' has no such rule; remove it",
                submission={"variables": variables, rule: value})  # fmt: skip
    refused("submission.variables.amo.surface: kind 'indices' has no such rule",
            submission={"variables": {"amo": {"units": "K", "surface": True}}})  # fmt: skip
    refused("submission.missing: kind 'indices' cannot 'fill' holes; write refuse or drop",
            submission={"variables": variables, "missing": "fill"})  # fmt: skip
    refused("leads: is for kind 'forecasts', kind is 'indices'", leads=[1])
    refused("season", season=3)
    refused("needs a grid, kind is 'indices'", metrics=[{"metric": "resolved_period"}])


@every(
    "order, words",
    [
        ([0, 1, 1, *range(2, 60)], "time 2012-01-02T00:00 occurs twice"),
        ([1, 0, *range(2, 60)], "not increasing"),
    ],
)
def test_what_every_kind_refuses_is_refused(challenge: Path, order: list[int], words: str) -> None:
    mine = xr.open_dataset(challenge.with_name("seen.nc")).load().isel(time=order)
    mine.to_netcdf(challenge.with_name("mine.nc"), engine="h5netcdf")
    with pytest.raises(OceanbenchError, match=words):
        Submission("mine", challenge.with_name("mine.nc")).open(Challenge.load(challenge))
    with pytest.raises(OceanbenchError, match="expected all in one; join them"):
        Submission("mine", challenge.with_name("*.nc")).open(Challenge.load(challenge))


def test_what_it_hides_in_training_is_hidden(challenge: Path) -> None:
    loaded = Challenge.load(challenge)
    assert set(Inputs(loaded)) == {"seen"}
    assert set(Inputs(loaded, for_training=True)) == set()


def asks_for_a_kind(code: str) -> list[int]:
    """Lines where a kind, by that name, is compared with a word or looked up in a table."""
    words, found = {*kinds.CHALLENGE_KINDS, "indices"}, []

    def is_kind(node: ast.expr) -> bool:
        name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
        return "kind" in name.lower()

    def says(node: ast.AST) -> bool:
        return any(isinstance(n, ast.Constant) and n.value in words for n in ast.walk(node))

    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
        elif isinstance(node, ast.Match):
            sides = [node.subject, *(case.pattern for case in node.cases)]
        elif isinstance(node, ast.Subscript):
            sides = [node.slice, node.value]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            sides = [node.func.value, *node.args]
        else:
            continue
        if any(isinstance(s, ast.expr) and is_kind(s) for s in sides) and any(map(says, sides)):
            found.append(node.lineno)
    return found


@every(
    "code",
    [
        'challenge.kind == "maps"',
        '"maps" != challenge.kind',
        'kind in ("maps", "tracks")',
        'challenge.kind not in {"windows"}',
        'match declaration.kind:\n    case "forecasts":\n        pass',
        '{"maps": 1}[challenge.kind]',
        '{"maps": 1}.get(challenge.kind)',
        'challenge.kind.startswith("maps")',
    ],
)
def test_who_asks_for_a_kind_is_found(code: str) -> None:
    assert asks_for_a_kind(code)


def test_nothing_else_asks_for_the_kind() -> None:
    """Nothing but kinds compares a kind with a word; the drawers are a table of figures."""
    paths = [p for p in (ROOT / "oceanbench").rglob("*.py") if "kinds" not in p.parts]
    found = {
        f"{path.relative_to(ROOT)}, line {line}"
        for path in [*paths, *(ROOT / "baselines").glob("*.py")]
        for line in asks_for_a_kind(path.read_text(encoding="utf-8"))
    }
    assert len(paths) > 200 and found == set()
