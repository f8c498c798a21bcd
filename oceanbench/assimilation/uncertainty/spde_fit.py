r"""Parameters of a stochastic equation by maximum likelihood, on fields that are not periodic.

Whittle's likelihood of the periodogram I of tapered fields,

.. math:: - \sum_\omega \log \bar I_\theta(\omega) + I(\omega) / \bar I_\theta(\omega),

with the expected periodogram :math:`\bar I_\theta`, which is computed exactly from the covariance
times the autocorrelation of the taper: no edge and no leakage biases the parameters.

References
----------
Sykulski et al. (2019), The debiased Whittle likelihood, doi:10.1093/biomet/asy071
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy.optimize import minimize
from scipy.signal.windows import hann
from torch import Tensor

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.uncertainty.error_samples import Sampler
from oceanbench.assimilation.uncertainty.spde import REACH, Lattice, Spde, sample, spectrum
from oceanbench.errors import OceanbenchError

FARTHEST = (2.0, 2.0, 4.0, 2.0, 2.0, 3.0, 3.0)  # from the first guess, in the units of the search
IN_SPACE = [0, 1, 3, 4]  # of the parameters, those that a single field knows
STILL, MOVING = [0, 1, 2, 3, 4], [0, 1, 2, 3, 4, 5, 6]


def whittle(vector: Tensor, smoothness: int, fields: FloatArray, lattice: Lattice) -> Tensor:
    """Logarithm of Whittle's likelihood, a mean over the waves, without a constant.

    Parameters
    ----------
    vector : (7,), as :meth:`oceanbench.assimilation.uncertainty.spde.Spde.vector`; differentiable
    smoothness : of the equation
    fields : (times, rows, columns), whose mean is taken off
    lattice : on whose nodes they lie, which need not be periodic
    """
    times, rows, columns = fields.shape
    taper = torch.as_tensor(np.outer(hann(rows + 2)[1:-1], hann(columns + 2)[1:-1]))
    energy = (taper**2).sum()
    anomaly = torch.as_tensor(fields - fields.mean()) * taper
    found = torch.fft.fftn(anomaly).abs() ** 2 / (times * energy)
    torus = Lattice(2 * rows, 2 * columns, lattice.spacing_y, lattice.spacing_x, lattice.step)
    waves = torch.fft.fft2(taper, s=(2 * rows, 2 * columns))
    overlap = torch.fft.ifft2(waves.abs() ** 2).real / energy
    power, factor = spectrum(vector, smoothness, torus)
    lagged = [power.to(factor.dtype)]
    for _ in range(times - 1):
        lagged.append(lagged[-1] * factor)
    covariance = torch.fft.ifft2(torch.stack(lagged)).real
    cross = torch.fft.fft2(covariance * overlap)[:, ::2, ::2]
    lag = torch.arange(times, dtype=torch.float64)
    share = torch.where(lag > 0, 2.0, 1.0) * (1.0 - lag / times)
    angle = 2.0 * torch.pi * torch.outer(lag, lag) / times
    phases = torch.polar(share.expand(times, times), -angle)
    expected = torch.einsum("fl,lyx->fyx", phases, cross).real.clamp_min(1e-300)
    terms = -(expected.log() + found / expected).flatten()
    likelihood: Tensor = terms[1:].mean()  # the first is that of the mean, which was taken off
    return likelihood


def fit(fields: FloatArray, lattice: Lattice, *, smoothness: int = 2) -> Spde:
    """Stationary parameters of greatest likelihood.

    An estimate is smoother than the truth, and so is the field that its parameters describe: fit
    to a truth of the training period, to a simulation, or to a first guess that keeps the scales.

    Parameters
    ----------
    fields : (times, rows, columns), complete, at least 8 rows and columns; a single time leaves
        time and drift at their defaults
    lattice : on whose nodes they lie
    smoothness : of the equation, 1, 2 or 3; compare the likelihood :func:`whittle` of each
    """
    times, rows, columns = fields.shape
    if min(rows, columns) < 8 or not np.isfinite(fields).all() or not fields.std() > 0:
        raise OceanbenchError(
            f"fields of shape {fields.shape} for a fit: expected (times, rows, columns), at least "
            "8 by 8 nodes, complete, and not constant"
        )
    start = _first_guess(fields, lattice, smoothness)
    found = _best(start, IN_SPACE, fields, lattice, smoothness)
    if times > 1:
        for active in (STILL, MOVING):  # all at once from the start may run away
            found = _best(found, active, fields, lattice, smoothness)
    return Spde.of(found, smoothness)


def _best(
    start: Tensor, active: list[int], fields: FloatArray, lattice: Lattice, smoothness: int
) -> Tensor:
    """Parameters of greatest likelihood about those of the start, the others as they are there."""
    unit = _units(lattice)[active]  # in which a change of any parameter matters as much

    def cost(values: FloatArray) -> tuple[float, FloatArray]:
        vector = start.clone()
        vector[active] = torch.as_tensor(values * unit)
        vector.requires_grad_(True)
        loss = -fields.size * whittle(vector, smoothness, fields, lattice)
        (gradient,) = torch.autograd.grad(loss, vector)
        return float(loss.detach()), gradient[active].numpy() * unit

    first = start[active].numpy() / unit
    reach = np.array(FARTHEST)[active]
    bounds = list(zip(first - reach, first + reach, strict=True))
    found: Any = minimize(cost, first, jac=True, method="L-BFGS-B", bounds=bounds)
    vector = start.clone()
    vector[active] = torch.as_tensor(found.x * unit)
    return vector


def _units(lattice: Lattice) -> FloatArray:
    """Of the parameters in the search: those of the drift are nodes per step."""
    drift = [
        d / lattice.step if lattice.step else 1.0 for d in (lattice.spacing_x, lattice.spacing_y)
    ]
    return np.array([1.0, 1.0, 1.0, 1.0, 1.0, *drift])


def _first_guess(fields: FloatArray, lattice: Lattice, smoothness: int) -> Tensor:
    """Parameters from the sizes of the field, of its gradient and of its change in a step."""
    std = fields.std()
    slope = np.sqrt(np.mean((np.diff(fields, axis=2) / lattice.spacing_x) ** 2))
    time = 1.0
    if len(fields) > 1:
        change = np.mean(np.diff(fields, axis=0) ** 2) / (2.0 * std**2)
        time = lattice.step / min(max(change, 0.02), 0.9)
    return Spde(std / slope / np.sqrt(2.0), std, time, smoothness=smoothness).vector()


def prior(spde: Spde, lattice: Lattice, *, times: int) -> Sampler:
    """Sampler of fields (count, times, rows, columns) of constant parameters, not periodic.

    Draws are made on a lattice with a margin, which is cut off.

    Parameters
    ----------
    spde, lattice, times : as for :func:`oceanbench.assimilation.uncertainty.spde.sample`
    """
    reach = REACH * float(np.exp(0.5 * np.hypot(*spde.stretch))) * float(spde.length)
    padded = lattice.padded(reach)

    def draw(count: int, random: np.random.Generator) -> FloatArray:
        fields = sample(spde, padded, times=times, members=count, random=random)
        return fields[..., : lattice.rows, : lattice.columns]

    return draw
