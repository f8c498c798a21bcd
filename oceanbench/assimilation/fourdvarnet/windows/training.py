"""4DVarNet for challenges of windows: its members trained.

A member is a network of its own, from its own seed; together they are
a deep ensemble.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

import torch
import xarray as xr
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.batch import Batch
from oceanbench.assimilation.fourdvarnet.bilevel import take_turns
from oceanbench.assimilation.fourdvarnet.gauss_newton import GaussNewton
from oceanbench.assimilation.fourdvarnet.incremental import IncrementalDescent
from oceanbench.assimilation.fourdvarnet.learned_descent import LearnedDescent
from oceanbench.assimilation.fourdvarnet.priors import parameters_of
from oceanbench.assimilation.fourdvarnet.windows.configuration import (
    Solver,
    WindowConfiguration,
    network,
)
from oceanbench.assimilation.fourdvarnet.windows.training_windows import TrainingRuns, training_runs
from oceanbench.assimilation.window_batches import model_of
from oceanbench.learning import ensembles
from oceanbench.learning.training import TrainingSchedule, fit, ramp

BEGUN_WITH = 8  # windows of states of a step before estimates are made
BLUR = 0.05  # noise of the states from which a prior predicts states, in their deviations
LONGEST_CHECKED = 250  # times of the windows that the validation runs are cut into


def train_members(
    inputs: Mapping[str, xr.Dataset],
    configuration: WindowConfiguration,
    *,
    name: str,
    members: int,
    seed: int,
    device: str,
    checkpoint: str = "",
    init: Mapping[str, Tensor] | None = None,
) -> dict[str, Tensor]:
    """Train members from consecutive seeds.

    Parameters
    ----------
    inputs : states, or else observations only, of the roles training and validation
    configuration : of every member
    name : of the method, for messages
    members : how many
    seed : of the first
    device : of torch
    checkpoint : folder that keeps every training, or nothing
    init : weights of such a training, from which to go on

    Returns
    -------
    weights of member i as ``i.…``, the normalisation ``mean`` and ``deviation``, and the
    configuration
    """
    model = model_of(inputs)
    learning = training_runs(inputs, "training", configuration.length, cyclic=model.cyclic)
    checking = training_runs(inputs, "validation", LONGEST_CHECKED, cyclic=model.cyclic)
    checks = checking.all(configuration.checked, torch.Generator().manual_seed(0))
    told, noise = parameters_of(model.tendency), learning.noisy.variance
    return ensembles.train_weights(
        lambda: _begun(
            network(configuration, model, learning.scales, noise), configuration, learning, checks
        ),
        lambda member: (
            _prior_task(member, configuration, learning, checks.to(device))
            if configuration.from_states and isinstance(member, IncrementalDescent)
            else _task(member, configuration, learning, checks.to(device), device)
        ),
        configuration,
        {"mean": learning.scales.mean, "deviation": learning.scales.deviation},
        name=name,
        members=members,
        seed=seed,
        schedule=TrainingSchedule(
            steps=configuration.steps,
            rate=configuration.rate,
            warm_up=configuration.steps // 10 if configuration.dynamical else 20,
            validations=configuration.validations,
        ),
        about=f"model {told}, mean {learning.scales.mean.tolist()}",
        device=device,
        checkpoint=checkpoint,
        init=init,
    )


def _begun(
    member: Solver, configuration: WindowConfiguration, learning: TrainingRuns, checks: Batch
) -> Solver:
    """Network whose model, or prior, is fitted to the states if those are known."""
    if isinstance(member, GaussNewton):
        member.fit_model(learning.known)
    elif (
        isinstance(member, IncrementalDescent)
        and configuration.begun
        and learning.known is not None
    ):
        schedule = TrainingSchedule(configuration.begun, configuration.rate, validations=1)
        task = _prior_task(member, replace(configuration, batch=BEGUN_WITH), learning, checks)
        fit(member, *task, schedule=schedule, seed=0, label="prior, from states")
    return member


def _task(
    member: Solver,
    configuration: WindowConfiguration,
    learning: TrainingRuns,
    checks: Batch,
    device: str,
) -> ensembles.Task:
    """What a member learns from, what it is to make small, and what validates it."""

    def draw(random: torch.Generator) -> tuple[Batch, int]:
        untracked = int(torch.randint(configuration.untracked + 1, (), generator=random))
        return learning.draw(configuration.batch, random).to(device), untracked

    def loss(drawn: tuple[Batch, int], made: float) -> Tensor:
        batch, untracked = drawn
        untracked = untracked if made > 0.3 else 0
        if configuration.alternate:
            take_turns(member, made)
        count = configuration.iterations
        if isinstance(member, LearnedDescent):
            count = untracked + ramp(made, count)
        found = member(
            batch.values, batch.observed, batch.first_guess, iterations=count, untracked=untracked
        )
        error = (found - batch.wanted) * batch.weight
        total = error.pow(2).sum() / batch.weight.sum().clamp_min(1.0)
        if isinstance(member, GaussNewton):
            return cast(Tensor, total)
        total = total + configuration.prior_loss * (found - member.prior(found)).pow(2).mean()
        if learning.known is not None:
            total = total + configuration.slope_loss * error.diff(dim=2).pow(2).mean()
            unlikely = batch.wanted - member.prior(batch.wanted)
            total = total + configuration.prior_loss * unlikely.pow(2).mean()
        return cast(Tensor, total)

    def score() -> float:
        found = member(checks.values, checks.observed, checks.first_guess)
        error = (found - checks.wanted) * checks.weight
        return float(error.pow(2).sum().item() / checks.weight.sum().item())

    return ensembles.Task(draw, loss, score)


def _prior_task(
    member: IncrementalDescent,
    configuration: WindowConfiguration,
    learning: TrainingRuns,
    checks: Batch,
) -> ensembles.Task:
    r"""What the prior of a member learns from states alone: to predict each point from the others.

    What is made small is minus the logarithm of the pseudo-likelihood of a point,

    .. math:: \tfrac12 \alpha_p^2 (x - \Phi(x + \epsilon))^2 - \log \alpha_p

    with a little noise, as of a denoiser: the weight of the prior is what it can tell.

    Besag (1975), doi:10.2307/2987782; Vincent (2011), doi:10.1162/NECO_a_00142
    """

    def draw(random: torch.Generator) -> tuple[Tensor, Tensor]:
        clean = learning.states(configuration.batch, random)
        noise = BLUR * torch.randn(clean.shape, generator=random)
        return clean.to(checks.wanted), noise.to(checks.wanted)

    def unlikely(clean: Tensor, noise: Tensor) -> Tensor:
        missed = (clean - cast(Tensor, member.prior(clean + noise))).square().mean()
        return 0.5 * (2.0 * member.log_prior_weight).exp() * missed - member.log_prior_weight

    def loss(drawn: tuple[Tensor, Tensor], made: float) -> Tensor:
        return unlikely(*drawn)

    def score() -> float:
        return float(unlikely(checks.wanted, torch.zeros_like(checks.wanted)))

    return ensembles.Task(draw, loss, score)
