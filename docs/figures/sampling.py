"""The sparser the sampling, the more the difference: error against the sampling period, of `amoc`.

    python docs/figures/sampling.py                        # all rows of the board
    python docs/figures/sampling.py space_time_oi enks     # some of them

One line per row of the leaderboard and one panel per phase of the circulation: the pooled NMSE of
the six regular samplings, with the 95 % intervals of the result files. docs/sampling.md explains
it. Nothing is computed here: the numbers are those of the result files.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, product
from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, NullLocator, StrMethodFormatter

from oceanbench import Challenge
from oceanbench.figures.style import STYLE
from oceanbench.figures.windows import LINES
from oceanbench.kinds.windows.opening import keys
from oceanbench.result import Result, Score

ROOT = Path(__file__).parent.parent.parent
OSCILLATION = 144.0  # years, of the ON phase: oceanbench.dynamics.amoc
PANELS = {"all times": "{}", "ON: strong, swinging": "on_{}", "OFF: collapsed": "off_{}"}
MARKERS = "osD^vPX*"
APART = 1.6  # years between the error bars of two rows
LEAST = 1e-5  # of the axis, if an interval reaches zero


@dataclass(frozen=True)
class Line:
    """Scores of one row in one phase, at the sampling periods."""

    values: np.ndarray
    low: np.ndarray
    high: np.ndarray


def periods_of(challenge: Challenge) -> dict[str, int]:
    """Samplings that are regular in all components, with their periods in years."""
    regular = [name for name in keys(challenge).samplings if name.startswith("every_")]
    return {name: int(name.removeprefix("every_")) for name in regular}


def line(result: Result, masks: Sequence[str]) -> Line:
    """Pooled NMSE of a result through some masks, NaN where a score or its interval is missing."""
    pooled = {score.mask: score for score in result.scores if score.metric == "nmse"}
    found = [_numbers(pooled.get(mask)) for mask in masks]
    return Line(*np.array(found, dtype=np.float64).T)


def _numbers(score: Score | None) -> tuple[float, float, float]:
    if score is None or score.value is None:
        return (np.nan,) * 3
    if score.interval is None:
        return score.value, np.nan, np.nan
    return score.value, score.interval.low, score.interval.high


def draw(results: Sequence[Result], challenge: Challenge) -> Figure:
    """Three panels that share their axes, and one legend below them."""
    regular = periods_of(challenge)
    years = np.array(list(regular.values()), dtype=np.float64)
    figure = Figure(figsize=(9.0, 4.4), layout="constrained")
    figure.suptitle("The sparser the sampling, the more the difference")
    grid = figure.subplots(1, len(PANELS), sharex=True, sharey=True)
    for axes, (title, pattern) in zip(grid, PANELS.items(), strict=True):
        masks = [pattern.format(name) for name in regular]
        looks = cycle(zip(product(("-", "--"), LINES), cycle(MARKERS), strict=False))
        for number, (result, ((dashes, colour), marker)) in enumerate(
            zip(results, looks, strict=False)
        ):
            found = line(result, masks)
            shift = APART * (number - (len(results) - 1) / 2)
            look = {"color": colour, "ls": dashes, "marker": marker, "ms": 5, "lw": 1.6}
            _plot(axes, years + shift, found, label=result.name, **look)
        _furnish(axes, title, years)
    grid[0].set_ylabel("pooled NMSE")
    grid[0].set_ylim(top=4.0)  # room for the words, once all panels have their lines
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=9)
    return figure


def _plot(axes: Axes, years: np.ndarray, found: Line, **look: Any) -> None:
    below = found.values - np.maximum(found.low, LEAST)
    bars = np.nan_to_num(np.stack([below, found.high - found.values])).clip(min=0.0)
    axes.errorbar(years, found.values, bars, capsize=2, elinewidth=1.0, **look)


def _furnish(axes: Axes, title: str, years: np.ndarray) -> None:
    """Axes, the score of the mean and half the period of the oscillation."""
    axes.set(title=title, xlabel="sampling period (years)", yscale="log")
    axes.set_xticks(years, [f"{year:g}" for year in years])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.axhline(1.0, color="0.35", lw=1.0, ls=":", zorder=1)
    axes.axvline(OSCILLATION / 2, color="0.35", lw=1.0, ls=":", zorder=1)
    note: dict[str, Any] = {"xycoords": axes.get_xaxis_transform(), "textcoords": "offset points"}
    place: dict[str, Any] = {"va": "top", "fontsize": 8, "color": "0.25"}
    axes.annotate("Nyquist, 72 yr", (OSCILLATION / 2, 1.0), (3, -2), **note, **place)


def rows_of(folder: Path, challenge: Challenge, names: Sequence[str]) -> list[Result]:
    """Rows of the challenge's version, the best of the whole first."""
    found = [Result.load(path) for path in sorted(folder.glob("*.json"))]
    kept = [
        result
        for result in found
        if result.challenge["version"] == challenge.version and (not names or result.name in names)
    ]
    missing = set(names) - {result.name for result in kept}
    if missing or not kept:
        raise SystemExit(
            f"{folder}: no rows {', '.join(sorted(missing)) or f'of {challenge.name}'}; "
            f"make one with: oceanbench run METHOD {challenge.name}"
        )
    return sorted(kept, key=lambda result: result.score(challenge.rank_by).value or np.inf)


def main() -> None:
    """Draw the rows of a folder."""
    parser = argparse.ArgumentParser(description="Error against the sampling period, of amoc.")
    parser.add_argument("names", nargs="*", help="rows to draw, by default all")
    parser.add_argument("--rows", type=Path, default=ROOT / "leaderboards" / "amoc")
    parser.add_argument("--output", type=Path, default=ROOT / "docs/images/amoc_sampling.png")
    options = parser.parse_args()
    challenge = Challenge.load("amoc")
    results = rows_of(options.rows, challenge, options.names)
    with matplotlib.style.context(STYLE, after_reset=True):
        figure = draw(results, challenge)
        options.output.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(options.output)


if __name__ == "__main__":
    main()
