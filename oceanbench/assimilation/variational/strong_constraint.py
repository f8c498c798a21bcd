r"""Strong-constraint 4DVar: the first state whose trajectory fits the observations of a window.

.. math::
    J(x_0) = \sum_{k, i \text{ observed}} \frac{(y_{ki} - x_{ki})^2}{r_i}
           + \lVert x_0 - \bar x \rVert^2_{V^{-1}}, \quad x_k = M^k(x_0)

In a chaotic model the cost of a long window has a great many minima, that of the truth ever
narrower. So the window grows, a few times at once, and the minimum of the shorter window is where
the search in the longer one begins: quasi-static variational assimilation. Steps are Gauss-Newton's
with the exact Jacobians of the whole trajectory, damped after Levenberg and Marquardt. They solve a
least-squares problem by orthogonal factors: the square of the Jacobians, which grow by a factor of
ten millions over ten units of time of Lorenz-96, would have no digit left.

References
----------
Le Dimet and Talagrand (1986), doi:10.3402/tellusa.v38i2.11706;
Pires et al. (1996), doi:10.3402/tellusa.v48i1.11634
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from oceanbench.assimilation.variational.levenberg_marquardt import Minimum, levenberg_marquardt
from oceanbench.assimilation.variational.weak_constraint import WindowProblem, advance_with_jacobian


class LeastSquares(NamedTuple):
    """The cost as a sum of squares, and its derivative.

    Attributes
    ----------
    residual : (windows, rows), with rows for the observed times and the first state
    jacobian : (windows, rows, components), by the first state in units of the climate's deviation
    """

    residual: Tensor
    jacobian: Tensor


def grow(
    problem: WindowProblem, first: Tensor, *, times: int, iterations: int, tolerance: float = 0.1
) -> Minimum:
    """First states that fit whole windows, found for windows that grow.

    Parameters
    ----------
    problem : of the windows; its climate is the background
    first : (windows, components), the first guess
    times : by which windows grow
    iterations : steps to try for each length, at most
    tolerance : decrease of the cost at which to stop
    """
    total = problem.windows.values.shape[1]
    for length in [*range(times, total, times), total]:
        found = _minimise(_cut(problem, length), first, iterations, tolerance)
        first = found.states
    return found


def trajectory(problem: WindowProblem, first: Tensor) -> Tensor:
    """States (windows, times, components) from first states (windows, components)."""
    states = [first]
    for _ in range(problem.windows.values.shape[1] - 1):
        states.append(problem.model.advance(states[-1]))
    return torch.stack(states, 1)


def deviation(problem: WindowProblem, first: Tensor) -> Tensor:
    r"""Standard deviation of the posterior about its maximum, by Laplace's approximation.

    .. math:: \Sigma_k = A_k H^{-1} A_k^T, \quad A_k = \partial x_k / \partial x_0

    Returns
    -------
    (windows, times, components)
    """
    root = torch.linalg.qr(_fit(problem, first).jacobian).R
    identity = torch.eye(root.shape[-1], dtype=root.dtype, device=root.device)
    inverse = torch.linalg.solve_triangular(root, identity.expand_as(root), upper=True)
    state, change = first, problem.climate.variance.sqrt()[:, None] * inverse
    spread = [change.norm(dim=-1)]
    for _ in range(problem.windows.values.shape[1] - 1):
        state, jacobian = advance_with_jacobian(problem.model, state)
        change = jacobian @ change
        spread.append(change.norm(dim=-1))
    return torch.stack(spread, 1)


def cost(problem: WindowProblem, first: Tensor) -> Tensor:
    """Cost (windows,) of first states (windows, components)."""
    windows, climate = problem.windows, problem.climate
    misfit = torch.where(windows.observed, windows.values - trajectory(problem, first), 0.0)
    background = ((first - climate.mean) ** 2 / climate.variance).sum(-1)
    return (misfit**2 / windows.variance).sum((1, 2)) + background


def _cut(problem: WindowProblem, length: int) -> WindowProblem:
    """Problem of the first times of the windows."""
    windows = problem.windows.take((slice(None), slice(length)))
    return WindowProblem(windows, problem.model, problem.climate)


def _minimise(problem: WindowProblem, first: Tensor, iterations: int, tolerance: float) -> Minimum:
    deviation = problem.climate.variance.sqrt()

    def value(some: Tensor, states: Tensor) -> Tensor:
        return cost(problem.take(some), states)

    def step(some: Tensor, states: Tensor, damping: Tensor) -> tuple[Tensor, Tensor]:
        residual, jacobian = _fit(problem.take(some), states)
        size = states.shape[-1]
        identity = torch.eye(size, dtype=states.dtype, device=states.device)
        rows = torch.cat([jacobian, damping.sqrt()[:, None, None] * identity], 1)
        factor, root = torch.linalg.qr(rows)
        right = factor[:, : residual.shape[1]].mT @ -residual[..., None]
        change = torch.linalg.solve_triangular(root, right, upper=True)
        reached = (residual + (jacobian @ change)[..., 0]) ** 2
        foretold = (residual**2).sum(1) - reached.sum(1)
        return deviation * change[..., 0], foretold

    return levenberg_marquardt(first, value, step, iterations=iterations, tolerance=tolerance)


def _fit(problem: WindowProblem, first: Tensor) -> LeastSquares:
    windows, climate = problem.windows, problem.climate
    deviation = climate.variance.sqrt()
    root = windows.observed / windows.variance.sqrt()
    state, change = first, torch.diag_embed(deviation.expand_as(first))
    residual, jacobian = [(first - climate.mean) / deviation], [change / deviation[:, None]]
    for time, seen in enumerate(windows.observed.any(0).any(-1).tolist()):
        if time:
            state, one = advance_with_jacobian(problem.model, state)
            change = one @ change
        if seen:
            residual.append(root[:, time] * (state - windows.values[:, time]))
            jacobian.append(root[:, time, :, None] * change)
    return LeastSquares(torch.cat(residual, 1), torch.cat(jacobian, 1))
