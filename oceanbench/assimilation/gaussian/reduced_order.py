r"""Reduced-order optimal interpolation: a field as a sum of few functions.

The field is :math:`h = G Q^{1/2} z` with amplitudes :math:`z \sim N(0, I)` and Q diagonal, observed
as :math:`y = h + \varepsilon`, :math:`\varepsilon \sim N(0, R)`, R diagonal. The posterior mean
solves

.. math:: (I + S^T R^{-1} S) \, z = S^T R^{-1} y, \quad S = G Q^{1/2},

by conjugate gradients: the usual system :math:`(G^T R^{-1} G + Q^{-1}) \eta = G^T R^{-1} y` for
:math:`\eta = Q^{1/2} z`, preconditioned by Q. It is optimal interpolation with covariance
:math:`S S^T`, at a cost that grows like the number of observations and not like its cube. An error
that samples share, as those of one pass, has amplitudes of its own, so that R stays diagonal.

References
----------
Ubelmann et al. (2021), doi:10.1029/2020JC016560; Ubelmann et al. (2022),
doi:10.5194/os-18-469-2022
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, cg

from oceanbench.arrays import FloatArray, IntArray
from oceanbench.errors import OceanbenchError


@dataclass(frozen=True)
class Columns:
    """Columns of S that share their windows: S[i, (j, c)] = windows[i, j] · waves[i, c].

    Attributes
    ----------
    windows : sparse (points, windows)
    waves : (points, waves), including the prior standard deviation
    """

    windows: sparse.csr_array[Any, tuple[int, int]]
    waves: FloatArray

    @property
    def size(self) -> int:
        """Number of amplitudes."""
        return int(self.windows.shape[1] * self.waves.shape[1])

    def times(self, amplitudes: FloatArray) -> FloatArray:
        """Product S z, (points,)."""
        under: Any = self.windows @ amplitudes.reshape(-1, self.waves.shape[1])
        result: FloatArray = np.vecdot(under, self.waves)
        return result

    def transposed(self, residual: FloatArray) -> FloatArray:
        """Product Sᵀ r, (size,)."""
        result: Any = self.windows.T @ (self.waves * residual[:, None])
        return np.ravel(result)


def shared_error(number: IntArray, deviation: float) -> Columns:
    """One amplitude for all samples with the same number, such as that of their pass.

    Parameters
    ----------
    number : (n,) of the pass
    deviation : standard deviation of the error
    """
    passes, place = np.unique(number, return_inverse=True)
    ends = np.arange(number.size + 1)
    indicator = sparse.csr_array(
        (np.ones(number.size), place, ends), shape=(number.size, passes.size)
    )
    return Columns(indicator, np.full((number.size, 1), deviation))


def solve(
    columns: Sequence[Columns],
    value: FloatArray,
    noise: FloatArray,
    *,
    tolerance: float = 1e-5,
    iterations: int = 3000,
) -> list[FloatArray]:
    """Posterior mean of the amplitudes.

    Parameters
    ----------
    columns : at the observations, one for every part of the field and of the errors
    value : (n,) observed
    noise : (n,) variance of the independent error, positive
    tolerance : residual, relative to the right-hand side
    iterations : of conjugate gradients, at most

    Returns
    -------
    amplitudes, one array for each of ``columns``; all zero without an observation

    Raises
    ------
    OceanbenchError
        for missing values, noise that is not positive, or when the iterations do not suffice
    """
    if not np.isfinite(value).all():
        raise OceanbenchError("observations: 'value' has missing values; drop them")
    if not ((noise > 0) & np.isfinite(noise)).all():
        raise OceanbenchError("observations: the noise is not positive; a small one costs little")
    if not (0 < tolerance < 1 and iterations >= 1):
        raise OceanbenchError(f"tolerance {tolerance} must be between 0 and 1; try 1e-5")
    ends = np.cumsum([c.size for c in columns])

    def transposed(residual: FloatArray) -> FloatArray:
        return np.concatenate([c.transposed(residual / noise) for c in columns])

    def normal(amplitudes: FloatArray) -> FloatArray:
        parts = zip(columns, np.split(amplitudes, ends[:-1]), strict=True)
        return amplitudes + transposed(sum((c.times(z) for c, z in parts), np.zeros(value.size)))

    system = LinearOperator((ends[-1], ends[-1]), matvec=normal, dtype=np.float64)
    amplitudes, status = cg(system, transposed(value), rtol=tolerance, maxiter=iterations)
    if status != 0:
        raise OceanbenchError(
            f"the amplitudes of {ends[-1]} wavelets did not converge to {tolerance} in "
            f"{iterations} iterations; raise the noise or the tolerance"
        )
    return np.split(amplitudes, ends[:-1])
