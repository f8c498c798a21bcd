r"""The published 4DVarNet for sea level, number by number, for those who have weights of it.

It differs from :mod:`oceanbench.assimilation.unrolled` in what this package would not do again. Its
costs, and the size of the first gradient, are means over the whole batch, so that the estimate of
a sample depends on the others in it; the rate of the gradient holds for one size of a patch; and
the last step, :math:`\Phi(x_K)`, is taken in evaluation only. With K steps, step k is

.. math::
    x \leftarrow x - \frac{1}{k + 1} u_\theta\!\left( \frac{\nabla J(x)}{s} \right)
        - \eta \frac{k + 1}{K} \nabla J(x), \quad
    J(x) = \overline{(x - \Phi(x))^2} + \lambda^2 w \, \overline{(x - y)^2}^{\,observed}

from the observations, zero elsewhere, where s is the root mean square of the first gradient. Names
of the parameters are those of the package ``ocean4dvarnet`` (version 1.0.6), so that its weights
load. Inference records no derivative: its memory does not grow with K.

References
----------
Beauchamp et al. (2023), 4DVarNet-SSH, doi:10.5194/gmd-16-2119-2023;
https://github.com/CIA-Oceanix/ocean4dvarnet
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from oceanbench.assimilation.unrolled import with_transpose
from oceanbench.errors import OceanbenchError

PREFIX = "solver."  # of the names in a checkpoint of a training


class Prior(torch.nn.Module):
    """Bilinear autoencoder at a coarser resolution.

    Parameters
    ----------
    channels, hidden : days of a patch, and channels between
    kernel : of every convolution, odd
    coarsen : pixels that are averaged into one
    quadratic : square one factor of the bilinear layer in place of multiplying two
    """

    def __init__(
        self, channels: int, hidden: int, *, kernel: int = 3, coarsen: int = 2, quadratic: bool
    ) -> None:
        super().__init__()

        def convolution(entering: int, leaving: int) -> torch.nn.Conv2d:
            return torch.nn.Conv2d(entering, leaving, kernel, padding=kernel // 2)

        self.coarsen, self.quadratic = coarsen, quadratic
        self.conv_in = convolution(channels, hidden)
        self.conv_hidden = convolution(hidden, hidden)
        self.bilin_1 = convolution(hidden, hidden)
        self.bilin_21 = convolution(hidden, hidden)
        self.bilin_22 = convolution(hidden, hidden)
        self.conv_out = convolution(2 * hidden, channels)

    def forward(self, state: Tensor) -> Tensor:
        """Maps (batch, channels, rows, columns), sides divisible by ``coarsen``."""
        entered = torch.relu(self.conv_in(functional.avg_pool2d(state, self.coarsen)))
        between = self.conv_hidden(entered)
        first = self.bilin_21(between)
        second = first if self.quadratic else self.bilin_22(between)
        found = self.conv_out(torch.cat([self.bilin_1(between), first * second], 1))
        return _finer(found, self.coarsen)


class Modulator(torch.nn.Module):
    """Convolutional long short-term memory that turns a gradient into a step.

    Parameters
    ----------
    channels, hidden : days of a patch, and channels of the memory
    kernel : of both convolutions, odd
    dropout : share of the gradients that are left out in training
    coarsen : pixels that are averaged into one
    """

    def __init__(
        self, channels: int, hidden: int, *, kernel: int = 3, dropout: float = 0.1, coarsen: int = 1
    ) -> None:
        super().__init__()
        self.hidden, self.dropout, self.coarsen = hidden, dropout, coarsen
        padding = kernel // 2
        self.gates = torch.nn.Conv2d(channels + hidden, 4 * hidden, kernel, padding=padding)
        self.conv_out = torch.nn.Conv2d(hidden, channels, kernel, padding=padding)

    def forward(
        self, gradient: Tensor, memory: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Step (batch, channels, rows, columns), and the memory (output, cell)."""
        gradient = functional.dropout(gradient, self.dropout, self.training)
        coarse = functional.avg_pool2d(gradient, self.coarsen)
        if memory is None:
            empty = coarse.new_zeros(len(coarse), self.hidden, *coarse.shape[2:])
            memory = (empty, empty)
        output, cell = memory
        enter, keep, leave, candidate = self.gates(torch.cat([coarse, output], 1)).chunk(4, 1)
        cell = keep.sigmoid() * cell + enter.sigmoid() * candidate.tanh()
        output = leave.sigmoid() * cell.tanh()
        return _finer(self.conv_out(output), self.coarsen), (output, cell)


