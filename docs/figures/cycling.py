"""Draw the error of analyses against what they cost, from the boards of cycles.

    python docs/figures/cycling.py

Writes ``docs/images/cycling.svg``: a point a row of ``leaderboards/*_cycles*/*.json``, its
95 % interval, and the model steps of a cycle. Rows that diverged are hollow.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter

from oceanbench.challenge import Challenge
from oceanbench.figures.style import LINES, STYLE
from oceanbench.result import Result

ROOT = Path(__file__).resolve().parents[2]
PICTURE = ROOT / "docs" / "images" / "cycling.svg"
MARKS = ("o", "s", "^")  # of colours that come again
TICKS = (0.02, 0.03, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0)
TITLES = {
    "lorenz96_cycles": "all observed each 0.05",
    "lorenz96_cycles_half": "a random half each 0.2",
    "lorenz96_cycles_wrong_model": "a model that is wrong",
    "qg_cycles": "a jet of two layers: SSH (m)",
}


def rows(name: str) -> list[Result]:
    """Results of a board."""
    folder = ROOT / "leaderboards" / name
    return [Result.load(path) for path in sorted(folder.glob("*.json"))]


def steps(result: Result) -> float:
    """Steps of the model, for a cycle of a world."""
    part = result.coverage[0]
    return float(part["model_steps"]) / float(part["cycles"])


def draw() -> Figure:
    """A panel a challenge: error against model steps, both logarithmic."""
    figure = Figure(figsize=(14.0, 4.4), layout="constrained")
    panels = figure.subplots(1, len(TITLES))
    for axes, (name, title) in zip(panels, TITLES.items(), strict=True):
        label = Challenge.load(name).ranking.label
        ordered = sorted(rows(name), key=lambda result: result.score(label).value or 0.0)
        for number, result in enumerate(ordered):
            score = result.score(label)
            if score.value is None or score.interval is None:
                continue
            below, above = score.value - score.interval.low, score.interval.high - score.value
            diverged = bool(result.score("divergences").value)
            colour = LINES[number % len(LINES)]
            axes.errorbar(
                steps(result),
                score.value,
                [[below], [above]],
                color=colour,
                marker=MARKS[number // len(LINES)],
                mfc="white" if diverged else colour,
                linestyle="none",
                label=result.name,
            )
        axes.legend(fontsize=7, loc="upper right", title="from the least error", title_fontsize=7)
        axes.set(xscale="log", yscale="log", title=title, xlabel="model steps a cycle")
        axes.margins(x=0.2, y=0.08)
        axes.yaxis.set_major_locator(FixedLocator(TICKS))
        axes.yaxis.set_major_formatter(ScalarFormatter())
        axes.yaxis.set_minor_locator(NullLocator())
    panels[0].set_ylabel("RMSE of the analyses")
    return figure


def main() -> None:
    """Write the picture."""
    mpl.rcParams["svg.hashsalt"] = "oceanbench"
    with mpl.style.context(STYLE, after_reset=True):
        mpl.rcParams["svg.hashsalt"] = "oceanbench"
        draw().savefig(PICTURE, metadata={"Date": None})
    print(PICTURE)


if __name__ == "__main__":
    main()
