# ruff: noqa: T201, E402
"""How often intervals hold the truth, and what boards can tell apart: studies by simulation.

    python tests/benchmarks/intervals_and_ranks.py coverage   # intervals, as they are computed
    python tests/benchmarks/intervals_and_ranks.py ranks      # boards of 13 methods
    python tests/benchmarks/intervals_and_ranks.py ways       # other ways to make intervals
    python tests/benchmarks/intervals_and_ranks.py maxima     # a maximum statistic for ranks

The first column of "coverage" and "ways" is the number of days, then come the e-folding times of
error and truth. Seeded; each study takes a few minutes on one core.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from scipy import fft, stats

sys.path[:0] = [str(Path(__file__).parents[1] / "worlds")]
from correlated_days import methods, remembering, table

from oceanbench.metrics import METRICS
from oceanbench.scoring.comparison import Standing, letters, probabilities, told_apart
from oceanbench.scoring.memory import spread
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


def ways(trials: int) -> None:
    """Coverage and half the width of intervals of log RMSE that are made in other ways."""
    random = np.random.default_rng(2)
    print("days  error ", *(f"{name:>20}" for name in WAYS))
    for days in DAYS:
        for of_error in (1, 4, 7, 13):
            error = remembering(random, (trials, POINTS), days, of_error)
            square = np.square(error).mean(axis=1)
            mean = square.mean(axis=1, keepdims=True)
            deviation, influence = np.log(mean[:, 0]) / 2, (square / mean - 1.0) / 2
            texts = []
            for reach in WAYS.values():
                found = reach(influence)
                texts.append(f"{np.mean(np.abs(deviation) <= found):13.3f} {np.median(found):6.3f}")
            print(f"{days:4d} {of_error:6d} ", *texts, flush=True)


def mixture(series: np.ndarray) -> np.ndarray:
    """What the package does."""
    return spread(series, dated=True).reach(0.95)


def cosines(series: np.ndarray) -> np.ndarray:
    """Equal-weighted cosines with fixed-b critical values (Lazarus et al. 2018)."""
    n = series.shape[-1]
    count = max(2, int(0.4 * n ** (2 / 3)))
    power = fft.dct(series, norm="ortho", axis=-1)[..., 1 : count + 1] ** 2
    return stats.t.ppf(0.975, count) * np.sqrt(power.mean(-1) / n)


def effective_size(series: np.ndarray) -> np.ndarray:
    """Student's interval with the effective size of an autoregression of order one."""
    n = series.shape[-1]
    x = series - series.mean(-1, keepdims=True)
    lag = (x[..., 1:] * x[..., :-1]).sum(-1) / (x**2).sum(-1)
    lag = np.clip(lag + (1 + 4 * lag) / n, 0.0, 0.98)
    size = np.maximum(n * (1 - lag) / (1 + lag), 2.0)
    return stats.t.ppf(0.975, size - 1) * np.sqrt((x**2).mean(-1) / (size - 1))


