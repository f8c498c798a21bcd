r"""Whether chains have converged, and how many independent draws they are worth.

Draws are replaced by normal scores of their ranks, so that no moment has to exist, and chains are
cut in two. With the variance W within the halves, and B between their means,

.. math:: \hat R = \sqrt{\frac{(n - 1) W / n + B}{W}}

is 1 where all halves are of one distribution. The effective size of m halves of n draws is

.. math:: \frac{m n}{1 + 2 \sum_{t=1}^{T} \rho_t}

with the autocorrelation :math:`\rho_t` over all chains, summed as long as pairs of neighbours are
positive, and made to fall.

References
----------
Vehtari et al. (2021), doi:10.1214/20-BA1221; Geyer (1992), doi:10.1214/ss/1177011137
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def split_r_hat(draws: Tensor) -> Tensor:
    """Larger one of the R-hats of the values and of their distances from the median.

    Parameters
    ----------
    draws : (draws, chains, ...), at least four draws

    Returns
    -------
    (...)
    """
    centre = draws.flatten(0, 1).median(0).values
    both = [_r_hat(_normal_scores(_halves(part))) for part in (draws, (draws - centre).abs())]
    return torch.maximum(*both)


def effective_size(draws: Tensor) -> Tensor:
    """Number of independent draws whose mean would be as sure, of normal scores of ranks.

    Parameters
    ----------
    draws : (draws, chains, ...), at least four draws

    Returns
    -------
    (...)
    """
    scores = _normal_scores(_halves(draws))
    count, chains = scores.shape[:2]
    away = scores - scores.mean(0)
    waves = torch.fft.rfft(away, n=2 * count, dim=0)
    products = torch.fft.irfft(waves.abs() ** 2, n=2 * count, dim=0)[:count] / count
    within = products[0].mean(0) * count / (count - 1)
    whole = within * (count - 1) / count + scores.mean(0).var(0)
    correlation = 1.0 - (within - products.mean(1)) / whole
    correlation[0] = 1.0
    pairs = correlation[: count // 2 * 2].unflatten(0, (-1, 2)).sum(1)
    positive = (pairs > 0).to(pairs.dtype).cumprod(0)
    falling = (pairs * positive).cummin(0).values
    time = (2.0 * falling.sum(0) - 1.0).clamp_min(1.0 / math.log10(count * chains))
    found: Tensor = count * chains / time
    return found


def _halves(draws: Tensor) -> Tensor:
    """Both halves of all chains, (draws, chains, ...)."""
    half = len(draws) // 2
    return torch.cat([draws[:half], draws[len(draws) - half :]], 1)


def _normal_scores(draws: Tensor) -> Tensor:
    """Normal quantiles of the ranks among all chains; equal draws share the mean of theirs."""
    flat = draws.flatten(0, 1).movedim(0, -1).contiguous()
    ordered = flat.sort(-1).values
    below = torch.searchsorted(ordered, flat)
    with_equal = torch.searchsorted(ordered, flat, right=True)
    rank = 0.5 * (below + with_equal + 1).to(draws.dtype)
    scores: Tensor = torch.special.ndtri((rank - 0.375) / (flat.shape[-1] + 0.25))
    return scores.movedim(-1, 0).reshape(draws.shape)


def _r_hat(draws: Tensor) -> Tensor:
    count = len(draws)
    within = draws.var(0).mean(0)
    ratio: Tensor = (count - 1) / count + draws.mean(0).var(0) / within
    return ratio.sqrt()
