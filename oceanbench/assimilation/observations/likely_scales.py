r"""Scales under which the observations are likeliest, drawn toward the usual ones.

Super-observations y of some weeks are Gaussian, of the covariance of the field, of white noise and
of an error that a pass shares, relative to the signal's unknown variance, whose likeliest value is
put in. The scales :math:`\theta` are those of the least

.. math:: J(\theta) = \frac{p}{n} \sum_s \tfrac12 \Bigl( n_s \log \frac{q}{n}
        + \log \det K_s(\theta) \Bigr)
        + \sum_k \frac{\log^2 (\theta_k / \theta^u_k)}{2 \tau_k^2}, \qquad
    q = \sum_s y_s^T K_s(\theta)^{-1} y_s, \quad n = \sum_s n_s,

over sets s of samples that lie together. Neighbours along a pass tell nearly the same, and no
covariance of a few scales is the true one: so n samples count as many times as there are passes, p.
What few passes tell is outweighed by the usual scales :math:`\theta^u`, within factors of
:math:`e^{\tau}`. No term knows an amplitude: values times a factor have the same scales.

One altimeter is enough: what it tells of lengths and errors is in its own passes. Predicting it
from another one, as :mod:`oceanbench.assimilation.observations.cross_validation` does, uses only
what is near their crossings, and of a few weeks that is too little.

References
----------
Mardia and Marshall (1984), doi:10.1093/biomet/71.1.135 (likelihood of a covariance's scales)
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.gaussian.covariance import Covariance
from oceanbench.assimilation.observations.superobservations import Samples, kilometres
from oceanbench.errors import OceanbenchError

Scales = Mapping[str, float]
WIDTHS: Scales = MappingProxyType(
    {"length_factor": 0.5, "time_factor": 0.5, "noise": 3.0, "correlated": 3.0}
)
"""Standard deviations of the logarithms of the scales about the usual ones."""
FEWEST, MOST = 10, 500  # samples of a set
SIDE, SETS = 7.0, 8  # degrees, of a set at most; how many there are at most
STARTS = (0.1, 1.0, 15.0)  # factors of the usual errors, at the best of which the search begins
STEP, EVALUATIONS = 0.4, 80  # of the search, in logarithms; trials
LEAST = 1e-6  # of the variance of a field that is white in any case


@dataclass(frozen=True)
class SampleSet:
    """Samples that lie together.

    Attributes
    ----------
    x, y, time : (n,) kilometres and days
    value : (n,)
    shared : (n, n) 1 where two are of one pass, else 0
    passes : how many there are
    """

    x: Tensor
    y: Tensor
    time: Tensor
    value: Tensor
    shared: Tensor
    passes: int

    @classmethod
    def of(cls, samples: Samples) -> SampleSet:
        """Samples about their middle."""
        place = (float(np.median(samples.longitude)), float(np.median(samples.latitude)))
        x, y = map(torch.as_tensor, kilometres(samples.longitude, samples.latitude, place))
        track = torch.as_tensor(samples.track)
        shared = (track[:, None] == track).double()
        value, time = torch.as_tensor(samples.value), torch.as_tensor(samples.time)
        return cls(x, y, time, value, shared, np.unique(samples.track).size)

    def terms(self, covariance: Covariance, noise: float, correlated: float) -> tuple[float, float]:
        """:math:`y^T K^{-1} y` and the logarithm of the determinant of K.

        Infinite where rounding leaves no covariance, as with errors of a pass 10¹⁰ times the field.

        Parameters
        ----------
        covariance : of the field, in kilometres
        noise, correlated : variances of the errors, relative to the field's
        """
        at = covariance.coordinates(self.x, self.y, self.time)
        matrix = covariance.matrix(at, at).add_(self.shared, alpha=correlated)
        matrix.diagonal().add_(noise + LEAST)
        root, failed = torch.linalg.cholesky_ex(matrix)
        if failed:
            return math.inf, math.inf
        whitened = torch.linalg.solve_triangular(root, self.value[:, None], upper=False)
        return float(whitened.square().sum()), 2.0 * float(root.diagonal().log().sum())


def likely_scales(
    samples: Samples,
    usual: Scales,
    covariance: Callable[[float, Scales], Covariance],
    *,
    widths: Scales = WIDTHS,
    evaluations: int = EVALUATIONS,
) -> dict[str, float]:
    """Scales of the least J, by the simplex method of Nelder and Mead in their logarithms.

    Parameters
    ----------
    samples : anomalies, of which at most eight sets of 500 count, spread evenly over box and time
    usual : scales of the ``covariance``, ``noise`` and ``correlated``
    covariance : function of the latitude and the scales
    widths : of the prior; scales without one stay as they are
    evaluations : at most so many trials

    Returns
    -------
    the scales by their names; the usual ones where there are too few samples

    Raises
    ------
    OceanbenchError
        if no scales have a likelihood: values are no numbers, or too large to be squared
    """
    sets = sample_sets(samples)
    if not sets:
        return dict(usual)
    latitude = float(np.median(samples.latitude))
    names, width = list(widths), np.array(list(widths.values()))
    centre = np.log([usual[name] for name in names])

    def scales_of(logarithms: FloatArray) -> dict[str, float]:
        return {**usual, **dict(zip(names, np.exp(logarithms).tolist(), strict=True))}

    def unlikely(logarithms: FloatArray) -> float:
        scales = scales_of(logarithms)
        prior = 0.5 * float((((logarithms - centre) / width) ** 2).sum())
        return misfit(sets, covariance(latitude, scales), scales) + prior

    error = np.isin(names, ("noise", "correlated"))
    first = min((centre + error * np.log(factor) for factor in STARTS), key=unlikely)
    simplex = first + STEP * np.vstack([np.zeros(len(names)), np.eye(len(names))])
    options: Any = {"maxfev": evaluations, "initial_simplex": simplex, "xatol": 0.02, "fatol": 1e-3}
    found = minimize(unlikely, first, method="Nelder-Mead", options=options)
    if not math.isfinite(found.fun):
        raise OceanbenchError(
            "the observations have no likelihood under any scales; look for values that are no "
            "numbers, or far too large"
        )
    return scales_of(found.x)


def misfit(sets: list[SampleSet], covariance: Covariance, scales: Scales) -> float:
    """First term of J: how unlikely samples are, a pass counting as one.

    Parameters
    ----------
    sets : of samples
    covariance : in kilometres
    scales : of which ``noise`` and ``correlated`` are the variances of the errors
    """
    terms = [one.terms(covariance, scales["noise"], scales["correlated"]) for one in sets]
    count = sum(one.value.numel() for one in sets)
    amplitude = sum(square for square, _ in terms) / count
    determinant = sum(logarithm for _, logarithm in terms)
    passes = sum(one.passes for one in sets)
    return passes / count * 0.5 * (count * math.log(amplitude) + determinant)


def sample_sets(samples: Samples) -> list[SampleSet]:
    """Sets of samples in parts of their box and of their time, spread evenly over both."""
    parts = [piece for part in _tiles(samples) for piece in _pieces(part)]
    chosen = np.linspace(0, len(parts) - 1, min(len(parts), SETS)).round().astype(int)
    return [SampleSet.of(parts[number]) for number in np.unique(chosen)]


def _tiles(samples: Samples) -> Iterator[Samples]:
    """Samples in even parts of a box, of :data:`SIDE` at most."""
    if not samples.time.size:
        return
    number = []
    for axis in (samples.longitude, samples.latitude):
        first, width = axis.min(), np.ptp(axis)
        count = max(int(np.ceil(width / SIDE)), 1)
        number.append(np.minimum((axis - first) * count / (width or 1.0), count - 1).astype(int))
    for column, row in itertools.product(*(np.unique(one) for one in number)):
        yield samples.take((number[0] == column) & (number[1] == row))


def _pieces(samples: Samples) -> Iterator[Samples]:
    """Samples in even parts of their time, of :data:`MOST` at most; none of too few."""
    count, order = int(np.ceil(samples.time.size / MOST)), np.argsort(samples.time, kind="stable")
    for some in np.array_split(order, max(count, 1)):
        piece = samples.take(some)
        if some.size >= FEWEST and piece.value.any():
            yield piece