class Solver(torch.nn.Module):
    r"""Learned descent of the published cost.

    Parameters
    ----------
    prior_cost, grad_mod : prior and modulator
    steps : K
    rate : :math:`\eta`, of the gradient of a cost that is a mean
    observation_weight : :math:`\lambda^2 w`
    """

    def __init__(
        self,
        prior_cost: Prior,
        grad_mod: Modulator,
        *,
        steps: int,
        rate: float = 1e3,
        observation_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.prior_cost, self.grad_mod = prior_cost, grad_mod
        self.steps, self.rate, self.observation_weight = steps, rate, observation_weight

    def forward(
        self, values: Tensor, observed: Tensor, first_guess: Tensor | None = None
    ) -> Tensor:
        """Estimate of the state.

        Parameters
        ----------
        values, observed : (batch, channels, rows, columns); values are finite, zero where none is
        first_guess : of the same shape; by default the observations, zero elsewhere
        """
        state = torch.where(observed, values, 0.0) if first_guess is None else first_guess
        count = observed.sum().clamp_min(1)
        memory, size = None, None
        with torch.set_grad_enabled(self.training and torch.is_grad_enabled()):
            for step in range(self.steps):
                residual, pulled = with_transpose(self._residual, state)
                misfit = torch.where(observed, state - values, 0.0)
                gradient = pulled(residual) * (2.0 / state.numel())
                gradient = gradient + misfit * (2.0 * self.observation_weight / count)
                if size is None:
                    size = gradient.square().mean().sqrt()
                change, memory = self.grad_mod(gradient / size, memory)
                share = (step + 1) / self.steps
                state = state - change / (step + 1) - self.rate * share * gradient
            return state if self.training else self.prior_cost(state)

    def _residual(self, state: Tensor) -> Tensor:
        residual: Tensor = state - self.prior_cost(state)
        return residual


def load(
    tensors: Mapping[str, Tensor],
    *,
    steps: int,
    rate: float = 1e3,
    observation_weight: float = 1.0,
    coarsen: int = 2,
    modulator_coarsen: int = 1,
    quadratic: bool = True,
) -> Solver:
    """Solver with published weights, whose sizes are those of the weights.

    Parameters
    ----------
    tensors : by their published names, with or without the prefix ``solver.``; what is under other
        prefixes is left out
    steps, rate, observation_weight : which no weight tells
    coarsen, modulator_coarsen, quadratic : of the prior and of the modulator; no weight tells them

    Raises
    ------
    OceanbenchError
        if tensors are missing, too many or of other sizes
    """
    named = {k.removeprefix(PREFIX): v for k, v in tensors.items()}
    named = {k: v for k, v in named.items() if k.startswith(("prior_cost.", "grad_mod."))}
    try:
        entering, gates = named["prior_cost.conv_in.weight"], named["grad_mod.gates.weight"]
        hidden, channels, kernel = entering.shape[:3]
        prior = Prior(channels, hidden, kernel=kernel, coarsen=coarsen, quadratic=quadratic)
        memory, side = gates.shape[0] // 4, gates.shape[2]
        modulator = Modulator(channels, memory, kernel=side, coarsen=modulator_coarsen)
        solver = Solver(
            prior, modulator, steps=steps, rate=rate, observation_weight=observation_weight
        )
        solver.load_state_dict(named)
    except (KeyError, RuntimeError) as problem:
        reason = " ".join(str(problem).split())[:200]
        raise OceanbenchError(
            f"these are not the weights of a published 4DVarNet: {reason}; give its state_dict, "
            "saved as safetensors"
        ) from problem
    return solver.eval()


def _finer(maps: Tensor, steps: int) -> Tensor:
    """Bilinear interpolation between the corners of the maps."""
    if steps == 1:
        return maps
    return functional.interpolate(maps, scale_factor=steps, mode="bilinear", align_corners=True)
