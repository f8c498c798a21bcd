"""How far apart submissions are, score by score."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from oceanbench.errors import OceanbenchError
from oceanbench.figures.style import LINES, STYLE, check_format, save
from oceanbench.scoring.pairs import Comparison, Difference

WIDTH = 7.0  # inches: of a page of text, as is
SMALL = {"font.size": 8, "axes.titlesize": 9, "axes.labelsize": 8}  # the text beside it
PER_LINE = 3  # names of others
LOUD, QUIET = 1.0, 0.35  # of differences that are sure, and that are not


def draw_differences(comparisons: Sequence[Comparison], path: Path) -> None:
    """Differences relative to the first submission's score, with their intervals.

    Parameters
    ----------
    comparisons : of one submission with others
    path : of a PNG, SVG or PDF file

    Raises
    ------
    OceanbenchError
        if it is neither, or there is nothing to draw
    """
    check_format(path)
    with matplotlib.style.context([STYLE, SMALL], after_reset=True):
        save(differences(comparisons), path)


def differences(comparisons: Sequence[Comparison]) -> Figure:
    """Figure of differences in percent of the other's score, of which zero is none.

    Parameters
    ----------
    comparisons : of one submission with others
    """
    labels = dict.fromkeys(d.label for c in comparisons for d in c.differences if _drawn(d))
    if not labels:
        raise OceanbenchError("no two submissions have a score in common that is not zero")
    height = 1.2 + 0.22 * len(labels) * max(len(comparisons), 1)
    figure = Figure(figsize=(WIDTH, height))
    axes = figure.subplots()
    places = {label: float(row) for row, label in enumerate(labels)}
    for number, comparison in enumerate(comparisons):
        shift = 0.6 * ((number + 0.5) / len(comparisons) - 0.5)
        colour = LINES[number % len(LINES)]
        for found in filter(_drawn, comparison.differences):
            _bar(axes, found, places[found.label] + shift, colour)
        axes.plot([], [], "o", color=colour, label=f"against {comparison.second}")
    axes.axvline(0.0, color="0.4", lw=0.8)
    axes.set_yticks(list(places.values()), labels=list(places))
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.set_xlabel("difference, % of the other's score; faint where not told apart")
    axes.set_title(f"{comparisons[0].first} on {comparisons[0].challenge}")
    figure.legend(loc="outside upper left", ncols=PER_LINE)
    return figure


def _drawn(found: Difference) -> bool:
    return found.difference is not None and bool(found.second)


def _bar(axes: Axes, found: Difference, height: float, colour: str) -> None:
    """Point and interval of one difference."""
    assert found.difference is not None and found.second
    unit = 100.0 / abs(found.second)
    sure = found.verdict in ("better", "worse", "different")
    style: dict[str, Any] = {"color": colour, "alpha": LOUD if sure else QUIET}
    axes.plot(unit * found.difference, height, "o", ms=4, **style)
    if found.interval is not None:
        ends = unit * np.array([found.interval.low, found.interval.high])
        axes.plot(ends, [height, height], "-", lw=1.5, **style)
