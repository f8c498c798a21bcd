"""Simulated worlds in parts as long as a period, on its days: heights, and temperatures if any."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr

from oceanbench.assimilation.fourdvarnet.forecasts.basin_worlds import (
    BOX,
    beyond_coast,
    felt,
    laid_on,
    simulated_basin,
)
from oceanbench.assimilation.fourdvarnet.forecasts.periods import Period
from oceanbench.assimilation.fourdvarnet.forecasts.worlds import laid, simulated
from oceanbench.assimilation.fourdvarnet.maps.map_grid import bicubic
from oceanbench.dynamics.ocean_climate import YEAR
from oceanbench.dynamics.quasigeostrophic import DAY
from oceanbench.errors import OceanbenchError
from oceanbench.grid import fill_holes

SEED_OF_JET, SEED_OF_BASIN = 2, 3  # the worlds of a challenge have others
SEED_OF_ERRORS = 1000  # of temperatures, of the first part
Parts = Iterator[tuple[xr.DataArray, xr.DataArray | None]]
Box = tuple[float, float, float, float]


def parts_of_jet(
    days: int, period: Period, box: Box, draws: np.random.Generator, *, checkpoint: str
) -> Parts:
    """Parts of a simulated jet, about the middle of the box, each turned by a drawn longitude.

    Parameters
    ----------
    days : that are simulated
    period : whose days they are laid on
    box : longitudes and latitudes that the maps must hold, degrees
    draws : of the longitudes
    checkpoint : folder that keeps what is simulated, or nothing
    """
    count = days // period.days
    if not count:
        return
    heights = simulated(days, SEED_OF_JET, checkpoint=checkpoint)
    for number in range(count):
        some = heights[number * period.days : (number + 1) * period.days]
        rolled = int(draws.integers(heights.shape[-1]))
        world = laid(some, period.truth["time"].values, box, rolled)
        yield world.rename(period.truth.name).astype(np.float64), None


def parts_of_basin(
    days: int, period: Period, box: Box, draws: np.random.Generator, *, checkpoint: str
) -> Parts:
    """Parts of a simulated basin, one a year, with temperatures if the period has any.

    Parameters
    ----------
    days, period, checkpoint : as of :func:`parts_of_jet`
    box : as there, inside of that which is simulated
    draws : not used: the coast stays where it is

    Raises
    ------
    OceanbenchError
        if a period of more than a year is asked for, or a box that was not simulated
    """
    years = int(days * DAY // YEAR)
    if not years:
        return
    times, like = period.truth["time"].values, period.truth
    (west, east, south, north), nodes = BOX, {n: like[n].values for n in ("latitude", "longitude")}
    inside = (box[0] > west, box[1] < east, box[2] > south, box[3] < north)
    if times.size > 365 or not all(inside):
        raise OceanbenchError(
            f"world=basin: a period of {times.size} days in {box}; expected a year at most inside "
            f"of {BOX}; give such a truth of training, or take world=jet"
        )
    whole = simulated_basin(days, SEED_OF_BASIN, checkpoint=checkpoint)
    first = int((times[0].astype("M8[D]") - times[0].astype("M8[Y]")).astype(int))

    def on_nodes(maps: xr.DataArray) -> xr.DataArray:
        values = bicubic(maps.astype(np.float64), *nodes.values())
        return xr.DataArray(values, {"time": times, **nodes}, ("time", *nodes))

    for number in range(years):
        begin = first + round(number * YEAR / DAY)
        if begin + times.size > days:
            return
        some = whole.isel(day=slice(begin, begin + times.size))
        height = on_nodes(laid_on(some["ssh"], times)).where(period.sea)
        images = None
        if period.images is not None:
            warm = on_nodes(laid_on(beyond_coast(some["sst"], whole["sea"]), times))
            found = felt(warm, period.sea, seed=SEED_OF_ERRORS + number)
            at = {n: period.images[n] for n in nodes}
            images = found.sel(at, method="nearest")
        yield fill_holes(height).rename(like.name), images
