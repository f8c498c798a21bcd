r"""Ensemble Kalman filters and smoothers of windows that are independent of each other.

The members of an ensemble are the rows of :math:`E` (members, components) and :math:`X` are their
deviations from the mean :math:`\bar x`. An observation :math:`y` of every component has precision
:math:`R^{-1}`, diagonal and zero where nothing is observed: so windows that are observed in
different places are one batch. With

.. math::
    S = \frac{X R^{-1/2}}{\sqrt{N - 1}}, \quad d = R^{-1/2} (y - \bar x), \quad
    M = I + S^T S

every analysis here adds to the members a combination of the same few directions,

.. math:: E^a = E + W \, S^T E,

and the schemes differ by their weights :math:`W` (members, components) alone. As :math:`S^T 1 = 0`,
the members may be of any states: of the same time (a filter), of earlier ones (a smoother). The
model is taken to be perfect but for the inflation.

References
----------
Evensen (2003), doi:10.1007/s10236-003-0036-9;
Evensen and van Leeuwen (2000), doi:10.1175/1520-0493(2000)128<1852:AEKSFN>2.0.CO;2
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from oceanbench.assimilation.window_batches import Windows

Scheme = Callable[[Tensor, Tensor], Tensor]
Advance = Callable[[Tensor], Tensor]


def scaled(members: Tensor, values: Tensor, precision: Tensor) -> tuple[Tensor, Tensor]:
    r"""Deviations :math:`S` of members, departures :math:`d` of observations, in units of noise.

    Parameters
    ----------
    members : (..., members, components)
    values : (..., components), of the observations
    precision : (..., components), of the observations; zero where there is none

    Returns
    -------
    (..., members, components) and (..., components)
    """
    mean = members.mean(-2)
    root = precision.sqrt()
    spread = (members - mean[..., None, :]) * (root / math.sqrt(members.shape[-2] - 1))[
        ..., None, :
    ]
    return spread, root * (values - mean)


def etkf(spread: Tensor, departure: Tensor) -> Tensor:
    r"""Weights of the ensemble transform Kalman filter, with the symmetric square root.

    .. math::
        W = \frac{1 (M^{-1} d)^T}{\sqrt{N - 1}} - S (M + M^{1/2})^{-1}, \quad
        \text{so that} \quad X^a = (I + S S^T)^{-1/2} X

    Parameters
    ----------
    spread : (..., members, components)
    departure : (..., components)

    Returns
    -------
    (..., members, components)

    References
    ----------
    Bishop et al. (2001), doi:10.1175/1520-0493(2001)129<0420:ASWTET>2.0.CO;2;
    Hunt et al. (2007), doi:10.1016/j.physd.2006.11.008
    """
    values, vectors = torch.linalg.eigh(spread.mT @ spread)
    total = 1.0 + values.clamp_min(0.0)
    shift = (vectors / total[..., None, :]) @ (vectors.mT @ departure[..., None])
    shrink = (vectors / (total + total.sqrt())[..., None, :]) @ vectors.mT
    weights: Tensor = shift.mT / math.sqrt(spread.shape[-2] - 1) - spread @ shrink
    return weights


def denkf(spread: Tensor, departure: Tensor) -> Tensor:
    r"""Weights of the deterministic ensemble Kalman filter: half the gain for the deviations.

    .. math:: W = \frac{1 (M^{-1} d)^T}{\sqrt{N - 1}} - \tfrac12 S M^{-1}

    Parameters and what is returned are those of :func:`etkf`.

    References
    ----------
    Sakov and Oke (2008), doi:10.1111/j.1600-0870.2007.00299.x
    """
    target = departure[..., None, :] / math.sqrt(spread.shape[-2] - 1) - 0.5 * spread
    return _solved(spread, target)


def perturbed(noise: Tensor) -> Scheme:
    r"""Scheme of the ensemble Kalman filter with perturbed observations.

    .. math:: W = \left( \frac{1 d^T + \varepsilon}{\sqrt{N - 1}} - S \right) M^{-1}

    where the mean of :math:`\varepsilon` over the members is removed, so that it moves no mean.

    Parameters
    ----------
    noise : (members, components), drawn from the standard normal; the same for every window

    References
    ----------
    Burgers et al. (1998), doi:10.1175/1520-0493(1998)126<1719:ASITEK>2.0.CO;2
    """
    centred = noise - noise.mean(0)

    def weights(spread: Tensor, departure: Tensor) -> Tensor:
        target = (departure[..., None, :] + centred) / math.sqrt(len(noise) - 1) - spread
        return _solved(spread, target)

    return weights


def _solved(spread: Tensor, target: Tensor) -> Tensor:
    """Rows of the target times the inverse of M."""
    size = spread.shape[-1]
    total = torch.eye(size, dtype=spread.dtype, device=spread.device) + spread.mT @ spread
    return torch.cholesky_solve(target.mT, torch.linalg.cholesky(total)).mT


def gaspari_cohn(distance: Tensor) -> Tensor:
    r"""Taper of compact support, 1 at distance 0 and 0 from distance 1 on, nearly a Gaussian.

    References
    ----------
    Gaspari and Cohn (1999), equation 4.10, doi:10.1002/qj.49712555417
    """
    r = 2.0 * distance
    near = 1.0 + r**2 * (-5.0 / 3.0 + r * (5.0 / 8.0 + r * (1.0 / 2.0 - r / 4.0)))
    far = 4.0 - 5.0 * r + r**2 * (5.0 / 3.0 + r * (5.0 / 8.0 + r * (-1.0 / 2.0 + r / 12.0)))
    far = far - 2.0 / (3.0 * r.clamp_min(1.0))
    return torch.where(r <= 1.0, near, torch.where(r < 2.0, far, 0.0)).clamp_min(0.0)


def cyclic_distance(size: int) -> Tensor:
    """Steps (size, size) between the components of a circle."""
    index = torch.arange(size, dtype=torch.float64)
    apart = (index[:, None] - index).abs()
    return torch.minimum(apart, size - apart)


def smooth(
    windows: Windows,
    members: Tensor,
    advance: Advance,
    *,
    scheme: Scheme | Sequence[Scheme] = etkf,
    inflation: float = 1.0,
    lag: int = 0,
    taper: Tensor | None = None,
) -> Tensor:
    """Members at all times of windows, analysed with the observations until ``lag`` times later.

    Parameters
    ----------
    windows : what is observed
    members : (windows, members, components), at the first time, before its observations
    advance : states (..., components) from one time to the next
    scheme : as in :func:`analyse`, or one for each time: with perturbed observations, each with its
        own noise
    inflation : factor of the deviations before an analysis, in the windows that are observed then
    lag : earlier times that an analysis changes too; none make a filter
    taper : as in :func:`analyse`

    Returns
    -------
    (windows, members, times, components)
    """
    times = windows.values.shape[1]
    history = members.new_empty(*members.shape[:2], times, members.shape[2])
    precision = windows.observed / windows.variance
    seen = windows.observed.any(-1)
    growth = (inflation - 1.0) * seen[:, :, None, None]
    analysed = seen.any(0).tolist()
    for time in range(times):
        members = advance(members) if time else members
        history[:, :, time] = members
        if analysed[time]:
            deviations = members - members.mean(-2, keepdim=True)
            history[:, :, time] += growth[:, time] * deviations
            changed = history[:, :, max(0, time - lag) : time + 1]
            chosen = scheme if callable(scheme) else scheme[time]
            analyse(changed, windows.values[:, time], precision[:, time], chosen, taper)
            members = history[:, :, time]
    return history


def analyse(
    members: Tensor,
    values: Tensor,
    precision: Tensor,
    scheme: Scheme = etkf,
    taper: Tensor | None = None,
) -> None:
    """Change members in place by the observations of their last time.

    Parameters
    ----------
    members : (windows, members, times, components)
    values, precision : (windows, components), of the observations
    scheme : :func:`etkf`, :func:`denkf` or :func:`perturbed`
    taper : (components, components); each component is then analysed apart, by observations whose
        precision its row multiplies. Not with perturbed observations: all must share their noise
    """
    spread, departure = scaled(members[:, :, -1], values, precision)
    if taper is None:
        states = members.view(*members.shape[:2], -1)
        states.baddbmm_(scheme(spread, departure), spread.mT @ states)
        return
    spread, departure = _nearby(spread, departure, taper * (precision > 0)[:, None])
    states = members.permute(0, 3, 1, 2)
    states += scheme(spread, departure) @ (spread.mT @ states)


def _nearby(spread: Tensor, departure: Tensor, factor: Tensor) -> tuple[Tensor, Tensor]:
    """What the local analysis of each component sees, and no more than that, as it is the cost.

    Parameters
    ----------
    spread, departure : (windows, members, components) and (windows, components)
    factor : (windows, components, components), of the precision

    Returns
    -------
    (windows, components, members, nearby) and (windows, components, nearby)
    """
    most = max(1, int((factor > 0).sum(-1).max()))
    factor, index = factor.topk(most, dim=-1)
    window = torch.arange(len(spread), device=spread.device)[:, None, None]
    root = factor.sqrt()
    return (spread.mT[window, index] * root[..., None]).mT, departure[window, index] * root
