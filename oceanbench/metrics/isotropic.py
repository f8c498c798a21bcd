"""The former place of :mod:`oceanbench.metrics.spectral.isotropic`, for code that names it."""

from oceanbench.metrics.spectral.isotropic import (
    isotropic_psd_score,
    isotropic_spectra,
    isotropic_wavelength,
)

__all__ = ["isotropic_psd_score", "isotropic_spectra", "isotropic_wavelength"]
