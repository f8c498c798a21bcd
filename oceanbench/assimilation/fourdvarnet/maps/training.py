"""Training of 4DVarNets for maps: members that learn from a training truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.batch import Batch
from oceanbench.assimilation.fourdvarnet.compilation import compiled
from oceanbench.assimilation.fourdvarnet.maps.configuration import MapRecipe, network
from oceanbench.assimilation.fourdvarnet.maps.gridded_observations import Grid, Scene, grid_around
from oceanbench.assimilation.fourdvarnet.maps.inference import in_parts
from oceanbench.assimilation.fourdvarnet.maps.patches import Bank, FloatArray, Scale, second_scale
from oceanbench.assimilation.fourdvarnet.maps.simulated_missions import (
    Lessons,
    Stretch,
    bank,
    on_grid,
    training_truth,
)
from oceanbench.assimilation.fourdvarnet.solver import FourDVarNet
from oceanbench.assimilation.observations.along_track_errors import AlongTrack
from oceanbench.errors import OceanbenchError
from oceanbench.learning import ensembles
from oceanbench.learning.distributed import Team
from oceanbench.learning.training import TrainingSchedule

CHECKED_DAYS, GAP_DAYS = 32, 14  # at the end of the training period, and between it and the rest
DECAY = 1e-4  # of the weights


@dataclass(frozen=True)
class Course:
    """Training period with a known truth, observed again and again.

    Attributes
    ----------
    maps : truth (time, latitude, longitude), as it was given
    grid : days and nodes
    truth : (days, rows, columns) of the grid
    scenes : the first is all days, as they were observed
    along_track : errors of first guess and altimeters, where the scenes know them
    """

    maps: xr.DataArray
    grid: Grid
    truth: FloatArray
    scenes: tuple[Stretch, ...]
    along_track: AlongTrack | None = None

    @property
    def scale(self) -> Scale:
        """By which all is normalised."""
        return Scale(float(self.truth.mean()), float(self.truth.std()))

    @property
    def second(self) -> Scale | None:
        """By which the second field is, if there is one."""
        return second_scale(self.scenes[0].scene)

    def learned(self) -> Bank:
        """What is learned from: days before those that validate, and a gap."""
        scales = (self.scale, self.second)
        first, *others = (stretch.strip(self.truth, *scales) for stretch in self.scenes)
        return Bank((first.days(0, learned_days(len(self.truth))), *others))

    def checks(self, days: int) -> Batch:
        """Windows of the days that validate, as they were observed."""
        whole = self.scenes[0].strip(self.truth, self.scale, self.second)
        return whole.days(len(self.truth) - CHECKED_DAYS, len(whole.truth)).windows(days)

    def validation(self) -> tuple[Scene, FloatArray]:
        """Days that validate, as they were observed, and their truth, NaN after its end."""
        first = len(self.truth) - CHECKED_DAYS
        seen = self.scenes[0].scene.days(slice(first, None))
        unknown = np.full((len(seen.values) - CHECKED_DAYS, *self.truth.shape[1:]), np.nan)
        return seen, np.concatenate([self.truth[first:], unknown])


def learned_days(count: int) -> int:
    """How many of the days of a training period are learned from."""
    return count - CHECKED_DAYS - GAP_DAYS


def check_length(count: int, recipe: MapRecipe, name: str) -> None:
    """Refuse a training period that is too short to learn from and to validate."""
    least = CHECKED_DAYS + GAP_DAYS + recipe.days
    if count < least:
        raise OceanbenchError(
            f"{name}: {count} days of training maps, expected at least {least}; give a longer "
            "training period"
        )


def course(
    inputs: Mapping[str, xr.Dataset],
    recipe: MapRecipe,
    *,
    name: str,
    seed: int,
    missions: str = "",
    device: str = "cpu",
    checkpoint: str = "",
) -> Course:
    """Observe the training period as often as a recipe says.

    Parameters
    ----------
    inputs : tracks, and maps of role ``training``
    recipe : of the networks
    name : of the method, for messages
    seed : of the tracks on other days
    missions : as for :func:`oceanbench.assimilation.observations.superobservations.samples`
    device : of torch
    checkpoint : folder that keeps the scenes, or nothing
    """
    truth = training_truth(inputs, name)
    grid = grid_around(truth, recipe.step_degrees)
    nodes = on_grid(truth, grid)
    check_length(len(nodes), recipe, name)
    scenes, along_track = bank(
        inputs,
        truth,
        grid,
        recipe,
        seed=seed,
        learned=nodes[: learned_days(len(nodes))],
        missions=missions,
        device=device,
        checkpoint=checkpoint,
    )
    return Course(truth, grid, nodes, scenes, along_track)


def train_members(  # noqa: PLR0913  (every option is a keyword)
    lessons: Lessons,
    recipe: MapRecipe,
    *,
    name: str,
    members: int,
    seed: int,
    device: str,
    about: str = "",
    checkpoint: str = "",
    compile_it: bool = False,
    team: Team | None = None,
) -> dict[str, Tensor]:
    """Train members from consecutive seeds.

    The last days of the training period are for validation, as they were observed.

    Parameters
    ----------
    lessons : from :func:`course`, or
        :func:`oceanbench.assimilation.fourdvarnet.maps.held_out_missions.course`
    recipe : of every member
    name : of the method, for messages
    members : how many
    seed : of the first
    device : of torch
    about : what else makes it this training
    checkpoint : folder that keeps every training, or nothing
    compile_it : see :func:`oceanbench.assimilation.fourdvarnet.compilation.compiled`
    team : of processes that train every member together, each with its part of the windows

    Returns
    -------
    weights of member i as ``i.…``, in half precision (they are used in single precision, or in
    bfloat16, which knows no more digits), the normalisation ``mean`` and ``deviation``, and the
    recipe
    """
    learning, scale, team = lessons.learned(), lessons.scale, team or Team()
    team.check(recipe.batch, name)
    checks = lessons.checks(recipe.days).to(device)
    normalisation = scale.tensors()
    if lessons.second is not None:
        normalisation |= lessons.second.tensors("second_")
    if lessons.along_track is not None:
        normalisation |= lessons.along_track.tensors()
    return ensembles.train_weights(
        lambda: compiled(network(recipe), device) if compile_it else network(recipe),
        lambda member: _task(member, recipe, learning, checks, device, team),
        recipe,
        normalisation,
        name=name,
        members=members,
        seed=seed,
        schedule=TrainingSchedule(
            steps=recipe.steps,
            rate=recipe.rate,
            warm_up=50,
            floor=0.03,
            decay=DECAY,
            validations=20,
            average=recipe.average,
        ),
        about=f"{scale}, {about}",
        half=True,
        device=device,
        checkpoint=checkpoint,
        team=team,
    )


def _task(
    member: FourDVarNet,
    recipe: MapRecipe,
    learning: Bank,
    checks: Batch,
    device: str,
    team: Team,
) -> ensembles.Task:
    def draw(random: torch.Generator) -> Batch:
        window = learning.draw(
            recipe.batch, recipe.days, recipe.crop, random, mirrored=recipe.mirrored
        )
        return window.part(team.number, team.count).to(device)

    share = 1.0 if recipe.supervised else learning.known

    def loss(lesson: Batch, made: float) -> Tensor:
        found = member(lesson.values, lesson.observed, lesson.first_guess, lesson.second)
        error, weight = (found - lesson.wanted) / recipe.correction, lesson.weight / share
        total = (weight * error.square()).mean()
        for axis in (-1, -2):
            count = error.shape[axis] - 1
            both = torch.minimum(weight.narrow(axis, 1, count), weight.narrow(axis, 0, count))
            total = total + recipe.slope_loss * (both * error.diff(dim=axis).square()).mean()
        if recipe.prior_hidden:
            state = lesson.wanted if recipe.supervised else found
            unlikely = state - member.prior(state)
            total = total + recipe.prior_loss * unlikely.square().mean()
        return cast(Tensor, total)

    def score() -> float:
        found = in_parts(member, *checks.given())
        squares = checks.weight * (found - checks.wanted).square()
        return float(squares.sum() / checks.weight.sum())

    return ensembles.Task(draw, loss, score)
