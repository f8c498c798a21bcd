r"""4DVarNet as the update of a cycle: a variational analysis of a lag, whose prior is learned.

The states :math:`x_0 \ldots x_L` of the last cycles are a run of the model from the first of them,
:math:`x_l = M_l(x_0)`, the one that makes least

.. math::
    J(x_0) = \tfrac12 \alpha_o^2 \sum_{l, i \text{ observed}} \frac{(y_{li} - M_l(x_0)_i)^2}{r_i}
           + \tfrac12 \| W(x_b) \, (x_0 - x_b - \mu(x_b)) \|^2

and the analysis is its last state. The background :math:`x_b` is that of the first cycle, a
forecast of the analysis before it: no observation counts twice. What is learned of its errors, a
network reads from it: their mean :math:`\mu`, and rows of W, each of a component and those near it
along the circle, so that the last term is the prior's :math:`\| x - \Phi(x) \|^2` of 4DVarNet.
With a constant W this is 4D-Var; where the model is linear and :math:`W^T W` the inverse covariance
of the background's errors, its analysis is the Kalman filter's.

Gauss-Newton steps begin at the states that the last cycle found, and solve the quadratic cost of
the model's Jacobians exactly. Those of the newest intervals alone are made again, if this is
wanted: of older ones the states hardly move. Until a world is older than the lag, its window begins
with its first background, and the prior is the climate's variance.

References
----------
Courtier et al. (1994), incremental 4D-Var, doi:10.1002/qj.49712051912;
Fablet et al. (2021), doi:10.1029/2021MS002572; Bocquet and Sakov (2014), doi:10.1002/qj.2236
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import gelu

from oceanbench.dynamics.models import Model
from oceanbench.errors import OceanbenchError
from oceanbench.learning.layers import Convolution

KERNEL, BLOCKS = 5, 2  # of the network that reads the background
NUMBERS = ("lag", "iterations", "fresh")  # of a solver, that its weights tell


@dataclass(frozen=True)
class LagConfiguration:
    """What a solver of a lag is made of.

    Attributes
    ----------
    lag : cycles from the first state of the window to the last
    iterations : Gauss-Newton steps of an analysis
    fresh : newest intervals whose Jacobians every step makes again
    reach : components of a row of W, odd
    hidden : channels of the network that reads the background
    first_error : deviation of the background's errors, before training

    Raises
    ------
    OceanbenchError
        if they make no solver
    """

    lag: int
    iterations: int
    fresh: int
    reach: int = 9
    hidden: int = 32
    first_error: float = 0.3

    def __post_init__(self) -> None:
        if not (min(self.lag, self.fresh) >= 0 < min(self.iterations, self.first_error)):
            raise OceanbenchError(
                f"4DVarNet of a lag: lag={self.lag}, iterations={self.iterations}, fresh="
                f"{self.fresh}, first_error={self.first_error:g}; expected at least 0, 1 and 0, "
                "and an error above 0"
            )


class LagWindow(NamedTuple):
    """What is carried from cycle to cycle, of worlds that may have begun at different ones.

    Attributes
    ----------
    states : (worlds, lag + 1, components), the run that was found last; before its beginning, the
        first state of a young world again
    backgrounds : of the same shape, as they were given
    values, seen : of the same shape, what was observed, and whether
    jacobians : (worlds, lag, components, components), of the intervals
    age : (worlds,), cycles since the first, no more than one above the lag
    """

    states: Tensor
    backgrounds: Tensor
    values: Tensor
    seen: Tensor
    jacobians: Tensor
    age: Tensor

    @classmethod
    def begun(cls, background: Tensor, lag: int) -> LagWindow:
        """Windows before the first observations, of backgrounds (worlds, components)."""
        worlds, size = background.shape
        states = background[:, None].expand(-1, lag + 1, -1)
        identity = torch.eye(size).to(background).expand(worlds, lag, -1, -1)
        nothing = torch.zeros_like(states)
        age = torch.full((worlds,), -1, device=background.device)
        return cls(states, states, nothing, nothing.bool(), identity, age)

    def slid(self, background: Tensor, values: Tensor, seen: Tensor) -> LagWindow:
        """Windows one cycle later, of (worlds, components) each; values are finite throughout."""
        added = (background, background, values, seen)
        arrays = (
            torch.cat([held[:, 1:], new[:, None]], 1)
            for held, new in zip(self[:4], added, strict=True)
        )
        jacobians = torch.cat([self.jacobians[:, 1:], self.jacobians[:, :1]], 1)
        age = (self.age + 1).clamp_max(self.lag + 1)
        return LagWindow._make([*arrays, jacobians, age])

    def where(self, chosen: Tensor, others: LagWindow) -> LagWindow:
        """These windows, but the others where (worlds,) say so."""
        pairs = zip(self, others, strict=True)
        return LagWindow(
            *(torch.where(chosen.view(-1, *[1] * (a.ndim - 1)), b, a) for a, b in pairs)
        )

    @property
    def lag(self) -> int:
        """Intervals of a window."""
        return self.jacobians.shape[1]

    @property
    def moving(self) -> Tensor:
        """Whether the model runs through an interval (worlds, lag), or the world begins later."""
        number = torch.arange(self.lag, device=self.age.device)
        return number >= self.lag - self.age[:, None]


class BackgroundPrior(torch.nn.Module):
    """What is learned of the errors of a background, of components on a circle.

    Parameters
    ----------
    configuration : of the solver
    """

    mean: Tensor
    deviation: Tensor
    noise: Tensor

    def __init__(self, configuration: LagConfiguration) -> None:
        super().__init__()
        hidden, size = configuration.hidden, (1, KERNEL)
        self.first = Convolution(1, hidden, size, cyclic=True)
        self.blocks = torch.nn.ModuleList(
            Convolution(hidden, hidden, size, cyclic=True) for _ in range(BLOCKS)
        )
        self.last = Convolution(hidden, configuration.reach + 1, size, cyclic=True)
        self.log_error = torch.nn.Parameter(torch.tensor(configuration.first_error).log())
        with torch.no_grad():
            self.last.weight.mul_(0.1)  # it begins as a constant variance
        for name in ("mean", "deviation", "noise"):
            self.register_buffer(name, torch.ones(()))

    def forward(self, background: Tensor) -> tuple[Tensor, Tensor]:
        """Root W (worlds, components, components) of the precision of the errors, and their mean.

        Parameters
        ----------
        background : (worlds, components)
        """
        hidden = self.first(((background - self.mean) / self.deviation)[:, None, None])
        for block in self.blocks:
            hidden = hidden + block(gelu(hidden))
        found = self.last(gelu(hidden))[:, :, 0]
        rows, moved = found[:, :-1], self.noise * found[:, -1]
        reach, identity = rows.shape[1], torch.eye(background.shape[-1]).to(background)
        shifted = torch.stack([identity.roll(k - reach // 2, 1) for k in range(reach)])
        root = identity + torch.einsum("wkn,knj->wnj", rows, shifted)
        return (-self.log_error).exp() * root, moved


class LagSolver(torch.nn.Module):
    """Analyses of worlds by the observations of a lag.

    Parameters
    ----------
    model : from one cycle to the next
    configuration : of the solver
    """

    lag: Tensor
    iterations: Tensor
    fresh: Tensor

    def __init__(self, model: Model, configuration: LagConfiguration) -> None:
        super().__init__()
        self.model, self.configuration = model, configuration
        self.prior = BackgroundPrior(configuration)
        self.log_observation_weight = torch.nn.Parameter(torch.zeros(()))
        for name in NUMBERS:
            self.register_buffer(name, torch.tensor(getattr(configuration, name)))

    @classmethod
    def of_weights(cls, weights: Mapping[str, Tensor], model: Model) -> LagSolver:
        """Solver of the size that its weights have, and with the numbers that they tell."""
        outer, hidden = weights["prior.last.weight"].shape[:2]
        numbers = {name: int(weights[name]) for name in NUMBERS}
        configuration = LagConfiguration(**numbers, reach=outer - 1, hidden=hidden)
        solver = cls(model, configuration)
        solver.load_state_dict(dict(weights))
        return solver.eval()

    def steps_of(self, components: int) -> int:
        """States that an analysis runs through an interval, those of the Jacobians among them."""
        own = self.configuration
        return own.iterations * (own.lag + (components + 1) * min(own.fresh, own.lag))

    def forward(self, window: LagWindow) -> tuple[Tensor, LagWindow]:
        """Analyses (worlds, components), and the windows with the run that they end.

        Parameters
        ----------
        window : slid to the observations of now
        """
        root, expected = self.background(window)
        for _ in range(self.configuration.iterations):
            window = self._linearised(window)
            first = window.states[:, 0].detach()
            first = first + self._change(window, root, expected - first)
            window = window._replace(states=self._run(first, window.moving))
        return window.states[:, -1], window._replace(states=window.states.detach())

    def background(self, window: LagWindow) -> tuple[Tensor, Tensor]:
        """Root of the precision of the first states' errors, and what these states are expected.

        Returns
        -------
        (worlds, components, components) and (worlds, components)
        """
        given = window.backgrounds[:, 0]
        root, moved = self.prior(given)
        climate = torch.eye(given.shape[1]).to(given) / self.prior.deviation
        young = window.age <= window.lag
        root = torch.where(young[:, None, None], climate, root)
        return root, given + torch.where(young[:, None], 0.0, moved)

    @torch.no_grad()
    def _linearised(self, window: LagWindow) -> LagWindow:
        """Windows with Jacobians of the newest intervals about their states."""
        fresh = min(self.configuration.fresh, window.lag)
        if not fresh:
            return window
        newest = window.states[:, -1 - fresh : -1]
        found = self.model.advance_with_jacobian(newest)[1]
        identity = torch.eye(found.shape[-1]).to(found)
        found = torch.where(window.moving[:, -fresh:, None, None], found, identity)
        older = window.jacobians[:, : window.lag - fresh]
        return window._replace(jacobians=torch.cat([older, found], 1))

    def _change(self, window: LagWindow, root: Tensor, apart: Tensor) -> Tensor:
        """Change of the first states to the minimum of the quadratic cost.

        Parameters
        ----------
        window : linearised
        root : of the prior's precision
        apart : expected states less the first ones
        """
        with torch.no_grad():
            tangents = [torch.eye(apart.shape[1]).to(apart).expand(len(apart), -1, -1)]
            for interval in window.jacobians.unbind(1):
                tangents.append(interval @ tangents[-1])
            tangent = torch.stack(tangents, 1).flatten(1, 2)
            there = window.seen.flatten(1).to(apart) / self.prior.noise**2
            departure = there * (window.values - window.states).flatten(1)
            known = (tangent * there[..., None]).mT @ tangent
            pulled = (tangent.mT @ departure[..., None])[..., 0]
        weight = (2.0 * self.log_observation_weight).exp()
        precision = root.mT @ root
        slope = weight * pulled + (precision @ apart[..., None])[..., 0]
        total = torch.linalg.cholesky(weight * known + precision)
        return torch.cholesky_solve(slope[..., None], total)[..., 0]

    def _run(self, first: Tensor, moving: Tensor) -> Tensor:
        """Run (worlds, lag + 1, components) from the first states."""
        states = [first]
        for goes in moving.unbind(1):
            ahead = self.model.advance(states[-1])
            states.append(torch.where(goes[:, None], ahead, states[-1]))
        return torch.stack(states, 1)
