"""What methods gain over first guesses of an operational system: the board, drawn.

    python docs/figures/first_guess.py

prints the table of docs/first_guess.md and draws ``docs/images/first_guess.png`` from the rows of
``ssh_osse_jet_first_guess``: the error of an estimate against that of its first guess, with
intervals of their ratio from the same days.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import matplotlib.style
import numpy as np
from matplotlib.figure import Figure

from oceanbench import Challenge
from oceanbench.arrays import FloatArray
from oceanbench.boards.differences import compared
from oceanbench.data import shipped
from oceanbench.figures.style import LINES, STYLE
from oceanbench.result import Result
from oceanbench.scoring.pairs import Difference
from oceanbench.scoring.series import is_of_sums, sums_of

CHALLENGE = "ssh_osse_jet_first_guess"
LEVELS = ("age0", "age3", "age7", "age14", "climatology")
METHODS = ("duacs", "fourdvarnet_anywhere", "fourdvarnet")
ALONE = ("duacs", "bfn", "fourdvarnet_anywhere", "fourdvarnet")  # with no first guess handed in
LABEL = "RMSE"
IMAGE = Path(__file__).parents[1] / "images" / "first_guess.png"


def rows() -> dict[str, Result]:
    """Results of the board by their names."""
    folder = shipped.folder("leaderboards") / CHALLENGE
    return {path.stem: Result.load(path) for path in sorted(folder.glob("*.json"))}


def error(result: Result) -> float:
    """Its RMSE, cm."""
    (score,) = [score for score in result.scores if score.label == LABEL]
    assert score.value is not None
    return 100.0 * score.value


def daily(result: Result) -> FloatArray:
    """Mean square error of every day, m²."""
    series = next(one for one in result.series if is_of_sums(one))
    table = sums_of(series, LABEL)
    found: FloatArray = table.squared_error / table.weight
    return found


def against(challenge: Challenge, estimate: Result, guess: Result) -> tuple[Difference, int]:
    """RMSE of an estimate against its first guess's, and on how many days it is the worse one."""
    differences = compared(challenge, estimate, guess).differences
    (found,) = [one for one in differences if one.label == LABEL]
    return found, int((daily(estimate) > daily(guess)).sum())


def table(challenge: Challenge, known: dict[str, Result]) -> Iterator[str]:
    """Errors, ratios with intervals and days that are harmed, a first guess a row."""
    methods = [m for m in METHODS if any(f"{m}_{level}" in known for level in LEVELS)]
    yield f"| first guess | its RMSE | {' | '.join(f'`{name}`' for name in methods)} |"
    yield "|---" * (len(methods) + 2) + "|"
    for level in LEVELS:
        guess = known[f"first_guess_{level}"]
        cells = []
        for method in methods:
            estimate = known.get(f"{method}_{level}")
            if estimate is None:
                cells.append("")
                continue
            found, worse = against(challenge, estimate, guess)
            assert found.ratio is not None
            between = found.of_ratio
            interval = f" [{between.low:.2f}, {between.high:.2f}]" if between else ""
            cells.append(f"{error(estimate):.2f} ({found.ratio:.2f}{interval}; {worse})")
        yield f"| `{level}` | {error(guess):.2f} | {' | '.join(cells)} |"
    alone = [f"`{name}` {error(known[name]):.2f}" for name in ALONE if name in known]
    yield f"without one: {', '.join(alone)}"


def draw(challenge: Challenge, known: dict[str, Result]) -> Figure:
    """Error of the estimate against that of the first guess."""
    figure = Figure(figsize=(6.5, 5.0))
    axes = figure.subplots()
    most = 1.05 * max(error(known[f"first_guess_{level}"]) for level in LEVELS)
    for method, colour, marker in zip(METHODS, LINES, "osD^", strict=False):
        levels = [level for level in LEVELS if f"{method}_{level}" in known]
        if not levels:
            continue
        places = []
        for level in levels:
            guess, estimate = known[f"first_guess_{level}"], known[f"{method}_{level}"]
            between = against(challenge, estimate, guess)[0].of_ratio
            x, y = error(guess), error(estimate)
            ends = (between.low * x, between.high * x) if between else (y, y)
            places.append((x, y, y - min(ends[0], y), max(ends[1], y) - y))
        x, y, below, above = np.array(sorted(places)).T
        style = {"color": colour, "marker": marker, "capsize": 3, "label": f"{method}, from it"}
        axes.errorbar(x, y, yerr=[below, above], **style)
        if method in known:
            label = f"{method}, without it"
            axes.axhline(error(known[method]), color=colour, ls=":", lw=1.2, label=label)
    axes.plot([0.0, most], [0.0, most], color="0.4", ls="--", lw=1.0, label="the first guess")
    axes.set(xlabel="RMSE of the first guess (cm)", ylabel="RMSE of the estimate (cm)")
    axes.set(xlim=(0.0, most), ylim=(0.0, None))
    axes.legend(fontsize=8)
    return figure


def main() -> None:
    """Print the table and draw the figure."""
    challenge, known = Challenge.load(CHALLENGE), rows()
    print("\n".join(table(challenge, known)))
    with matplotlib.style.context(STYLE, after_reset=True):
        draw(challenge, known).savefig(IMAGE)


if __name__ == "__main__":
    main()
