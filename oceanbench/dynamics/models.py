"""The models that a challenge may tell methods of, each by its name and with its numbers.

To add one, write its tendency and tangent and add one row to :data:`MODELS`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
from torch import Tensor

from oceanbench.dynamics import amoc, lorenz63, lorenz96, runge_kutta
from oceanbench.errors import OceanbenchError, did_you_mean


@dataclass(frozen=True)
class Model:
    """Dynamics between the times of a window.

    Attributes
    ----------
    tendency : of states (..., components)
    tangent : derivative of the tendency at states, times perturbations (..., components, columns)
    interval : from one time of a window to the next
    substeps : Runge-Kutta steps that an interval is taken in
    cyclic : whether the components lie on a circle, all alike
    """

    tendency: runge_kutta.Tendency
    tangent: runge_kutta.Tangent
    interval: float
    substeps: int
    cyclic: bool

    def advance(self, state: Tensor) -> Tensor:
        """States (..., components) one interval later."""
        for _ in range(self.substeps):
            state = runge_kutta.step(state, self.tendency, self.interval / self.substeps)
        return state

    def advance_with_jacobian(self, state: Tensor) -> tuple[Tensor, Tensor]:
        """States one interval later, and the Jacobian (..., components, components) of that map."""
        size = state.shape[-1]
        jacobian = torch.eye(size, dtype=state.dtype, device=state.device).expand(
            *state.shape, size
        )
        for _ in range(self.substeps):
            state, jacobian = runge_kutta.step_with_tangent(
                state, jacobian, self.tendency, self.tangent, self.interval / self.substeps
            )
        return state, jacobian


class ModelRow(NamedTuple):
    """What :func:`model` builds a model of: its functions, its parameters, its longest step.

    ``of_tangent`` are the parameters that the tangent depends on too.
    """

    tendency: Callable[..., Tensor]
    tangent: Callable[..., Tensor]
    parameters: tuple[str, ...]
    longest_step: float
    cyclic: bool
    of_tangent: tuple[str, ...] = ()


MODELS: Mapping[str, ModelRow] = MappingProxyType(
    {
        "lorenz96": ModelRow(lorenz96.tendency, lorenz96.tangent, ("forcing",), 0.05, cyclic=True),
        "lorenz63": ModelRow(
            lorenz63.tendency, lorenz63.tangent, ("rayleigh",), 0.01, False, ("rayleigh",)
        ),
        "amoc": ModelRow(amoc.tendency, amoc.tangent, (), 1.0, cyclic=False),
    }
)


def model(name: str, interval: float, **parameters: float) -> Model:
    """Model of a name between times ``interval`` apart.

    Parameters
    ----------
    name : in :data:`MODELS`
    interval : from one time to the next, in the model's unit of time
    **parameters : of the tendency

    Raises
    ------
    OceanbenchError
        if there is no such model or parameter
    """
    if name not in MODELS:
        raise OceanbenchError(f"unknown model '{name}'; {did_you_mean(name, MODELS)}")
    row = MODELS[name]
    for key in parameters:
        if key not in row.parameters:
            known = ", ".join(row.parameters) or "none"
            raise OceanbenchError(f"model '{name}': unknown parameter '{key}'; it has: {known}")
    substeps = max(1, round(interval / row.longest_step))
    linear = {key: value for key, value in parameters.items() if key in row.of_tangent}
    return Model(
        partial(row.tendency, **parameters),
        partial(row.tangent, **linear),
        interval,
        substeps,
        row.cyclic,
    )


def model_of_attributes(attributes: Mapping[Hashable, Any], interval: float) -> Model:
    """Model that the attributes of a dataset tell: ``model``, and ``model_<parameter>``.

    Raises
    ------
    OceanbenchError
        if they tell none
    """
    if "model" not in attributes:
        raise OceanbenchError(
            "this challenge tells its methods no model; use one that needs none, or declare "
            "model: {name: …} in challenge.yaml"
        )
    prefix = "model_"
    parameters = {
        str(key).removeprefix(prefix): float(value)
        for key, value in attributes.items()
        if str(key).startswith(prefix)
    }
    return model(str(attributes["model"]), interval, **parameters)
