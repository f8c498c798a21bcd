r"""Flow matching: a velocity that carries draws of one distribution into draws of another.

Between a draw :math:`x_0` of the first and an independent draw :math:`x_1` of the second lie the
points :math:`x_\tau = (1 - \tau) x_0 + \tau x_1`. The velocity that has the least mean square
distance to :math:`x_1 - x_0` is :math:`v(x, \tau) = E[x_1 - x_0 \mid x_\tau = x]`, and the
solutions of :math:`\dot x = v(x, \tau)` that begin as draws of the first distribution end as draws
of the second.

Lipman et al. (2023), Flow matching for generative modeling, doi:10.48550/arXiv.2210.02747;
Albergo et al. (2023), Stochastic interpolants, doi:10.48550/arXiv.2303.08797
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

EVALUATIONS = 2  # of the velocity in a step of Heun's scheme


def between(start: Tensor, end: Tensor, time: Tensor) -> Tensor:
    """Points on the straight lines between draws, at times from 0 to 1.

    Parameters
    ----------
    start, end : draws of the two distributions, (count, ...)
    time : (count,)
    """
    part = time.reshape(-1, *[1] * (start.ndim - 1))
    return start + part * (end - start)


def velocity_of_alike(point: Tensor, time: Tensor) -> Tensor:
    r"""Velocity between two Gaussian distributions about zero that are the same.

    .. math:: v(x, \tau) = \frac{2 \tau - 1}{(1 - \tau)^2 + \tau^2} \, x

    whatever their covariance is: its flow returns to where it began.

    Parameters
    ----------
    point : (count, ...)
    time : (count,), from 0 to 1
    """
    factor = (2.0 * time - 1.0) / ((1.0 - time) ** 2 + time**2)
    return factor.reshape(-1, *[1] * (point.ndim - 1)) * point


def integrate(velocity: Callable[[Tensor, float], Tensor], start: Tensor, steps: int) -> Tensor:
    """Solve for where a velocity carries points from time 0 to time 1, by Heun's scheme.

    Every step evaluates the velocity twice; errors fall with the square of their number.

    Parameters
    ----------
    velocity : of points at a time
    start : points at time 0
    steps : of equal length
    """
    point, step = start, 1.0 / steps
    for number in range(steps):
        first = velocity(point, number * step)
        second = velocity(point + step * first, (number + 1) * step)
        point = point + 0.5 * step * (first + second)
    return point
