"""Where things are: longitudes, boxes, distances, interpolation, and the filling of holes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from oceanbench.arrays import BoolArray, FloatArray, IndexArray
from oceanbench.errors import OceanbenchError
from oceanbench.times import SAME_TIME

if TYPE_CHECKING:
    from scipy import sparse

EARTH_RADIUS_KM = 6371.0
KM_PER_DEGREE = EARTH_RADIUS_KM * np.pi / 180.0
GRAVITY = 9.81  # m/s²; this and the next as the published challenges have them
EARTH_ROTATION = 7.2921e-5  # rad/s
SAME_NODE = 1e-4  # degrees: nodes written in float32 lie up to 3e-5 degrees from exact ones
SAME_DEPTH, SAME_DEPTH_SHARE = 0.01, 1e-3  # metres, and of the depth: levels lie further apart


def wrap_longitude(longitude: ArrayLike, centre: float) -> FloatArray:
    """Longitudes in the 360 degrees around a centre.

    Parameters
    ----------
    longitude : array-like, degrees_east, any convention
    centre : float, degrees_east

    Returns
    -------
    ndarray in [centre - 180, centre + 180); values that lie there already are returned unchanged

    >>> wrap_longitude([295.0, -10.0, 350.0], centre=0.0)
    array([-65., -10., -10.])
    """
    values = np.asarray(longitude, dtype=np.float64)
    turns = np.floor((values - (centre - 180.0)) / 360.0)
    return values - 360.0 * turns


def longitude_span(west: float, east: float) -> tuple[float, float]:
    """West and east bound with west < east, for boxes that cross 0 or 180 degrees.

    >>> longitude_span(350, 10)
    (350.0, 370.0)
    """
    width = (east - west) % 360.0
    return float(west), float(west) + (width if width > 0 else 360.0)


def longitude_range(longitude: ArrayLike) -> tuple[float, float]:
    """West and east end of places: what is left of the circle without the widest gap.

    Parameters
    ----------
    longitude : array-like, degrees_east, any convention; NaN are left aside

    Returns
    -------
    west < east; the least and the greatest value, where places are as near in their own convention

    >>> longitude_range([358.0, 2.0, 359.5]), longitude_range([-2.0, 2.0])
    ((358.0, 362.0), (-2.0, 2.0))
    """
    values = np.asarray(longitude, dtype=np.float64).ravel()
    values = values[np.isfinite(values)]
    east = np.unique(values % 360.0)
    gaps = np.diff(east, append=east[0] + 360.0)
    widest = int(np.argmax(gaps))
    width = 360.0 - float(gaps[widest])
    if np.ptp(values) <= width + SAME_NODE:
        return float(values.min()), float(values.max())
    west = float(east[(widest + 1) % east.size])
    return west, west + width


def great_circle_km(
    longitude_1: ArrayLike, latitude_1: ArrayLike, longitude_2: ArrayLike, latitude_2: ArrayLike
) -> FloatArray:
    r"""Distance on the sphere between points, by the haversine formula.

    .. math::
        d = 2 R \arcsin\sqrt{\sin^2(\Delta\phi/2)
            + \cos\phi_1 \cos\phi_2 \sin^2(\Delta\lambda/2)}

    Parameters
    ----------
    longitude_1, latitude_1, longitude_2, latitude_2 : array-like, degrees, broadcastable

    Returns
    -------
    ndarray, km
    """
    lon_1, lat_1, lon_2, lat_2 = (
        np.deg2rad(np.asarray(a, dtype=np.float64))
        for a in (longitude_1, latitude_1, longitude_2, latitude_2)
    )
    half = (
        np.sin((lat_2 - lat_1) / 2) ** 2
        + np.cos(lat_1) * np.cos(lat_2) * np.sin((lon_2 - lon_1) / 2) ** 2
    )
    distance: FloatArray = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(half, 0, 1)))
    return distance


def same_nodes(found: FloatArray, wanted: FloatArray) -> bool:
    """Whether two axes have the same nodes in the same order, as rounded as files may have them."""
    return found.shape == wanted.shape and bool((np.abs(found - wanted) <= SAME_NODE).all())


def same_depth(found: ArrayLike, wanted: ArrayLike) -> BoolArray:
    """Whether depths in metres are those of the levels that are wanted."""
    return np.isclose(found, wanted, rtol=SAME_DEPTH_SHARE, atol=SAME_DEPTH)


def as_nanoseconds(field: Any) -> Any:
    """Return the object with its ``time`` coordinate in ``datetime64[ns]``.

    ``xarray.interp`` subtracts times of different units without converting them, and returns
    finite wrong values; every time axis therefore passes through here.
    """
    if "time" not in field.coords:
        return field
    time = field["time"]
    if not np.issubdtype(time.dtype, np.datetime64):
        raise OceanbenchError(
            f"time has type {time.dtype}, expected dates of the standard calendar; "
            "write 'units: seconds since YYYY-MM-DD' and 'calendar: standard' on time"
        )
    if time.dtype == np.dtype("datetime64[ns]"):
        return field
    exact = time.values.astype("datetime64[ns]")
    back = exact.astype(time.dtype)
    lost = (back != time.values) & ~np.isnat(time.values)
    if lost.any():
        raise OceanbenchError(
            f"time {time.values[lost][0]} is beyond what nanoseconds can hold (1678 to 2262); "
            "correct the units of time"
        )
    return field.assign_coords(time=(time.dims, exact, time.attrs))


def centre_longitude(field: Any, centre: float) -> Any:
    """Bring the longitudes of a grid or a track to the 360 degrees around a centre.

    The columns of a grid (``longitude`` is a dimension) are put in increasing order without reading
    them. One that goes round the globe repeats a column at either end, so that interpolation knows
    no seam; one that lies across the seam opposite the centre stays in one piece.
    """
    longitude = field["longitude"]
    wrapped = wrap_longitude(longitude.values, centre)
    if "longitude" not in field.dims:
        return field.assign_coords(longitude=longitude.copy(data=wrapped))
    order = np.argsort(wrapped, kind="stable")
    values = wrapped[order]
    steps = np.diff(values)
    if values.size > 2:
        usual = float(np.median(steps))
        seam = values[0] + 360.0 - values[-1]
        if steps.max() > 1.5 * max(seam, usual):
            cut = int(np.argmax(steps)) + 1
            order = np.concatenate([order[cut:], order[:cut]])
            values = np.concatenate([values[cut:] - 360.0, values[:cut]])
        elif seam < 1.5 * usual:
            order = np.concatenate([order[-1:], order, order[:1]])
            values = np.concatenate([values[-1:] - 360.0, values, values[:1] + 360.0])
    if not np.array_equal(order, np.arange(wrapped.size)):
        field = field.isel(longitude=order)
    return field.assign_coords(longitude=("longitude", values, longitude.attrs))


def interpolate(field: xr.DataArray, target: xr.DataArray) -> xr.DataArray:
    """Linear interpolation in time, latitude and longitude to a grid or to track points.

    Parameters
    ----------
    field : DataArray ([time, ]latitude, longitude)
    target : DataArray
        either on a grid (time, latitude, longitude), or on points: one dimension, with ``time``,
        ``latitude`` and ``longitude`` along it

    Returns
    -------
    DataArray on the coordinates of ``target``; NaN outside the field and where one of the
    surrounding nodes is NaN: nothing is extrapolated
    """
    if target.size == 0:  # a track of which nothing had been delivered
        return target.copy(data=np.empty(target.shape)).rename(field.name)
    field, target = as_nanoseconds(field), as_nanoseconds(target)
    names = [n for n in ("time", "latitude", "longitude") if n in field.dims]
    if "latitude" not in target.dims:
        points = {n: xr.Variable(("points",), target[n].values) for n in names}
        values = field.interp(points, method="linear").values
        return target.copy(data=values).rename(field.name)
    for name in names:
        wanted = _onto_nodes(target[name].values, field[name].values)
        if not np.array_equal(field[name].values, wanted):
            field = field.interp({name: wanted}, method="linear")
    order = [d for d in target.dims if d in names]
    return field.transpose(*order).assign_coords({name: target[name] for name in names})


def _onto_nodes(wanted: NDArray[Any], nodes: NDArray[Any]) -> NDArray[Any]:
    """Move coordinates that are those of nodes but for rounding onto them.

    A point that lies off its node by rounding would need the node beside it too, and have no value
    next to a hole or beyond the last node.
    """
    same = SAME_TIME if nodes.dtype.kind == "M" else SAME_NODE
    above = np.clip(np.searchsorted(nodes, wanted), 0, nodes.size - 1)
    below = np.maximum(above - 1, 0)
    nearest = np.where(wanted - nodes[below] < nodes[above] - wanted, nodes[below], nodes[above])
    return np.where(np.abs(nearest - wanted) <= same, nearest, wanted)


def fill_holes(field: xr.DataArray) -> xr.DataArray:
    r"""Fill the missing points of each map with the harmonic function of its known points.

    Each missing value is the mean of its four neighbours, with mirrored neighbours at the edges:

    .. math:: h_{ij} = (h_{i-1,j} + h_{i+1,j} + h_{i,j-1} + h_{i,j+1}) / 4

    which is what Gauss-Seidel relaxation, the data challenges' choice, converges to; here the
    sparse linear system is solved directly, so there is no stopping rule.

    Parameters
    ----------
    field : DataArray ([time, ]latitude, longitude)

    Returns
    -------
    DataArray of the same shape without NaN

    Raises
    ------
    OceanbenchError
        when a map has no known point at all
    """
    from scipy.sparse.linalg import splu  # noqa: PLC0415  (slow to import, and little is filled)

    field = field.transpose(..., "latitude", "longitude")
    values = field.values.astype(np.float64, copy=True)
    factored: tuple[bytes, Any, Any] | None = None
    for number, level in enumerate(values.reshape(-1, *values.shape[-2:])):
        missing = np.isnan(level)
        if not missing.any():
            continue
        if missing.all():
            when = f" of {str(field['time'].values[number])[:16]}" if "time" in field.dims else ""
            raise OceanbenchError(
                f"the map{when} has no value at all, so it cannot be filled from its surroundings; "
                "give a map for that time"
            )
        key = missing.tobytes()
        if factored is None or factored[0] != key:
            inner, outer = _laplacian(missing)
            factored = (key, splu(inner), outer)
        known = np.where(missing, 0.0, level).ravel()
        level[missing] = factored[1].solve(factored[2] @ known)
    return field.copy(data=values)


def _laplacian(missing: BoolArray) -> tuple[sparse.csc_matrix, sparse.csr_matrix]:
    """Matrices of ``inner @ unknown = outer @ known`` for the five-point mean, mirrored edges."""
    from scipy import sparse  # noqa: PLC0415  (slow to import)

    rows, columns = missing.shape
    number = np.arange(missing.size).reshape(missing.shape)
    i, j = np.nonzero(missing)
    one, four = [], []
    for step_i, step_j in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        ii = _mirror(i + step_i, rows)
        jj = _mirror(j + step_j, columns)
        one.append(number[i, j])
        four.append(number[ii, jj])
    ones = np.ones(4 * i.size)
    neighbours = sparse.csr_matrix(
        (ones, (np.concatenate(one), np.concatenate(four))), shape=(missing.size, missing.size)
    )
    rows_of_missing = neighbours[number[i, j]]
    inner = 4.0 * sparse.identity(i.size) - rows_of_missing[:, number[i, j]]
    return sparse.csc_matrix(inner), sparse.csr_matrix(rows_of_missing)


def _mirror(index: IndexArray, size: int) -> IndexArray:
    """Reflect an index about the first and the last node (-1 becomes 1)."""
    reflected = np.abs(index)
    result: IndexArray = np.where(
        reflected > size - 1, max(2 * (size - 1), 0) - reflected, reflected
    )
    return np.clip(result, 0, size - 1)
