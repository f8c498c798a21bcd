"""A challenge's own sea as a world: its training maps on square cells, as they are."""

from __future__ import annotations

import numpy as np
import xarray as xr

from oceanbench.assimilation.fourdvarnet.anywhere.worlds.seas import CELLS, CELLS_KM, DAYS, SPAN_KM
from oceanbench.assimilation.fourdvarnet.anywhere.worlds.simulations import World
from oceanbench.errors import OceanbenchError
from oceanbench.grid import KM_PER_DEGREE, fill_holes, interpolate

FINEST_KM = 5.0  # between points: cells of scenes are wider by far
LEAST_DAYS = DAYS // 2 + 1  # which, run back again, make a scene


def own_world(maps: xr.DataArray) -> World:
    """World of daily maps of one sea, in metres; its land is where they never have a value.

    Parameters
    ----------
    maps : (time, latitude, longitude), regular

    Raises
    ------
    OceanbenchError
        if they are smaller than a scene, or span too few days
    """
    field = maps.transpose("time", "latitude", "longitude")
    latitude, longitude = field["latitude"].values, field["longitude"].values
    centre = float(latitude.mean())
    widths = KM_PER_DEGREE * np.array([1.0, np.cos(np.deg2rad(centre))])
    spans = widths * np.array([np.ptp(latitude), np.ptp(longitude)])
    if spans.min() < SPAN_KM or len(field) < LEAST_DAYS:
        raise OceanbenchError(
            f"sea=own: training maps of {len(field)} days over {spans[0]:.0f} by {spans[1]:.0f} "
            f"km, expected {LEAST_DAYS} days and {SPAN_KM:.0f} km ({CELLS} cells of "
            f"{CELLS_KM[0]:.0f} km) at least; give maps of a larger region"
        )
    steps = widths * np.abs([latitude[1] - latitude[0], longitude[1] - longitude[0]])
    spacing = max(float(steps.min()), FINEST_KM)
    axes = [
        axis.min() + np.arange(0.0, np.ptp(axis) + 1e-9, spacing / width)
        for axis, width in zip((latitude, longitude), widths, strict=True)
    ]
    known = field.notnull().any("time")
    whole = fill_holes(field) if not bool(field.notnull().all()) else field
    nodes = {"time": field["time"].values, "latitude": axes[0], "longitude": axes[1]}
    like = xr.DataArray(np.zeros([axis.size for axis in nodes.values()]), nodes, field.dims)
    near = known.sel(latitude=axes[0], method="nearest").sel(longitude=axes[1], method="nearest")
    height = interpolate(whole, like).values
    return World(height.astype(np.float16), spacing, centre, land=~near.values)
