r"""The published 4DVarNet for sea level, number by number, for those who have weights of it.

It differs from :mod:`oceanbench.assimilation.fourdvarnet.learned_descent` in what this package
would not do again. Its costs, and the size of the first gradient, are means over the whole batch,
so that the estimate of a sample depends on the others in it; the rate of the gradient holds for
one size of a patch; and the last step, :math:`\Phi(x_K)`, is taken in evaluation only. With K
steps, step k is

.. math::
    x \leftarrow x - \frac{1}{k + 1} u_\theta\!\left( \frac{\nabla J(x)}{s} \right)
        - \eta \frac{k + 1}{K} \nabla J(x), \quad
    J(x) = \overline{(x - \Phi(x))^2} + \lambda^2 w \, \overline{(x - y)^2}^{\,observed}

from the observations, zero elsewhere, where s is the root mean square of the first gradient. Names
of the parameters are those of the package ``ocean4dvarnet`` (version 1.0.6), so that its weights
load (:mod:`oceanbench.assimilation.fourdvarnet.published.weights`). The derivative of the prior is
written out: inference records nothing, its memory does not grow with K, and training needs no
derivative of a derivative.

References
----------
Beauchamp et al. (2023), 4DVarNet-SSH, doi:10.5194/gmd-16-2119-2023;
https://github.com/CIA-Oceanix/ocean4dvarnet
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional

from oceanbench.assimilation.fourdvarnet.published.lstm_cell import lstm_cell


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
        return self.with_transpose(state)[0]

    def with_transpose(self, state: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        """Value, and the transpose of its derivative, written out.

        Both are ordinary operations: a training differentiates them once, and inference records
        nothing.
        """
        factors = [self.bilin_1, self.bilin_21] + [self.bilin_22] * (not self.quadratic)
        weight = torch.cat([layer.weight for layer in factors])  # one convolution for all
        bias = torch.cat([cast(Tensor, layer.bias) for layer in factors])
        entered = torch.relu(self.conv_in(functional.avg_pool2d(state, self.coarsen)))
        between = functional.conv2d(self.conv_hidden(entered), weight, bias, padding="same")
        linear, *pair = between.chunk(len(factors), 1)
        first, second = pair[0], pair[-1]
        found = self.conv_out(torch.cat([linear, first * second], 1))

        def transpose(vector: Tensor) -> Tensor:
            coarse = _finer_transposed(vector, self.coarsen)
            linear, product = _transposed(coarse, self.conv_out.weight).chunk(2, 1)
            if self.quadratic:
                parts = [linear, 2.0 * first * product]
            else:
                parts = [linear, second * product, first * product]
            between = _transposed(torch.cat(parts, 1), weight)
            entering = _transposed(between, self.conv_hidden.weight) * (entered > 0)
            averages = _transposed(entering, self.conv_in.weight)
            if self.coarsen == 1:
                return averages
            return functional.interpolate(averages, scale_factor=self.coarsen) / self.coarsen**2

        return _finer(found, self.coarsen), transpose


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
        coarse = functional.avg_pool2d(gradient, self.coarsen) if self.coarsen > 1 else gradient
        gates = self._gates(coarse, None if memory is None else memory[0]).to(gradient.dtype)
        output, cell = lstm_cell(gates, None if memory is None else memory[1])
        return _finer(self.conv_out(output), self.coarsen), (output, cell)

    def _gates(self, coarse: Tensor, output: Tensor | None) -> Tensor:
        """Gates before their sigmoid, the candidate's twice."""
        weight, bias = self.gates.weight, cast(Tensor, self.gates.bias)
        twice = torch.ones_like(bias)
        twice[3 * self.hidden :] = 2.0
        weight, bias = weight * twice[:, None, None, None], bias * twice
        if output is None:  # an empty memory adds nothing
            weight = weight[:, : coarse.shape[1]]
        else:
            coarse = torch.cat([coarse, output], 1)
        return functional.conv2d(coarse, weight, bias, padding="same")


class Solver(torch.nn.Module):
    r"""Learned descent of the published cost.

    Parameters
    ----------
    prior_cost, grad_mod : prior and modulator
    steps : K
    rate : :math:`\eta`, of the gradient of a cost that is a mean
    observation_weight : :math:`\lambda^2 w`
    reduced : convolutions in bfloat16; the state, the costs and the memory's cell stay in single
        precision
    """

    def __init__(
        self,
        prior_cost: Prior,
        grad_mod: Modulator,
        *,
        steps: int,
        rate: float = 1e3,
        observation_weight: float = 1.0,
        reduced: bool = False,
    ) -> None:
        super().__init__()
        self.prior_cost, self.grad_mod = prior_cost, grad_mod
        self.steps, self.rate, self.observation_weight = steps, rate, observation_weight
        self.reduced = reduced

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
        state, values = _together(state), _together(values)
        count = observed.sum().clamp_min(1)
        known = _together(observed) * (2.0 * self.observation_weight / count)
        memory, size = None, None
        reduced = torch.autocast(state.device.type, torch.bfloat16, enabled=self.reduced)
        with torch.set_grad_enabled(self.training and torch.is_grad_enabled()), reduced:
            for step in range(self.steps):
                likely, pulled = self.prior_cost.with_transpose(state)
                residual = state - likely
                gradient = (residual - pulled(residual)) * (2.0 / state.numel())
                gradient = torch.addcmul(gradient, known, state - values)
                if size is None:
                    size = gradient.square().mean().sqrt()
                change, memory = self.grad_mod(gradient / size, memory)
                share = (step + 1) / self.steps
                change = change.to(state.dtype)
                state = state - change / (step + 1) - self.rate * share * gradient
            return state if self.training else self.prior_cost(state).to(state.dtype)


def _together(maps: Tensor) -> Tensor:
    """Channels of a point side by side in memory, which is how convolutions are fastest."""
    return maps.contiguous(memory_format=torch.channels_last)


def _finer(maps: Tensor, steps: int) -> Tensor:
    """Bilinear interpolation between the corners of the maps."""
    if steps == 1:
        return maps
    return functional.interpolate(maps, scale_factor=steps, mode="bilinear", align_corners=True)


def _finer_transposed(maps: Tensor, steps: int) -> Tensor:
    """Transpose of :func:`_finer`."""
    if steps == 1:
        return maps
    rows, columns = maps.shape[-2:]
    coarse = [*maps.shape[:-2], rows // steps, columns // steps]
    found: Tensor = torch.ops.aten.upsample_bilinear2d_backward(
        maps, [rows, columns], coarse, True, float(steps), float(steps)
    )
    return found


def _transposed(maps: Tensor, weight: Tensor) -> Tensor:
    """Transpose of a convolution that keeps the shape."""
    return functional.conv_transpose2d(maps, weight, padding=weight.shape[-1] // 2)
