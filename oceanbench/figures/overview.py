"""Where and when a challenge has truth and observations: one picture for its organiser."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from oceanbench.declaration import Declaration
from oceanbench.figures.style import (
    BLANK,
    LINES,
    STYLE,
    check_format,
    geographic,
    limits,
    save,
    shape_of,
)
from oceanbench.grid import wrap_longitude

MOST_POINTS = 4000  # of a dataset, on the map
SHADES = {
    "training": "#fdf3d6",
    "validation": "#f7e2a6",
    "spin_up": "#e8f3e2",
    "forbidden": "#f3d9d0",
}
SHARES = (0.25, 0.5, 0.75, 1.0)  # of the most values of a day, by shades of grey
AXES = ("time", "start")


def draw_overview(declaration: Declaration, datasets: Mapping[str, xr.Dataset], path: Path) -> Path:
    """Draw a map of truth and observations, and when there is how much of each.

    Parameters
    ----------
    declaration : of the challenge
    datasets : as :meth:`oceanbench.challenge.Challenge.open` gives them, those that are there
    path : of a PNG, SVG or PDF file
    """
    check_format(path)
    with matplotlib.style.context(STYLE, after_reset=True):
        return save(overview(declaration, datasets), path)


def overview(declaration: Declaration, datasets: Mapping[str, xr.Dataset]) -> Figure:
    """Map of places or window of components, and a row a dataset along time."""
    rows = [name for name, opened in datasets.items() if _axis(opened) is not None]
    figure = Figure(figsize=(10.0, 4.6 + 0.32 * len(rows)))
    figure.suptitle(f"{declaration.name}: {declaration.title}")
    axes = figure.subplot_mosaic(
        "AB;CD", height_ratios=[4.0, 0.6 + 0.32 * len(rows)], width_ratios=[5.0, 1.0]
    )
    if declaration.domain is not None:
        _places(axes["A"], declaration, datasets)
    else:
        _window(axes["A"], declaration, datasets)
    _times(axes["C"], declaration, {name: datasets[name] for name in rows})
    for key, of in ("BA", "DC"):
        axes[key].set_axis_off()
        handles, labels = axes[of].get_legend_handles_labels()
        axes[key].legend(handles, labels, loc="center left", markerscale=2, fontsize=8)
    return figure


def _axis(opened: xr.Dataset) -> str | None:
    """Dimension of a dataset that is times."""
    return next((dim for dim in AXES if dim in opened.dims and opened.sizes[dim]), None)


def _of(declaration: Declaration, opened: xr.Dataset) -> xr.DataArray:
    """Variable that is drawn of a dataset: one that is submitted, if it has one."""
    names = [name for name in opened.data_vars if name in declaration.submission.variables]
    chosen: xr.DataArray = opened[[*names, *opened.data_vars][0]]
    return chosen


def _places(axes: Axes, declaration: Declaration, datasets: Mapping[str, xr.Dataset]) -> None:
    """The truth's middle map or its points, observations on the scored days, and the domain."""
    domain = declaration.scored
    (west, east), (south, north) = domain.west_east, domain.latitude
    middle, title = (west + east) / 2, []
    truth = datasets.get(declaration.truth_name)
    if truth is not None and "latitude" in truth.dims:
        field = _of(declaration, truth)
        at = field.sizes["time"] // 2
        field = field.isel({dim: 0 for dim in field.dims if dim == "depth"} | {"time": at})
        field = field.transpose("latitude", "longitude")
        east_of = wrap_longitude(field["longitude"].values, middle)
        bounds: dict[str, Any] = limits(field)
        mesh = axes.pcolormesh(
            east_of, field["latitude"], field, cmap="Greys", rasterized=True, **bounds
        )
        title.append(f"truth ({field.name}, {str(field['time'].values)[:10]}) in grey")
        axes.figure.colorbar(mesh, ax=axes, label=field.attrs.get("units", ""))
    points = {
        name: opened
        for name, opened in datasets.items()
        if "latitude" in opened.coords and "latitude" not in opened.dims and "time" in opened.dims
        if name != declaration.target_name or truth is None
    }
    for colour, (name, opened) in zip(LINES * len(points), points.items(), strict=False):
        found = _points(opened, domain.box.time)
        is_truth = name == declaration.truth_name
        size, ink = (6, "black") if is_truth else (2, colour)
        longitude = wrap_longitude(found[0], middle)
        axes.scatter(longitude, found[1], size, ink, lw=0, label=name, zorder=3 if is_truth else 2)
    axes.plot([west, east, east, west, west], [south, south, north, north, south], "k--", lw=1)
    title.append("domain dashed")
    if points:
        title.append("points of the scored days")
    corners = xr.DataArray(
        np.zeros((2, 2)),
        coords={"latitude": [south, north], "longitude": [west, east]},
        dims=("latitude", "longitude"),
    )
    geographic(axes, ", ".join(title), shape_of(corners)[0])
    axes.set_facecolor(BLANK if truth is not None and "latitude" in truth.dims else "white")
    room = 0.05 * (east - west), 0.05 * (north - south)
    axes.tick_params(labelbottom=True)
    axes.set(xlabel="longitude (°E)")
    axes.set(xlim=(west - room[0], east + room[0]), ylim=(south - room[1], north + room[1]))


