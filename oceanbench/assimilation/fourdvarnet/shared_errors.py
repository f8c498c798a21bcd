r"""Errors that all observations of a pass share, in a cost of whitened misfits.

With weights w of observations, an error of one deviation :math:`\sigma` for each pass p and
:math:`S_p = \sum_{i \in p} w_i^2`, misfits d have the covariance
:math:`W^{-2} + \sigma^2 \sum_p 1_p 1_p^T`, and

.. math:: A = 1 - \sum_p \left( 1 - \frac{1}{\sqrt{1 + \sigma^2 S_p}} \right) u_p u_p^T,
    \qquad u_p = \frac{w \cdot 1_p}{\sqrt{S_p}}

makes :math:`A W d` white: of the mean of a pass as much is taken as is likely an error of its own.

References
----------
Le Traon, Nadal and Ducet (1998), An improved mapping method of multisatellite altimeter data,
doi:10.1175/1520-0426(1998)015<0522:AIMMOM>2.0.CO;2: errors that samples of a pass share
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

LEAST = 1e-12  # of a pass's weight


@dataclass(frozen=True)
class SharedErrors:
    """Symmetric map A of weighted misfits.

    Attributes
    ----------
    passes : (batch, n) number of the pass of a cell, zero for none
    direction : (batch, n) u of its pass
    taken : (batch, passes) how much of the misfits along u is taken away
    """

    passes: Tensor
    direction: Tensor
    taken: Tensor

    @classmethod
    def of(cls, passes: Tensor, weight: Tensor, variance: Tensor) -> SharedErrors:
        """Errors of windows.

        Parameters
        ----------
        passes : (batch, days, rows, columns)
        weight : of the same shape
        variance : (batch,), in the square of the misfits' unit
        """
        number = passes.flatten(1)
        known = (number > 0).to(weight.dtype) * weight.flatten(1)
        count = int(number.max()) + 1
        sums = known.new_zeros(len(known), count).scatter_add(1, number, known.square())
        direction = known / sums.clamp_min(LEAST).sqrt().gather(1, number)
        return cls(number, direction, 1.0 - (1.0 + variance[:, None] * sums).rsqrt())

    def applied(self, misfits: Tensor) -> Tensor:
        """Weighted misfits (batch, days, rows, columns) without what passes share."""
        along = self.direction * misfits.flatten(1)
        sums = torch.zeros_like(self.taken).scatter_add(1, self.passes, along)
        share = self.direction * (self.taken * sums).gather(1, self.passes)
        return misfits - share.view_as(misfits)
