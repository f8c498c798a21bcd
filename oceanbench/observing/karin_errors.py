"""Errors of a wide-swath altimeter that all pixels of a line share."""

from __future__ import annotations

import numpy as np
import xarray as xr

from oceanbench.errors import OceanbenchError
from oceanbench.observing.red_noise import red_noise

EDGE_KM = 60.0  # from the nadir, where the sizes of the errors are told


def systematic_error(
    swath: xr.Dataset,
    *,
    seed: int,
    roll: float = 0.015,
    phase: float = 0.01,
    timing: float = 0.005,
    baseline: float = 0.005,
    decorrelation_seconds: float = 100.0,
) -> xr.DataArray:
    r"""Draw roll, phase, timing and baseline errors: known shapes across, red along the track.

    With x the signed distance to the nadir, X = :data:`EDGE_KM` and s the side of the swath,

    .. math::
        e(t, x) = r(t) \frac{x}{X} + p_s(t) \frac{|x|}{X} + d_s(t) + b(t) \frac{x^2}{X^2} :

    the mast's roll tilts the swath, an error of the interferometric phase tilts one side, one of
    timing lifts one side, a dilated baseline bends it. The six processes are independent,
    stationary and red within a pass (:func:`oceanbench.observing.red_noise.red_noise`), and
    independent from pass to pass. The defaults are our round numbers for what calibration at
    crossovers leaves, centimetres over hundreds of kilometres; spectra of the uncalibrated errors
    are the simulator's.

    Parameters
    ----------
    swath : Dataset (time, cross_track) as `karin_swath` gives it
    seed : seed of the numpy Generator
    roll, phase, baseline : standard deviations at the edge, metres
    timing : standard deviation, metres
    decorrelation_seconds : e-folding time of all; 100 s are some 650 km

    Returns
    -------
    DataArray (time, cross_track), metres; NaN where the swath has no pixel

    Raises
    ------
    OceanbenchError
        a standard deviation is negative, or the decorrelation time not positive

    References
    ----------
    Gaultier et al. (2016), The challenge of using future SWOT data for oceanic field
    reconstruction, doi:10.1175/JTECH-D-15-0160.1: the shapes.
    Dibarboure et al. (2022), Data-driven calibration algorithm and pre-launch performance
    simulations for the SWOT mission, doi:10.3390/rs14236070: what calibration leaves.
    """
    if not (min(roll, phase, timing, baseline) >= 0.0 and decorrelation_seconds > 0.0):
        raise OceanbenchError(
            f"systematic_error: found roll={roll}, phase={phase}, timing={timing}, baseline="
            f"{baseline}, decorrelation_seconds={decorrelation_seconds}; expected standard "
            "deviations >= 0 and a time > 0"
        )
    x = swath["cross_track_distance"].values / EDGE_KM
    left, right = (x < 0).astype(float), (x >= 0).astype(float)
    shapes = (
        roll * x,
        *(phase * abs(x) * side for side in (left, right)),
        *(timing * side for side in (left, right)),
        baseline * x**2,
    )
    drive = np.random.default_rng(seed).standard_normal((len(shapes), swath.sizes["time"]))
    longitude = swath["longitude"].transpose(..., "cross_track")
    error = sum(
        red_noise(swath, w, decorrelation_seconds)[:, np.newaxis] * shape
        for w, shape in zip(drive, shapes, strict=True)
    )
    result = longitude.copy(data=np.where(np.isfinite(longitude.values), error, np.nan))
    result.attrs = {"units": "m"}
    return result.rename("error")
