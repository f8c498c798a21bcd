"""Tables, reversals and figure of the stress matrix."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np
from matplotlib.figure import Figure
from stress_seas import ERRORS, SAMPLINGS, SEAS, SEASONS

from oceanbench.arrays import FloatArray
from oceanbench.figures.style import LINES, STYLE

IMAGE = Path(__file__).parents[1] / "images" / "stress.png"
REFERENCE = "duacs"
AXES = {"sea": SEAS, "season": SEASONS, "sampling": SAMPLINGS, "errors": ERRORS}
DRAWS = 1000
FEWEST = 2  # cells on either side of a reversal
Found = Mapping[str, Any]
Key = tuple[str, ...]


class Matrix:
    """Errors of all cells, and their ratios.

    Parameters
    ----------
    found : as ``stress.json`` has it
    """

    def __init__(self, found: Found) -> None:
        self.sea = found["sea"]
        self.rows: dict[Key, Mapping[str, Sequence[int]]] = {
            tuple(key.split(" | ")): row
            for key, row in found.items()
            if " | " in key and REFERENCE in row
        }
        self.methods = list(dict.fromkeys(m for row in self.rows.values() for m in row))

    def ratio(self, key: Key, method: str, other: str = REFERENCE) -> float:
        """Error over that of another method."""
        return float(self._ratios(key, method, other, np.ones((1, len(self.sea[key[0]]))))[0])

    def interval(self, key: Key, method: str, other: str = REFERENCE) -> tuple[float, float]:
        """Its 95 % interval, the boxes of the sea drawn again."""
        count = len(self.sea[key[0]])
        random = np.random.default_rng(0)
        drawn = random.multinomial(count, np.full(count, 1.0 / count), DRAWS)
        low, high = np.percentile(self._ratios(key, method, other, drawn), [2.5, 97.5])
        return float(low), float(high)

    def _ratios(self, key: Key, method: str, other: str, drawn: FloatArray) -> FloatArray:
        weights = drawn * np.array(self.sea[key[0]], float)
        one, two = (
            weights @ np.square(np.array(self.rows[key][name], float)) for name in (method, other)
        )
        ratios: FloatArray = np.sqrt(one / two)
        return ratios

    def cells(self, method: str, **chosen: str) -> list[Key]:
        """Cells that have a method, of some values of the axes."""
        places = [(list(AXES).index(axis), value) for axis, value in chosen.items()]
        return [
            key
            for key, row in self.rows.items()
            if method in row and all(key[place] == value for place, value in places)
        ]

    def mean(self, method: str, **chosen: str) -> float:
        """Geometric mean of the ratios of some cells; NaN where there are none."""
        ratios = [self.ratio(key, method) for key in self.cells(method, **chosen)]
        return float(np.exp(np.mean(np.log(ratios)))) if ratios else float("nan")


def summary(matrix: Matrix) -> Iterator[str]:
    """Mean, worst cell and how often each method is worse, or surely worse or better."""
    heads = ("method", "cells", "mean", "worst", "where", "worse", "surely worse", "surely better")
    yield from head(*heads)
    for method in sorted(matrix.methods, key=matrix.mean):
        keys = matrix.cells(method)
        ratios = [matrix.ratio(key, method) for key in keys]
        intervals = [matrix.interval(key, method) for key in keys]
        worst = keys[int(np.argmax(ratios))]
        sure = [sum(low > 1.0 for low, _ in intervals), sum(high < 1.0 for _, high in intervals)]
        worse = sum(ratio > 1.0 for ratio in ratios)
        if method == REFERENCE:
            continue
        numbers = f"{len(keys)} | {matrix.mean(method):.2f} | {max(ratios):.2f}"
        yield f"| `{method}` | {numbers} | {', '.join(worst)} | {worse} | {sure[0]} | {sure[1]} |"


def by_axis(matrix: Matrix) -> Iterator[str]:
    """Mean ratio for every value of every axis."""
    values = [
        (axis, value)
        for axis, names in AXES.items()
        for value in names
        if matrix.cells(REFERENCE, **{axis: value})
    ]
    yield from head("method", *(value for _, value in values))
    for method in sorted(matrix.methods, key=matrix.mean):
        cells = [f"{matrix.mean(method, **{axis: value}):.2f}" for axis, value in values]
        if method != REFERENCE:
            yield f"| `{method}` | {' | '.join(cells)} |"


def centimetres(matrix: Matrix) -> Iterator[str]:
    """Errors of the reference itself, a sea a row."""
    columns = list(itertools.product(SAMPLINGS, ERRORS))
    yield from head("sea", *(f"{sampling}, {errors}" for sampling, errors in columns))
    for sea in filter(matrix.sea.get, SEAS):
        cells = []
        for sampling, errors in columns:
            keys = matrix.cells(REFERENCE, sea=sea, sampling=sampling, errors=errors)
            squares = [
                np.average(np.square(np.array(matrix.rows[key][REFERENCE]) / 1e4), weights=w)
                for key in keys
                for w in (matrix.sea[sea],)
            ]
            cells.append(f"{np.sqrt(np.mean(squares)):.1f}" if squares else "–")
        yield f"| {sea} | {' | '.join(cells)} |"


def reversals(matrix: Matrix) -> Iterator[str]:
    """Pairs of methods of which either is surely better somewhere, most cells first."""
    yield from head("method", "surely better than", "in", "mostly", "surely worse in", "mostly")
    found = []
    for one, two in itertools.combinations(matrix.methods, 2):
        both = [key for key in matrix.cells(one) if two in matrix.rows[key]]
        intervals = {key: matrix.interval(key, one, two) for key in both}
        better = [key for key, (_, high) in intervals.items() if high < 1.0]
        worse = [key for key, (low, _) in intervals.items() if low > 1.0]
        if min(len(better), len(worse)) >= FEWEST:
            more = len(better) >= len(worse)
            names, cells = ((one, two), (better, worse)) if more else ((two, one), (worse, better))
            found.append((len(cells[1]), *names, *cells, both))
    for _, one, two, better, worse, both in sorted(found, key=lambda row: -row[0]):
        places = [commonest(part, both) for part in (better, worse)]
        yield (
            f"| `{one}` | `{two}` | {len(better)} of {len(both)} | {places[0]} | {len(worse)} | "
            f"{places[1]} |"
        )


def commonest(some: Sequence[Key], every: Sequence[Key]) -> str:
    """Value of an axis that tells best where some cells are: their share there, less elsewhere."""
    inside, whole = (Counter(itertools.chain(*keys)) for keys in (some, every))

    def told(value: str) -> float:
        elsewhere = len(every) - whole[value]
        rest = (len(some) - inside[value]) / elsewhere if elsewhere else 0.0
        return inside[value] / whole[value] - rest

    values = [value for names in AXES.values() for value in names if inside[value]]
    best = max(values, key=told)
    return f"{best} ({inside[best]} of {whole[best]})"


def head(*names: str) -> Iterator[str]:
    """First two lines of a table."""
    yield f"| {' | '.join(names)} |"
    yield "|---" * len(names) + "|"


def draw(matrix: Matrix) -> Figure:
    """Ratios over samplings and errors, a panel a sea; the mean of two seasons."""
    seas = [sea for sea in SEAS if any(sea in key for key in matrix.rows)]
    rows = -(-len(seas) // 2)
    figure = Figure(figsize=(12.0, 1.0 + 3.5 * rows))
    panels = figure.subplots(rows, 2, sharex=True, sharey=True, squeeze=False)
    places = list(itertools.product(enumerate(SAMPLINGS), enumerate(ERRORS)))
    methods = [method for method in matrix.methods if method != REFERENCE]
    for axes, sea in zip(panels.ravel(), seas, strict=False):
        for number, method in enumerate(methods):
            cycle, colour = divmod(number, len(LINES))
            marker = "osDv^<>Px"[number % 9]
            line = {"color": LINES[colour], "ls": "-:"[cycle], "marker": marker}
            for group in itertools.groupby(places, key=lambda place: place[0][0]):
                x, y = [], []
                for (column, sampling), (step, errors) in group[1]:
                    x.append(column + 0.25 * (step - 1))
                    y.append(matrix.mean(method, sea=sea, sampling=sampling, errors=errors))
                label = method if column == 0 else None
                axes.plot(x, y, ms=4, lw=1.2, label=label, **line)
        axes.axhline(1.0, color="0.4", ls="--", lw=1.0)
        axes.set(title=sea, yscale="log", xlim=(-0.5, len(SAMPLINGS) - 0.5))
        axes.set_ylabel("RMSE / RMSE of duacs")
        axes.set_yticks([0.4, 0.5, 0.6, 0.8, 1.0, 1.25, 1.6, 2.0, 3.0, 4.0])
        axes.yaxis.set_major_formatter("{x:g}")
        axes.minorticks_off()
        axes.set_xticks(range(len(SAMPLINGS)), [f"{name}\n0, 1, 2 x errors" for name in SAMPLINGS])
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5)
    return figure


TABLES: Mapping[str, Callable[[Matrix], Iterator[str]]] = {
    "summary": summary,
    "by axis": by_axis,
    "duacs itself, cm": centimetres,
    "reversals": reversals,
}


def show(found: Found, image: Path = IMAGE) -> None:
    """Print all tables and draw the figure."""
    matrix = Matrix(found)
    for name, table in TABLES.items():
        print(f"\n{name}\n")
        print("\n".join(table(matrix)))
    with matplotlib.style.context(STYLE, after_reset=True):
        draw(matrix).savefig(image)
