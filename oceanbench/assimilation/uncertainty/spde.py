r"""Gaussian fields of a stochastic equation of advection and diffusion, stationary ones by FFT.

.. math:: T \, (\partial_t + u \cdot \nabla) \, x + (1 - \nabla \cdot \Lambda \nabla) \, x
          = \tau \, (1 - \nabla \cdot \Lambda \nabla)^{-\nu / 2} \, w

with white noise w. In the letters of the literature, :math:`\kappa` is the inverse of the
correlation length, :math:`\Lambda = H / \kappa^2` and :math:`m = \kappa^2 T u`: the operator is
:math:`(\kappa^2 + m \cdot \nabla - \nabla \cdot H \nabla) / \kappa^2`. The noise is coloured in
space, since a white one has no finite variance in two dimensions; so at any time x is the field

.. math:: (\kappa^2 - \nabla \cdot H \nabla)^{\alpha / 2} \, x = \tau' \, w, \quad \alpha = \nu + 1,

of Matérn's covariance with smoothness :math:`\nu`, and the largest scales forget in the time T,
smaller ones sooner. Implicit Euler steps on a periodic lattice,
:math:`M x_k = x_{k-1} + \epsilon_k`, make it a chain: here by its eigenvalues, in
:mod:`oceanbench.assimilation.uncertainty.spde_sparse` by sparse matrices for parameters that vary
in space.

References
----------
Lindgren, Rue and Lindström (2011), doi:10.1111/j.1467-9868.2011.00777.x;
Clarotto et al. (2024), The SPDE approach for spatio-temporal datasets with advection and diffusion
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.fft import next_fast_len
from torch import Tensor

from oceanbench.arrays import FloatArray
from oceanbench.errors import OceanbenchError

SMOOTHNESS = (1, 2, 3)
REACH = 6.0  # lengths after which a correlation is taken for none: the margin of a lattice


@dataclass(frozen=True)
class Lattice:
    """Nodes of a torus, and the step in time.

    Attributes
    ----------
    rows, columns : number of nodes
    spacing_y, spacing_x : between them, in the unit of the lengths (km)
    step : days between fields; 0 for a single one
    """

    rows: int
    columns: int
    spacing_y: float
    spacing_x: float
    step: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is no lattice."""
        if min(self.rows, self.columns) < 3 or not min(self.spacing_y, self.spacing_x) > 0:
            raise OceanbenchError(f"{self}: at least 3 rows and columns, and a positive spacing")
        if not 0 <= self.step < np.inf:
            raise OceanbenchError(f"{self}: the step in time must be positive, 0 for single fields")

    def padded(self, reach: float) -> Lattice:
        """Larger lattice whose opposite edges are at least so far from each other's images."""
        rows = next_fast_len(self.rows + int(np.ceil(reach / self.spacing_y)), real=True)
        columns = next_fast_len(self.columns + int(np.ceil(reach / self.spacing_x)), real=True)
        return Lattice(rows, columns, self.spacing_y, self.spacing_x, self.step)


@dataclass(frozen=True)
class Spde:
    r"""Parameters of the equation; each but the smoothness may vary in space for sparse matrices.

    Attributes
    ----------
    length : :math:`1 / \kappa`, in the unit of the lattice
    std : standard deviation of the field, on the lattice
    time : T, e-folding time of the largest scales, days
    stretch : (a, b) of :math:`\Lambda = \kappa^{-2} \exp \begin{pmatrix} a & b \\ b & -a
        \end{pmatrix}`: with b = 0 the length is :math:`e^{a/2}` times longer along x and as much
        shorter along y; (0, 0) is isotropic
    drift : (u along x, u along y), unit of the lattice per day
    smoothness : :math:`\nu = \alpha - 1`, 1, 2 or 3; 2-D spectra fall as :math:`k^{-2 (\nu + 1)}`
    """

    length: float | FloatArray
    std: float | FloatArray
    time: float | FloatArray = 1.0
    stretch: tuple[float | FloatArray, float | FloatArray] = (0.0, 0.0)
    drift: tuple[float | FloatArray, float | FloatArray] = (0.0, 0.0)
    smoothness: int = 2

    def __post_init__(self) -> None:
        """Refuse scales that are not positive."""
        for name in ("length", "std", "time"):
            if not (np.asarray(getattr(self, name)) > 0).all():
                raise OceanbenchError(f"SPDE: '{name}' must be positive everywhere")
        if self.smoothness not in SMOOTHNESS:
            raise OceanbenchError(
                f"SPDE: smoothness {self.smoothness} is not one of {SMOOTHNESS}; the precision "
                "would not be sparse"
            )

    @classmethod
    def of(cls, vector: Tensor, smoothness: int) -> Spde:
        """Spde of the parameters as :meth:`vector` has them."""
        length, std, time, a, b, along_x, along_y = vector.detach().tolist()
        length, std, time = (float(v) for v in np.exp([length, std, time]))
        return cls(length, std, time, (a, b), (along_x, along_y), smoothness)

    def vector(self) -> Tensor:
        """Logarithms of length, std and time, then stretch and drift, of constant parameters: (7,).

        Raises
        ------
        OceanbenchError
            if one of them varies in space
        """
        values = (self.length, self.std, self.time, *self.stretch, *self.drift)
        if any(np.ndim(v) for v in values):
            raise OceanbenchError(
                "SPDE: parameters vary in space and there is no spectrum; use sparse matrices"
            )
        numbers = torch.tensor([float(v) for v in values], dtype=torch.float64)
        return torch.cat([numbers[:3].log(), numbers[3:]])


