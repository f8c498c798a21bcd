"""Where a PSD score of one wavenumber crosses a level."""

from __future__ import annotations

from typing import Literal

import numpy as np

from oceanbench.arrays import FloatArray
from oceanbench.metrics.aligned import NO_DATA, UNRESOLVED, Flagged

Crossing = Literal["first", "last", "sorted"]


def crossing_wavelength(
    wavenumber: FloatArray, score: FloatArray, *, rule: Crossing = "first", level: float = 0.5
) -> float | Flagged:
    r"""Wavelength at which a score that falls with wavenumber crosses a level.

    Parameters
    ----------
    wavenumber : shape (n,), increasing, cycles per km
    score : shape (n,)
    rule : ``first``
        the first fall below the level on the way from large to small scales, linear in the
        logarithm of the wavenumber: scales beyond a notch do not count as resolved;
        ``last``
        the crossing of the highest wavenumber, same interpolation (ODC tools, 2023);
        ``sorted``
        interpolation of wavelength in the *sorted* scores, as published in challenge 2021a: with
        a score that is not monotonic it joins scales that are not neighbours
    level : level of the score

    Returns
    -------
    float, km; flag ``unresolved`` when the score is below the level from the largest scale on,
    ``resolved_below_grid`` when it never falls below, ``no_data`` when there is no score
    """
    if rule == "sorted":
        return _in_sorted_scores(wavenumber, score, level)
    valid = np.isfinite(score) & (wavenumber > 0)
    k, s = wavenumber[valid], score[valid]
    if k.size == 0:
        return NO_DATA
    resolved = s >= level
    if resolved.all():
        return Flagged(float(1.0 / k[-1]), "resolved_below_grid")
    if not resolved.any() or (rule == "first" and not resolved[0]):
        return UNRESOLVED
    changes = np.flatnonzero(resolved[:-1] != resolved[1:])
    i = changes[0] if rule == "first" else changes[-1]
    fraction = (level - s[i]) / (s[i + 1] - s[i])
    log_k = np.log(k[i]) + fraction * (np.log(k[i + 1]) - np.log(k[i]))
    return float(np.exp(-log_k))


def _in_sorted_scores(wavenumber: FloatArray, score: FloatArray, level: float) -> float | Flagged:
    valid = np.isfinite(score)
    k, s = wavenumber[valid], score[valid]
    if k.size == 0:
        return NO_DATA
    if s.min() > level:
        return Flagged(float(1.0 / k[-1]), "resolved_below_grid") if k[-1] > 0 else NO_DATA
    if s.max() < level:
        return UNRESOLVED
    with np.errstate(divide="ignore"):
        wavelength = 1.0 / k
    order = np.argsort(s, kind="mergesort")
    s, wavelength = s[order], wavelength[order]
    upper = int(np.clip(np.searchsorted(s, level), 1, s.size - 1))
    low, high = wavelength[upper - 1], wavelength[upper]
    if not (np.isfinite(low) and np.isfinite(high)):
        return UNRESOLVED
    return float(low + (high - low) * (level - s[upper - 1]) / (s[upper] - s[upper - 1]))
