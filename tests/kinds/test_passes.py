"""Scores along tracks whose cases are passes: closed forms, and coverage by simulation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import yaml
from places import ROOT
from scipy import stats

from oceanbench.boards.influences import influence_on
from oceanbench.challenge import Challenge
from oceanbench.evaluate import evaluate
from oceanbench.kinds.tracks.kind import pass_begins
from oceanbench.metrics.sums import PASS, sums
from oceanbench.metrics.table import METRICS
from oceanbench.scoring.memory import spread
from oceanbench.scoring.pairs import paired
from oceanbench.scoring.statistics import of_sums

RMSE = METRICS["rmse"]
BEGIN = np.datetime64("2014-05-15T00:00", "ns")


def influences(errors: list[np.ndarray], size: np.ndarray) -> list:
    """Influences on the RMSE of submissions with an error a pass, of passes of some samples."""
    first = BEGIN + (7 * np.arange(size.size)).astype("m8[h]")
    begin = np.repeat(first, size)
    step = np.concatenate([np.arange(count) for count in size]).astype("m8[s]")
    truth = xr.DataArray(np.zeros(begin.size), {"time": begin + step}, ("time",))
    truth = truth.assign_coords({PASS: ("time", begin)})
    np.testing.assert_array_equal(pass_begins(truth["time"].values), begin)
    score = RMSE.of_sums({})
    assert score is not None
    tables = [sums(truth + np.repeat(e, size), truth, xr.ones_like(truth)) for e in errors]
    return [of_sums(table, score, (0.0, np.inf)) for table in tables]


def test_the_ratio_of_two_maps_is_as_sure_as_its_closed_form() -> None:
    """Of log RMSE, pass p of n_p samples and squares S_p moves P (S_p/ΣS − n_p/Σn)/2."""
    random = np.random.default_rng(0)
    size = random.integers(10, 96, 67)
    errors = [scale * random.standard_normal(67) for scale in (1.0, 1.3)]
    found = influences(errors, size)
    expected = []
    for error, one in zip(errors, found, strict=True):
        squares = size * error**2
        psi = 67 * (squares / squares.sum() - size / size.sum()) / 2.0
        expected.append(psi)
        assert one.scale.back(one.value) == pytest.approx(np.sqrt(squares.sum() / size.sum()))
        assert np.corrcoef(one.of_case, psi)[0, 1] > 0.995
        assert one.of_case.std() == pytest.approx(psi.std(), rel=0.1)
    for dated in (True, False):
        told = paired(*(replace(one, dated=dated) for one in found))
        assert told is not None and told.ratio is not None
        reach = float(spread(expected[0] - expected[1], dated=dated).reach(0.95))
        width = np.log(told.ratio.high / told.ratio.low)
        assert width == pytest.approx(2.0 * reach, rel=0.1)
    error = (expected[0] - expected[1]).std(ddof=1) / np.sqrt(67)  # of independent passes
    assert width == pytest.approx(2.0 * stats.t.ppf(0.975, 66) * error, rel=0.1)


@pytest.mark.slow
def test_intervals_over_passes_hold_the_ratio() -> None:
    """95 % of them, where passes err apart and where those of a day or two err alike."""
    random = np.random.default_rng(1)
    for memory in (0.0, 0.6):
        held = 0
        for _ in range(200):
            size = random.integers(10, 96, 67)
            common = random.standard_normal((3, 67))
            for column in range(1, 67):
                common[:, column] += memory * common[:, column - 1]
            common *= np.sqrt(1.0 - memory**2)
            errors = [common[0] + 0.5 * common[1], common[0] + 0.5 * common[2]]
            told = paired(*influences(errors, size))
            assert told is not None and told.ratio is not None
            held += told.ratio.low <= 1.0 <= told.ratio.high
        assert 0.90 * 200 <= held <= 200


def test_a_challenge_by_passes_keeps_their_sums(tmp_path: Path) -> None:
    content = yaml.safe_load((ROOT / "challenges/ssh_ose_jet/challenge.yaml").read_text())
    folder = ROOT / "challenges/ssh_ose_jet"
    for dataset in content["datasets"].values():
        dataset["path"] = str((folder / dataset["path"]).resolve())
    content |= {"name": "by_passes", "cases": "passes"}
    del content["reference_method"]
    path = tmp_path / "challenge.yaml"
    path.write_text(yaml.safe_dump(content))
    challenge = Challenge.load(path)
    target = challenge.target()
    maps = tmp_path / "flat.nc"
    target.fillna(0.0).to_netcdf(maps, engine="h5netcdf")
    result = evaluate(challenge, maps)
    row = next(row for row in challenge.scores if row.metric == "rmse")
    score = next(score for score in result.scores if score.label == row.label)
    influence, cases = influence_on(challenge, result, score, row)
    truth = challenge.open(challenge.truth_name)["ssh"]
    begin = np.unique(pass_begins(truth["time"].values))
    assert influence is not None
    found = np.frombuffer(cases[0], dtype="M8[ns]")
    assert 30 < found.size <= begin.size
    assert np.isin(found, begin).all()
    kept = {bool(series["daily"]) for series in result.series if "daily" in series}
    assert kept == {False, True}  # scores that are means of days keep theirs
