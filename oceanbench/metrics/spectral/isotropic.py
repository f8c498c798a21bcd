"""Resolved scale of maps regardless of direction."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Literal

import numpy as np
import xarray as xr

from oceanbench.arrays import BoolArray, FloatArray, IndexArray
from oceanbench.grid import KM_PER_DEGREE
from oceanbench.metrics.aligned import Flagged, align
from oceanbench.metrics.options import Fraction
from oceanbench.metrics.spectral.crossing import Crossing, crossing_wavelength
from oceanbench.metrics.spectral.density import Window, psd
from oceanbench.metrics.spectral.unbroken import largest_box
from oceanbench.metrics.sums import ratio

MAPS = ("time", "latitude", "longitude")
ALIKE = 1e-3  # of a spacing: wavenumbers that differ by less do so by rounding

Rings = Literal["shared", "published"]


def isotropic_psd_score(
    estimate: xr.DataArray,
    truth: xr.DataArray,
    weights: xr.DataArray,
    *,
    window: Window = "tukey",
    rings: Rings = "shared",
) -> xr.DataArray | None:
    r"""PSD score against isotropic wavenumber, spectra averaged over time and direction.

    Degrees become km at the mean latitude: 111.2 km per degree of latitude, times its cosine for
    longitude.

    Parameters
    ----------
    estimate, truth : DataArray (time, latitude, longitude) on an evenly spaced grid
    weights : zero-weight points shrink the box to the outermost scored rows and columns or, beside
        coasts and islands, to the largest box without a gap
    window : see :func:`psd`
    rings : see :func:`in_rings`

    Returns
    -------
    DataArray (freq_r), cycles per km; None when the scored points form no full
    box of at least three rows and columns
    """
    k, error, reference = isotropic_spectra(estimate, truth, weights, window=window, rings=rings)
    if k.size == 0:
        return None
    score = 1.0 - ratio(error, reference)
    return xr.DataArray(score, {"freq_r": k}, "freq_r")


def isotropic_spectra(
    estimate: xr.DataArray,
    truth: xr.DataArray,
    weights: xr.DataArray,
    *,
    window: Window = "tukey",
    rings: Rings = "shared",
) -> FloatArray:
    """Isotropic spectra of error and truth, as :func:`isotropic_psd_score` compares them.

    Parameters
    ----------
    estimate, truth, weights, window, rings : as for :func:`isotropic_psd_score`

    Returns
    -------
    ndarray (3, ring): wavenumber in cycles per km, and the densities of error and truth. Without
        columns where the scored points form no full box of at least three rows and columns
    """
    e, t, w = align(estimate, truth, weights, *MAPS)
    densities = spectra_in_box({"error": e - t, "truth": t}, truth, w > 0, window=window)
    if densities is None:
        return np.zeros((3, 0))
    error, reference = (in_rings(densities[name], rings) for name in ("error", "truth"))
    return np.vstack([reference["freq_r"].values, error.values, reference.values])


def spectra_in_box(
    fields: Mapping[str, FloatArray],
    truth: xr.DataArray,
    scored: BoolArray,
    *,
    window: Window,
) -> xr.Dataset | None:
    """Two-dimensional spectra of several fields over the box that is scored, their mean over time.

    Parameters
    ----------
    fields : by name, each (time, latitude, longitude)
    truth : whose coordinates they are on
    scored : (time, latitude, longitude), the points to shrink the box to
    window : see :func:`psd`

    Returns
    -------
    Dataset (freq_y, freq_x), cycles per km; None when the scored points form no full box of at
    least three rows and columns
    """
    box = _box(scored)
    if box is None:
        return None
    times, *area = box
    coords = _in_km(truth, *area)
    densities = {
        name: psd(
            xr.DataArray(field[:, *area][times], dims=("time", "y", "x"), coords=coords),
            ("y", "x"),
            window=window,
            two_sided=True,
        ).mean("time")
        for name, field in fields.items()
    }
    return xr.Dataset(densities)


def _box(scored: BoolArray) -> tuple[IndexArray, slice, slice] | None:
    """Rows and columns with scored points, and the times at which that box is full.

    Where coasts or islands keep it from being full at any time, the largest box that is full at all
    times with scored points.
    """
    rows = np.flatnonzero(scored.any(axis=(0, 2)))
    columns = np.flatnonzero(scored.any(axis=(0, 1)))
    if rows.size < 3 or columns.size < 3:
        return None
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    times = np.flatnonzero(scored[:, *box].all(axis=(1, 2)))
    if not times.size:
        times = np.flatnonzero(scored.any(axis=(1, 2)))
        box = largest_box(np.asarray(scored[times].all(axis=0)))
    large = all(part.stop - part.start >= 3 for part in box)
    return (times, box[0], box[1]) if large else None


def _in_km(truth: xr.DataArray, rows: slice, columns: slice) -> dict[str, FloatArray]:
    """Coordinates at the mean latitude."""
    latitude = truth["latitude"].values[rows].astype(np.float64)
    longitude = truth["longitude"].values[columns].astype(np.float64)
    km = KM_PER_DEGREE * float(np.cos(np.deg2rad(latitude)).mean())
    return {"y": latitude * KM_PER_DEGREE, "x": longitude * km}


def in_rings(density: xr.DataArray, rings: Rings = "shared") -> xr.DataArray:
    r"""Average of a density over rings of wavenumber, times their wavenumber.

    With ``shared`` rings, a whole number of the coarser spacing :math:`\Delta k` apart, a mode is
    shared between the two rings that it lies between, by its distance:

    .. math:: w_j(k) = \max(0, 1 - |\,|k| / \Delta k - j\,|)

    Rings have no edge for a mode to lie on, which rounding of the coordinates would move it over:
    the average is a continuous function of them. The last ring is the last that is wholly below the
    lower of the two Nyquist wavenumbers.

    With ``published`` rings, half as many of one width as there are points, out to the corner, as
    xrft and OceanBench (2023) have them, a mode on an edge belongs to the one ring or the other by
    rounding: longitudes times :math:`1 + 10^{-12}` may change a resolved wavelength threefold.

    Parameters
    ----------
    density : DataArray (freq_y, freq_x), two-sided
    rings : ``shared`` or ``published``

    Returns
    -------
    DataArray (freq_r), at the mean wavenumber of each ring, without zero
    """
    if rings == "published":
        return _published(density)
    ky, kx = (density[name].values.astype(np.float64) for name in ("freq_y", "freq_x"))
    spacing = max(float(np.ptp(k)) / (k.size - 1) for k in (ky, kx))
    wavenumber = np.hypot(ky[:, None], kx)
    nyquist = min(float(np.abs(k).max()) for k in (ky, kx))
    count = int(np.floor(nyquist / spacing + ALIKE))
    below = np.floor(wavenumber / spacing)
    share = wavenumber / spacing - below
    values = density.transpose("freq_y", "freq_x").values
    sums = np.zeros((3, count + 2))
    for ring, part in ((below, 1.0 - share), (below + 1, share)):
        place = np.minimum(ring, count + 1).astype(np.intp)
        terms = (part, part * wavenumber, part * values)
        sums += [np.bincount(place.ravel(), t.ravel(), minlength=count + 2) for t in terms]
    weight, k, power = sums[:, 1 : count + 1]
    k = k / weight
    return xr.DataArray(k * power / weight, {"freq_r": k}, "freq_r")


def _published(density: xr.DataArray) -> xr.DataArray:
    """Average over the rings of xrft."""
    import xrft  # noqa: PLC0415  (slow to import)

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "dropping variables using", FutureWarning)
        found: xr.DataArray = xrft.isotropize(density, ["freq_y", "freq_x"], nfactor=2)
    return found.where(found["freq_r"] > 0, drop=True).dropna("freq_r")


def isotropic_wavelength(
    table: FloatArray, *, crossing: Crossing = "first", level: Fraction = 0.5
) -> float | Flagged:
    r"""Effective isotropic resolution: the wavelength where the isotropic PSD score crosses 1/2.

    Parameters
    ----------
    table : of :func:`isotropic_spectra`, with its ``window`` and ``rings``
    crossing : see :func:`oceanbench.metrics.spectral.crossing.crossing_wavelength`
    level : of the PSD score

    Returns
    -------
    float, km; flagged as :func:`resolved_wavelength`

    References
    ----------
    Johnson et al. (2023), OceanBench, doi:10.48550/arXiv.2309.15599
    """
    k, error, reference = table
    return crossing_wavelength(k, 1.0 - ratio(error, reference), rule=crossing, level=level)
