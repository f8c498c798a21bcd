"""Draws of errors like those that a method made where the truth is known.

Residuals are truth minus estimate of validation cases, neither trained on nor scored, of the shape
(cases, ..., rows, columns): whole windows, so that a draw is coherent in time.
"""

from __future__ import annotations

import numpy as np

from oceanbench.arrays import BoolArray, FloatArray
from oceanbench.assimilation.uncertainty.error_samples import Sampler
from oceanbench.errors import OceanbenchError


def bank(residuals: FloatArray) -> Sampler:
    """Residuals themselves: a random case, its sign and the direction of its rows and columns.

    That keeps spectra, correlation in time, and all that is not Gaussian, wherever errors are alike
    all over the map. Residuals are not rolled: it would put a seam into them.

    Parameters
    ----------
    residuals : (cases, ..., rows, columns)
    """
    _check(residuals)

    def draw(count: int, random: np.random.Generator) -> FloatArray:
        fields = residuals[random.integers(len(residuals), size=count)]
        for axis in (-2, -1):
            fields = _some(random, np.flip(fields, axis), fields)
        return _some(random, -fields, fields)

    return draw


def whole(residuals: FloatArray) -> Sampler:
    """Residuals themselves, as they are but for their sign: a random case.

    For fields whose directions and places are not alike, such as the variables of a system, or
    waves that travel one way.

    Parameters
    ----------
    residuals : (cases, ..., rows, columns)
    """
    _check(residuals)

    def draw(count: int, random: np.random.Generator) -> FloatArray:
        fields = residuals[random.integers(len(residuals), size=count)]
        return _some(random, -fields, fields)

    return draw


def _some(random: np.random.Generator, changed: FloatArray, fields: FloatArray) -> FloatArray:
    """Changed fields for half of the draws, unchanged ones for the others."""
    chosen: BoolArray = random.random(len(fields)) < 0.5
    return np.where(chosen.reshape(-1, *[1] * (fields.ndim - 1)), changed, fields)


def gaussian(residuals: FloatArray) -> Sampler:
    r"""Gaussian fields with the local variance of the residuals, and the spectrum that leaves.

    .. math:: \eta = \sigma(p) \, F^{-1} \bigl( \sqrt{\langle |F(r / \sigma)|^2 \rangle}
              \, F(w) \bigr) / \sqrt n

    with the root mean square :math:`\sigma` of the residuals r over cases at each of the n points,
    their Fourier transform F over all dimensions but the first, and white noise w. A draw is
    periodic: its opposite edges are alike.

    Parameters
    ----------
    residuals : (cases, ..., rows, columns)
    """
    _check(residuals)
    axes = tuple(range(1, residuals.ndim))
    size = np.sqrt(np.mean(residuals**2, axis=0))
    relative = np.divide(residuals, size, out=np.zeros_like(residuals), where=size > 0)
    power = np.mean(np.abs(np.fft.fftn(relative, axes=axes)) ** 2, axis=0)
    amplitude = np.sqrt(power / size.size)

    def draw(count: int, random: np.random.Generator) -> FloatArray:
        noise = random.standard_normal((count, *size.shape))
        fields: FloatArray = np.fft.ifftn(amplitude * np.fft.fftn(noise, axes=axes), axes=axes).real
        drawn: FloatArray = size * fields
        return drawn

    return draw


def _check(residuals: FloatArray) -> None:
    if residuals.ndim < 3 or len(residuals) < 1 or not np.isfinite(residuals).all():
        raise OceanbenchError(
            f"residuals of shape {residuals.shape}: expected (cases, ..., rows, columns) without a "
            "missing value; fill them"
        )
