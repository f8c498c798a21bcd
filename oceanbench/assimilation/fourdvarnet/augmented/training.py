"""Training of the solver of the augmented state: by error and by likelihood of known states."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import xarray as xr
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.augmented.solver import (
    AugmentedConfiguration,
    AugmentedSolver,
)
from oceanbench.assimilation.fourdvarnet.windows.training_windows import (
    Scales,
    TrainingRuns,
    known_runs,
)
from oceanbench.assimilation.uncertainty.spde_circle import fit
from oceanbench.assimilation.window_batches import Windows, is_cyclic
from oceanbench.errors import OceanbenchError
from oceanbench.learning import ensembles
from oceanbench.learning.training import TrainingSchedule

Lesson = tuple[Windows, Tensor]  # what is observed, and the states


def train_solver(
    inputs: Mapping[str, xr.Dataset],
    configuration: AugmentedConfiguration,
    *,
    name: str,
    seed: int,
    device: str,
    checkpoint: str = "",
    init: Mapping[str, Tensor] | None = None,
) -> dict[str, Tensor]:
    r"""Train a solver on windows of known states, observed anew in every step.

    It begins with the constant parameters of greatest likelihood of the training states. What is
    made small is, per value,

    .. math:: (\hat x - x)^2 - \log p(x \mid \hat\theta)

    Parameters
    ----------
    inputs : states and observations of the roles training and validation
    configuration : of the solver
    name : of the method, for messages
    seed : of its weights, the windows that are drawn, and the noise
    device : of torch
    checkpoint : folder that keeps the training, or nothing
    init : weights of such a training, from which to go on

    Returns
    -------
    weights as ``0.…``, the normalisation ``mean`` and ``deviation``, and the configuration
    """
    check_circle(inputs, name)
    learning, checking = (
        known_runs(inputs, role, configuration.length, cyclic=True, name=name)
        for role in ("training", "validation")
    )
    assert learning.known is not None  # known runs have states
    usual = fit(
        normalised(learning.known, learning.scales),
        smoothness=configuration.smoothness,
        halvings=configuration.halvings,
    )
    checks = drawn(checking, configuration.checked, torch.Generator().manual_seed(0), device)
    return ensembles.train_weights(
        lambda: AugmentedSolver(usual, configuration),
        lambda made: ensembles.Task(
            lambda random: drawn(learning, configuration.batch, random, device),
            lambda lesson, _: loss(made, lesson),
            lambda: _score(made, checks),
        ),
        configuration,
        {"mean": learning.scales.mean, "deviation": learning.scales.deviation},
        name=name,
        members=1,
        seed=seed,
        schedule=TrainingSchedule(
            configuration.steps,
            configuration.rate,
            warm_up=max(1, configuration.steps // 10),
            validations=configuration.validations,
        ),
        about=f"begun at {usual.tolist()}, mean {learning.scales.mean.tolist()}",
        device=device,
        checkpoint=checkpoint,
        init=init,
    )


def loss(solver: AugmentedSolver, lesson: Lesson) -> Tensor:
    """What training makes small, of windows and their states."""
    windows, states = lesson
    found = solver(windows)
    likely: Tensor = solver.chain(found.parameters).log_density(states).mean()
    error: Tensor = (found.states - states).square().mean()
    return error - likely / states[0].numel()


def drawn(runs: TrainingRuns, count: int, random: torch.Generator, device: str) -> Lesson:
    """Normalised windows drawn at random, observed anew, and their states."""
    windows, states = runs.observed_states(count, random)
    return as_normalised(windows, runs.scales).to(device), normalised(states, runs.scales).to(
        device
    )


def as_normalised(windows: Windows, scales: Scales) -> Windows:
    """Windows in units of the climate's deviation, about its mean."""
    values = torch.where(windows.observed, normalised(windows.values, scales), 0.0)
    return Windows(values, windows.observed, windows.variance / scales.deviation**2)


def normalised(states: Tensor, scales: Scales) -> Tensor:
    """States in units of the climate's deviation, about its mean."""
    return (states - scales.mean) / scales.deviation


def check_circle(inputs: Mapping[str, xr.Dataset], name: str) -> None:
    """Refuse components that have no neighbours."""
    if not is_cyclic(inputs):
        raise OceanbenchError(
            f"{name}: the components of this challenge lie on no circle, and its equation couples "
            "neighbours; take another method"
        )


def _score(solver: AugmentedSolver, checks: Lesson) -> float:
    with torch.no_grad():
        return float(loss(solver, checks))
