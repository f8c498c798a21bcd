"""Maps and tracks of truth, estimate and error, and the error of each day."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from oceanbench.declaration import MetricRow
from oceanbench.figures.style import ERROR, ESTIMATE, View, geographic, limits, shape_of
from oceanbench.metrics import METRICS
from oceanbench.metrics.pointwise import rmse_map
from oceanbench.metrics.relative import scores_in_time
from oceanbench.metrics.sums import sums


def maps(view: View) -> Figure:
    """Truth, estimate and error on the middle day, and the RMSE over time."""
    m = view.matched
    scored = m.weights > 0
    times = np.flatnonzero(scored.any(("latitude", "longitude")))
    at = int(times[times.size // 2])
    truth, estimate = (f.isel(time=at).where(scored.isel(time=at)) for f in (m.truth, m.estimate))
    date = str(m.truth["time"].values[at])[:16].removesuffix("T00:00").replace("T", " ")
    rmse = rmse_map(m.estimate, m.truth, m.weights)
    what = f"{view.variable} ({view.units})"
    shared = limits(truth, estimate)
    error = estimate - truth
    panels = [
        (truth, f"truth: {what}, {date}", "viridis", shared),
        (estimate, f"estimate: {what}, {date}", "viridis", shared),
        (error, f"estimate − truth: {what}, {date}", "RdBu_r", limits(error, symmetric=True)),
        (rmse, f"RMSE: {what}, {times.size} times", "cividis", limits(rmse)),
    ]
    aspect, ratio = shape_of(truth)
    figure = Figure(figsize=(10.0, 2 * (3.8 * ratio + 0.6) + 0.4), layout="compressed")
    figure.suptitle(view.heading)
    grid = figure.subplots(2, 2, sharex=True, sharey=True)
    for axes, (field, title, colours, bounds) in zip(grid.flat, panels, strict=True):
        mesh = axes.pcolormesh(
            field["longitude"], field["latitude"], field, cmap=colours, rasterized=True, **bounds
        )
        geographic(axes, title, aspect)
        figure.colorbar(mesh, ax=axes, extend="both")
    return figure


def tracks(view: View) -> Figure:
    """Estimate and error at the scored points of the tracks."""
    m = view.matched
    kept = np.flatnonzero(m.weights.values > 0)
    truth, estimate = m.truth.isel(time=kept), m.estimate.isel(time=kept)
    days = [str(day)[:10] for day in (truth["time"].values.min(), truth["time"].values.max())]
    aspect, ratio = shape_of(truth)
    wide = ratio < 0.6
    width, height = (9.0, 2 * (7.5 * ratio + 0.7)) if wide else (11.0, 4.2 * ratio + 1.2)
    figure = Figure(figsize=(width, height), layout="compressed")
    figure.suptitle(f"{view.heading}, {days[0]} to {days[1]}, {kept.size} points")
    rows, columns = (2, 1) if wide else (1, 2)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True)
    error = estimate.copy(data=estimate.values - truth.values)
    what = f"{view.variable} ({view.units})"
    panels = [
        (estimate, f"estimate along the tracks: {what}", "viridis", limits(truth, estimate)),
        (error, f"estimate − truth: {what}", "RdBu_r", limits(error, symmetric=True)),
    ]
    for axes, (values, title, colours, bounds) in zip(grid.flat, panels, strict=True):
        points = axes.scatter(
            truth["longitude"], truth["latitude"], 4, values, cmap=colours, lw=0, **bounds
        )
        geographic(axes, title, aspect)
        figure.colorbar(points, ax=axes, extend="both")
    return figure


def series(view: View, daily: MetricRow | None) -> Figure:
    """RMSE and RMSE score of each map, or of each day with the number of points."""
    m = view.matched
    s = sums(m.estimate, m.truth, m.weights)
    tracks = m.truth.ndim == 1
    figure = Figure(figsize=(8.0, 6.0 if tracks else 4.5))
    panels = figure.subplots(3 if tracks else 2, 1, sharex=True)
    least = METRICS[daily.metric].least_points(daily.options) if daily else 0
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
