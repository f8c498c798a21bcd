"""Figures of a submission: maps, series, spectra, calibration; the only module that draws."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import matplotlib.style
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from oceanbench.challenge import Challenge
from oceanbench.declaration import MetricRow
from oceanbench.evaluate import matched_by_score
from oceanbench.match import Matched
from oceanbench.metrics import METRICS, Flagged
from oceanbench.metrics.aligned import FloatArray
from oceanbench.metrics.along_track import along_track_spectra
from oceanbench.metrics.calibration import pit_histogram, spread_skill_curve
from oceanbench.metrics.points import described, form_of
from oceanbench.metrics.pointwise import rmse_map
from oceanbench.metrics.spectral import psd_score
from oceanbench.metrics.sums import scores_in_time, sums
from oceanbench.submission import Submission

STYLE: dict[str, Any] = {
    "figure.dpi": 130,
    "savefig.dpi": 130,
    "savefig.bbox": "tight",
    "figure.constrained_layout.use": True,
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "0.9",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "date.converter": "concise",
}
TRUTH, ESTIMATE, ERROR = "#000000", "#0072b2", "#d55e00"  # Okabe and Ito: safe for colour-blind
BLANK = "0.85"  # behind the maps: a masked point must not look like an error of zero
SYMBOLS = {"degrees_east": "°", "1": ""}
MOST_RANKS = 30  # bars of a histogram; more members than bars share them
TRACK_OPTIONS = ("segment_km", "step", "gap_seconds", "sample_km", "segments")


@dataclass(frozen=True)
class View:
    """One variable of a submission through one mask, with the words around its figures."""

    heading: str
    variable: str
    units: str
    matched: Matched


@dataclass(frozen=True)
class Mark:
    """A score as the figures show it; ``value`` is None where the score is flagged."""

    metric: str
    text: str
    value: float | None


def draw(
    challenge: Challenge, submission: Submission, folder: Path, *, data_dir: Path | None = None
) -> list[Path]:
    """Draw maps, error series and spectra of a submission, and the calibration of a distribution.

    Every variable is drawn through the mask of its first score, its spectra through the mask of
    the resolved scale that they show. No file appears before all figures are drawn.

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
    matched = matched_by_score(challenge, submission, data_dir=data_dir)
    heading = f"{submission.name} on {challenge.name}"
    with matplotlib.style.context(STYLE, after_reset=True):
        pictures = {
            f"{name}.png": _png(figure) for name, figure in _figures(challenge, heading, matched)
        }
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
        if challenge.kind == "maps":
            yield f"{name}_maps", _maps(view)
        else:
            yield f"{name}_track_error", _tracks(view)
        yield f"{name}_rmse", _series(view, rows.get("daily_rmse_score"))
        if form_of(view.matched.distribution) != "deterministic":
            errors = [row.options.get("truth_error", 0.0) for row in rows.values()]
            yield f"{name}_calibration", _calibration(view, max(errors))
        if "along_track_wavelength" in rows:
            row = rows["along_track_wavelength"]
            yield f"{name}_psd", _spectra(views[name, challenge.mask_of(row)], row)
        if scales := [rows[m] for m in ("resolved_wavelength", "resolved_period") if m in rows]:
            masks = [views[name, challenge.mask_of(row)] for row in scales]
            marks = [_mark(row, view.matched) for row, view in zip(scales, masks, strict=True)]
            yield f"{name}_psd_score", _score_plane(masks[0], scales[0], marks)


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


# --- what several figures share ---------------------------------------------------------------


def _option(row: MetricRow, name: str) -> Any:
    return row.options.get(name, METRICS[row.metric].options[name].default)


def _mark(row: MetricRow, matched: Matched) -> Mark:
    """Compute the score of a resolved scale as the evaluator does."""
    metric = METRICS[row.metric]
    found = metric.function(matched.estimate, matched.truth, matched.weights, **row.options)
    units = str(row.options.get("units") or metric.units)
    units = SYMBOLS.get(units, f" {units}")
    if not isinstance(found, Flagged):
        return Mark(row.metric, f"{row.label} = {found:.4g}{units}", found)
    bound = f" (≤ {found.value:.4g}{units})" if np.isfinite(found.value) else ""
    return Mark(row.metric, f"{row.label} {found.flag.replace('_', ' ')}{bound}", None)


