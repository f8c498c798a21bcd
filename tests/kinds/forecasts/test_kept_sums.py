"""Sums of references are taken from a file only where it is one's own, whole and right."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from forecast_worlds import CONTENT, STARTS, declare, persistence

from oceanbench.challenge import Challenge
from oceanbench.evaluate import evaluate
from oceanbench.kinds.forecasts.daily_maps import Maps
from oceanbench.kinds.forecasts.scoring import fields
from oceanbench.result import Result
from oceanbench.submission import Submission

ROWS = [
    {"metric": "rmse", "label": "RMSE", "variables": ["zos"]},
    {"metric": "skill", "label": "skill", "relative_to": "persistence", "variables": ["zos"]},
    {"metric": "activity", "label": "activity", "relative_to": "climatology", "variable": "zos"},
]
DROP = CONTENT["submission"] | {"missing": "drop"}


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the datasets that are read, once for each time."""
    found: list[str] = []
    usual = Maps.read_days

    def seen(self: Maps, *arguments: Any) -> Any:
        found.append(self.name)
        return usual(self, *arguments)

    monkeypatch.setattr(Maps, "read_days", seen)
    return found


@pytest.fixture(scope="module")
def challenge(tmp_path_factory: pytest.TempPathFactory) -> Challenge:
    folder = tmp_path_factory.mktemp("toy")
    return Challenge.load(declare(folder, metrics=ROWS, rank_by="skill zos day 5", submission=DROP))


def mine(folder: Path, hole: bool = False) -> Submission:
    dataset = (0.9 * persistence()[["zos"]]).assign(zos=lambda d: d["zos"].assign_attrs(units="m"))
    if hole:
        dataset["zos"][2, 1, 5, 16] = np.nan
    path = folder / f"mine{hole:d}.nc"
    dataset.to_netcdf(path, engine="h5netcdf")
    return Submission("mine", path)


def same(one: Result, other: Result) -> None:
    for a, b in zip(one.scores, other.scores, strict=True):
        assert (a.label, a.n, a.flag) == (b.label, b.n, b.flag)
        assert a.value == (b.value and pytest.approx(b.value, rel=1e-12))


def test_references_are_summed_once_and_their_scores_stay(challenge, tmp_path, reads):
    submission, kept = mine(tmp_path), tmp_path / "kept"
    alone = evaluate(challenge, submission)
    reads.clear()
    first = evaluate(challenge, submission, kept=kept)
    assert reads.count("initial") == STARTS.size
    reads.clear()
    second = evaluate(challenge, submission, kept=kept)
    assert reads.count("initial") == 1  # the start that is drawn to be compared
    assert reads.count("climatology") >= STARTS.size  # whose anomalies are scored
    for result in (first, second):
        same(result, alone)
    (file,) = kept.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


def test_holes_are_not_scored_by_what_was_kept(challenge, tmp_path):
    evaluate(challenge, mine(tmp_path), kept=tmp_path / "kept")
    holed = mine(tmp_path, hole=True)
    same(evaluate(challenge, holed, kept=tmp_path / "kept"), evaluate(challenge, holed))


def damaged(content: bytes) -> bytes:
    return content[:-200] + bytes([content[-200] ^ 1]) + content[-199:]


def false(content: bytes) -> bytes:
    """Other numbers, and their checksum."""
    header, body = content.split(b"\n", 1)
    with np.load(io.BytesIO(body)) as loaded:
        tables = [loaded[name] * [[[[1]]], [[[1]]], [[[1]]], [[[0.5]]]] for name in loaded]
    made = io.BytesIO()
    np.savez(made, *tables)
    known = json.loads(header) | {"sha256": hashlib.sha256(made.getvalue()).hexdigest()}
    return json.dumps(known).encode() + b"\n" + made.getvalue()


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


@pytest.mark.parametrize("spoil", [damaged, false, cut, lambda _: b"{}\n"])
def test_a_file_that_is_damaged_or_false_is_not_believed(challenge, tmp_path, spoil, reads):
    submission, kept = mine(tmp_path), tmp_path / "kept"
    usual = evaluate(challenge, submission, kept=kept)
    (file,) = kept.iterdir()
    content = file.read_bytes()
    file.write_bytes(spoil(content))
    reads.clear()
    same(evaluate(challenge, submission, kept=kept), usual)
    assert reads.count("initial") >= STARTS.size
    header, body = file.read_bytes().split(b"\n", 1)  # written anew
    assert json.loads(header)["sha256"] == hashlib.sha256(body).hexdigest()


def test_a_file_that_others_may_write_is_not_believed(challenge, tmp_path, reads):
    submission, kept = mine(tmp_path), tmp_path / "kept"
    evaluate(challenge, submission, kept=kept)
    (file,) = kept.iterdir()
    file.chmod(0o666)
    reads.clear()
    evaluate(challenge, submission, kept=kept)
    assert reads.count("initial") == STARTS.size


def test_other_data_have_another_file(challenge, tmp_path):
    kept = tmp_path / "kept"
    evaluate(challenge, mine(tmp_path), kept=kept)
    path = declare(tmp_path / "toy", metrics=ROWS, rank_by="skill zos day 5", submission=DROP)
    truth = path.parent / "initial.nc"
    truth.write_bytes(truth.read_bytes() + b"\0")
    evaluate(Challenge.load(path), mine(tmp_path), kept=kept)
    assert len(list(kept.iterdir())) == 2


def test_cells_that_are_summed_apart_have_the_same_sums(challenge, tmp_path, monkeypatch):
    submission = mine(tmp_path, hole=True)
    usual = evaluate(challenge, submission)
    monkeypatch.setattr(fields, "CELLS_AT_ONCE", 37)
    monkeypatch.setattr(fields, "AT_ONCE", 500)
    same(evaluate(challenge, submission), usual)
