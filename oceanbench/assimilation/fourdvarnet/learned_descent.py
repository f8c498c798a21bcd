r"""4DVarNet: a variational estimate by a fixed number of learned descent steps.

In normalised variables, the cost of a state x given observations y is

.. math:: J(x) = \alpha_o^2 \, \| y - H(x) \|^2_{observed} + \alpha_p^2 \, \| x - \Phi(x) \|^2

with an observation operator H, a prior :math:`\Phi` that knows what states look like, and both
norms the mean square over the points that count: those observed, those of the state. Where another
field s is known that has to do with the state, such as its surface temperature, a third term
:math:`\alpha_s^2 \| g(x) - h(s) \|^2` says so, with operators g and h that are learned. It
descends by

.. math:: x \leftarrow x - u_\theta(\nabla J(x), x, \dots)

where the update u is a small network with a memory. H, :math:`\Phi` and u are modules, fixed or
trainable, and every one of them can be replaced.

**Every sample is on its own**: each has its cost, its gradient and the size of that gradient, so
that its estimate does not depend on what else is in the batch. The solver keeps no state: it is a
function of what it is given.

Maps are (batch, channels, rows, columns): days, latitude and longitude for sea level; components
on a circle are columns, other components channels, and times rows.

References
----------
Fablet et al. (2021), Learning variational data assimilation models and solvers,
doi:10.1029/2021MS002572;
Beauchamp et al. (2023), 4DVarNet-SSH, doi:10.5194/gmd-16-2119-2023
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, cast

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from oceanbench.assimilation.fourdvarnet.adjoint import with_transpose

INPUTS = (
    "gradient",
    "observation_gradient",
    "prior_gradient",
    "second_gradient",
    "misfit",
    "residual",
    "second_misfit",
    "state",
)
SMALLEST = 1e-12  # of the size of a gradient that is divided by


class Update(Protocol):
    """What turns the inputs of an iteration into a change of the state."""

    def __call__(self, inputs: Tensor, memory: Any) -> tuple[Tensor, Any]:
        """Change of the state, and the memory for the next iteration (None at the first)."""
        ...


class LearnedDescent(torch.nn.Module):
    """Solver of a variational problem by learned descent.

    Parameters
    ----------
    prior : state -> the nearest state that it finds likely, of the same shape
    update : see :class:`Update`; it gets as many channels for each of ``inputs`` as the state has,
        for ``second_misfit`` as ``second`` returns, for ``misfit`` as the observations, and then as
        many again that say where there are any
    observe : state -> what would be observed of it, on the points of the observations; by default
        the state itself
    second : (state, second field) -> g(state) - h(second field), if there is one
    inputs : of the update, out of :data:`INPUTS`: the gradient of the cost, as published; its
        terms apart; or what the terms are made of, y - H(x), x - Φ(x) and g(x) - h(s), which needs
        no derivative; and the state. Gradients are relative to the size of the first ones, one size
        for all, so that the weights of the cost say what each term counts
    iterations : if the call does not say how many
    correction : size of a misfit, a residual and a change, relative to that of the state
    reduced : convolutions in bfloat16; the state and the cost stay in single precision
    recompute : in training, keep the states alone, and compute every iteration again for its
        derivative: less memory, for a third more time
    """

    def __init__(
        self,
        prior: torch.nn.Module,
        update: torch.nn.Module,
        *,
        observe: torch.nn.Module | None = None,
        second: torch.nn.Module | None = None,
        inputs: Sequence[str] = ("gradient", "state"),
        iterations: int = 10,
        correction: float = 1.0,
        reduced: bool = False,
        recompute: bool = False,
    ) -> None:
        super().__init__()
        unknown = set(inputs) - set(INPUTS)
        if unknown or not inputs:
            raise ValueError(f"inputs of an update are some of {INPUTS}, found {tuple(inputs)}")
        if second is None and {"second_gradient", "second_misfit"} & set(inputs):
            raise ValueError("inputs of an update have a second field, and there is none")
        self.prior, self.update = prior, update
        self.observe = torch.nn.Identity() if observe is None else observe
        self.inputs, self.iterations = tuple(inputs), iterations
        self.correction, self.reduced, self.recompute = correction, reduced, recompute
        self.observation_weight = torch.nn.Parameter(torch.tensor(0.5))
        self.prior_weight = torch.nn.Parameter(torch.tensor(1.5))
        self.second = second
        if second is not None:
            self.second_weight = torch.nn.Parameter(torch.tensor(1.0))

    def forward(
        self,
        values: Tensor,
        observed: Tensor,
        first_guess: Tensor,
        second: Tensor | None = None,
        *,
        iterations: int | None = None,
        untracked: int = 0,
    ) -> Tensor:
        """Estimate of the state.

        In evaluation mode nothing is recorded for derivatives, and memory does not grow with the
        iterations.

        Parameters
        ----------
        values : on the points of the observations, any finite number where there is none
        observed : bool, of the same shape
        first_guess : (batch, channels, rows, columns)
        second : second field, as ``second`` takes it, where the solver has one
        iterations : how many
        untracked : so many of them come first, and are not differentiated through in training
        """
        count = self.iterations if iterations is None else iterations
        track = self.training and torch.is_grad_enabled()
        state, memory, size = first_guess, None, None
        for number in range(count):
            with self._computing(state.device.type, record=track and number >= untracked):
                given = (state, memory, size, values, observed, second)
                if self.recompute and torch.is_grad_enabled():
                    state, memory, size = checkpoint(self.step, *given, use_reentrant=False)
                else:
                    state, memory, size = self.step(*given)
        return state

    def step(
        self,
        state: Tensor,
        memory: Any,
        size: Tensor | float | None,
        values: Tensor,
        observed: Tensor,
        second: Tensor | None = None,
    ) -> tuple[Tensor, Any, Tensor | float]:
        """State, memory of the update and size of the first gradients, one iteration later."""
        terms = self.terms(state, values, observed, second)
        if size is None:
            size = _size([terms[name] for name in self.inputs if "gradient" in name])
        shown = [
            terms[name] / (size if "gradient" in name else self._unit(name)) for name in self.inputs
        ]
        if "misfit" in self.inputs:
            shown.append(observed.to(state.dtype))
        change, memory = self.update(torch.cat(shown, 1), memory)
        return state - self.correction * change.to(state.dtype), memory, size

    def compilable(self) -> list[torch.nn.Module]:
        """Parts that can be compiled: no prior that is differentiated twice, in training."""
        descends = {"gradient", "prior_gradient"} & set(self.inputs)
        return [self.update] if descends else [self.update, self.prior]

    def _unit(self, name: str) -> float:
        return self.correction if name in ("misfit", "residual") else 1.0

    @contextmanager
    def _computing(self, device: str, *, record: bool) -> Iterator[None]:
        reduced = torch.autocast(device, torch.bfloat16, enabled=self.reduced)
        with torch.set_grad_enabled(record), reduced:
            yield

    def terms(
        self, state: Tensor, values: Tensor, observed: Tensor, second: Tensor | None = None
    ) -> dict[str, Tensor]:
        r"""What the update may get of a state; only that is computed which it does.

        With n observed points of a sample, N points of its state and M of g,

        .. math::
            \nabla J = - \frac{2 \alpha_o^2}{n} H'(x)^T (y - H(x))
                       + \frac{2 \alpha_p^2}{N} (1 - \Phi'(x))^T (x - \Phi(x))
                       + \frac{2 \alpha_s^2}{M} g'(x)^T (g(x) - h(s))
        """
        found = {"state": state}
        wanted = set(self.inputs)
        both = "gradient" in wanted
        if wanted & {"misfit", "observation_gradient", "gradient"}:
            predicted, pulled = with_transpose(self.observe, state)
            found["misfit"] = torch.where(observed, values - predicted, 0.0)
            if both or "observation_gradient" in wanted:
                factor = -2.0 * self.observation_weight**2 / _count(observed)
                found["observation_gradient"] = factor * pulled(found["misfit"])
        if both or "prior_gradient" in wanted:
            found["residual"], pulled = with_transpose(self._residual, state)
            factor = 2.0 * self.prior_weight**2 / state[0].numel()
            found["prior_gradient"] = factor * pulled(found["residual"])
        elif "residual" in wanted:
            found["residual"] = self._residual(state)
        if self.second is not None and (both or "second_gradient" in wanted):
            found["second_misfit"], pulled = with_transpose(self._against(second), state)
            factor = 2.0 * self.second_weight**2 / found["second_misfit"][0].numel()
            found["second_gradient"] = factor * pulled(found["second_misfit"])
        elif "second_misfit" in wanted:
            found["second_misfit"] = self._against(second)(state)
        if both:
            found["gradient"] = found["observation_gradient"] + found["prior_gradient"]
            if "second_gradient" in found:
                found["gradient"] = found["gradient"] + found["second_gradient"]
        return found

    def cost(
        self, state: Tensor, values: Tensor, observed: Tensor, second: Tensor | None = None
    ) -> Tensor:
        """Variational cost of every sample, (batch,)."""
        misfit = torch.where(observed, values - self.observe(state), 0.0)
        known = (misfit**2).sum((1, 2, 3)) / _count(observed).flatten()
        likely = (self._residual(state) ** 2).mean((1, 2, 3))
        total = self.observation_weight**2 * known + self.prior_weight**2 * likely
        if self.second is not None:
            apart = (self._against(second)(state) ** 2).mean((1, 2, 3))
            total = total + self.second_weight**2 * apart
        return total

    def _against(self, second: Tensor | None) -> Callable[[Tensor], Tensor]:
        """How a state and the second field differ, as a function of the state."""
        operator = self.second
        if second is None or operator is None:
            raise ValueError("the solver has a second field, and is given none")
        return lambda state: cast(Tensor, operator(state, second)).to(state.dtype)

    def _residual(self, state: Tensor) -> Tensor:
        return state - cast(Tensor, self.prior(state)).to(state.dtype)


def _count(observed: Tensor) -> Tensor:
    """Points of every sample that are observed, at least one, (batch, 1, 1, 1)."""
    return observed.sum((1, 2, 3), keepdim=True).clamp_min(1)


def _size(gradients: list[Tensor]) -> Tensor | float:
    """Root mean square of all of every sample together, (batch, 1, 1, 1); 1 of none."""
    if not gradients:
        return 1.0
    squares = [gradient.detach().pow(2).mean((1, 2, 3), keepdim=True) for gradient in gradients]
    return torch.stack(squares).sum(0).sqrt().clamp_min(SMALLEST)