def spectrum(vector: Tensor, smoothness: int, lattice: Lattice) -> tuple[Tensor, Tensor]:
    r"""Power of each wave, and the factor by which a step in time multiplies it.

    With the eigenvalues :math:`a` of :math:`1 - \nabla \cdot \Lambda \nabla` and :math:`b = a + i T
    u \cdot k` of all but the derivative in time, and :math:`\delta = \Delta t / T`,

    .. math:: P \propto \frac{1}{a^\nu (a + \tfrac{\delta}{2} |b|^2)}, \qquad
              \rho = \frac{1}{1 + \delta b}

    is what implicit Euler steps leave stationary; as :math:`\delta \to 0`,
    :math:`P \propto a^{-\alpha}`. The mean of P over the waves is the variance.

    Parameters
    ----------
    vector : (7,), from :meth:`Spde.vector`; the result can be differentiated by it
    smoothness : :math:`\nu`
    lattice : with its step

    Returns
    -------
    power : (rows, columns), float64
    factor : (rows, columns), complex
    """
    a, advection = _eigenvalues(vector, lattice)
    time = vector[2].exp()
    ratio = lattice.step / time
    b = torch.complex(a, time * advection)
    shape = 1.0 / (a**smoothness * (a + 0.5 * ratio * b.abs() ** 2))
    power = (2.0 * vector[1]).exp() * shape / shape.mean()
    return power, 1.0 / (1.0 + ratio * b)


def _eigenvalues(vector: Tensor, lattice: Lattice) -> tuple[Tensor, Tensor]:
    """Of 1 - div Λ grad and of u · grad / i, for differences of neighbouring nodes."""
    y, x = (
        2.0 * torch.pi * torch.fft.fftfreq(n, dtype=torch.float64)
        for n in (lattice.rows, lattice.columns)
    )
    y, x = y[:, None], x[None, :]
    dy, dx = lattice.spacing_y, lattice.spacing_x
    size = (vector[3] ** 2 + vector[4] ** 2 + 1e-24).sqrt()  # can be differentiated at zero
    plain, turned = size.cosh(), size.sinh() / size
    along_x, along_y = plain + turned * vector[3], plain - turned * vector[3]
    second_x, second_y = (2.0 - 2.0 * x.cos()) / dx**2, (2.0 - 2.0 * y.cos()) / dy**2
    # the mean of forward and backward differences along both axes at once
    mixed = (1.0 - x.cos() - y.cos() + (x - y).cos()) / (dx * dy)
    square = along_x * second_x + along_y * second_y + 2.0 * turned * vector[4] * mixed
    advection = vector[5] * x.sin() / dx + vector[6] * y.sin() / dy
    return 1.0 + (2.0 * vector[0]).exp() * square, advection


def sample(
    spde: Spde, lattice: Lattice, *, times: int, members: int, random: np.random.Generator
) -> FloatArray:
    """Independent draws of a stationary chain by FFT, (members, times, rows, columns).

    Parameters
    ----------
    spde : of constant parameters
    lattice : periodic, with a positive step if there are several times
    times, members : how many
    random : of the noise
    """
    check_times(lattice, times)
    power, factor = (v.numpy() for v in spectrum(spde.vector(), spde.smoothness, lattice))
    amplitude = np.sqrt(power * np.clip(1.0 - np.abs(factor) ** 2, 0.0, None))
    result = np.empty((members, times, lattice.rows, lattice.columns))
    waves = np.zeros((members, lattice.rows, lattice.columns), dtype=np.complex128)
    for number in range(times):
        noise = np.fft.fft2(random.standard_normal(waves.shape))
        waves = factor * waves + amplitude * noise if number else np.sqrt(power) * noise
        result[:, number] = np.fft.ifft2(waves).real
    return result


def check_times(lattice: Lattice, times: int) -> None:
    """Refuse a chain without a step."""
    if times < 1 or (times > 1 and not lattice.step > 0):
        raise OceanbenchError(f"{times} times with a step of {lattice.step:g} days; give a step")
