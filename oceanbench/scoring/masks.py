"""Which points and nodes lie inside a mask of places and days."""

from __future__ import annotations

import xarray as xr

from oceanbench.arrays import BoolArray, FloatArray
from oceanbench.declaration import BoxMask, Domain, time_slice
from oceanbench.grid import SAME_NODE, longitude_span, wrap_longitude


def inside(points: xr.DataArray, mask: BoxMask, domain: Domain) -> xr.DataArray:
    """Which points lie inside a mask; bounds are inclusive, as in the published protocols."""
    edge = SAME_NODE if "longitude" in points.dims else 0.0  # only nodes of grids are rounded
    columns, rows = inside_box(
        points["longitude"].values, points["latitude"].values, mask, domain, edge
    )
    longitude, latitude = points["longitude"], points["latitude"]
    found = longitude.copy(data=columns) & latitude.copy(data=rows)
    if mask.time is not None:
        bounds = time_slice(mask.time)
        found = found & (points["time"] >= bounds.start) & (points["time"] <= bounds.stop)
    elif "time" in points.coords and "time" not in found.dims:
        found = found & points["time"].notnull()
    return found


def inside_box(
    longitude: FloatArray,
    latitude: FloatArray,
    mask: BoxMask,
    domain: Domain,
    edge: float = 0.0,
) -> tuple[BoolArray, BoolArray]:
    """Which longitudes, and which latitudes, lie in the box of a mask, or an edge out of it."""
    west, east = domain.west_east
    if mask.longitude is not None:
        west, east = longitude_span(*mask.longitude)
    south, north = mask.latitude or domain.latitude
    inset = mask.inset_degrees - edge
    wrapped = wrap_longitude(longitude, (west + east) / 2)
    columns = (wrapped >= west + inset) & (wrapped <= east - inset)
    return columns, (latitude >= south + inset) & (latitude <= north - inset)
