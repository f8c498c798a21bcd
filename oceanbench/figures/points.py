"""Every figure of estimates at points: of maps, of maps along tracks, of windows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from matplotlib.figure import Figure

from oceanbench.declaration import Declaration, MetricRow
from oceanbench.figures.calibration import calibration
from oceanbench.figures.maps import maps, series, tracks
from oceanbench.figures.members import members
from oceanbench.figures.spectra import score_plane, spectra
from oceanbench.figures.style import View, mark_of
from oceanbench.figures.windows import errors, windows
from oceanbench.metrics import METRICS
from oceanbench.metrics.probabilistic.points import form_of
from oceanbench.metrics.spectral.along_track import along_track_spectra
from oceanbench.metrics.spectral.space_time import psd_score
from oceanbench.scoring.points import Pieces

Figures = Iterator[tuple[str, Figure]]
Rows = Mapping[str, MetricRow]  # the first of each metric


def of_maps(declaration: Declaration, heading: str, matched: Pieces) -> Figures:
    """Maps, their errors in time, members and spectra."""

    def own(view: View, rows: Rows) -> Figures:
        yield "maps", maps(view)
        yield "rmse", series(view, _daily(rows))
        yield from _calibration(view, rows)
        if form_of(view.matched.distribution) == "ensemble":
            yield "members", members(view)

    return _of_points(declaration, heading, matched, own)


def of_tracks(declaration: Declaration, heading: str, matched: Pieces) -> Figures:
    """Errors along tracks and in time, and spectra."""

    def own(view: View, rows: Rows) -> Figures:
        yield "track_error", tracks(view)
        yield "rmse", series(view, _daily(rows))
        yield from _calibration(view, rows)

    return _of_points(declaration, heading, matched, own)


def of_windows(declaration: Declaration, heading: str, matched: Pieces) -> Figures:
    """Windows, and their errors."""

    def own(view: View, rows: Rows) -> Figures:
        yield "windows", windows(view)
        yield "rmse", errors(view)
        yield from _calibration(view, rows)

    return _of_points(declaration, heading, matched, own)


def _calibration(view: View, rows: Rows) -> Figures:
    """Of a distribution: how often the truth falls where it says."""
    if form_of(view.matched.distribution) != "deterministic":
        known = [METRICS[row.metric].truth_error(row.options) for row in rows.values()]
        yield "calibration", calibration(view, max(known))


def _of_points(
    declaration: Declaration,
    heading: str,
    matched: Pieces,
    own: Callable[[View, Rows], Figures],
) -> Figures:
    """Figures of each variable through the mask of its first score; of spectra, through theirs."""
    for name, rules in declaration.submission.variables.items():
        views = {k: View(heading, name, rules.units, m) for k, m in matched.items() if k[0] == name}
        rows: dict[str, MetricRow] = {}
        for row in declaration.scores:
            if declaration.variable_of(row) == name:
                rows.setdefault(row.metric, row)
        if not rows:
            continue
        view = next(iter(views.values()))
        for what, figure in own(view, rows):
            yield f"{name}_{what}", figure
        for row in _of(along_track_spectra, rows)[:1]:
            yield f"{name}_psd", spectra(views[name, declaration.mask_of(row)], row)
        if resolved := _of(psd_score, rows):
            masks = [views[name, declaration.mask_of(row)] for row in resolved]
            marks = [mark_of(row, view.matched) for row, view in zip(resolved, masks, strict=True)]
            yield f"{name}_psd_score", score_plane(masks[0], resolved[0], marks)


def _daily(rows: Rows) -> MetricRow | None:
    return next((row for row in rows.values() if METRICS[row.metric].daily), None)


def _of(statistic: Callable[..., Any], rows: Rows) -> list[MetricRow]:
    """Scores that are values of a statistic, in the order of the table of metrics."""
    names = [name for name, metric in METRICS.items() if metric.statistic is statistic]
    return [rows[name] for name in names if name in rows]
