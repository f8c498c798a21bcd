"""Depth of the layer that is mixed from the surface."""

from __future__ import annotations

import numpy as np

from oceanbench.arrays import FloatArray
from oceanbench.kinds.forecasts.derived.axes import Axes, Fields
from oceanbench.kinds.forecasts.derived.density import sigma0

REFERENCE = 10.0  # metres, below the warming of the day
THRESHOLD = 0.03  # kg/m3


def depth(fields: Fields, axes: Axes) -> FloatArray:
    r"""Depth at which the potential density exceeds that at 10 m by 0.03 kg/m³, in metres.

    Density is linear between levels, that at 10 m too; above the first level it is that of the
    first. Where no level exceeds the threshold the mixed layer reaches the deepest level with a
    value. There is none where the levels end above 10 m.

    Between the six depths that the challenges score this is coarse: it cannot tell mixed layers of
    15 and 40 m as profiles of many levels do, and is the same coarse number of forecast and truth.

    Parameters
    ----------
    fields : ``thetao``, potential temperature in degrees Celsius, and ``so``, practical salinity,
        (..., depth, latitude, longitude)
    axes : with the depths

    Returns
    -------
    ndarray (..., latitude, longitude)

    References
    ----------
    de Boyer Montégut et al. (2004), doi:10.1029/2004JC002378
    """
    reference = _at_reference(fields, axes)
    open_ended = np.isfinite(reference)  # the threshold is not yet met
    found = np.where(open_ended, REFERENCE, np.nan)
    above, difference = REFERENCE, np.where(open_ended, 0.0, np.nan)
    for level in np.flatnonzero(axes.depth > REFERENCE).tolist():
        below = float(axes.depth[level])
        further = _density(fields, level) - reference
        met = open_ended & (further >= THRESHOLD)
        with np.errstate(divide="ignore", invalid="ignore"):
            part = (THRESHOLD - difference) / (further - difference)
        found = np.where(met, above + part * (below - above), found)
        open_ended &= ~met & np.isfinite(further)
        found = np.where(open_ended, below, found)
        above, difference = below, further
    return found


def _density(fields: Fields, level: int) -> FloatArray:
    """Potential density of one level, of which both variables may have other members."""
    both = (fields[name][..., level, :, :].astype(np.float64) for name in ("thetao", "so"))
    return sigma0(*np.broadcast_arrays(*both))


def _at_reference(fields: Fields, axes: Axes) -> FloatArray:
    """Potential density at 10 m."""
    below = int(np.searchsorted(axes.depth, REFERENCE))
    if below == 0:
        return _density(fields, 0)
    if below == axes.depth.size:
        return np.full(_density(fields, 0).shape, np.nan)
    shallow, deep = float(axes.depth[below - 1]), float(axes.depth[below])
    part = (REFERENCE - shallow) / (deep - shallow)
    return (1 - part) * _density(fields, below - 1) + part * _density(fields, below)
