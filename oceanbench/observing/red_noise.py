"""Red noise along the passes of a satellite."""

from __future__ import annotations

import numpy as np
import xarray as xr

from oceanbench.arrays import FloatArray


def red_noise(track: xr.Dataset, drive: FloatArray, decorrelation_seconds: float) -> FloatArray:
    r"""One red, stationary process per pass, of unit variance.

    It has the covariance :math:`e^{-|\Delta t| / \tau}` within a pass, none between passes. The
    recursion is exact, whatever the steps:

    .. math::
        x_k = a_k x_{k-1} + \sqrt{1 - a_k^2}\, w_k, \quad a_k = e^{-(t_k - t_{k-1}) / \tau} .

    Parameters
    ----------
    track : with `time` (datetime64) and `track` (pass number) along one dimension, in any order
    drive : (time,), white noise w of unit variance
    decorrelation_seconds : :math:`\tau`

    Returns
    -------
    (time,)

    References
    ----------
    Gillespie (1996), Exact numerical simulation of the Ornstein-Uhlenbeck process and its
    integral, doi:10.1103/PhysRevE.54.2084.
    """
    number = np.asarray(track["track"].values)
    time = np.asarray(track["time"].values, dtype="datetime64[ns]")
    order = np.lexsort((time, number))
    step = np.abs(np.diff(time[order]).astype(np.int64)) * 1e-9
    memory = np.zeros(number.size)
    memory[1:] = np.where(np.diff(number[order]) == 0, np.exp(-step / decorrelation_seconds), 0.0)
    noise = np.empty(number.size)
    noise[order] = _recursion(memory, np.sqrt(1.0 - memory**2) * drive)
    return noise


def _recursion(memory: FloatArray, drive: FloatArray) -> FloatArray:
    """Solve x[k] = memory[k] x[k-1] + drive[k] in log2(longest pass) array operations.

    Steps are composed two by two, then four by four; memory[0] is 0, so that the composed memory
    vanishes once every sample has reached the start of its pass. (A cumulative sum divided by the
    cumulative memory is shorter and overflows.)
    """
    memory, state = memory.copy(), drive.copy()
    shift = 1
    while memory.any():
        state[shift:] += memory[shift:] * state[:-shift]
        memory[shift:] = memory[shift:] * memory[:-shift]
        shift *= 2
    return state
