r"""Random samples of a Gaussian field, and of its posterior by conditional simulation.

A draw :math:`x_s` of the prior is observed as the field was, with an error drawn from R, and mapped
by the same method: :math:`x_s - \hat x(y_s)` is a draw of the mapping error. So

.. math:: x_i = \hat x(y) + x_s - \hat x(y_s) = x_s + \hat x(y - y_s)

is a draw of the posterior: one solve with as many right-hand sides as members.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.gaussian.covariance import ZERO_CROSSING, Covariance
from oceanbench.assimilation.gaussian.optimal_interpolation import Observations, solve
from oceanbench.assimilation.gaussian.posterior_fields import maps
from oceanbench.errors import OceanbenchError

WAVES = 1000


@dataclass(frozen=True)
class RandomField:
    r"""Independent draws of a stationary Gaussian field, each a sum of random waves.

    .. math:: x_s(p) = \sqrt{1/W} \sum_{j=1}^{W} \rho_j \cos(\omega_j \cdot p + \varphi_j)

    in scaled coordinates p, with :math:`\omega` drawn from the spectral density of the covariance,
    :math:`\rho` from Rayleigh's law and :math:`\varphi` uniform. The covariance of the draws is
    exact; they are Gaussian for given waves, and up to :math:`O(1/W)` without.

    Attributes
    ----------
    covariance : of the field
    waves : (members, W, 3)
    amplitude, phase : (members, W)

    References
    ----------
    Rahimi and Recht (2007), Random features for large-scale kernel machines.
    """

    covariance: Covariance
    waves: torch.Tensor
    amplitude: torch.Tensor
    phase: torch.Tensor

    @classmethod
    def draw(
        cls, covariance: Covariance, members: int, *, seed: int, device: str = "cpu"
    ) -> RandomField:
        """Draw the waves of ``members`` fields."""
        random = np.random.default_rng(seed)
        waves = random.normal(scale=np.sqrt(2.0), size=(members, WAVES, 3))
        if covariance.shape == "arhan":
            waves[..., 0], waves[..., 1] = _arhan_waves(random, (members, WAVES))
        if covariance.memory == "matern":
            waves[..., 2] = random.standard_t(3.0, (members, WAVES)) / np.sqrt(3.0)
        amplitude = random.rayleigh(size=(members, WAVES)) / np.sqrt(WAVES)
        phase = random.uniform(0.0, 2.0 * np.pi, (members, WAVES))
        arrays = (torch.as_tensor(a, device=device) for a in (waves, amplitude, phase))
        return cls(covariance, *arrays)

    def at(self, x: FloatArray, y: FloatArray, time: FloatArray | float) -> torch.Tensor:
        """Values (n, members) at points given in the units of the covariance."""
        device = self.waves.device
        columns = [
            torch.tensor(a, dtype=torch.float64, device=device)
            for a in np.broadcast_arrays(x, y, time)
        ]
        places = self.covariance.coordinates(*columns)
        values = places.new_empty(len(places), len(self.waves))
        for member, waves in enumerate(self.waves):
            angle = torch.addmm(self.phase[member], places, waves.T)
            values[:, member] = angle.cos_() @ self.amplitude[member]
        return values


def _arhan_waves(random: np.random.Generator, size: tuple[int, int]) -> tuple[Any, Any]:
    r"""Wave vectors from the spectrum :math:`\kappa^2 / (a^2 + \kappa^2)^{9/2}` of that shape.

    :math:`\kappa^2 / a^2` is the ratio of Gamma(2) and Gamma(5/2) variates.
    """
    ratio = random.gamma(2.0, size=size) / random.gamma(2.5, size=size)
    angle = random.uniform(0.0, 2.0 * np.pi, size)
    length = ZERO_CROSSING * np.sqrt(ratio)
    return length * np.cos(angle), length * np.sin(angle)


def posterior_samples(
    observations: Observations,
    dates: Sequence[float] | FloatArray,
    covariance: Covariance,
    x: FloatArray,
    y: FloatArray,
    *,
    members: int,
    seed: int,
    device: str = "cpu",
    **options: Any,
) -> Iterator[torch.Tensor]:
    """Samples of the posterior on a rectangular grid, coherent in time.

    Parameters
    ----------
    observations, dates, covariance : as for
        :func:`oceanbench.assimilation.gaussian.optimal_interpolation.solve`
    x, y : nodes of the grid
    members : number of samples
    seed : of the draws
    device : of torch
    **options : of :func:`oceanbench.assimilation.gaussian.optimal_interpolation.solve`; ``window``
        is needed

    Yields
    ------
    Tensor (dates, members, y, x) for consecutive dates, in their order
    """
    o = observations
    if o.value.ndim != 1 or members < 1:
        raise OceanbenchError(f"samples: members {members} must be positive, values of one set")
    field = RandomField.draw(covariance, members, seed=seed, device=device)
    seen = _observed(field, o, np.random.default_rng([seed, 1]))
    difference = replace(o, value=o.value[:, None] - seen)
    grid_y, grid_x = (g.ravel() for g in np.meshgrid(y, x, indexing="ij"))
    for posterior in solve(difference, dates, covariance, device=device, **options):
        result = maps(posterior, x, y)
        for i, date in enumerate(posterior.dates):
            result[i] += field.at(grid_x, grid_y, float(date)).T.reshape(result.shape[1:])
        yield result


def _observed(field: RandomField, o: Observations, random: np.random.Generator) -> FloatArray:
    """Values (n, members) of the draws where the field was observed, with errors drawn from R."""
    seen: FloatArray = field.at(o.x, o.y, o.time).cpu().numpy()
    seen += np.sqrt(o.noise)[:, None] * random.standard_normal(seen.shape)
    if o.track is not None and o.correlated > 0:
        number = np.unique(o.track, return_inverse=True)[1]
        error = random.standard_normal((int(number.max(initial=-1)) + 1, seen.shape[1]))
        loading = np.ones(o.time.size) if o.loading is None else o.loading
        seen += np.sqrt(o.correlated) * loading[:, None] * error[number]
    return seen