def _limits(*fields: xr.DataArray, symmetric: bool = False) -> dict[str, float]:
    """Colour limits that a few extreme points do not stretch."""
    values = np.concatenate([f.values[np.isfinite(f.values)] for f in fields])
    if symmetric:
        bound = float(np.quantile(np.abs(values), 0.995)) or 1.0
        return {"vmin": -bound, "vmax": bound}
    low, high = (float(q) for q in np.quantile(values, (0.005, 0.995)))
    return {"vmin": low, "vmax": high if high > low else low + 1.0}


def _shape(truth: xr.DataArray) -> tuple[float, float]:
    """Aspect of the axes of a map, 1 / cos(latitude), and height over width of the panel."""
    latitude, longitude = truth["latitude"].values, truth["longitude"].values
    aspect = 1.0 / float(np.cos(np.deg2rad((latitude.min() + latitude.max()) / 2)))
    ratio = aspect * float(np.ptp(latitude)) / max(float(np.ptp(longitude)), 1e-9)
    return aspect, float(np.clip(ratio, 0.3, 2.0))


def _geographic(axes: Axes, title: str, aspect: float) -> None:
    axes.set(title=title, xlabel="longitude (°E)", ylabel="latitude (°N)", facecolor=BLANK)
    axes.set_aspect(aspect)
    axes.label_outer()
    axes.grid(False)


def _scales(axes: Axes, which: Literal["x", "y"], label: str) -> None:
    """Logarithmic axis of wavelengths or periods with plain numbers, large scales first."""
    axes.set(**{f"{which}scale": "log", f"{which}label": label})
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())
    axis.set_inverted(True)


def _show(mark: Mark, axes: Axes) -> None:
    """Line and label of a resolved scale; nothing where it is flagged."""
    if mark.value is None:
        return
    style: dict[str, Any] = {"textcoords": "offset points", "color": ERROR, "va": "bottom"}
    if mark.metric == "resolved_period":
        axes.axhline(mark.value, color=ERROR, ls="--")
        style |= {"xycoords": axes.get_yaxis_transform(), "ha": "right"}
        axes.annotate(mark.text, (1.0, mark.value), (-4, 3), **style)
    else:
        axes.axvline(mark.value, color=ERROR, ls="--")
        style |= {"xycoords": axes.get_xaxis_transform(), "ha": "center"}
        axes.annotate(mark.text, (mark.value, 1.0), (0, 3), **style)


def _note(heading: str, text: str) -> Figure:
    """In place of a figure for which there are no data."""
    figure = Figure(figsize=(6.5, 2.0))
    figure.suptitle(heading)
    axes = figure.subplots()
    axes.set(xticks=[], yticks=[])
    axes.annotate(text, (0.5, 0.5), xycoords="axes fraction", ha="center", va="center")
    return figure


# --- the figures ------------------------------------------------------------------------------


