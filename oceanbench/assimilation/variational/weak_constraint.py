r"""The cost of weak-constraint variational assimilation (4DVar) of windows, and its derivatives.

.. math::
    J(x) = \sum_{k, i \text{ observed}} \frac{(y_{ki} - x_{ki})^2}{r_i}
         + \sum_k \lVert x_{k+1} - M(x_k) \rVert^2_{Q^{-1}}
         + \lVert x_0 - \bar x \rVert^2_{V^{-1}}

is minus twice the logarithm of the posterior density, but for a constant, if the model's errors of
one interval have covariance :math:`Q` and the first state that of the climate. Both are diagonal,
:math:`V = \mathrm{diag}(v_i)` and :math:`Q = q V`: the model error :math:`q` is relative to the
climate's variance, so that one number serves components of any unit.

Each window has its own cost, and nothing here mixes windows.

The minimum is a draw of the posterior, if the model is linear, where all that the cost compares
with is drawn anew from what is known of its errors: observations from :math:`N(y, R)`, the first
state from :math:`N(\bar x, V)` and every step of the model from :math:`N(M(x_k), Q)`
(:meth:`WindowProblem.perturbed`); if not, it is one where the posterior has one mode and is not far
from normal, and finds several modes.

References
----------
Trémolet (2006), doi:10.1256/qj.05.224; Fisher et al. (2011), Weak-constraint and long-window
4D-Var, ECMWF Technical Memorandum 655; Bardsley et al. (2014), randomise, then optimise,
doi:10.1137/140964023
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from oceanbench.assimilation.window_batches import Climatology, Windows
from oceanbench.dynamics.models import Model

ENTRIES_AT_ONCE = 2**15  # of Jacobians under way: their temporaries stay in the processor's cache


@dataclass(frozen=True)
class WindowProblem:
    """What is observed, what the model says, and what is known before.

    Attributes
    ----------
    windows : observations
    model : from one time of a window to the next
    climate : mean and variance of the first state, and the scale of model errors
    pushes : (windows, times, components), of unit variance: by how much the mean of the first state
        and every step of the model are displaced, in deviations of their errors; None for not at
        all
    """

    windows: Windows
    model: Model
    climate: Climatology
    pushes: Tensor | None = None

    def __len__(self) -> int:
        """Count of the windows."""
        return len(self.windows)

    def take(self, index: Any) -> WindowProblem:
        """Return the problem of some of the windows, by slice or by their numbers."""
        pushes = None if self.pushes is None else self.pushes[index]
        return replace(self, windows=self.windows.take(index), pushes=pushes)

    def perturbed(self, noise: Tensor, pushes: Tensor) -> WindowProblem:
        """The same with observations, first states and steps of the model drawn from their errors.

        Parameters
        ----------
        noise, pushes : independent normal numbers of unit variance for the observations and for
            states and steps, (windows, times, components); or (times, components) for all windows
            alike, so that none depends on those beside it
        """
        windows = self.windows
        displaced = torch.where(windows.observed, noise * windows.variance.sqrt(), 0.0)
        moved = replace(windows, values=windows.values + displaced)
        return replace(self, windows=moved, pushes=pushes.expand_as(windows.values))

    def departures(self, states: Tensor, forecast: Tensor, model_error: Tensor) -> Tensor:
        """How far first states and steps are from what is known before.

        Parameters
        ----------
        states : (windows, times, components)
        forecast : (windows, times - 1, components), of all states but the last
        model_error : (windows,), relative to the climate's variance

        Returns
        -------
        (windows, times, components)
        """
        known = torch.cat([self.climate.mean.expand_as(states[:, :1]), forecast], 1)
        if self.pushes is not None:
            scale = self.climate.variance.sqrt().expand_as(known).clone()
            scale[:, 1:] *= model_error.sqrt()[:, None, None]
            known = known + scale * self.pushes
        return states - known


def cost(problem: WindowProblem, states: Tensor, model_error: Tensor) -> Tensor:
    """Cost of each window.

    Parameters
    ----------
    problem : of the windows
    states : (windows, times, components)
    model_error : (windows,), relative to the climate's variance

    Returns
    -------
    (windows,)
    """
    windows, climate = problem.windows, problem.climate
    misfit = torch.where(windows.observed, windows.values - states, 0.0) ** 2 / windows.variance
    forecast = problem.model.advance(states[:, :-1])
    apart = problem.departures(states, forecast, model_error) ** 2 / climate.variance
    error = apart[:, 1:].sum((1, 2)) / model_error
    return misfit.sum((1, 2)) + error + apart[:, 0].sum(-1)


def gradient(problem: WindowProblem, states: Tensor, model_error: Tensor) -> Tensor:
    r"""Gradient of each window's cost, (windows, times, components).

    .. math::
        \tfrac12 \nabla_k J = R^{-1} (x_k - y_k) + Q^{-1} d_k - A_k^T Q^{-1} d_{k+1}, \quad
        d_{k+1} = x_{k+1} - M(x_k), \quad A_k = M'(x_k)

    with :math:`V^{-1} (x_0 - \bar x)` in place of :math:`Q^{-1} d_0`.
    """
    return 2.0 * linearised(problem, states, model_error).half_gradient.transpose(0, 1)


class Linearised(NamedTuple):
    r"""Gauss-Newton's quadratic form of the cost for a change :math:`\delta` of the states.

    .. math:: J(x + \delta) \approx J(x) + 2 g^T \delta + \delta^T H \delta

    Attributes
    ----------
    half_gradient : (times, windows, components), :math:`g`
    diagonal : (times, windows, components, components), blocks of :math:`H` on its diagonal
    below : (times - 1, windows, components, components), blocks below it
    """

    half_gradient: Tensor
    diagonal: Tensor
    below: Tensor


def linearised(problem: WindowProblem, states: Tensor, model_error: Tensor) -> Linearised:
    r"""Linearise the model about states; parameters are those of :func:`cost`.

    .. math:: D_k = R^{-1} + Q^{-1} + A_k^T Q^{-1} A_k, \quad B_k = -Q^{-1} A_k
    """
    windows, climate = problem.windows, problem.climate
    path = states.transpose(0, 1)
    forecast, jacobian = advance_with_jacobian(problem.model, path[:-1])
    precision = 1.0 / (model_error[:, None] * climate.variance)
    observing = (windows.observed / windows.variance).transpose(0, 1)
    apart = problem.departures(states, forecast.transpose(0, 1), model_error).transpose(0, 1)
    defect = precision * apart[1:]
    half = observing * (path - windows.values.transpose(0, 1))
    half[0] += apart[0] / climate.variance
    half[1:] += defect
    half[:-1] -= (jacobian.mT @ defect[..., None])[..., 0]
    below = jacobian * -precision[..., None]
    diagonal = torch.diag_embed(observing)
    diagonal[:-1] -= jacobian.mT @ below
    on_diagonal = diagonal.diagonal(dim1=-2, dim2=-1)
    on_diagonal[0] += 1.0 / climate.variance
    on_diagonal[1:] += precision
    return Linearised(half, diagonal, below)


def advance_with_jacobian(model: Model, states: Tensor) -> tuple[Tensor, Tensor]:
    """Advance states and find the Jacobian as the model does, but a few states at a time."""
    size = states.shape[-1]
    flat = states.reshape(-1, size)
    rows = max(1, ENTRIES_AT_ONCE // size**2)
    starts = range(0, max(1, len(flat)), rows)
    parts = [model.advance_with_jacobian(flat[start : start + rows]) for start in starts]
    forecast, jacobian = (torch.cat(part) for part in zip(*parts, strict=True))
    return forecast.view_as(states), jacobian.view(*states.shape, size)
