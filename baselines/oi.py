r"""Optimal interpolation with a Gaussian covariance, as the data challenges' baseline.

The estimate at time :math:`t` is

.. math:: \hat x(t) = B H^T (H B H^T + R)^{-1} y

with background 0, :math:`B = \exp(-(\Delta t/L_t)^2 - (\Delta\lambda/L_x)^2
- (\Delta\phi/L_y)^2)`, :math:`R = \mathrm{noise}^2 I`, and the observations :math:`y` strictly
within :math:`2 L_t` of :math:`t`. Where the challenge gives a mean field (an input of layout
``static``, such as a mean dynamic topography), the observations are taken relative to it and it is
added to the maps, as in challenge 2021a. Each map is solved exactly; consecutive maps share a
factorisation (:mod:`oceanbench.assimilation.gaussian`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from oceanbench.assimilation.covariance import Covariance
from oceanbench.assimilation.gaussian import Observations, level, solve
from oceanbench.errors import OceanbenchError
from oceanbench.grid import centre_longitude, fill_holes, interpolate, wrap_longitude
from oceanbench.progress import progress

REFERENCE = "https://github.com/ocean-data-challenges/2020a_SSH_mapping_NATL60"


def estimate(  # noqa: PLR0913  (every option is a keyword)
    inputs: Mapping[str, xr.Dataset],
    target: xr.Dataset,
    *,
    device: str,
    seed: int,
    length_longitude: float = 1.0,
    length_latitude: float = 1.0,
    length_time: float = 7.0,
    noise: float = 0.05,
    coarsen: int = 5,
    across_gaps: bool = False,
    missions: str = "",
) -> xr.Dataset:
    """Map the along-track observations onto the target.

    Parameters
    ----------
    inputs : the datasets of layout ``track`` are used, one variable each
    target : variables (time, latitude, longitude) to fill
    device : of torch
    seed : not used: the method is deterministic
    length_longitude, length_latitude : e-folding lengths of the covariance, degrees
    length_time : e-folding time of the covariance, days
    noise : standard deviation of the observation error, relative to that of the signal
    coarsen : consecutive samples averaged into one, file by file
    across_gaps : average also the end of one pass with the start of the next, as the data
        challenges' code does; such points lie far from both, and harm the maps
    missions : comma-separated names of the inputs to use; all tracks that are not optional by
        default
    """
    lengths = (length_time, length_latitude, length_longitude)
    if min(lengths) <= 0 or noise <= 0 or coarsen < 1:
        raise OceanbenchError(
            f"oi: lengths {lengths} and noise {noise} must be positive, coarsen {coarsen} >= 1"
        )
    names = [m.strip() for m in missions.split(",") if m.strip()] or [
        name for name in inputs if not inputs[name].attrs.get("optional")
    ]
    tracks = [inputs[n] for n in names if inputs[n].attrs.get("layout") == "track"]
    if not tracks:
        raise OceanbenchError(f"oi: no input of layout 'track' among {', '.join(names)}")
    result = target.copy(deep=True)
    for variable in target.data_vars:
        mean = _mean_field(inputs, str(variable), target)
        points = [
            _observations(t, str(variable), target, coarsen, across_gaps, lengths, mean)
            for t in tracks
        ]
        observed = np.concatenate(points, axis=1)
        result[variable].values[:] = _maps(observed, target, lengths, noise, device)
        if mean is not None:
            result[variable] += interpolate(mean, target[variable])
    return result


def _mean_field(
    inputs: Mapping[str, xr.Dataset], variable: str, target: xr.Dataset
) -> xr.DataArray | None:
    """Mean field of a variable among the inputs, filled over land; None without one."""
    for dataset in inputs.values():
        if dataset.attrs.get("layout") == "static" and variable in dataset:
            longitude = target["longitude"].values
            field = centre_longitude(dataset[variable], (longitude[0] + longitude[-1]) / 2)
            return fill_holes(field.sortby("latitude"))
    return None


def _observations(
    track: xr.Dataset,
    variable: str,
    target: xr.Dataset,
    coarsen: int,
    across_gaps: bool,
    lengths: tuple[float, float, float],
    mean: xr.DataArray | None,
) -> np.ndarray:
    """Rows time (days since the first map), latitude, longitude, value, near the target."""
    longitude, latitude = target["longitude"].values, target["latitude"].values
    centre = (longitude[0] + longitude[-1]) / 2
    days = (track["time"].values - target["time"].values[0]) / np.timedelta64(1, "D")
    rows = np.stack(
        [
            days,
            track["latitude"].values,
            wrap_longitude(track["longitude"].values, centre),
            track[variable].values.astype(np.float64),
        ]
    )
    if mean is not None:
        places = {"latitude": ("point", rows[1]), "longitude": ("point", rows[2])}
        rows[3] -= mean.interp(places, kwargs={"fill_value": None}).values
    rows = _coarsened(rows, coarsen, across_gaps)
    inside = np.isfinite(rows).all(axis=0)
    for row, grid, margin in ((1, latitude, lengths[1]), (2, longitude, lengths[2])):
        inside &= (rows[row] >= grid[0] - margin) & (rows[row] <= grid[-1] + margin)
    return rows[:, inside]


def _coarsened(rows: np.ndarray, coarsen: int, across_gaps: bool) -> np.ndarray:
    """Means of ``coarsen`` consecutive samples; an incomplete rest of a pass is dropped."""
    pause = np.diff(rows[0])
    ends = np.flatnonzero(pause > 2 * coarsen * np.median(pause)) + 1 if pause.size else []
    passes = [rows] if across_gaps else np.split(rows, ends, axis=1)
    whole = [p[:, : p.shape[1] // coarsen * coarsen].reshape(4, -1, coarsen) for p in passes]
    return np.concatenate(whole, axis=1).mean(axis=2)


def _maps(
    observed: np.ndarray,
    target: xr.Dataset,
    lengths: tuple[float, float, float],
    noise: float,
    device: str,
) -> np.ndarray:
    """Exact maps (time, latitude, longitude); zero where no observation is near."""
    time, latitude, longitude, value = observed[:, np.argsort(observed[0], kind="stable")]
    variance = np.full(time.size, noise**2)
    observations = Observations(time, longitude, latitude, value, variance)
    covariance = Covariance(lengths[2], lengths[1], lengths[0])
    days = (target["time"].values - target["time"].values[0]) / np.timedelta64(1, "D")
    grid = (target["longitude"].values, target["latitude"].values)
    solved = solve(observations, days, covariance, window=2.0 * lengths[0], device=device)
    maps = np.zeros((days.size, grid[1].size, grid[0].size))
    for i in progress(range(days.size), "optimal interpolation"):
        maps[i] = level(next(solved), days[i], observations, covariance, *grid)
    return maps
