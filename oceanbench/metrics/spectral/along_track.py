"""Resolved scale of maps along the tracks of an independent altimeter."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import xarray as xr

from oceanbench.arrays import BoolArray, FloatArray, IndexArray
from oceanbench.grid import great_circle_km
from oceanbench.metrics.aligned import NO_DATA, Flagged, align
from oceanbench.metrics.cases import Parts
from oceanbench.metrics.options import Fraction, NonNegative, Positive
from oceanbench.metrics.spectral.crossing import Crossing, crossing_wavelength
from oceanbench.metrics.spectral.density import psd

Segments = Literal["passes", "published"]


class AlongTrackSpectra(NamedTuple):
    """Spectra averaged over segments: wavenumber (cycles/km) and densities (unit²·km)."""

    wavenumber: FloatArray
    truth: FloatArray
    estimate: FloatArray
    error: FloatArray
    segments: int


def along_track_spectra(
    estimate: xr.DataArray,
    truth: xr.DataArray,
    weights: xr.DataArray,
    *,
    segment_km: Positive = 1000.0,
    step: Positive = 0.25,
    gap_seconds: NonNegative = 4.0,
    sample_km: Positive | None = None,
    segments: Segments = "passes",
) -> AlongTrackSpectra | None:
    r"""Mean spectra of truth, estimate and error over segments of the tracks.

    A track is a run of samples without a gap in time; segments of ``segment_km`` start every
    ``step`` of their length. Each has its mean removed and a periodic Hann window applied.

    Parameters
    ----------
    estimate, truth : DataArray (time), with longitude and latitude along time
    weights : DataArray (time); points of zero weight are taken out before tracks are cut
    segment_km : length of a segment
    step : start of the next segment, as a fraction of the length
    gap_seconds : a longer pause between samples ends a track
    sample_km : distance between samples; by default the median distance of consecutive samples
    segments : ``passes`` cuts every track; ``published`` repeats challenge 2021a, where each track
        but the first begins with the last sample of the one before, the last track is not used,
        and a track of exactly one segment's length gives none

    Returns
    -------
    AlongTrackSpectra, or None when no track is long enough

    References
    ----------
    Ocean data challenge 2021a, doi:10.24400/527896/a01-2021.005
    """
    parts = along_track_parts(
        estimate,
        truth,
        weights,
        segment_km=segment_km,
        step=step,
        gap_seconds=gap_seconds,
        sample_km=sample_km,
        segments=segments,
    )
    return parts.whole(np.ones(len(parts.case))) if parts else None


def along_track_parts(
    estimate: xr.DataArray,
    truth: xr.DataArray,
    weights: xr.DataArray,
    *,
    segment_km: Positive = 1000.0,
    step: Positive = 0.25,
    gap_seconds: NonNegative = 4.0,
    sample_km: Positive | None = None,
    segments: Segments = "passes",
) -> Parts | None:
    """Passes whose segments :func:`along_track_spectra` averages: what its interval resamples.

    Parameters
    ----------
    estimate, truth, weights, segment_km, step, gap_seconds, sample_km, segments : as there

    Returns
    -------
    Parts whose cases are the times at which passes begin, or None when no track is long enough
    """
    e, t, w = align(estimate, truth, weights, "time")
    every = truth["time"].values.astype("datetime64[ns]")
    kept = np.argsort(every, kind="stable")
    kept = kept[w[kept] > 0]
    time = every[kept]
    if time.size < 3:
        return None
    pause = np.diff(time) / np.timedelta64(1, "s")
    ends = np.flatnonzero(pause > gap_seconds)
    if sample_km is None:
        sample_km = _median_step(truth, kept, pause <= gap_seconds)
    if not 0 < sample_km < segment_km:
        return None
    length = int(segment_km / sample_km)
    starts = _segment_starts(ends, time.size, length, max(1, int(length * step)), segments)
    if starts.size == 0 or length < 3:
        return None
    index = starts[:, None] + np.arange(length)
    distance = np.arange(length) * sample_km
    density = {}
    for name, values in {"truth": t[kept], "estimate": e[kept], "error": (e - t)[kept]}.items():
        cut = xr.DataArray(
            values[index], dims=("segment", "distance"), coords={"distance": distance}
        )
        density[name] = psd(cut, ("distance",), window="hann")
    wavenumber = density["truth"]["freq_distance"].values
    begins = np.concatenate([[0], ends + 1])
    track, of = np.unique(np.searchsorted(begins, starts, side="right"), return_inverse=True)

    def whole(counts: FloatArray) -> AlongTrackSpectra:
        share = counts[of]
        means = {name: np.average(d.values, axis=0, weights=share) for name, d in density.items()}
        return AlongTrackSpectra(wavenumber, segments=int(share.sum()), **means)

    return Parts(time[begins[track - 1]], whole)


def _median_step(truth: xr.DataArray, kept: IndexArray, same_track: BoolArray) -> float:
    lon, lat = truth["longitude"].values[kept], truth["latitude"].values[kept]
    steps = great_circle_km(lon[:-1], lat[:-1], lon[1:], lat[1:])[same_track]
    return float(np.median(steps)) if steps.size else float("inf")


def _segment_starts(
    ends: IndexArray,
    size: int,
    length: int,
    step: int,
    segments: Segments,
) -> IndexArray:
    """First samples of all segments; ``ends`` are the last samples of all tracks but the last."""
    if segments == "published":
        first, stop = np.r_[0, ends[:-1]], ends
        runs = [range(a, b - length, step) for a, b in zip(first, stop, strict=False)]
    else:
        first, stop = np.r_[0, ends + 1], np.r_[ends + 1, size]
        runs = [range(a, b - length + 1, step) for a, b in zip(first, stop, strict=True)]
    return np.array([start for run in runs for start in run], dtype=np.intp)


def along_track_wavelength(
    spectra: AlongTrackSpectra | None,
    *,
    crossing: Crossing = "first",
    longer_than_km: NonNegative = 0.0,
    level: Fraction = 0.5,
) -> float | Flagged:
    r"""Effective resolution λx of maps along an independent altimeter's tracks.

    .. math:: 1 - \mathrm{PSD}_{\hat x - x}(1/\lambda_x) / \mathrm{PSD}_{x}(1/\lambda_x) = 1/2

    Parameters
    ----------
    spectra : of :func:`along_track_spectra`; the published scores of 2021a need its options
        ``sample_km: 6.386818`` (6.77 km/s × 0.9434 s) and ``segments: published``
    crossing : see :func:`oceanbench.metrics.spectral.crossing.crossing_wavelength`; ``sorted`` is
        published
    longer_than_km : leave out shorter wavelengths before the crossing is sought
    level : of the PSD score

    Returns
    -------
    float, km; flag ``no_data`` when no track holds a segment, else as for ``crossing_wavelength``

    References
    ----------
    Ocean data challenge 2021a, doi:10.24400/527896/a01-2021.005
    """
    if spectra is None:
        return NO_DATA
    score = 1.0 - np.divide(
        spectra.error,
        spectra.truth,
        out=np.full(spectra.truth.shape, np.nan),
        where=spectra.truth > 0,
    )
    k = spectra.wavenumber
    long_enough = k * longer_than_km < 1.0
    return crossing_wavelength(k[long_enough], score[long_enough], rule=crossing, level=level)


def along_track_explained_variance(
    spectra: AlongTrackSpectra | None,
    *,
    shortest_km: NonNegative = 0.0,
    longest_km: Positive = 1000.0,
) -> float | Flagged:
    r"""Fraction of the variance along tracks, of a band of wavelengths, that maps explain.

    .. math:: 1 - \sum_k \mathrm{PSD}_{\hat x - x}(k) / \sum_k \mathrm{PSD}_x(k), \quad
              1/\lambda_{\max} \le k \le 1/\lambda_{\min}

    Parameters
    ----------
    spectra : of :func:`along_track_spectra`
    shortest_km, longest_km : ends of the band; wavelengths longer than the segments are not known

    Returns
    -------
    float; flag ``no_data`` when no track holds a segment, or the band holds no wavenumber of them

    References
    ----------
    Ocean data challenges 2023a (65-500 km) and 2024 (65-200 km), which filter in time by Lanczos
    windows that begin and end with the tracks instead.
    """
    if spectra is None:
        return NO_DATA
    k = spectra.wavenumber
    band = (k > 0) & (k * longest_km >= 1.0) & (k * shortest_km <= 1.0)
    known = float(spectra.truth[band].sum())
    return 1.0 - float(spectra.error[band].sum()) / known if known > 0 else NO_DATA