def _points(opened: xr.Dataset, scored: slice | None) -> tuple[np.ndarray, np.ndarray]:
    """Some places of observations on the scored days."""
    time = opened["time"].values
    if scored is not None:
        opened = opened.isel(time=np.flatnonzero((time >= scored.start) & (time <= scored.stop)))
    longitude, latitude = xr.broadcast(opened["longitude"], opened["latitude"])
    step = max(1, longitude.size // MOST_POINTS)
    return longitude.values.ravel()[::step], latitude.values.ravel()[::step]


def _window(axes: Axes, declaration: Declaration, datasets: Mapping[str, xr.Dataset]) -> None:
    """Truth and observations of the first window's first component that is observed."""
    truth = datasets.get(declaration.truth_name)
    if truth is None:
        return
    line = _of(declaration, truth).isel(window=0)
    seen = {
        name: _of(declaration, datasets[name]).isel(window=0)
        for name in declaration.of_role("observations")
        if name in datasets
    }
    seen = {n: o.isel(sampling=0) if "sampling" in o.dims else o for n, o in seen.items()}
    at = 0
    for one in seen.values():
        counts = one.notnull().sum([d for d in one.dims if d != "component"])
        at = int(counts.values.argmax())
    line = line.isel(component=at)
    axes.plot(line["time"], line, "k", lw=1, label="truth")
    for colour, (name, one) in zip(LINES, seen.items(), strict=False):
        axes.plot(one["time"], one.isel(component=at), "o", color=colour, ms=4, label=name)
    axes.set(
        title=f"first window, component {line['component'].values}",
        xlabel="time since its start",
        ylabel=str(line.name),
    )


def _times(axes: Axes, declaration: Declaration, datasets: Mapping[str, xr.Dataset]) -> None:
    """A row a dataset: when it has values, darker where it has more; periods behind."""
    dated = declaration.domain is not None
    if dated:
        spans = [*declaration.periods.items(), ("scored", declaration.scored.time)]
        for name, (first, last) in spans:
            begin, end = _number(np.datetime64(first, "D")), _number(np.datetime64(last, "D") + 1)
            shade, label = SHADES.get(name, "#d7e8f5"), name.replace("_", " ")
            axes.axvspan(begin, end, color=shade, lw=0, zorder=0, label=label)
    for number, opened in enumerate(datasets.values()):
        axis = str(_axis(opened))
        times, counts = _counts(_of(declaration, opened), axis)
        share = counts / max(counts.max(), 1)
        step = float(np.diff(times).min()) if times.size > 1 else 1.0
        for strength in SHARES:  # a day a bar, so that gaps are seen
            chosen = (share > strength - 1 / len(SHARES)) & (share <= strength)
            bars = [(time, step) for time in times[chosen]]
            axes.broken_barh(bars, (number - 0.3, 0.6), color=str(0.75 * (1 - strength)), lw=0)
    axes.set_yticks(range(len(datasets)), labels=list(datasets))
    axes.set_ylim(len(datasets) - 0.5, -0.5)
    axes.grid(False)
    if dated:
        axes.xaxis_date()
    axes.set_xlabel("" if dated else "time since the start of a window")


def _number(days: Any) -> Any:
    """Days as matplotlib counts them."""
    return days.astype("datetime64[D]").astype(np.float64)


def _counts(array: xr.DataArray, axis: str) -> tuple[np.ndarray, np.ndarray]:
    """Days, or times since a start, as numbers, and how many values there are of each."""
    times = array[axis].values
    others = [dim for dim in array.dims if dim != axis]
    small = array.nbytes <= 2**27
    known = array.notnull().sum(others).values if small else np.ones(times.size)
    if times.dtype.kind == "M":
        times = _number(times)
    found, place = np.unique(times, return_inverse=True)
    return found, np.bincount(place, known, minlength=found.size)
