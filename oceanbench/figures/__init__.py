"""Figures of a submission; the only package that draws."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import matplotlib.style
from matplotlib.figure import Figure

from oceanbench.challenge import Challenge
from oceanbench.declaration import MetricRow
from oceanbench.evaluate import matched_by_score
from oceanbench.figures.calibration import calibration
from oceanbench.figures.forecasts import forecasts
from oceanbench.figures.maps import maps, series, tracks
from oceanbench.figures.members import members
from oceanbench.figures.spectra import score_plane, spectra
from oceanbench.figures.style import STYLE, View, mark_of
from oceanbench.figures.windows import errors, windows
from oceanbench.kinds.forecasts.scoring.scores import score_forecasts
from oceanbench.metrics import METRICS
from oceanbench.metrics.probabilistic.points import form_of
from oceanbench.metrics.spectral.along_track import along_track_spectra
from oceanbench.metrics.spectral.space_time import psd_score
from oceanbench.scoring.matching import Matched
from oceanbench.submission import Submission


def draw(
    challenge: Challenge, submission: Submission, folder: Path, *, data_dir: Path | None = None
) -> list[Path]:
    """Draw maps or windows, errors and spectra of a submission, and a distribution's calibration.

    Forecasts are drawn by lead, and as maps at few leads; they are read once more for it. Every
    variable of the others is drawn through the mask of its first score, its spectra through the
    mask of the resolved scale that they show. No file appears before all figures are drawn.

    Parameters
    ----------
    challenge : from :meth:`Challenge.load`
    submission : the participant's file
    folder : where to write the PNG files; made if it does not exist
    data_dir : folder of the challenge's files, where they are not beside challenge.yaml

    Returns
    -------
    list of the files written

    Raises
    ------
    OceanbenchError
        when the submission or the challenge's data are refused
    """
    heading = f"{submission.name} on {challenge.name}"
    if challenge.kind == "forecasts":
        scored = score_forecasts(challenge, submission, data_dir=data_dir)
        drawn = forecasts(scored, challenge, heading)
    else:
        matched = matched_by_score(challenge, submission, data_dir=data_dir)
        drawn = _figures(challenge, heading, matched)
    with matplotlib.style.context(STYLE, after_reset=True):
        pictures = {f"{name}.png": _png(figure) for name, figure in drawn}
    folder.mkdir(parents=True, exist_ok=True)
    return [_write(picture, folder / name) for name, picture in pictures.items()]


def _figures(
    challenge: Challenge, heading: str, matched: Mapping[tuple[str, str], Matched]
) -> Iterator[tuple[str, Figure]]:
    """Name and figure, one after the other."""
    for name, rules in challenge.submission.variables.items():
        views = {k: View(heading, name, rules.units, m) for k, m in matched.items() if k[0] == name}
        rows: dict[str, MetricRow] = {}
        for row in challenge.metrics:
            if challenge.variable_of(row) == name:
                rows.setdefault(row.metric, row)
        if not rows:
            continue
        view = next(iter(views.values()))
        if challenge.kind == "windows":
            yield f"{name}_windows", windows(view)
            yield f"{name}_rmse", errors(view)
        else:
            shown = ("maps", maps) if challenge.kind == "maps" else ("track_error", tracks)
            yield f"{name}_{shown[0]}", shown[1](view)
            daily = next((row for row in rows.values() if METRICS[row.metric].daily), None)
            yield f"{name}_rmse", series(view, daily)
        if form_of(view.matched.distribution) != "deterministic":
            known = [METRICS[row.metric].truth_error(row.options) for row in rows.values()]
            yield f"{name}_calibration", calibration(view, max(known))
        if challenge.kind == "maps" and form_of(view.matched.distribution) == "ensemble":
            yield f"{name}_members", members(view)
        for row in _of(along_track_spectra, rows)[:1]:
            yield f"{name}_psd", spectra(views[name, challenge.mask_of(row)], row)
        if resolved := _of(psd_score, rows):
            masks = [views[name, challenge.mask_of(row)] for row in resolved]
            marks = [mark_of(row, view.matched) for row, view in zip(resolved, masks, strict=True)]
            yield f"{name}_psd_score", score_plane(masks[0], resolved[0], marks)


def _of(statistic: Callable[..., Any], rows: Mapping[str, MetricRow]) -> list[MetricRow]:
    """Scores that are values of a statistic, in the order of the table of metrics."""
    names = [name for name, metric in METRICS.items() if metric.statistic is statistic]
    return [rows[name] for name in names if name in rows]


def _png(figure: Figure) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()


def _write(picture: bytes, path: Path) -> Path:
    temporary = path.with_name(f".{path.name}.part")
    try:
        temporary.write_bytes(picture)
        return temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