def _maps(view: View) -> Figure:
    """Truth, estimate and error on the middle day, and the RMSE over time."""
    m = view.matched
    scored = m.weights > 0
    times = np.flatnonzero(scored.any(("latitude", "longitude")))
    at = int(times[times.size // 2])
    truth, estimate = (f.isel(time=at).where(scored.isel(time=at)) for f in (m.truth, m.estimate))
    date = str(m.truth["time"].values[at])[:16].removesuffix("T00:00").replace("T", " ")
    rmse = rmse_map(m.estimate, m.truth, m.weights)
    what = f"{view.variable} ({view.units})"
    shared = _limits(truth, estimate)
    error = estimate - truth
    panels = [
        (truth, f"truth: {what}, {date}", "viridis", shared),
        (estimate, f"estimate: {what}, {date}", "viridis", shared),
        (error, f"estimate − truth: {what}, {date}", "RdBu_r", _limits(error, symmetric=True)),
        (rmse, f"RMSE: {what}, {times.size} times", "cividis", _limits(rmse)),
    ]
    aspect, ratio = _shape(truth)
    figure = Figure(figsize=(10.0, 2 * (3.8 * ratio + 0.6) + 0.4), layout="compressed")
    figure.suptitle(view.heading)
    grid = figure.subplots(2, 2, sharex=True, sharey=True)
    for axes, (field, title, colours, limits) in zip(grid.flat, panels, strict=True):
        mesh = axes.pcolormesh(
            field["longitude"], field["latitude"], field, cmap=colours, rasterized=True, **limits
        )
        _geographic(axes, title, aspect)
        figure.colorbar(mesh, ax=axes, extend="both")
    return figure


def _tracks(view: View) -> Figure:
    """Estimate and error at the scored points of the tracks."""
    m = view.matched
    kept = np.flatnonzero(m.weights.values > 0)
    truth, estimate = m.truth.isel(time=kept), m.estimate.isel(time=kept)
    days = [str(day)[:10] for day in (truth["time"].values.min(), truth["time"].values.max())]
    aspect, ratio = _shape(truth)
    wide = ratio < 0.6
    width, height = (9.0, 2 * (7.5 * ratio + 0.7)) if wide else (11.0, 4.2 * ratio + 1.2)
    figure = Figure(figsize=(width, height), layout="compressed")
    figure.suptitle(f"{view.heading}, {days[0]} to {days[1]}, {kept.size} points")
    rows, columns = (2, 1) if wide else (1, 2)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True)
    error = estimate.copy(data=estimate.values - truth.values)
    what = f"{view.variable} ({view.units})"
    panels = [
        (estimate, f"estimate along the tracks: {what}", "viridis", _limits(truth, estimate)),
        (error, f"estimate − truth: {what}", "RdBu_r", _limits(error, symmetric=True)),
    ]
    for axes, (values, title, colours, limits) in zip(grid.flat, panels, strict=True):
        points = axes.scatter(
            truth["longitude"], truth["latitude"], 4, values, cmap=colours, lw=0, **limits
        )
        _geographic(axes, title, aspect)
        figure.colorbar(points, ax=axes, extend="both")
    return figure


def _series(view: View, daily: MetricRow | None) -> Figure:
    """RMSE and RMSE score of each map, or of each day with the number of points."""
    m = view.matched
    s = sums(m.estimate, m.truth, m.weights)
    tracks = m.truth.ndim == 1
    figure = Figure(figsize=(8.0, 6.0 if tracks else 4.5))
    panels = figure.subplots(3 if tracks else 2, 1, sharex=True)
    least = int(_option(daily, "minimum_points")) if daily else 0
    full = s.count >= least
    hollow = "" if full.all() else f" (hollow: fewer than {least} points)"
    figure.suptitle(f"{view.heading}, per {'day' if tracks else 'map'}{hollow}")
    time = s.case.astype("datetime64[ns]")
    values = (np.sqrt(s.squared_error / s.weight), scores_in_time(s))
    for axes, value, colour in zip(panels, values, (ERROR, ESTIMATE), strict=False):
        line = xr.DataArray(np.where(full, value, np.nan), {"time": time}, "time")
        if tracks:  # a day without data breaks the line
            line = line.resample(time="1D").asfreq()
        axes.plot(line["time"], line, "o-", color=colour, ms=3.5, lw=1.2, clip_on=False)
        axes.plot(time[~full], value[~full], "o", color=colour, ms=3.5, mfc="white")
    panels[0].set(ylabel=f"RMSE of {view.variable} ({view.units})", ylim=(0, None))
    panels[1].set(ylabel="RMSE score", ylim=(None, 1))
    if tracks:
        panels[2].bar(time, s.count, color="0.6")
        panels[2].set(ylabel="points")
    figure.align_ylabels()
    return figure


def _calibration(view: View, truth_error: float) -> Figure:
    """Histogram of ranks or probabilities, and the error of the mean against the expected one."""
    m = view.matched
    arrays = m.distribution, m.truth, m.weights
    members = m.distribution.sizes.get("member", MOST_RANKS)
    bins = members + 1 if members < MOST_RANKS else MOST_RANKS
    heights = bins * pit_histogram(*arrays, bins=bins, truth_error=truth_error)
    curve = spread_skill_curve(*arrays, truth_error=truth_error)
    figure = Figure(figsize=(10.0, 4.6))
    known = f", error of the truth {truth_error:g} {view.units}" if truth_error else ""
    figure.suptitle(f"{view.heading}, {described(m.distribution)}{known}")
    histogram, skill = figure.subplots(1, 2)
    histogram.bar((np.arange(bins) + 0.5) / bins, heights, 0.92 / bins, color=ESTIMATE)
    histogram.axhline(1.0, color=TRUTH, ls="--", lw=1.0)
    kind = "rank histogram" if members < MOST_RANKS else "histogram of the PIT"
    histogram.set(title=f"{kind}; flat is ideal", ylabel="density", xlim=(0, 1))
    histogram.set(xlabel=f"probability of {view.variable} below the truth")
    most = 1.05 * float(max(curve["expected"].max(), curve["found"].max())) or 1.0
    skill.plot([0, most], [0, most], color=TRUTH, ls="--", lw=1.0)
    skill.plot(curve["expected"], curve["found"], "o-", color=ERROR, ms=5)
    for text, place in (("too sure", (0.05, 0.93)), ("not sure enough", (0.62, 0.04))):
        skill.annotate(text, place, xycoords="axes fraction", color="0.4")
    skill.set(title="error against spread; the diagonal is ideal", aspect="equal")
    skill.set(xlabel=f"expected RMSE of the mean ({view.units})", xlim=(0, most), ylim=(0, most))
    skill.set(ylabel=f"RMSE of the mean of {view.variable} ({view.units})")
    return figure


def _score_plane(view: View, row: MetricRow, marks: list[Mark]) -> Figure:
    """PSD score against wavelength and period, with its contour and the resolved scales."""
    m = view.matched
    score = psd_score(
        m.estimate,
        m.truth,
        m.weights,
        window=_option(row, "window"),
        propagation=_option(row, "propagation"),
    )
    flagged = [mark.text for mark in marks if mark.value is None]
    heading = "\n".join([f"{view.heading}, contour: {_option(row, 'contour')}", *flagged])
    if score is None or 0 in score.shape:
        return _note(heading, "no complete latitude to make a spectrum of")
    km = row.options.get("units") == "km"
    scale = score.attrs["km_per_degree"] if km else 1.0
    wavelength = scale / score["freq_longitude"].values
    period = 1.0 / score["freq_time"].values
    figure = Figure(figsize=(7.0, 5.4))
    figure.suptitle(heading)
    axes = figure.subplots()
    axes.set_facecolor(BLANK)
    axes.grid(False)
    edges = _edges(wavelength), _edges(period)
    mesh = axes.pcolormesh(*edges, score.values, cmap="Blues", vmin=0, vmax=1, rasterized=True)
    level = float(_option(row, "level"))
    bar = figure.colorbar(mesh, ax=axes, label=f"PSD score of {view.variable}", extend="both")
    bar.ax.axhline(level, color="black", lw=1.5)
    finite = score.values[np.isfinite(score.values)]
    if min(score.shape) > 1 and finite.size and finite.min() < level < finite.max():
        axes.contour(wavelength, period, score.values, [level], colors="black", linewidths=1.5)
    _scales(axes, "x", f"wavelength ({'km' if km else '° of longitude'})")
    _scales(axes, "y", "period (days)")
    for mark in marks:
        _show(mark, axes)
    return figure


def _edges(scale: FloatArray) -> FloatArray:
    """Bounds of the bins of a logarithmic axis."""
    if scale.size == 1:
        return np.array([scale[0] * 2**0.5, scale[0] * 0.5**0.5])
    inner = np.sqrt(scale[:-1] * scale[1:])
    return np.concatenate([[scale[0] ** 2 / inner[0]], inner, [scale[-1] ** 2 / inner[-1]]])


def _spectra(view: View, row: MetricRow) -> Figure:
    """Spectra along the tracks, and their score with the resolved wavelength."""
    m = view.matched
    chosen = {name: _option(row, name) for name in TRACK_OPTIONS}
    spectra = along_track_spectra(m.estimate, m.truth, m.weights, **chosen)
    mark = _mark(row, m)
    heading = f"{view.heading}, crossing: {_option(row, 'crossing')}"
    if mark.value is None:
        heading += f"\n{mark.text}"
    if spectra is None:
        return _note(heading, f"no track holds a segment of {chosen['segment_km']:g} km")
    kept = spectra.wavenumber > 0
    wavelength = 1.0 / spectra.wavenumber[kept]
    figure = Figure(figsize=(7.0, 7.0))
    figure.suptitle(heading)
    figure.supxlabel(f"{spectra.segments} segments of {chosen['segment_km']:g} km", fontsize=9)
    density, ratio = figure.subplots(2, 1, sharex=True)
    for name, colour in (("truth", TRUTH), ("estimate", ESTIMATE), ("error", ERROR)):
        values = getattr(spectra, name)[kept]
        if (values > 0).any():
            width = 2.5 if name == "truth" else 1.3  # seen below an error that equals it
            density.loglog(wavelength, values, color=colour, label=name, lw=width)
    density.set(ylabel=f"PSD of {view.variable} ({view.units}² km)")
    density.legend()
    power = spectra.truth[kept]
    score = 1.0 - spectra.error[kept] / np.where(power > 0, power, np.nan)
    ratio.plot(wavelength, score, color=ESTIMATE)
    ratio.axhline(_option(row, "level"), color="0.4", lw=1.0)
    ratio.set(ylabel="PSD score, 1 − error / truth", ylim=(-0.2, 1.05))
    _scales(ratio, "x", "wavelength (km)")
    if mark.value is not None:
        density.axvline(mark.value, color=ERROR, ls="--")
    _show(mark, ratio)
    return figure
