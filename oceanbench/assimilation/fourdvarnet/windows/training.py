"""4DVarNet for challenges of windows: its members trained, and applied.

What the method files share. A member is a network of its own, from its own seed; together they are
a deep ensemble.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
import xarray as xr
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.priors import parameters_of
from oceanbench.assimilation.fourdvarnet.solver import FourDVarNet
from oceanbench.assimilation.fourdvarnet.windows.configuration import Recipe, network
from oceanbench.assimilation.fourdvarnet.windows.training_windows import (
    Lesson,
    Scales,
    Source,
    first_guess,
    source,
)
from oceanbench.assimilation.gaussian import window_interpolation
from oceanbench.assimilation.window_batches import model_of, observations
from oceanbench.errors import OceanbenchError
from oceanbench.learning import ensembles
from oceanbench.learning.training import Schedule, ramp

WINDOWS_AT_ONCE = 64
LONGEST_CHECKED = 250  # times of the windows that the validation runs are cut into


def train_members(
    inputs: Mapping[str, xr.Dataset],
    recipe: Recipe,
    *,
    name: str,
    members: int,
    seed: int,
    device: str,
    checkpoint: str = "",
) -> dict[str, Tensor]:
    """Train members from consecutive seeds.

    Parameters
    ----------
    inputs : states, or else observations only, of the roles training and validation
    recipe : of every member
    name : of the method, for messages
    members : how many
    seed : of the first
    device : of torch
    checkpoint : folder that keeps every training, or nothing

    Returns
    -------
    weights of member i as ``i.…``, the normalisation ``mean`` and ``deviation``, and the recipe
    """
    model = model_of(inputs)
    learning = source(inputs, "training", recipe.length, cyclic=model.cyclic)
    checking = source(inputs, "validation", LONGEST_CHECKED, cyclic=model.cyclic)
    checks = checking.all(WINDOWS_AT_ONCE, torch.Generator().manual_seed(0)).to(device)
    told = parameters_of(model.tendency)
    tensors = ensembles.train(
        lambda: network(recipe, model, learning.scales),
        lambda member: _task(member, recipe, learning, checks, device),
        name=name,
        members=members,
        seed=seed,
        schedule=Schedule(steps=recipe.steps, rate=recipe.rate),
        about=f"{recipe}, model {told}, mean {learning.scales.mean.tolist()}",
        device=device,
        checkpoint=checkpoint,
    )
    scales = {"mean": learning.scales.mean, "deviation": learning.scales.deviation}
    return scales | ensembles.as_tensors(recipe) | tensors


def _task(
    member: FourDVarNet, recipe: Recipe, learning: Source, checks: Lesson, device: str
) -> ensembles.Task:
    """What a member learns from, what it is to make small, and what it is judged by."""

    def draw(random: torch.Generator) -> tuple[Lesson, int]:
        untracked = int(torch.randint(recipe.untracked + 1, (), generator=random))
        return learning.draw(recipe.batch, random).to(device), untracked

    def loss(batch: tuple[Lesson, int], made: float) -> Tensor:
        lesson, untracked = batch
        untracked = untracked if made > 0.3 else 0
        found = member(
            lesson.values,
            lesson.observed,
            lesson.first_guess,
            iterations=untracked + ramp(made, recipe.iterations),
            untracked=untracked,
        )
        error = (found - lesson.wanted) * lesson.weight
        total = error.pow(2).sum() / lesson.weight.sum().clamp_min(1.0)
        total = total + recipe.prior_loss * (found - member.prior(found)).pow(2).mean()
        if learning.known is not None:
            total = total + recipe.slope_loss * error.diff(dim=2).pow(2).mean()
            unlikely = lesson.wanted - member.prior(lesson.wanted)
            total = total + recipe.prior_loss * unlikely.pow(2).mean()
        return cast(Tensor, total)

    def score() -> float:
        found = member(checks.values, checks.observed, checks.first_guess)
        error = (found - checks.wanted) * checks.weight
        return float(error.pow(2).sum().item() / checks.weight.sum().item())

    return ensembles.Task(draw, loss, score)


def estimate_members(
    inputs: Mapping[str, xr.Dataset],
    weights: Mapping[str, Tensor],
    *,
    name: str,
    member: int = -1,
    device: str = "cpu",
) -> Tensor:
    """Estimates of the windows of a challenge.

    Parameters
    ----------
    inputs : observations, and the training data that the first guess has its covariance from
    weights : from :func:`train_members`
    name : of the method, for messages
    member : the number of one member, or -1 for all
    device : of torch

    Returns
    -------
    (windows, times, components), with the members as a first dimension if all are asked for
    """
    model, windows = model_of(inputs), observations(inputs)
    if not {"mean", "deviation"} <= weights.keys():
        raise OceanbenchError(f"{name}: these are not its weights; train it")
    recipe = ensembles.recipe_of(Recipe, weights, name)
    scales = Scales(weights["mean"].cpu(), weights["deviation"].cpu(), model.cyclic)
    if len(scales.mean) != windows.values.shape[2]:
        raise OceanbenchError(
            f"{name}: weights for {len(scales.mean)} components, and the windows have "
            f"{windows.values.shape[2]}; train on this challenge"
        )
    climate, covariance = window_interpolation.learned(
        inputs, windows.values.shape[1], cyclic=model.cyclic
    )
    given = (
        scales.maps(windows.values).to(device),
        scales.layout(windows.observed).to(device),
        scales.maps(first_guess(windows, climate, covariance)).to(device),
    )
    solvers = ensembles.taken_up(
        lambda: network(recipe, model, scales), weights, name=name, member=member, device=device
    )
    found: list[Tensor] = []
    for solver in solvers:
        parts = [
            solver(*(tensor[first : first + WINDOWS_AT_ONCE] for tensor in given))
            for first in range(0, len(windows), WINDOWS_AT_ONCE)
        ]
        found.append(scales.states(torch.cat(parts).cpu()))
    return torch.stack(found) if member < 0 else found[0]
