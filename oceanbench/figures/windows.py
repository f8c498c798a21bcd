"""Windows of truth, estimate and error, and how the error depends on the time in a window."""

from __future__ import annotations

from itertools import cycle, product
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from oceanbench.figures.style import ERROR, ESTIMATE, LINES, TRUTH, View, limits

FEW = 6  # components that are drawn as lines; more become an image


def windows(view: View) -> Figure:
    """Truth and estimate in the first, the median and the worst window, by their squared error."""
    chosen = _chosen(view)
    m = view.matched
    if m.truth.sizes["component"] > FEW:
        return _images(view, chosen)
    components = m.truth["component"].values
    figure = Figure(figsize=(11.0, 2.2 * components.size + 0.8))
    figure.suptitle(view.heading)
    grid = figure.subplots(components.size, len(chosen), sharex=True, sharey="row", squeeze=False)
    for column, (title, place) in zip(grid.T, chosen, strict=True):
        truth, estimate = m.truth.isel(place), m.estimate.isel(place)
        for axes, component in zip(column, components, strict=True):
            kept = truth["component"] == component
            time = truth["time"]
            axes.plot(time, truth.isel(component=kept).squeeze("component"), color=TRUTH, lw=2.0)
            axes.plot(time, estimate.isel(component=kept).squeeze("component"), color=ESTIMATE)
            axes.set(ylabel=f"{component} ({view.units})")
            axes.label_outer()
        column[0].set(title=title)
        column[-1].set(xlabel=_time_label(m.truth))
    grid[0, 0].legend(["truth", "estimate"], fontsize=8)
    return figure


def _chosen(view: View) -> list[tuple[str, dict[str, int]]]:
    """Titles and places of the first, the median and the worst window, of the sampling in between.

    Of several samplings, it is the one whose error is the median of theirs.
    """
    m = view.matched
    square = ((m.estimate - m.truth) ** 2 * m.weights).mean(("time", "component"))
    place, words = {}, ""
    if "sampling" in square.dims:
        ranked = np.argsort(square.mean("window").values)
        place = {"sampling": int(ranked[(ranked.size - 1) // 2])}
        words = f", {square['sampling'].values[place['sampling']]}"
    ordered = np.argsort(square.isel(place).values)
    chosen = {"first": 0, "median": ordered[ordered.size // 2], "worst": ordered[-1]}
    names = m.truth["window"].values
    return [
        (f"{title}: window {names[number]}{words}", {**place, "window": int(number)})
        for title, number in chosen.items()
    ]


def _images(view: View, chosen: list[tuple[str, dict[str, int]]]) -> Figure:
    """Time against component: truth, estimate and error of each window."""
    m = view.matched
    figure = Figure(figsize=(11.0, 7.5), layout="constrained")
    figure.suptitle(view.heading)
    grid = figure.subplots(len(chosen), 3, sharex=True, sharey=True)
    for row, (title, place) in zip(grid, chosen, strict=True):
        truth, estimate = m.truth.isel(place), m.estimate.isel(place)
        error = estimate - truth
        shared = limits(truth, estimate)
        for axes, field, words, colours, bounds in (
            (row[0], truth, f"truth, {title}", "viridis", shared),
            (row[1], estimate, "estimate", "viridis", shared),
            (row[2], error, "estimate − truth", "RdBu_r", limits(error, symmetric=True)),
        ):
            image = axes.pcolormesh(
                field["time"],
                np.arange(field.sizes["component"]),
                field.transpose("component", "time").values,
                cmap=colours,
                rasterized=True,
                **bounds,
            )
            axes.set(title=words, xlabel=_time_label(m.truth), ylabel="component")
            axes.label_outer()
            axes.grid(False)
            figure.colorbar(image, ax=axes, extend="both")
    return figure


def errors(view: View) -> Figure:
    """RMSE against the time in the window, and the squared errors of the windows in order."""
    m = view.matched
    figure = Figure(figsize=(11.0, 4.2), layout="constrained")
    figure.suptitle(view.heading)
    in_time, ordered = figure.subplots(1, 2)
    samplings = m.truth["sampling"].values if "sampling" in m.truth.dims else [None]
    looks = cycle(product(("solid", "dashed"), LINES))
    for sampling, (dashes, colour) in zip(samplings, looks, strict=False):
        place = {} if sampling is None else {"sampling": sampling}
        square = ((m.estimate - m.truth) ** 2).sel(place)
        weights = m.weights.sel(place)
        look: dict[str, Any] = {"color": ERROR, "lw": 1.3}
        if sampling is not None:
            look |= {"color": colour, "linestyle": dashes, "label": str(sampling)}
        rmse = np.sqrt(_mean(square, weights, ("window", "component")))
        in_time.plot(rmse["time"], rmse, **look)
        each = np.sort(_mean(square, weights, ("time", "component")).values)
        share = (np.arange(each.size) + 0.5) / each.size
        ordered.plot(share, np.maximum(each, 1e-30), **look)
    in_time.set(xlabel=_time_label(m.truth), ylabel=f"RMSE of {view.variable} ({view.units})")
    in_time.set(ylim=(0, None))
    ordered.set(xlabel="share of the windows", ylabel="mean squared error of a window", xlim=(0, 1))
    ordered.set_yscale("log")
    if len(samplings) > 1:
        ordered.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def _mean(square: xr.DataArray, weights: xr.DataArray, dims: tuple[str, ...]) -> xr.DataArray:
    return (square * weights).sum(dims) / weights.sum(dims)


def _time_label(truth: xr.DataArray) -> str:
    unit = str(truth["time"].attrs.get("units", "1"))
    return "time in the window" + (f" ({unit})" if unit != "1" else "")
