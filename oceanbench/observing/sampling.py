"""Read a gridded field at the points of a track or a swath."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy.interpolate import RectBivariateSpline

from oceanbench.arrays import BoolArray, FloatArray, IntArray, TimeArray
from oceanbench.errors import OceanbenchError

_HORIZONTAL = (("latitude", "longitude"), ("y", "x"))
_WRAP = 28  # cells added around a periodic field: a spline forgets its edge as 0.268**28 = 1e-16
_EDGE = 1e-9  # of a grid step: points this far outside are rounding, and are brought back


def sample(field: xr.DataArray, points: xr.Dataset, *, periodic: bool = False) -> xr.DataArray:
    r"""Interpolate a field at scattered points: bicubic spline in space, linear in time.

    .. math::
        f(t, y, x) = (1 - w) S_k(y, x) + w S_{k+1}(y, x), \quad w = (t - t_k) / (t_{k+1} - t_k)

    :math:`S_k` is the interpolating spline of the stored field :math:`k`, not-a-knot at the edges:
    exact for polynomials of degree 3 in each direction. One field is in memory at a time.

    Parameters
    ----------
    field : DataArray (time, latitude, longitude) or (time, y, x), dimensions in any order, no
        missing value; axes strictly monotonic, at least four points each, regular when `periodic`
    points : Dataset with `time` (datetime64) and the two horizontal coordinates, with the names
        and the units of the field's: a track, a swath, or any shape that the three broadcast to.
        Longitudes are compared modulo 360
    periodic : both horizontal axes repeat after as many steps as they have points (a longitude
        that spans 360 degrees always does)

    Returns
    -------
    DataArray of the shape of the points, with the name and the attributes of the field; NaN where a
    coordinate of the point is

    Raises
    ------
    OceanbenchError
        a point lies outside the stored times or, unless periodic, outside the grid (the message
        counts them and says where); the field has missing values, or is not on a grid
    """
    vertical, horizontal = _axis_names(field, points)
    field = field.transpose("time", vertical, horizontal)
    y, x = (_read_axis(field, name, periodic) for name in (vertical, horizontal))
    position = xr.broadcast(points[horizontal], points[vertical], points["time"])
    template = position[0]
    present = np.isfinite(position[0].values) & np.isfinite(position[1].values)
    along_x = x.locate(position[0].values[present])
    along_y = y.locate(position[1].values[present])
    first, weight = _locate_times(field["time"].values, position[2].values[present])

    values = np.zeros(first.size)
    order = np.argsort(first, kind="stable")
    edges = np.searchsorted(first[order], np.arange(field.sizes["time"] + 1))
    for k in range(field.sizes["time"]):
        early = order[edges[k] : edges[k + 1]]  # between fields k and k + 1
        late = order[edges[k - 1] : edges[k]] if k else order[:0]  # between k - 1 and k
        late = late[weight[late] > 0.0]
        chosen = np.concatenate([early, late])
        if chosen.size:
            share = np.concatenate([1.0 - weight[early], weight[late]])
            spline = RectBivariateSpline(y.nodes, x.nodes, _stored_field(field, k, y, x))
            values[chosen] += share * spline.ev(along_y[chosen], along_x[chosen])

    result = np.full(template.shape, np.nan)
    result[present] = values
    sampled = template.copy(data=result).rename(field.name)
    sampled.attrs = dict(field.attrs)
    return sampled


def known_at(known: xr.DataArray, points: xr.Dataset) -> BoolArray:
    """Whether a field with coasts has a value at points: at the nearest node, before and after.

    Parameters
    ----------
    known : bool, on the dimensions of a field that :func:`sample` takes
    points : track that lies inside the field, as there

    Returns
    -------
    (time,)
    """
    vertical, horizontal = _axis_names(known, points)
    nodes = []
    for name in (vertical, horizontal):
        axis = _read_axis(known, name, periodic=False)
        place = axis.locate(points[name].values)
        index = _nearest(axis.nodes, place) - axis.padding
        size = known.sizes[name]
        nodes.append(size - 1 - index % size if axis.flipped else index % size)
    first, weight = _locate_times(known["time"].values, points["time"].values)
    values = known.transpose("time", vertical, horizontal).values
    last = np.minimum(first + (weight > 0.0), known.sizes["time"] - 1)
    found: BoolArray = values[first, *nodes] & values[last, *nodes]
    return found


def _nearest(nodes: FloatArray, places: FloatArray) -> IntArray:
    middles = (nodes[1:] + nodes[:-1]) / 2.0
    return np.searchsorted(middles, places).astype(np.int64)


@dataclass(frozen=True)
class _Axis:
    """One horizontal axis of the field, made increasing; padded at its ends if periodic."""

    name: str
    values: FloatArray
    flipped: bool
    padding: int

    @property
    def step(self) -> float:
        return float((self.values[-1] - self.values[0]) / (self.values.size - 1))

    @property
    def nodes(self) -> FloatArray:
        if not self.padding:
            return self.values
        index = np.arange(-self.padding, self.values.size + self.padding)
        return np.asarray(self.values[0] + self.step * index, dtype=np.float64)

    def locate(self, coordinate: FloatArray) -> FloatArray:
        """Bring coordinates to the axis; refuse those that lie outside it."""
        low, high = float(self.values[0]), float(self.values[-1])
        result = np.asarray(coordinate, dtype=np.float64)
        if self.name == "longitude":
            middle = 0.5 * (low + high)
            result = middle + (result - middle + 180.0) % 360.0 - 180.0
        if self.padding:
            return np.asarray(low + (result - low) % (self.step * self.values.size))
        outside = ~((result >= low - _EDGE * self.step) & (result <= high + _EDGE * self.step))
        if outside.any():
            wrong = result[outside]
            raise OceanbenchError(
                f"sample: {wrong.size} of {result.size} points lie outside the field along"
                f" {self.name!r} ({wrong.min():g} to {wrong.max():g};"
                f" the field has {low:g} to {high:g}): shrink the box of the points"
            )
        return np.clip(result, low, high)


def _read_axis(field: xr.DataArray, name: str, periodic: bool) -> _Axis:
    stored = np.asarray(field[name].values, dtype=np.float64)
    steps = np.diff(stored)
    if stored.size < 4 or not (np.all(steps > 0.0) or np.all(steps < 0.0)):
        raise OceanbenchError(
            f"sample: axis {name!r} of the field: expected four or more values, monotonic"
        )
    flipped = bool(steps[0] < 0.0)
    step = float(np.abs(steps).mean())
    regular = bool(np.allclose(np.abs(steps), step, rtol=1e-4))
    if periodic and not regular:
        raise OceanbenchError(f"sample: axis {name!r} of the field is irregular: it has no period")
    full_turn = name == "longitude" and regular and abs(step * stored.size - 360.0) < 1e-4 * step
    return _Axis(
        name, stored[::-1] if flipped else stored, flipped, _WRAP * (periodic or full_turn)
    )


def _axis_names(field: xr.DataArray, points: xr.Dataset) -> tuple[str, str]:
    for vertical, horizontal in _HORIZONTAL:
        if set(field.dims) == {"time", vertical, horizontal}:
            missing = [n for n in (vertical, horizontal, "time") if n not in points.variables]
            if missing:
                raise OceanbenchError(
                    f"sample: the points have no {missing[0]!r}, which the field has;"
                    f" they have: {', '.join(sorted(map(str, points.variables)))}"
                )
            return vertical, horizontal
    raise OceanbenchError(
        f"sample: the field has dimensions {field.dims};"
        " expected (time, latitude, longitude) or (time, y, x)"
    )


def _locate_times(stored: TimeArray, time: TimeArray) -> tuple[IntArray, FloatArray]:
    # One unit for both: days minus nanoseconds is where silent errors come from.
    axis = stored.astype("datetime64[ns]")
    moment = time.astype("datetime64[ns]")
    if not axis.size or not np.all(np.diff(axis).astype(np.int64) > 0):
        raise OceanbenchError("sample: the times of the field: expected at least one, increasing")
    outside = ~((moment >= axis[0]) & (moment <= axis[-1]))
    if outside.any():
        wrong = moment[outside]
        raise OceanbenchError(
            f"sample: {wrong.size} of {moment.size} points lie outside the field in time"
            f" ({wrong.min()} to {wrong.max()}; the field has {axis[0]} to {axis[-1]}):"
            " shorten the track or lengthen the field"
        )
    first = np.clip(np.searchsorted(axis, moment, side="right") - 1, 0, max(axis.size - 2, 0))
    last = np.minimum(first + 1, axis.size - 1)
    length = np.maximum((axis[last] - axis[first]).astype(np.int64), 1)
    return first, (moment - axis[first]).astype(np.int64) / length


def _stored_field(field: xr.DataArray, index: int, y: _Axis, x: _Axis) -> FloatArray:
    values = np.asarray(field.isel(time=index).values, dtype=np.float64)
    holes = int(np.count_nonzero(~np.isfinite(values)))
    if holes:
        raise OceanbenchError(
            f"sample: the field has {holes} missing values at {field['time'].values[index]};"
            " a spline would spread them: fill them first"
        )
    values = values[:: -1 if y.flipped else 1, :: -1 if x.flipped else 1]
    return np.pad(values, [(y.padding, y.padding), (x.padding, x.padding)], mode="wrap")
