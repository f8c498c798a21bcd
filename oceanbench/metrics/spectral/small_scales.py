"""Spectra of the members of an ensemble: whether they are as rough as the truth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import xarray as xr

from oceanbench.arrays import BoolArray, FloatArray
from oceanbench.metrics.aligned import NO_DATA, Flagged, align
from oceanbench.metrics.options import Positive
from oceanbench.metrics.spectral.density import Window
from oceanbench.metrics.spectral.isotropic import MAPS, in_rings, spectra_in_box
from oceanbench.metrics.sums import ROUNDING


def small_scale_variance(
    estimate: xr.DataArray,
    truth: xr.DataArray,
    weights: xr.DataArray,
    *,
    wavelength_km: Positive = 200.0,
    of: Literal["members", "mean"] = "members",
    window: Window = "hann",
) -> float | Flagged:
    r"""Variance at small scales over that of the truth: below 1 where members are too smooth.

    .. math:: \frac{\langle \sum_{|k| > 1 / \lambda} \mathrm{PSD}_{x_i}(k) \rangle_{i, t}}
                   {\langle \sum_{|k| > 1 / \lambda} \mathrm{PSD}_{x}(k) \rangle_t}

    A map of least error is smoother than the truth, since it holds only what is known; the members
    of a good ensemble put back, each in its own way, what the mean has lost. One value at each
    point is scored as the only member. Members in the right places with the wrong spectrum and
    members of the right spectrum in the wrong places are told apart by no spectrum: see ``crps``.

    Parameters
    ----------
    estimate : DataArray (time, latitude, longitude), with a dimension ``member`` or not
    truth : DataArray (time, latitude, longitude) on an evenly spaced grid
    weights : zero-weight points shrink the box to the largest scored rows and columns; they do not
        weigh otherwise
    wavelength_km : :math:`\lambda`, the largest of the small scales
    of : ``members``, or their ``mean``
    window : see :func:`oceanbench.metrics.spectral.density.psd`

    Returns
    -------
    float; flag ``marginal`` for a mean and standard deviation, ``no_data`` where the scored points
    form no full box, or the truth has nothing below that wavelength
    """
    known, scored = _aligned(truth, truth, weights)
    spectrum = spectra_in_box({"power": known}, truth, scored, window=window)
    if spectrum is None:
        return NO_DATA
    power = _beyond(spectrum, 1.0 / wavelength_km)
    if power <= ROUNDING * float(np.square(known).max()):
        return NO_DATA
    kept = [_mean(estimate)] if of == "mean" else _members(estimate)
    found = []
    for member in kept:
        values, _ = _aligned(member, truth, weights)
        part = spectra_in_box({"power": values}, truth, scored, window=window)
        assert part is not None  # the box is that of the truth
        found.append(_beyond(part, 1.0 / wavelength_km))
    return float(np.mean(found) / power)


def _beyond(densities: xr.Dataset, wavenumber: float) -> float:
    """Variance beyond a wavenumber, by Parseval."""
    inside = np.hypot(densities["freq_y"], densities["freq_x"]) > wavenumber
    steps = [float(np.diff(densities[name]).mean()) for name in ("freq_y", "freq_x")]
    return float(densities["power"].where(inside, 0.0).sum()) * steps[0] * steps[1]


def member_spectra(
    estimate: xr.DataArray,
    truth: xr.DataArray,
    weights: xr.DataArray,
    *,
    window: Window = "hann",
) -> xr.Dataset | None:
    """Isotropic spectra of the truth, the members, their mean, its error and the deviations.

    Members of a good ensemble have the spectrum of the truth, and their deviations from the mean
    that of the mean's error, at every scale. A deviation is scaled by (M + 1) / (M - 1), so that
    both have one expectation for any number of members.

    Parameters
    ----------
    estimate, truth, weights, window : as for :func:`small_scale_variance`, with at least 2 members

    Returns
    -------
    Dataset (freq_r), cycles per km, of ``truth``, ``members``, ``mean``, ``error`` and
    ``deviations``; None when the scored points form no full box
    """
    known, scored = _aligned(truth, truth, weights)
    members = [_aligned(m, truth, weights)[0] for m in _members(estimate)]
    mean, count = np.mean(members, axis=0), len(members)
    once = {"truth": known, "mean": mean, "error": mean - known}
    found = spectra_in_box(once, truth, scored, window=window)
    if found is None:
        return None
    of_members, deviations = xr.zeros_like(found["truth"]), xr.zeros_like(found["truth"])
    for member in members:
        each = {"member": member, "deviation": member - mean}
        part = spectra_in_box(each, truth, scored, window=window)
        assert part is not None  # the box is that of the truth
        of_members = of_members + part["member"] / count
        deviations = deviations + part["deviation"] / count
    factor = (count + 1) / (count - 1)
    found = found.assign(members=of_members, deviations=factor * deviations)
    return xr.Dataset({str(name): in_rings(density) for name, density in found.items()})


def _aligned(
    field: xr.DataArray, truth: xr.DataArray, weights: xr.DataArray
) -> tuple[FloatArray, BoolArray]:
    """Field as an array (time, latitude, longitude), and which of its points are scored."""
    values, _, w = align(field, truth, weights, *MAPS)
    return values, w > 0


def _members(estimate: xr.DataArray) -> Iterator[xr.DataArray]:
    if "member" not in estimate.dims:
        yield estimate
        return
    for number in range(estimate.sizes["member"]):
        yield estimate.isel(member=number, drop=True)


def _mean(estimate: xr.DataArray) -> xr.DataArray:
    return estimate.mean("member") if "member" in estimate.dims else estimate
