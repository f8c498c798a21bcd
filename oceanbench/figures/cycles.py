"""Error and spread of what is cycled, block after block, and how calibrated its members are."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from matplotlib.figure import Figure

from oceanbench.declaration import Declaration
from oceanbench.figures.calibration import calibration
from oceanbench.figures.style import ERROR, LINES, View
from oceanbench.metrics.probabilistic.points import form_of
from oceanbench.scoring.matching import Matched
from oceanbench.scoring.points import Pieces

DASHES = {"": "solid", "_background": "dashed"}


def cycles(declaration: Declaration, heading: str, matched: Pieces) -> Iterator[tuple[str, Figure]]:
    """Errors of analyses and backgrounds, of forecasts by lead, and ranks of the truth."""
    (name, rules), *_ = declaration.submission.variables.items()
    pieces: dict[str, Matched] = {}
    for (variable, _), piece in matched.items():
        pieces.setdefault(variable, piece)  # through the first mask that it is scored through
    yield f"{name}_error", _errors(heading, name, rules.units, pieces)
    if name in pieces and form_of(pieces[name].distribution) != "deterministic":
        yield f"{name}_calibration", calibration(View(heading, name, rules.units, pieces[name]), 0)


def _errors(heading: str, name: str, units: str, pieces: dict[str, Matched]) -> Figure:
    figure = Figure(figsize=(11.0, 4.2), layout="constrained")
    figure.suptitle(heading)
    in_time, by_lead = figure.subplots(1, 2, width_ratios=(2.0, 1.0))
    for ending, dashes in DASHES.items():
        piece = pieces.get(f"{name}{ending}")
        if piece is None:
            continue
        error = _of_blocks(piece)
        worlds = piece.truth["world"].values
        for world in np.unique(worlds):
            colour = LINES[int(world) % len(LINES)]
            label = f"world {world}{', background' if ending else ''}"
            look = {"color": colour, "linestyle": dashes, "label": label, "lw": 1.3}
            in_time.plot(error[worlds == world], **look)
    in_time.set(xlabel="block of cycles", ylabel=f"RMSE of {name} ({units})", ylim=(0, None))
    in_time.legend(fontsize=7, ncols=2)
    leads = sorted(int(v.rpartition("_")[2]) for v in pieces if v.startswith(f"{name}_lead_"))
    found = [_of_all(pieces[f"{name}_lead_{lead}"]) for lead in leads]
    if name in pieces:
        leads, found = [0, *leads], [_of_all(pieces[name]), *found]
    by_lead.plot(leads, found, color=ERROR, marker="o")
    by_lead.set(xlabel="cycles after the analysis", ylim=(0, None))
    return figure


def _of_blocks(piece: Matched) -> np.ndarray:
    square = ((piece.estimate - piece.truth) ** 2 * piece.weights).sum(("time", "component"))
    error: np.ndarray = np.sqrt((square / piece.weights.sum(("time", "component"))).values)
    return error


def _of_all(piece: Matched) -> float:
    square = ((piece.estimate - piece.truth) ** 2 * piece.weights).sum()
    return float(np.sqrt(square / piece.weights.sum()))
