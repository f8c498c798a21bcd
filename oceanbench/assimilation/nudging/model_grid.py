"""The grid of a nudged model on a geostrophic plane, around that of the maps and back to it."""

from __future__ import annotations

import numpy as np
import torch
import xarray as xr
from scipy.interpolate import RectBivariateSpline

from oceanbench.arrays import FloatArray, IntArray
from oceanbench.dynamics import reduced_gravity as qg
from oceanbench.dynamics.quasigeostrophic import DAY
from oceanbench.errors import OceanbenchError

PRECISIONS = {"double": torch.float64, "single": torch.float32}  # of a model


def equidistant(values: FloatArray, margin: float, step: float) -> FloatArray:
    """Equidistant nodes over the values and a margin on both sides, about ``step`` apart."""
    if margin <= 0 or step <= 0:
        raise OceanbenchError(f"bfn: margin {margin} and step_degrees {step} must be positive")
    first, last = float(values.min()) - margin, float(values.max()) + margin
    return np.linspace(first, last, max(round((last - first) / step), 4) + 1)


def model_on(
    plane: tuple[FloatArray, FloatArray],
    latitude: float,
    *,
    wave_speed: float,
    dissipation_days: float,
    dtype: torch.dtype,
    device: str,
) -> qg.Operators:
    """Operators of the model.

    Parameters
    ----------
    plane : x and y of its nodes, km
    latitude : of its middle, degrees
    wave_speed : m/s
    dissipation_days : in which the shortest wave of the grid decays by e; 0 for none
    dtype, device : of torch
    """
    x, y = plane
    if not 5.0 <= abs(latitude) <= 85.0:
        raise OceanbenchError(
            f"bfn: the box is centred at latitude {latitude:g}; a geostrophic plane needs 5 to 85 "
            "degrees north or south; use another method, such as oi"
        )
    if wave_speed <= 0 or dissipation_days < 0:
        raise OceanbenchError(
            f"bfn: wave_speed {wave_speed} must be positive, dissipation_days {dissipation_days} "
            "not negative"
        )
    parameters = qg.Parameters(latitude, wave_speed, None, dissipation_days * DAY or None)
    spacing = (1e3 * float(y[1] - y[0]), 1e3 * float(x[1] - x[0]))
    return qg.operators(parameters, y.size, x.size, spacing, dtype=dtype, device=device)


def on_target(
    daily: FloatArray,
    nodes: tuple[FloatArray, ...],
    days: IntArray,
    times: FloatArray,
    longitude: FloatArray,
    latitude: FloatArray,
) -> FloatArray:
    """Maps (times, latitude, longitude) by splines in space, linear in time.

    Parameters
    ----------
    daily : (days, rows, columns) on the model's nodes
    nodes : longitude and latitude of these, degrees
    days : of these
    times, longitude, latitude : of the target
    """
    fine = [RectBivariateSpline(nodes[1], nodes[0], m)(latitude, longitude) for m in daily]
    maps = xr.DataArray(np.stack(fine), {"time": days.astype(float)}, ("time", "y", "x"))
    result: FloatArray = maps.interp(time=times).values
    return result
