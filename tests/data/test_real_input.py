"""A real observing-system experiment: CryoSat-2 withheld, Mediterranean, May 2014.

The files are not ours to ship; these tests run where they lie beside the checkout.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from places import MEDITERRANEAN, SHARED

from oceanbench.challenge import Challenge
from oceanbench.cli.commands import cli
from oceanbench.evaluate import evaluate
from oceanbench.result import Result
from oceanbench.submission import Submission

DATA = SHARED / "data" / "ose_med2014"

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="the real data of ose_med2014 (not ours to ship) are not here"
)


@pytest.mark.parametrize(
    ("name", "rmse", "mu", "sigma"),
    [
        ("BASELINE", 0.0304208, 0.735187, 0.066534),
        ("MDT", 0.0491534, 0.585083, 0.084054),
    ],
)
def test_the_known_scores_of_the_two_submissions(
    name: str, rmse: float, mu: float, sigma: float
) -> None:
    challenge = Challenge.load(MEDITERRANEAN)
    file = DATA / "dc_maps" / f"OSE_ssh_mapping_{name}.nc"
    result = evaluate(challenge, Submission(name, file), data_dir=DATA)
    assert result.score("RMSE").value == pytest.approx(rmse, abs=5e-8)
    assert result.score("µ(RMSE)").value == pytest.approx(mu, abs=5e-7)
    assert result.score("σ(RMSE)").value == pytest.approx(sigma, abs=5e-7)
    (coverage,) = result.coverage
    assert (coverage["points"], coverage["scored"]) == (2791, 2637)
    assert coverage["missing_to"] == "2014-06-03T13:47"
    scored_days = sum(n >= 10 for n in result.series[0]["count"])
    assert scored_days == 19


def test_oi_maps_the_three_other_missions(tmp_path: Path) -> None:
    """End to end on real passes: better than the mean dynamic topography, never sees CryoSat-2."""
    arguments = [
        "run",
        "oi",
        str(MEDITERRANEAN),
        "--data-dir",
        str(DATA),
        "--output",
        str(tmp_path),
    ]
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    result = Result.load(tmp_path / "ssh_ose_med2014" / "oi.json")
    assert result.score("RMSE").value < 0.042
    assert result.score("µ(RMSE)").value > 0.64
    assert result.coverage[0]["scored"] >= 2637
    assert "oi on ssh_ose_med2014: rank " in done.output
