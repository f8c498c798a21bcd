r"""Energy by wavelength along lines of latitude: what a forecast keeps, and what of it is right.

Rows are cut into segments of one length in kilometres wherever they are scored without a gap, so
that land does no harm and a harmonic is one wavelength at all latitudes (but for rounding the
segment to whole cells: its length is off by half a cell at most). Segments overlap by a half, lose
their mean, and are tapered; they weigh as their cells do.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import xarray as xr

from oceanbench.arrays import BoolArray, FloatArray, IndexArray
from oceanbench.grid import KM_PER_DEGREE
from oceanbench.metrics.aligned import NO_DATA, Flagged, align
from oceanbench.metrics.options import Fraction, NonNegative, Positive
from oceanbench.metrics.spectral.crossing import crossing_wavelength
from oceanbench.metrics.spectral.density import Window, check_spacing, taper_of
from oceanbench.metrics.spectral.isotropic import MAPS
from oceanbench.metrics.sums import ROUNDING

SEGMENT_KM = 500.0
LEAST_CELLS = 8  # of a segment: three harmonics
KINDS = ("truth", "members", "mean", "error")  # rows of a table after the wavenumbers
SHARE = 1 + len(KINDS)  # row of the weights

Of = Literal["members", "mean"]


def zonal_spectra(
    estimate: xr.DataArray,
    truth: xr.DataArray,
    weights: xr.DataArray,
    *,
    segment_km: Positive = SEGMENT_KM,
    window: Window = "hann",
) -> FloatArray:
    r"""Energy by zonal wavenumber of the truth, the members, their mean and its error.

    Parameters
    ----------
    estimate : DataArray (time, latitude, longitude), with a dimension ``member`` or not
    truth : DataArray (time, latitude, longitude), its longitudes evenly spaced
    weights : DataArray broadcastable to truth, >= 0, zero outside the mask
    segment_km : length of a segment, the longest wavelength
    window : see :func:`oceanbench.metrics.spectral.density.psd`

    Returns
    -------
    ndarray (6, harmonic): the wavenumbers, cycles per km, up to what all rows resolve; sums over
        segments of weight times the variance in each harmonic, of ``KINDS``; sums of the weights.
        Without columns where no row has a whole segment
    """
    members = estimate if "member" in estimate.dims else estimate.expand_dims("member")
    aligned = [
        align(members.isel(member=i, drop=True), truth, weights, *MAPS)
        for i in range(members.sizes["member"])
    ]
    _, known, w = aligned[0]
    fields = np.stack([known, *(a.estimate for a in aligned)])
    if truth.sizes["longitude"] < LEAST_CELLS or not w.any():
        return np.zeros((SHARE + 1, 0))
    check_spacing(truth, "longitude")
    step = abs(float(np.diff(truth["longitude"].values).mean())) * KM_PER_DEGREE
    width = step * np.cos(np.deg2rad(truth["latitude"].values.astype(np.float64)))
    found = []
    for row in np.flatnonzero(w.any(axis=(0, 2))):
        cells = round(segment_km / width[row]) if width[row] * w.shape[2] > segment_km else 0
        if cells < LEAST_CELLS or cells > w.shape[2]:
            continue
        for time in np.flatnonzero(w[:, row].any(axis=1)):
            begins = _segments(w[time, row] > 0, cells)
            if begins.size:
                place = begins[:, None] + np.arange(cells)
                found.append(_spectrum(fields[:, time, row][:, place], w[time, row][place], window))
    if not found:
        return np.zeros((SHARE + 1, 0))
    harmonics = min(part.shape[1] for part in found)
    summed = np.sum([part[:, :harmonics] for part in found], axis=0)
    return np.vstack([(1 + np.arange(harmonics)) / segment_km, summed])


def _segments(scored: BoolArray, cells: int) -> IndexArray:
    """First cells of segments that overlap by a half, in every stretch without a gap."""
    count = np.concatenate([[0], np.cumsum(scored)])
    possible = np.flatnonzero(count[cells:] - count[:-cells] == cells)
    new = np.diff(possible, prepend=-2) > 1
    begin = possible[new][np.cumsum(new) - 1] if possible.size else possible
    begins: IndexArray = possible[(possible - begin) % (cells // 2) == 0]
    return begins


def _spectrum(fields: FloatArray, w: FloatArray, window: Window) -> FloatArray:
    """Sums over segments of energy by harmonic, (kinds and the weight, harmonic).

    ``fields`` (truth and members, segment, cell), ``w`` (segment, cell)
    """
    mean = fields[1:].mean(axis=0)
    share = w.mean(axis=1)
    energy = share @ _energy(np.concatenate([fields, [mean, mean - fields[0]]]), window)
    members = energy[1:-2].mean(axis=0)
    of_all = np.full(members.size, share.sum())
    return np.vstack([energy[0], members, energy[-2], energy[-1], of_all])


def _energy(segments: FloatArray, window: Window) -> FloatArray:
    """Variance in each harmonic below that of the grid, (..., segment, harmonic); Parseval."""
    count = segments.shape[-1]
    weights = taper_of(window, count)
    centred = segments - segments.mean(axis=-1, keepdims=True)
    squares = np.square(segments).mean(axis=-1, keepdims=True)
    constant = np.square(centred).mean(axis=-1, keepdims=True) <= ROUNDING * squares
    transformed = np.fft.rfft(np.where(constant, 0.0, centred) * weights, axis=-1)
    scale = 2.0 / (count**2 * float(np.square(weights).mean()))
    kept = transformed[..., 1 : (count + 1) // 2]
    energy: FloatArray = scale * (kept.real**2 + kept.imag**2)
    return energy


def zonal_energy_ratio(
    table: FloatArray,
    *,
    shortest_km: NonNegative = 0.0,
    longest_km: NonNegative = 200.0,
    of: Of = "members",
) -> float | Flagged:
    r"""Energy between two wavelengths over that of the truth: below 1 where it is too smooth.

    .. math:: \sum_{\lambda_1 \le 1/k \le \lambda_2} E_{\hat x}(k) \Big/
              \sum_{\lambda_1 \le 1/k \le \lambda_2} E_x(k)

    with the energy :math:`E` along lines of latitude (:func:`zonal_spectra`). A forecast of least
    error loses energy with lead, from the small scales up, and this shows it; it does not say
    whether what is left is in its place.

    Parameters
    ----------
    table : of :func:`zonal_spectra`, with its ``segment_km`` and ``window``
    shortest_km, longest_km : the wavelengths, bounds inclusive
    of : ``members``, of which one value at each point is the only one, or their ``mean``

    Returns
    -------
    float; flag ``marginal`` for a mean and standard deviation, ``no_data`` where no row has a whole
    segment, no harmonic lies between the wavelengths, or the truth has no energy there
    """
    wavelength = 1.0 / table[0]
    inside = (wavelength >= shortest_km * (1 - 1e-9)) & (wavelength <= longest_km * (1 + 1e-9))
    energy = dict(zip(KINDS, table[1:SHARE, inside].sum(axis=1), strict=True))
    return float(energy[of] / energy["truth"]) if energy["truth"] > 0 else NO_DATA


def zonal_wavelength(
    table: FloatArray, *, by: Literal["error", "energy"] = "error", level: Fraction = 0.5
) -> float | Flagged:
    r"""Effective resolution along lines of latitude: the wavelength where a score falls to a level.

    With ``error`` the score is :math:`1 - E_{\hat x - x}(k) / E_x(k)`: smaller scales are more
    wrong than right. With ``energy`` it is :math:`E_{\hat x}(k) / E_x(k)`: smaller scales are
    missing, as in a model that damps them, whether what is there is right or not.

    Parameters
    ----------
    table : of :func:`zonal_spectra`, with its ``segment_km`` and ``window``
    by : ``error`` of the mean, or ``energy`` of the members
    level : of the score

    Returns
    -------
    float, km; flagged as :func:`oceanbench.metrics.spectral.crossing.crossing_wavelength`,
    ``marginal`` for a mean and standard deviation

    References
    ----------
    Skamarock (2004), doi:10.1175/MWR2830.1, of energy
    """
    energy = dict(zip(KINDS, table[1:SHARE], strict=True))
    there = energy["truth"] > 0
    known = np.where(there, energy["truth"], 1.0)
    score = 1.0 - energy["error"] / known if by == "error" else energy["members"] / known
    return crossing_wavelength(table[0], np.where(there, score, np.nan), level=level)
