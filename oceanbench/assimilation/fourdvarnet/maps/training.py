"""Training of 4DVarNets for maps: members that learn from a truth, or from held-out missions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

import torch
import xarray as xr
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.batch import Batch
from oceanbench.assimilation.fourdvarnet.bilevel import take_turns
from oceanbench.assimilation.fourdvarnet.compilation import compiled
from oceanbench.assimilation.fourdvarnet.learned_descent import LearnedDescent
from oceanbench.assimilation.fourdvarnet.maps.configuration import MapConfiguration, network
from oceanbench.assimilation.fourdvarnet.maps.held_out_missions import (
    HeldOutMissions,
    hold_out_missions,
)
from oceanbench.assimilation.fourdvarnet.maps.patches import PatchSampler
from oceanbench.assimilation.fourdvarnet.maps.training_set import TrainingSet, training_set
from oceanbench.assimilation.fourdvarnet.maps.window_estimates import estimates
from oceanbench.assimilation.fourdvarnet.solver import FourDVarNet
from oceanbench.learning import ensembles
from oceanbench.learning.distributed import Team
from oceanbench.learning.training import TrainingSchedule

DECAY = 1e-4  # of the weights
TrainingData = TrainingSet | HeldOutMissions


def training_data(
    inputs: Mapping[str, xr.Dataset],
    configuration: MapConfiguration,
    *,
    name: str,
    missions: str = "",
    device: str = "cpu",
    checkpoint: str = "",
) -> TrainingData:
    """Observe a training period whose truth is known, or hold missions out, as is configured.

    Parameters
    ----------
    inputs : of a training
    configuration : of the networks
    name : of the method, for messages
    missions : as for :func:`oceanbench.assimilation.observations.superobservations.samples`
    device : of torch
    checkpoint : folder that keeps what those tracks observed, or nothing
    """
    if not configuration.supervised:
        return hold_out_missions(
            inputs,
            configuration,
            name=name,
            missions=missions,
            device=device,
            checkpoint=checkpoint,
        )
    return training_set(
        inputs,
        configuration,
        name=name,
        missions=missions,
        device=device,
        checkpoint=checkpoint,
    )


def train_members(  # noqa: PLR0913  (every option is a keyword)
    data: TrainingData,
    configuration: MapConfiguration,
    *,
    name: str,
    members: int,
    seed: int,
    device: str,
    about: str = "",
    checkpoint: str = "",
    compile_it: bool = False,
    team: Team | None = None,
    init: Mapping[str, Tensor] | None = None,
) -> dict[str, Tensor]:
    """Train members from consecutive seeds.

    The last days of the training period are for validation, as they were observed.

    Parameters
    ----------
    data : from :func:`training_data`
    configuration : of every member
    name : of the method, for messages
    members : how many
    seed : of the first
    device : of torch
    about : what else makes it this training
    checkpoint : folder that keeps every training, or nothing
    compile_it : see :func:`oceanbench.assimilation.fourdvarnet.compilation.compiled`
    team : of processes that train every member together, each with its part of the windows
    init : weights of such a training, from which to go on

    Returns
    -------
    weights of member i as ``i.…``, in half precision (they are used in single precision, or in
    bfloat16, which knows no more digits), the normalisation ``mean`` and ``deviation``, and the
    configuration as ``recipe.…``
    """
    sampler, normalisation, team = data.sampler(), data.normalisation, team or Team()
    team.check(configuration.batch, name)
    if not configuration.error_size:
        configuration = replace(configuration, error_size=sampler.error_size)
    validation = data.validation_windows(configuration.days).to(device)

    def make() -> FourDVarNet | LearnedDescent:
        made = network(configuration)
        return compiled(made, device) if compile_it else made

    kept = normalisation.tensors()
    if data.second is not None:
        kept |= data.second.tensors("second_")
    if data.along_track is not None:
        kept |= data.along_track.tensors()
    return ensembles.train_weights(
        make,
        lambda member: _task(member, configuration, sampler, validation, device, team),
        configuration,
        kept,
        name=name,
        members=members,
        seed=seed,
        schedule=TrainingSchedule(
            steps=configuration.steps,
            rate=configuration.rate,
            warm_up=50,
            floor=0.03,
            decay=DECAY,
            validations=20,
            average=configuration.average,
        ),
        about=f"{normalisation}, {about}",
        half=True,
        device=device,
        checkpoint=checkpoint,
        team=team,
        init=init,
    )


def check_begin(
    configuration: MapConfiguration,
    *,
    name: str,
    members: int = 1,
    init: Mapping[str, Tensor] | None = None,
    team: Team | None = None,
) -> None:
    """Refuse what cannot be trained, before the observations are looked at.

    Parameters
    ----------
    configuration, name, members, init, team : as for :func:`train_members`
    """
    (team or Team()).check(configuration.batch, name)
    if init is not None:
        for number in range(members):
            ensembles.begun(lambda: network(configuration), init, number, name=name)


def _task(
    member: FourDVarNet | LearnedDescent,
    configuration: MapConfiguration,
    sampler: PatchSampler,
    validation: Batch,
    device: str,
    team: Team,
) -> ensembles.Task:
    def draw(random: torch.Generator) -> tuple[Batch, int]:
        patches = sampler.draw(
            configuration.batch,
            configuration.days,
            configuration.crop,
            random,
            mirrored=configuration.mirrored,
        )
        return patches.part(team.number, team.count).to(device), iterations(random)

    def iterations(random: torch.Generator) -> int:
        usual = configuration.iterations
        if configuration.implicit:  # at the minimum, as near as an estimate gets
            return configuration.applied or usual
        if not configuration.varied:
            return usual
        return int(torch.randint(usual // 2, 2 * usual + 1, (), generator=random))

    share = 1.0 if configuration.supervised else sampler.known

    def loss(drawn: tuple[Batch, int], made: float) -> Tensor:
        batch, count = drawn
        if configuration.alternate:
            take_turns(member, made)
        found = member(*batch.given(), iterations=count)
        error, weight = (found - batch.wanted) / configuration.correction, batch.weight / share
        total = (weight * error.square()).mean()
        for axis in (-1, -2):
            count = error.shape[axis] - 1
            both = torch.minimum(weight.narrow(axis, 1, count), weight.narrow(axis, 0, count))
            slopes = (both * error.diff(dim=axis).square()).mean()
            total = total + configuration.slope_loss * slopes
        if configuration.prior_hidden and configuration.prior_loss:
            state = batch.wanted if configuration.supervised else found
            unlikely = state - member.prior(state)
            total = total + configuration.prior_loss * unlikely.square().mean()
        return cast(Tensor, total)

    def score() -> float:
        found = estimates(member, *validation.given())
        squares = validation.weight * (found - validation.wanted).square()
        return float(squares.sum() / validation.weight.sum())

    return ensembles.Task(draw, loss, score)
