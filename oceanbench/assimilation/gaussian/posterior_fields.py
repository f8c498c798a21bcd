"""A Gaussian posterior as fields: maps, formal error, and values at points."""

from __future__ import annotations

import numpy as np
import torch

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.gaussian.optimal_interpolation import Posterior

NODES_AT_ONCE = 1024  # right-hand sides of the formal error that are solved together


def maps(posterior: Posterior, x: FloatArray, y: FloatArray) -> torch.Tensor:
    r"""Posterior mean :math:`B H^T w` on a rectangular grid.

    Parameters
    ----------
    posterior : from :func:`oceanbench.assimilation.gaussian.optimal_interpolation.solve`
    x, y : nodes of the grid

    Returns
    -------
    Tensor (dates, k, y, x), k being the sets of values that were observed; zero, the background,
    where no observation is near
    """
    dates, sets = posterior.weights.shape[1:]
    result = posterior.weights.new_zeros(dates, sets, y.size, x.size)
    if posterior.covariance.shape == "gaussian":
        for number in range(dates):
            result[number] = _separable(posterior, number, x, y)
        return result
    points, covariance = posterior.points[:, :2], posterior.covariance
    later = posterior.places(0.0, 0.0, posterior.dates)[:, 2] - posterior.points[:, 2:]
    weights = covariance.fading(later)[:, :, None] * posterior.weights
    if covariance.speed_x == 0.0 == covariance.speed_y:
        values = covariance.times(_nodes(posterior, x, y, 0)[:, :2], points, weights.flatten(1))
        return values.T.reshape(result.shape)
    for number in range(dates):
        nodes, used = _nodes(posterior, x, y, number)[:, :2], posterior.used(number)
        values = covariance.times(nodes, points[used], weights[used, number])
        result[number] = values.T.reshape(sets, y.size, x.size)
    return result


def _separable(posterior: Posterior, number: int, x: FloatArray, y: FloatArray) -> torch.Tensor:
    """One map of a covariance that is a product of functions of x, y and time."""
    date, points = float(posterior.dates[number]), posterior.points
    along_x = posterior.places(x, posterior.origin[1], date)[:, :1] - points[:, 0]
    along_y = posterior.places(posterior.origin[0], y, date)[:, 1:2] - points[:, 1]
    later = posterior.places(*posterior.origin[:2], np.full(1, date))[0, 2] - points[:, 2]
    weights = posterior.covariance.fading(later)[:, None] * posterior.weights[:, number]
    near_x, near_y = torch.exp(-(along_x**2)), torch.exp(-(along_y**2))
    return torch.stack([(near_y * w) @ near_x.T for w in weights.T])


def _nodes(posterior: Posterior, x: FloatArray, y: FloatArray, number: int) -> torch.Tensor:
    """Scaled coordinates (y x, 3) of the nodes of a grid at one of the dates."""
    grid_y, grid_x = np.meshgrid(y, x, indexing="ij")
    return posterior.places(grid_x.ravel(), grid_y.ravel(), float(posterior.dates[number]))


def variance(posterior: Posterior, x: FloatArray, y: FloatArray) -> torch.Tensor:
    r"""Formal error variance on a rectangular grid, relative to the variance of the field.

    .. math:: 1 - \operatorname{diag} B H^T (H B H^T + R)^{-1} H B

    Parameters
    ----------
    posterior : from :func:`oceanbench.assimilation.gaussian.optimal_interpolation.solve`
    x, y : nodes of the grid

    Returns
    -------
    Tensor (dates, y, x), between 0 and 1; 1 where no observation is near
    """
    result = posterior.weights.new_ones(posterior.dates.size, y.size * x.size)
    for number in range(posterior.dates.size):
        nodes = _nodes(posterior, x, y, number)
        for start in range(0, len(nodes), NODES_AT_ONCE):
            part = slice(start, start + NODES_AT_ONCE)
            result[number, part] -= posterior.system.explained(nodes[part], number)
    return result.clamp_(min=0.0).reshape(-1, y.size, x.size)


def values_at(
    posterior: Posterior, number: int, x: FloatArray, y: FloatArray, time: FloatArray
) -> torch.Tensor:
    """Posterior mean (n, k) of one of the maps' windows at any points in space and time.

    Parameters
    ----------
    posterior : from :func:`oceanbench.assimilation.gaussian.optimal_interpolation.solve`
    number : of the date
    x, y, time : (n,) in the units of the observations
    """
    places = posterior.places(x, y, time)
    return posterior.covariance.times(places, posterior.points, posterior.weights[:, number])
