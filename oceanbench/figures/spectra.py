"""Spectra, and the scales that they resolve."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from oceanbench.arrays import FloatArray
from oceanbench.declaration import MetricRow
from oceanbench.figures.style import (
    BLANK,
    ERROR,
    ESTIMATE,
    TRUTH,
    Mark,
    View,
    mark_of,
    note,
    scales,
    show,
)
from oceanbench.metrics import METRICS


def score_plane(view: View, row: MetricRow, marks: list[Mark]) -> Figure:
    """PSD score against wavelength and period, with its contour and the resolved scales."""
    m, metric = view.matched, METRICS[row.metric]
    score = metric.statistic_of(m.estimate, m.truth, m.weights, row.options)
    flagged = [mark.text for mark in marks if mark.value is None]
    heading = "\n".join([f"{view.heading}, {metric.rule(row.options)}", *flagged])
    if score is None or 0 in score.shape:
        return note(heading, "no row long enough for a spectrum")
    km = metric.unit_for(m.truth, row.options) == "km"
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
    level = metric.level(row.options)
    bar = figure.colorbar(mesh, ax=axes, label=f"PSD score of {view.variable}", extend="both")
    bar.ax.axhline(level, color="black", lw=1.5)
    finite = score.values[np.isfinite(score.values)]
    if min(score.shape) > 1 and finite.size and finite.min() < level < finite.max():
        axes.contour(wavelength, period, score.values, [level], colors="black", linewidths=1.5)
    scales(axes, "x", f"wavelength ({'km' if km else '° of longitude'})")
    scales(axes, "y", "period (days)")
    for mark in marks:
        show(mark, axes)
    return figure


def _edges(scale: FloatArray) -> FloatArray:
    """Bounds of the bins of a logarithmic axis."""
    if scale.size == 1:
        return np.array([scale[0] * 2**0.5, scale[0] * 0.5**0.5])
    inner = np.sqrt(scale[:-1] * scale[1:])
    return np.concatenate([[scale[0] ** 2 / inner[0]], inner, [scale[-1] ** 2 / inner[-1]]])


def spectra(view: View, row: MetricRow) -> Figure:
    """Spectra along the tracks, and their score with the resolved wavelength."""
    m, metric = view.matched, METRICS[row.metric]
    spectra = metric.statistic_of(m.estimate, m.truth, m.weights, row.options)
    mark = mark_of(row, m)
    heading = f"{view.heading}, {metric.rule(row.options)}"
    if mark.value is None:
        heading += f"\n{mark.text}"
    if spectra is None:
        return note(heading, "no track is as long as a segment")
    kept = spectra.wavenumber > 0
    wavelength = 1.0 / spectra.wavenumber[kept]
    figure = Figure(figsize=(7.0, 7.0))
    figure.suptitle(heading)
    figure.supxlabel(f"{spectra.segments} segments of {wavelength.max():.0f} km", fontsize=9)
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
    ratio.axhline(metric.level(row.options), color="0.4", lw=1.0)
    ratio.set(ylabel="PSD score, 1 − error / truth", ylim=(-0.2, 1.05))
    scales(ratio, "x", "wavelength (km)")
    if mark.value is not None:
        density.axvline(mark.value, color=ERROR, ls="--")
    show(mark, ratio)
    return figure
