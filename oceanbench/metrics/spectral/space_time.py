r"""Resolved scales of maps: where the spectrum of the error reaches half that of the truth.

The PSD score of a map is

.. math:: S(f, k) = 1 - \mathrm{PSD}_{\hat x - x}(f, k) / \mathrm{PSD}_x(f, k),

with the spectra averaged over latitude before their ratio. A scale is resolved where
:math:`S \ge 1/2`; λx and λt are the smallest wavelength and period on the contour of that level,
found by linear interpolation along the edges of the (wavelength, period) grid. No plotting is
involved.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import xarray as xr

from oceanbench.arrays import FloatArray, IndexArray
from oceanbench.grid import KM_PER_DEGREE
from oceanbench.metrics.aligned import Aligned, Flagged, align
from oceanbench.metrics.cases import Parts
from oceanbench.metrics.options import Fraction
from oceanbench.metrics.spectral.contours import Contour, smallest_scales
from oceanbench.metrics.spectral.density import Window, check_spacing, psd
from oceanbench.metrics.spectral.unbroken import longest_run, pieces_of_rows
from oceanbench.metrics.sums import ratio

Propagation = Literal["westward", "both"]

BANDS = 64  # of latitudes, at most, that are resampled
ROWS_AT_ONCE = 64  # latitudes transformed together: bounds the memory, not the result


def psd_score(
    estimate: xr.DataArray,
    truth: xr.DataArray,
    weights: xr.DataArray,
    *,
    window: Window = "hann",
    propagation: Propagation = "westward",
) -> xr.DataArray | None:
    r"""Space-time PSD score of maps against zonal wavenumber and frequency.

    .. math:: S(f, k) = 1 - \langle \mathrm{PSD}_{\hat x - x} \rangle_\phi
                          / \langle \mathrm{PSD}_x \rangle_\phi

    Parameters
    ----------
    estimate, truth : DataArray (time, latitude, longitude), evenly spaced in time and longitude
    weights : DataArray broadcastable to truth, >= 0. Both spectra are of the longest run of maps,
        and of the rows that are scored at all of its times; where coasts, islands or ice break
        rows, of equally long pieces of them
        (:func:`oceanbench.metrics.spectral.unbroken.pieces_of_rows`). They weigh with the mean of
        their weights
    window : see :func:`psd`
    propagation : ``westward`` takes the quadrant :math:`f, k > 0` alone, as published: waves
        :math:`\cos(kx + ft)`, which move west; ``both`` adds the spectra of either direction

    Returns
    -------
    DataArray (freq_time, freq_longitude), cycles per day and per degree, positive frequencies
    below the Nyquist frequency only; the attribute ``km_per_degree`` is the mean length of a degree
    of longitude over its rows. None when fewer than three maps or columns are without a gap
    """
    parts = psd_parts(estimate, truth, weights, window=window, propagation=propagation)
    return parts.whole(np.ones(len(parts.case))) if parts else None


def psd_parts(
    estimate: xr.DataArray,
    truth: xr.DataArray,
    weights: xr.DataArray,
    *,
    window: Window = "hann",
    propagation: Propagation = "westward",
) -> Parts | None:
    """Latitudes whose spectra :func:`psd_score` averages: what its interval resamples.

    Parameters
    ----------
    estimate, truth, weights, window, propagation : as there

    Returns
    -------
    Parts whose cases are latitudes, or the first ones of up to 64 bands of them
    """
    box = _unbroken(align(estimate, truth, weights, "time", "latitude", "longitude"))
    if box is None:
        return None
    (e, t, w), times, rows, columns = box
    time = truth["time"].values.astype("datetime64[ns]")[times]
    days = (time - time[0]) / np.timedelta64(1, "D")
    check_spacing(truth, "longitude")
    axes = {"time": days, "longitude": truth["longitude"].values.astype(np.float64)[columns]}
    share = w.mean(axis=(0, 2))
    share = share / share.sum()
    bands = _bands(rows)
    error, reference = (
        _one_quadrant(_in_bands(field, share, bands, axes, window), axes, propagation)
        for field in (e - t, t)
    )
    latitude = truth["latitude"].values[rows].astype(np.float64)
    km = KM_PER_DEGREE * float(share @ np.cos(np.deg2rad(latitude)))

    like = error.isel(band=0, drop=True).assign_attrs(km_per_degree=km)

    def whole(counts: FloatArray) -> xr.DataArray:
        above, below = (np.tensordot(counts, s.values, axes=1) for s in (error, reference))
        return like.copy(data=1.0 - ratio(above, below))

    return Parts(latitude[[band[0] for band in bands]], whole)


def _bands(rows: IndexArray) -> list[IndexArray]:
    """Pieces of each of up to so many bands of rows; pieces are in the order of their rows."""
    each, begins = np.unique(rows, return_index=True)
    first = [band[0] for band in np.array_split(begins, min(BANDS, each.size))]
    return list(np.split(np.arange(rows.size), first[1:]))


def _in_bands(
    field: FloatArray,
    share: FloatArray,
    bands: list[IndexArray],
    axes: dict[str, FloatArray],
    window: Window,
) -> xr.DataArray:
    """Weighted sums over the pieces of each band of their space-time spectra."""
    found = []
    step = max(1, ROWS_AT_ONCE // bands[0].size)
    for together in (bands[i : i + step] for i in range(0, len(bands), step)):
        rows = np.concatenate(together)
        part = xr.DataArray(field[:, rows], dims=("time", "latitude", "longitude"), coords=axes)
        spectrum = psd(part, ("time", "longitude"), window=window)
        begins = np.searchsorted(rows, [band[0] for band in together])
        weighted = (spectrum * xr.DataArray(share[rows], dims="latitude")).transpose(
            "latitude", ...
        )
        sums = np.add.reduceat(weighted.values, begins, axis=0)
        found.append(weighted.isel(latitude=begins).copy(data=sums))
    return xr.concat(found, "latitude").rename(latitude="band")


def _unbroken(arrays: Aligned) -> tuple[Aligned, IndexArray, IndexArray, IndexArray] | None:
    """Arrays (time, piece, column) of pieces of rows without a gap.

    Returns
    -------
    the arrays, the times, the row of each piece, and columns as many as a piece has
    """
    scored = arrays.weights > 0
    run = longest_run(np.asarray(scored.any(axis=(1, 2))))
    columns = np.flatnonzero(scored.any(axis=(0, 1)))
    if run.stop - run.start < 3 or columns.size < 3:
        return None
    times = np.arange(run.start, run.stop)
    columns = np.arange(columns[0], columns[-1] + 1)
    inside = scored[run, :, columns[0] : columns[-1] + 1]
    pieces = pieces_of_rows(np.asarray(inside.all(axis=0)))
    if not pieces.row.size:
        return None
    if pieces.row.size * times.size * pieces.cells < scored.size:
        begin = columns[0] + pieces.begin[:, None]
        place = (pieces.row[:, None], begin + np.arange(pieces.cells))
        arrays = Aligned(*(a[run][:, *place] for a in arrays))
    return arrays, times, pieces.row, columns[: pieces.cells]


def _one_quadrant(
    spectrum: xr.DataArray, axes: dict[str, FloatArray], propagation: Propagation
) -> xr.DataArray:
    """Positive frequencies strictly below Nyquist, for either parity of the number of points."""
    numbers = {}
    for dim, axis in axes.items():
        length = (axis[-1] - axis[0]) / (axis.size - 1) * axis.size
        numbers[dim] = np.rint(spectrum[f"freq_{dim}"].values * length).astype(int)
    last = {dim: (axis.size - 1) // 2 for dim, axis in axes.items()}
    zonal = numbers["longitude"]
    spectrum = spectrum.isel(freq_longitude=(zonal >= 1) & (zonal <= last["longitude"]))
    temporal = numbers["time"]
    quadrant = spectrum.isel(freq_time=(temporal >= 1) & (temporal <= last["time"]))
    if propagation == "both":
        eastward = spectrum.isel(freq_time=(temporal <= -1) & (temporal >= -last["time"]))
        quadrant = quadrant + eastward.isel(freq_time=slice(None, None, -1)).values
    for dim, axis in axes.items():
        spacing = (axis[-1] - axis[0]) / (axis.size - 1)
        quadrant[f"freq_{dim}"].attrs["spacing"] = spacing
    return quadrant.transpose(..., "freq_time", "freq_longitude")


def resolved_wavelength(
    score: xr.DataArray | None,
    *,
    contour: Contour = "main",
    level: Fraction = 0.5,
    units: Literal["degrees_east", "km"] = "degrees_east",
) -> float | Flagged:
    r"""Effective zonal resolution λx: the smallest wavelength on the contour of the PSD score.

    .. math:: \lambda_x = \min \{ 1/k : S(f, k) = 1/2 \}

    Parameters
    ----------
    score : of :func:`psd_score`; the published table of 2020a needs its option ``window:
        hann_symmetric``, and the published scores see westward waves only
    contour : ``main`` bounds the resolved region connected to the largest scales; ``all`` takes
        every piece; ``first`` the first piece that matplotlib < 3.8 drew, as the published tables
    level : of the PSD score
    units : degrees of longitude, or km, by the mean cosine of the scored latitudes

    Returns
    -------
    float; flag ``unresolved`` (NaN) where no scale reaches the level, ``resolved_below_grid`` where
    the smallest wavelength of the grid does, ``no_data`` where no piece of a row is without a gap

    References
    ----------
    Le Guillou et al. (2021), doi:10.1175/JTECH-D-20-0104.1;
    ocean data challenge 2020a, doi:10.24400/527896/a01-2020.002
    """
    value = smallest_scales(score, contour, level)[0]
    if units == "degrees_east" or score is None:
        return value
    return _times(value, score.attrs["km_per_degree"])


def resolved_period(
    score: xr.DataArray | None,
    *,
    contour: Contour = "main",
    level: Fraction = 0.5,
    units: Literal["days", "hours"] = "days",
) -> float | Flagged:
    r"""Effective temporal resolution λt: the smallest period on the contour of the PSD score.

    .. math:: \lambda_t = \min \{ 1/f : S(f, k) = 1/2 \}

    Parameters
    ----------
    score, contour, level : as for :func:`resolved_wavelength`
    units : of the period

    Returns
    -------
    float; flagged as :func:`resolved_wavelength`
    """
    value = smallest_scales(score, contour, level)[1]
    return value if units == "days" else _times(value, 24.0)


def _times(value: float | Flagged, factor: float) -> float | Flagged:
    if isinstance(value, Flagged):
        return Flagged(value.value * factor, value.flag)
    return value * factor
