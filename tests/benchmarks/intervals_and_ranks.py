# ruff: noqa: T201
"""How often intervals hold the truth, and what boards can tell apart: studies by simulation.

    python tests/benchmarks/intervals_and_ranks.py coverage   # intervals, as they are computed
    python tests/benchmarks/intervals_and_ranks.py ranks      # boards of 13 methods
    python tests/benchmarks/intervals_and_ranks.py ways       # other ways to make intervals

The first column of "coverage" and "ways" is the number of days, then come the e-folding times of
error and truth. Seeded; each study takes a few minutes on one core.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).parents[1] / "worlds")]
from correlated_days import methods, remembering, table

from oceanbench.metrics import METRICS
from oceanbench.scoring.comparison import Standing, letters, probabilities, told_apart
from oceanbench.scoring.statistics import of_sums

DAYS = (42, 365)
TIMES = ((1, 1), (1, 7), (1, 13), (4, 4), (4, 13), (7, 7), (13, 1), (13, 13))
POINTS = 8
TRUTH = 3.0  # standard deviation, of an error of 1
SCORES = ("rmse", "rmse_score", "rmse_score_mean", "nmse", "crps")


def right_values(random: np.random.Generator) -> dict[str, float]:
    """What the scores would be of an endless series."""
    error = random.standard_normal((POINTS, 400_000))
    truth = TRUTH * random.standard_normal((POINTS, 400_000))
    endless = table(error, truth, np.abs(error))
    return {name: float(METRICS[name].of_sums({})(endless)) for name in SCORES}


def coverage(trials: int) -> None:
    """Share of the intervals of several scores that hold the right value."""
    random = np.random.default_rng(0)
    right = right_values(random)
    print("days  error  truth ", *(f"{name:>16}" for name in SCORES))
    for days in DAYS:
        for of_error, of_truth in TIMES:
            hits = dict.fromkeys(SCORES, 0)
            for _ in range(trials):
                error = remembering(random, (POINTS,), days, of_error)
                truth = TRUTH * remembering(random, (POINTS,), days, of_truth)
                sums = table(error, truth, np.abs(error))
                for name in SCORES:
                    metric = METRICS[name]
                    found = of_sums(sums, metric.of_sums({}), metric.limits)
                    spread_of = found and found.interval()
                    hits[name] += spread_of.low <= right[name] <= spread_of.high
            shares = (f"{hits[name] / trials:16.3f}" for name in SCORES)
            print(f"{days:4d} {of_error:6d} {of_truth:6d} ", *shares, flush=True)


def boards(trials: int, **world: float) -> Iterator[list[Standing]]:
    """Standings of the methods of simulated boards."""
    random = np.random.default_rng(1)
    metric = METRICS["rmse"]
    for _ in range(trials):
        rows = []
        for sums in methods(random, **world):
            score = float(metric.of_sums({})(sums))
            influence = of_sums(sums, metric.of_sums({}), metric.limits)
            rows.append(Standing(score, influence, (b"",)))
        yield rows


def ranks(trials: int) -> None:
    """Boards of equal methods that show one group, and power where one is better than 12."""
    print("days  e-folding  common   one group   single pairs   found: 5 %   10 %   20 %   50 %")
    for days in (42, 52, 365):
        for e_folding in (1, 4, 7, 13):
            for common in (0.5, 0.9):
                world = {"days": days, "e_folding": e_folding, "common": common}
                equal = list(boards(trials, **world))
                single = [
                    np.nanmean(probabilities(rows)[np.triu_indices(13, 1)] < 0.05) for rows in equal
                ]
                one = np.mean([len(set(letters(told_apart(rows)))) == 1 for rows in equal])
                power = []
                for better in (0.05, 0.10, 0.20, 0.50):
                    found = [
                        told_apart(r)[0, 1:].mean()
                        for r in boards(trials // 5, **world, better=better)
                    ]
                    power.append(np.mean(found))
                print(
                    f"{days:4d} {e_folding:10d} {common:7.1f} {one:11.3f} {np.mean(single):14.3f}     ",
                    *(f"{p:6.2f}" for p in power),
                    flush=True,
                )


def main() -> None:
    """Run a study."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("study", choices=["coverage", "ranks", "ways"])
    parser.add_argument("--trials", type=int, default=400)
    given = parser.parse_args()
    {"coverage": coverage, "ranks": ranks}[given.study](given.trials)


if __name__ == "__main__":
    main()
