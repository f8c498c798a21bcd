"""Power spectral density over evenly spaced dimensions, with a window."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Literal

import numpy as np
import xarray as xr

from oceanbench.arrays import FloatArray
from oceanbench.errors import OceanbenchError

Window = Literal["hann", "hann_symmetric", "tukey", "boxcar"]


def psd(
    field: xr.DataArray, dims: Sequence[str], *, window: Window = "hann", two_sided: bool = False
) -> xr.DataArray:
    r"""Power spectral density over evenly spaced dimensions, by xrft.

    The mean over ``dims`` is removed, the window applied, and the density corrected for the
    window's energy, so that it integrates to the variance (Parseval). The last of ``dims`` has
    one-sided frequencies unless ``two_sided``, the others two-sided ones.

    Parameters
    ----------
    field : DataArray with float coordinates (days, km, degrees; never dates) along ``dims``
    dims : dimensions to transform
    window : ``hann`` and ``tukey`` (α = 0.5) are periodic, as in xrft ≥ 0.3; ``hann_symmetric`` is
        numpy's, as in xrft < 0.3, behind the published table of challenge 2020a
    two_sided : negative frequencies of the last dimension too

    Returns
    -------
    DataArray with ``freq_<dim>`` in cycles per unit of the coordinate

    Raises
    ------
    OceanbenchError
        for dates, missing values, or uneven spacing: xrft would return wrong spectra silently

    References
    ----------
    xrft, doi:10.5281/zenodo.1402635
    """
    import xrft  # noqa: PLC0415  (slow to import, and few scores are of spectra)

    dims = list(dims)
    for dim in dims:
        check_spacing(field, dim)
    if not np.isfinite(field.values).all():
        raise OceanbenchError("a spectrum needs complete rows; missing values were given to psd()")
    bare = field.reset_coords(drop=True)
    bare = bare.drop_vars([c for c in bare.coords if c not in bare.dims])
    taper = xr.DataArray(1.0)
    for dim in dims:
        taper = taper * xr.DataArray(taper_of(window, field.sizes[dim]), dims=dim)
        axis = bare[dim].values.astype(np.float64)
        bare = bare.assign_coords({dim: np.linspace(axis[0], axis[-1], axis.size)})
    tapered = (bare - bare.mean(dims)) * taper
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "dropping variables using", FutureWarning)
        real = None if two_sided else dims[-1]
        others = dims if two_sided else dims[:-1]
        spectrum = xrft.power_spectrum(tapered, dim=others, real_dim=real)
    result: xr.DataArray = spectrum / float((taper**2).mean())
    return result


def check_spacing(field: xr.DataArray, dim: str) -> None:
    """Refuse an axis of dates, or one that is not evenly spaced: its spectrum would be wrong."""
    axis = field[dim].values
    if not np.issubdtype(axis.dtype, np.number):
        raise OceanbenchError(f"psd() needs numbers along '{dim}' (days, km, degrees), not dates")
    steps = np.diff(axis.astype(np.float64))
    rounded = 4 * float(np.finfo(np.float32).eps) * float(np.abs(axis).max(initial=0.0))
    usual = float(steps.mean()) if steps.size else 0.0
    if steps.size < 2 or np.abs(steps - usual).max() > 1e-3 * abs(usual) + rounded or not usual:
        raise OceanbenchError(
            f"psd() needs at least 3 evenly spaced values along '{dim}'; "
            f"steps range from {steps.min() if steps.size else 0:g} to "
            f"{steps.max() if steps.size else 0:g}"
        )


def taper_of(window: Window, size: int) -> FloatArray:
    """Weights of a window."""
    from scipy import signal  # noqa: PLC0415  (slow to import)

    name, symmetric = ("hann", True) if window == "hann_symmetric" else (window, False)
    taper: FloatArray = signal.get_window(name, size, fftbins=not symmetric)
    return taper