def blocks(series: np.ndarray) -> np.ndarray:
    """Percentiles of a circular block bootstrap, three decorrelation times long."""
    random = np.random.default_rng(3)
    n, found = series.shape[-1], []
    for x in series:
        lags = [float(x[:-lag] @ x[lag:]) / float(x @ x) for lag in range(1, n // 3)]
        below = next((k for k, r in enumerate(lags, 1) if r < np.exp(-1)), n // 3)
        size = min(max(3 * below, round(n ** (1 / 3))), n // 3)
        starts = random.integers(0, n, (400, -(-n // size)))
        index = ((starts[..., None] + np.arange(size)) % n).reshape(400, -1)[:, :n]
        low, high = np.quantile(x[index].mean(1), [0.025, 0.975])
        found.append((high - low) / 2)
    return np.array(found)


def lengths(series: np.ndarray) -> np.ndarray:
    """Lengths of blocks that are best for the variance of a mean of autoregressions."""
    n = series.shape[-1]
    x = series - series.mean(-1, keepdims=True)
    lag = (x[..., 1:] * x[..., :-1]).sum(-1) / (x**2).sum(-1)
    lag = np.clip(lag + (1 + 4 * lag) / n, 0.0, 0.95)
    best = (np.sqrt(6) * lag / (1 - lag**2)) ** (2 / 3) * n ** (1 / 3)
    return np.clip(np.ceil(best), 1, n // 4).astype(int)


def in_blocks(series: np.ndarray, size: int) -> np.ndarray:
    """Means of all blocks of a size, round the end."""
    index = (np.arange(series.shape[-1])[:, None] + np.arange(size)) % series.shape[-1]
    return series[..., index].mean(-1)


def double_bootstrap(series: np.ndarray) -> np.ndarray:
    """Block bootstrap whose level is calibrated by resampling each of its samples again."""
    random = np.random.default_rng(4)
    n, found = series.shape[-1], []
    for x in series:
        size = int(lengths(x))
        count = -(-n // size)
        outer = in_blocks(x, size)[random.integers(0, n, (150, count))]
        again = random.integers(0, count, (150, 60, count))
        inner = np.take_along_axis(outer[:, None], again, 2).mean(2)
        off = np.abs(outer.mean(1) - x.mean())
        needed = np.mean(np.abs(inner - outer.mean(1)[:, None]) <= off[:, None], axis=1)
        reach = np.quantile(off, min(np.quantile(needed, 0.95), 1.0))
        found.append(reach * np.sqrt(n / (n - size)))
    return np.array(found)


def maximum(rows: list[Standing]) -> np.ndarray:
    """Which of all pairs a bootstrap of their largest studentised difference tells apart."""
    random = np.random.default_rng(5)
    value = np.array([row.influence.value for row in rows])
    series = np.stack([row.influence.of_case for row in rows])
    i, j = np.triu_indices(len(rows), 1)
    differences = series[i] - series[j]
    n, size = series.shape[1], int(np.median(lengths(differences)))
    count, means = -(-n // size), in_blocks(differences, size)
    error = means.std(1) / np.sqrt(count) * np.sqrt(n / (n - size))
    drawn = means[:, random.integers(0, n, (400, count))]
    spread_of = np.maximum(drawn.std(2) / np.sqrt(count - 1), 1e-12)
    largest = np.quantile(np.abs(drawn.mean(2) / spread_of).max(0), 0.95)
    return np.abs(value[i] - value[j]) / error > largest


def maxima(trials: int) -> None:
    """Boards that show one group, and what is found of 20 %: Holm, and a maximum statistic."""
    for days in DAYS:
        for e_folding in (1, 7):
            world = {"days": days, "e_folding": e_folding, "common": 0.8}
            equal = list(boards(trials, **world))
            better = list(boards(trials // 2, **world, better=0.2))
            one = [not told_apart(r).any() for r in equal], [not maximum(r).any() for r in equal]
            told = [told_apart(r)[0, 1:].mean() for r in better]
            found = told, [maximum(r)[:12].mean() for r in better]
            print(days, e_folding, *(f"{np.mean(x):6.2f}" for x in (*one, *found)), flush=True)


WAYS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "mixture of memories": mixture,
    "cosines, fixed-b": cosines,
    "effective size": effective_size,
    "block bootstrap": blocks,
    "double bootstrap": double_bootstrap,
}


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
                    f"{days:4d} {e_folding:10d} {common:7.1f} {one:11.3f}",
                    f"{np.mean(single):14.3f}     ",
                    *(f"{p:6.2f}" for p in power),
                    flush=True,
                )


def main() -> None:
    """Run a study."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("study", choices=["coverage", "ranks", "ways", "maxima"])
    parser.add_argument("--trials", type=int, default=400)
    given = parser.parse_args()
    {"coverage": coverage, "ranks": ranks, "ways": ways, "maxima": maxima}[given.study](
        given.trials
    )


if __name__ == "__main__":
    main()
