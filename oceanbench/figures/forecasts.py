"""Every figure of a submission of forecasts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from oceanbench.declaration import Declaration
from oceanbench.figures import leads
from oceanbench.figures.style import geographic, limits, shape_of
from oceanbench.kinds.forecasts.scoring.scores import Scored


def forecasts(
    declaration: Declaration, heading: str, scored: Scored
) -> Iterator[tuple[str, Figure]]:
    """Name and figure, one after the other.

    Parameters
    ----------
    declaration, heading : of which, and the words above
    scored : what :func:`oceanbench.kinds.forecasts.scoring.scores.evaluated` found
    """
    yield "rmse_by_lead", leads.errors(scored, declaration, heading)
    if (figure := leads.structure(scored, heading)) is not None:
        yield "anomalies_by_lead", figure
    if (figure := leads.spread(scored, declaration, heading)) is not None:
        yield "spread_by_lead", figure
    drawing = {"spectra": leads.spectra, "ranks": leads.ranks}
    for kind, row in leads.of_tables(scored, declaration):
        depth = "" if row.depth is None else f"_{row.depth:.3g}m"
        departing = f"_less_{row.relative_to}" if row.relative_to else ""
        name = f"{'_'.join(row.of_variables)}{depth}{departing}_{kind}"
        if (figure := drawing[kind](scored, declaration, row, heading)) is not None:
            yield name, figure
    for variable, column in scored.forecasts.depths.items():
        if scored.references.truth is None:  # of points: there is no map of it
            continue
        yield f"{variable}_maps", maps(scored, declaration, (variable, column[0]), heading)


def maps(scored: Scored, declaration: Declaration, level: leads.Layer, heading: str) -> Figure:
    """Truth, forecast and error of the middle start at the first, the middle and the last lead."""
    variable, depth = level
    starts = list(scored.forecasts.places)
    start = starts[len(starts) // 2]
    chosen = leads.few(scored.forecasts.leads)
    block = scored.forecasts.read(variable, start, chosen, [depth])[:, 0].mean(axis=1)
    maps_of_truth = scored.references.truth
    assert maps_of_truth is not None  # else there is nothing to draw
    known = [maps_of_truth.read(variable, start + lead, [depth])[0] for lead in chosen]
    truth, estimate = (_on_grid(np.stack(list(f)), scored) for f in (known, block))
    estimate = estimate.where(np.isfinite(truth))
    error = estimate - truth
    shared, bounds = limits(truth, estimate), limits(error, symmetric=True)
    aspect, ratio = shape_of(truth)
    size = (11.5, len(chosen) * (3.4 * ratio + 0.45) + 0.6)
    figure = Figure(figsize=size, layout="compressed")
    where = "" if depth is None else f" at {depth:.3g} m"
    unit = leads.written_unit(declaration, variable)
    figure.suptitle(f"{heading}, {variable}{where} ({unit}), start {start}")
    grid = figure.subplots(len(chosen), 3, sharex=True, sharey=True, squeeze=False)
    for row, lead, fields in zip(
        grid, chosen, zip(truth, estimate, error, strict=True), strict=True
    ):
        titles = (f"truth, day {lead}", f"forecast, day {lead}", f"forecast − truth, day {lead}")
        for axes, field, title in zip(row, fields, titles, strict=True):
            of_error = axes is row[2]
            colours, span = ("RdBu_r", bounds) if of_error else ("viridis", shared)
            mesh = axes.pcolormesh(
                field["longitude"], field["latitude"], field, cmap=colours, rasterized=True, **span
            )
            geographic(axes, title, aspect)
            if axes is not row[0]:
                figure.colorbar(mesh, ax=axes if of_error else list(row[:2]), extend="both")
    return figure


def _on_grid(fields: np.ndarray, scored: Scored) -> xr.DataArray:
    """Fields (lead, latitude, longitude) with their coordinates."""
    coords = {"latitude": scored.grid.latitude, "longitude": scored.grid.longitude}
    return xr.DataArray(fields, coords, ("lead", "latitude", "longitude"))
