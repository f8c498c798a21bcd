"""Scoring rules that a network of noise learns from: least for draws of what the truth is drawn of.

They are the *fair* forms of few members: their expectation is that of infinitely many draws of the
same distribution, so that a distribution is judged and not its sample.
"""

from __future__ import annotations

import torch
from torch import Tensor

TINY = 1e-12  # under roots, whose slope at zero has no end


def fair_crps(members: Tensor, truth: Tensor) -> Tensor:
    r"""Continuous ranked probability score at every point.

    .. math:: \frac1M \sum_i |x_i - x| - \frac{1}{2 M (M - 1)} \sum_{ij} |x_i - x_j|

    Parameters
    ----------
    members : (members, ...), at least two
    truth : (...)

    References
    ----------
    Ferro (2014), doi:10.1002/qj.2270
    """
    count = len(members)
    rank = 2.0 * torch.arange(count, device=members.device) - (count - 1.0)
    rank = rank.to(members.dtype).reshape(-1, *[1] * truth.ndim)
    apart = (rank * members.sort(0).values).sum(0) / (count * (count - 1))
    return (members - truth).abs().mean(0) - apart


def fair_energy_score(members: Tensor, truth: Tensor) -> Tensor:
    r"""Energy score of every case, in the norm of the root mean square over its points.

    .. math:: \frac1M \sum_i \|x_i - x\| - \frac{1}{2 M (M - 1)} \sum_{ij} \|x_i - x_j\|

    Parameters
    ----------
    members : (members, cases, ...), at least two
    truth : (cases, ...)

    References
    ----------
    Gneiting and Raftery (2007), doi:10.1198/016214506000001437
    """
    count = len(members)
    flat = members.flatten(2)
    far = _norm(flat - truth.flatten(1)).mean(0)
    first, second = torch.triu_indices(count, count, 1, device=members.device)
    apart = _norm(flat[first] - flat[second]).sum(0) / (count * (count - 1))
    return far - apart


def _norm(values: Tensor) -> Tensor:
    return (values.square().mean(-1) + TINY).sqrt()
