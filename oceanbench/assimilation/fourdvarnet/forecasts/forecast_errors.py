r"""Errors of a learned forecast, as starts of validation tell them, and members drawn with them.

Runs of the model that began on different days differ where the flow is hard to foresee. The error
of a forecast at a lead has the variance

.. math:: \sigma^2(\tau, x) = a_\tau + b_\tau \, \frac{s^2(\tau, x)}{1 + s^2(\tau, x) / c_\tau}

with the variance :math:`s^2` of the runs, smoothed: no error grows for ever. Divided by it, errors
of two leads have a correlation each, and those of two places one of Matérn of order 3/2. These
numbers say all, and a member is the forecast plus a Gaussian field that has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import uniform_filter
from scipy.optimize import minimize_scalar
from torch import Tensor

from oceanbench.arrays import AnyFloatArray, FloatArray
from oceanbench.assimilation.observations.along_track_errors import LENGTHS, correlation

NAME = "forecast_errors"  # what the names of the tensors begin with
BLUR = 9  # rows and columns over which the variance of the runs is averaged
APART = 6  # rows, at the most, of the nodes whose errors tell how far they are correlated
ROUNDS = 12  # in which the variance is fitted, weighted by what the round before found
LEAST = 1e-8  # m², of a variance
LIMITS = (
    1.5e-4,
    3e-4,
    6e-4,
    1.25e-3,
    2.5e-3,
    5e-3,
    1e-2,
    2e-2,
    1e6,
)  # m², c, of which the likeliest is taken


@dataclass(frozen=True)
class ForecastErrors:
    """Numbers of the errors.

    Attributes
    ----------
    levels : (leads, 3) a, in m², b, and c, in m²
    leads : (leads, leads) correlations of the errors of two leads
    length_km : scale of Matérn's correlation in space
    """

    levels: FloatArray
    leads: FloatArray
    length_km: float

    @classmethod
    def fitted(
        cls, error: AnyFloatArray, unsure: AnyFloatArray, spacing_km: float
    ) -> ForecastErrors:
        """Those of forecasts whose truth is known.

        Parameters
        ----------
        error : (starts, leads, rows, columns), m; NaN where they do not count, as on land
        unsure : of the same shape, the variance of the runs, from :func:`unsureness`, m²
        spacing_km : between rows
        """
        squares, there = np.square(error.astype(np.float64)), np.isfinite(error).all(axis=1)
        levels = [_levels(squares[:, n][there], unsure[:, n][there]) for n in range(error.shape[1])]
        found = cls(np.array(levels), np.eye(error.shape[1]), 1.0)
        relative = error / found.deviation(unsure)
        flat = relative.swapaxes(0, 1)[:, there]
        between = flat @ flat.T / flat.shape[1]
        size = np.sqrt(np.diag(between))
        along = [_product(relative, rows) for rows in range(APART)]
        known = np.array(along[1:]) / along[0]
        distance = spacing_km * np.arange(1, APART)

        def misfit(length: float) -> float:
            return float(np.sum((correlation(distance / length) - known) ** 2))

        length = float(minimize_scalar(misfit, bounds=LENGTHS, method="bounded").x)
        return cls(found.levels, between / size / size[:, None], length)

    def deviation(self, unsure: AnyFloatArray) -> FloatArray:
        """Standard deviation of the error, of the shape (…, leads, rows, columns), m.

        Parameters
        ----------
        unsure : variance of the runs, of the same shape, m²
        """
        level, growth, limit = self.levels.T[:, :, None, None]
        grown = growth * unsure / (1.0 + unsure / limit)
        found: FloatArray = np.sqrt(np.maximum(level + grown, LEAST))
        return found

    def drawn(
        self, count: int, unsure: AnyFloatArray, spacing_km: tuple[float, float], seed: int
    ) -> FloatArray:
        """Errors (count, leads, rows, columns), m.

        Parameters
        ----------
        count : how many
        unsure : (leads, rows, columns) variance of the runs, m²
        spacing_km : between rows, and between columns
        seed : of the draws
        """
        random, (rows, columns) = np.random.default_rng(seed), unsure.shape[-2:]
        apart = [
            step * np.minimum(np.arange(2 * size), 2 * size - np.arange(2 * size))
            for step, size in zip(spacing_km, (rows, columns), strict=True)
        ]
        distance = np.hypot(apart[0][:, None], apart[1])
        power = np.maximum(np.fft.fft2(correlation(distance / self.length_km)).real, 0.0)
        power /= power.mean()
        noise = random.standard_normal((count, len(unsure), *power.shape))
        fields = np.fft.ifft2(np.sqrt(power) * np.fft.fft2(noise)).real[..., :rows, :columns]
        values, vectors = np.linalg.eigh(self.leads)
        mixed = np.einsum("ij,cjxy->cixy", vectors * np.sqrt(np.maximum(values, 0.0)), fields)
        drawn: FloatArray = mixed * self.deviation(unsure)
        return drawn

    def tensors(self) -> dict[str, Tensor]:
        """To be kept with the weights."""
        parts = {"levels": self.levels, "leads": self.leads, "length_km": np.array(self.length_km)}
        return {f"{NAME}.{key}": torch.as_tensor(value) for key, value in parts.items()}

    @classmethod
    def of(cls, weights: Mapping[str, Tensor]) -> ForecastErrors | None:
        """Take up what was kept with weights, or nothing."""
        names = [f"{NAME}.{key}" for key in ("levels", "leads", "length_km")]
        if not set(names) <= weights.keys():
            return None
        levels, leads, length = (weights[name].double().cpu().numpy() for name in names)
        return cls(levels, leads, float(length))


def unsureness(runs: AnyFloatArray) -> AnyFloatArray:
    """Variance (…, slots, rows, columns) of runs (…, lags, slots, rows, columns), smoothed."""
    variance = runs.var(axis=-4)
    size = (1,) * (variance.ndim - 2) + (BLUR, BLUR)
    found: AnyFloatArray = uniform_filter(variance, size, mode="nearest")
    return found


def _levels(squares: FloatArray, unsure: AnyFloatArray) -> tuple[float, float, float]:
    """Level and growth of the variance with that of the runs, and its limit: the likeliest."""
    wanted, variance, likeliest = squares.ravel(), unsure.ravel().astype(np.float64), np.inf
    best = (0.0, 0.0, LIMITS[-1])
    for limit in LIMITS:
        grown = variance / (1.0 + variance / limit)
        level, growth = _line(wanted, grown)
        expected = np.maximum(level + growth * grown, LEAST)
        unlikely = float(np.mean(np.log(expected) + wanted / expected))
        if unlikely < likeliest:
            likeliest, best = unlikely, (level, growth, limit)
    return best


def _line(wanted: FloatArray, grown: FloatArray) -> tuple[float, float]:
    """Level and growth of a variance, neither below zero: the likeliest of a Gaussian."""
    known = np.stack([np.ones(grown.size), grown])
    found = np.array([wanted.mean(), 0.0])
    for _ in range(ROUNDS):
        weight = 1.0 / np.square(np.maximum(found @ known, LEAST))
        left, right = (known * weight) @ known.T, (known * weight) @ wanted
        found = np.linalg.lstsq(left, right, rcond=None)[0]
        if found[1] < 0.0:
            found = np.array([wanted.mean(), 0.0])
        elif found[0] < 0.0:
            found = np.array([0.0, right[1] / left[1, 1]])
    return float(found[0]), float(found[1])


def _product(relative: FloatArray, rows: int) -> float:
    """Mean product of errors so many rows apart."""
    last = relative.shape[-2] - rows
    return float(np.nanmean(relative[..., rows:, :] * relative[..., :last, :]))
