"""Resolved scale of maps regardless of direction."""

from __future__ import annotations

import warnings

import numpy as np
import xarray as xr
import xrft

from oceanbench.grid import KM_PER_DEGREE
from oceanbench.metrics.aligned import NO_DATA, Flagged, align
from oceanbench.metrics.crossing import Crossing, crossing_wavelength
from oceanbench.metrics.spectral import Window, psd


def isotropic_psd_score(
    estimate: xr.DataArray,
    truth: xr.DataArray,
    weights: xr.DataArray,
    *,
    window: Window = "tukey",
) -> xr.DataArray | None:
    r"""PSD score against isotropic wavenumber, spectra averaged over time and direction.

    Degrees become km at the mean latitude: 111.2 km per degree of latitude, times its cosine for
    longitude.

    Parameters
    ----------
    estimate, truth : DataArray (time, latitude, longitude) on an evenly spaced grid
    weights : zero-weight points shrink the box to the largest scored rows and columns
    window : see :func:`psd`

    Returns
    -------
    DataArray (freq_r), cycles per km; None when the scored points form no full
    box of at least three rows and columns
    """
    e, t, w = align(estimate, truth, weights, "time", "latitude", "longitude")
    rows = np.flatnonzero((w > 0).any(axis=(0, 2)))
    columns = np.flatnonzero((w > 0).any(axis=(0, 1)))
    if rows.size < 3 or columns.size < 3:
        return None
    box = np.s_[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    times = np.flatnonzero((w[box] > 0).all(axis=(1, 2)))
    if times.size == 0:
        return None
    latitude = truth["latitude"].values[rows[0] : rows[-1] + 1].astype(np.float64)
    longitude = truth["longitude"].values[columns[0] : columns[-1] + 1].astype(np.float64)
    km = KM_PER_DEGREE * float(np.cos(np.deg2rad(latitude)).mean())
    coords = {"y": latitude * KM_PER_DEGREE, "x": longitude * km}
    spectra = []
    for field in ((e - t)[box][times], t[box][times]):
        density = psd(
            xr.DataArray(field, dims=("time", "y", "x"), coords=coords),
            ("y", "x"),
            window=window,
            two_sided=True,
        ).mean("time")
        spectra.append(_isotropic(density))
    return 1.0 - spectra[0] / spectra[1].where(spectra[1] > 0)


def _isotropic(density: xr.DataArray) -> xr.DataArray:
    """Average of a (freq_y, freq_x) density over rings of wavenumber, by xrft."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "dropping variables using", FutureWarning)
        rings: xr.DataArray = xrft.isotropize(density, ["freq_y", "freq_x"], nfactor=2)
    return rings.where(rings["freq_r"] > 0, drop=True).dropna("freq_r")


def isotropic_wavelength(
    estimate: xr.DataArray,
    truth: xr.DataArray,
    weights: xr.DataArray,
    *,
    window: Window = "tukey",
    crossing: Crossing = "first",
    level: float = 0.5,
) -> float | Flagged:
    r"""Effective isotropic resolution: the wavelength where the isotropic PSD score crosses 1/2.

    Parameters
    ----------
    estimate, truth, weights, window : as for :func:`isotropic_psd_score`
    crossing : see :func:`oceanbench.metrics.crossing.crossing_wavelength`
    level : of the PSD score

    Returns
    -------
    float, km; flagged as :func:`resolved_wavelength`

    References
    ----------
    Johnson et al. (2023), OceanBench, doi:10.48550/arXiv.2309.15599
    """
    score = isotropic_psd_score(estimate, truth, weights, window=window)
    if score is None or score.size == 0:
        return NO_DATA
    return crossing_wavelength(score["freq_r"].values, score.values, rule=crossing, level=level)
