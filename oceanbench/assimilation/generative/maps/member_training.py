"""Training of networks of members of maps, and the size of their spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.maps.map_grid import MARGIN
from oceanbench.assimilation.generative.maps.base_estimates import OF_MAPPINGS, BaseEstimates
from oceanbench.assimilation.generative.maps.configuration import (
    MemberConfiguration,
    member_network,
)
from oceanbench.assimilation.generative.maps.contexts import REACH, ErrorScale
from oceanbench.assimilation.generative.maps.drawn_maps import MemberMaps
from oceanbench.assimilation.generative.maps.member_lessons import (
    SPIN_UP,
    MapLesson,
    MapLessons,
    loss,
)
from oceanbench.assimilation.generative.maps.member_network import MemberNetwork
from oceanbench.assimilation.generative.maps.simulated_scenes import SceneMaker
from oceanbench.assimilation.uncertainty.error_samples import Members, spread_factor
from oceanbench.errors import OceanbenchError
from oceanbench.learning import ensembles
from oceanbench.learning.kept_arrays import Arrays
from oceanbench.learning.tensor_files import read_tensors
from oceanbench.learning.training import TrainingSchedule

CHOOSING_DAYS, GAP_DAYS = 90, 14  # that choose the weights; between them and those learned from
CHOOSING_EVERY = 6  # of those days
CALIBRATING = 32  # members


def train_members(
    inputs: Mapping[str, xr.Dataset],
    configuration: MemberConfiguration,
    bases: BaseEstimates,
    *,
    name: str,
    seed: int,
    missions: str = "",
    device: str = "cpu",
    checkpoint: str = "",
    init: Mapping[str, Tensor] | None = None,
) -> dict[str, Tensor]:
    """Train a network on simulated seas, whose last days choose its weights, and calibrate it.

    Parameters
    ----------
    inputs : tracks, and maps of role ``training``
    configuration : of the network
    bases : mappings that it draws about
    name : of the method, for messages
    seed : of its first weights and of what is drawn
    missions : that fly; by default those not optional
    device : of torch
    checkpoint : folder that keeps scenes and training, or nothing
    init : weights of such a training, from which to go on

    Returns
    -------
    weights as ``0.…``, units, ``spread``, the configuration as ``recipe.…`` and the mappings
    """
    maker = SceneMaker(inputs, bases, missions, configuration.worlds, checkpoint)
    learned, checked = parted(maker.simulated())
    edge = round(MARGIN / bases.mappings[0].configuration.step_degrees)
    scale = error_scale(learned, edge)
    learning, checking = (MapLessons.of(some, scale, edge) for some in (learned, checked))
    weights = ensembles.train_weights(
        lambda: member_network(configuration),
        lambda made: _task(made, configuration, learning, checking, device),
        configuration,
        {key: torch.tensor(value) for key, value in asdict(scale).items()},
        name=name,
        members=1,
        seed=seed,
        schedule=TrainingSchedule(
            steps=configuration.steps,
            rate=configuration.rate,
            warm_up=50,
            floor=0.02,
            decay=configuration.decay,
            validations=10,
            average=configuration.average,
        ),
        about=f"{scale}, {bases.made_of}, {missions}",
        half=True,
        device=device,
        checkpoint=checkpoint,
        init=init,
    )
    (network,) = ensembles.load_networks(
        lambda: member_network(configuration), weights, name=name, device=device
    )
    spread = calibrated(MemberMaps(network, bases, scale, 1.0, device), maker, edge)
    return weights | {"spread": torch.tensor(spread)} | bases.tensors()


def calibrated(maps: MemberMaps, maker: SceneMaker, edge: int) -> float:
    """Factor that makes deviations as large as errors on the days that validate the mappings.

    The last days, whose windows reach beyond all observations, do not count.

    Parameters
    ----------
    maps : to be calibrated, whose ``spread`` is one
    maker : of scenes
    edge : rows and columns of the margin, whose errors do not count
    """
    beyond = max(maps.bases.mappings[0].configuration.days // 2, REACH)
    scene, truth = maker.validation(beyond)
    mean, deviations = maps.parts(scene, CALIBRATING, seed=0)
    rows, columns = (slice(edge, side - edge) for side in truth.shape[1:])
    inside = np.s_[..., beyond - REACH : len(truth) - beyond - REACH, rows, columns]
    known = truth[REACH : len(truth) - REACH]
    return spread_factor([Members((mean + deviations)[inside])], [known[inside]])


def parted(scenes: Sequence[Arrays]) -> tuple[list[Arrays], list[Arrays]]:
    """Scenes to learn from, and the last days of the last, which are not learned from."""
    *others, last = scenes
    first = len(last["truth"]) - CHOOSING_DAYS
    if first - GAP_DAYS <= 2 * SPIN_UP + 1:
        raise OceanbenchError(
            f"{first + CHOOSING_DAYS} days of training maps: expected at least "
            f"{CHOOSING_DAYS + GAP_DAYS + 2 * SPIN_UP + 2}; give a longer training period"
        )
    parts = slice(first - GAP_DAYS), slice(first, None)
    learned, checked = (
        {k: v[:, days] if k in OF_MAPPINGS else v[days] for k, v in last.items()} for days in parts
    )
    return [*others, learned], [checked]


def error_scale(scenes: Sequence[Arrays], edge: int) -> ErrorScale:
    """Units of a network that learns from scenes.

    Parameters
    ----------
    scenes : with their ``truth``
    edge : rows and columns of their margin, whose errors do not count
    """
    truth = torch.cat([torch.as_tensor(scene["truth"]) for scene in scenes]).double()
    errors = torch.cat(
        [torch.as_tensor(scene["estimates"].mean(0) - scene["truth"]) for scene in scenes]
    ).double()
    inside = errors[:, edge : errors.shape[1] - edge, edge : errors.shape[2] - edge]
    size = float(inside.square().mean().sqrt()) or 1.0
    return ErrorScale(float(truth.mean()), float(truth.std()) or 1.0, size)


def weights_of_mappings(files: str, name: str) -> list[dict[str, Tensor]]:
    """Weights of mappings, from their files.

    Parameters
    ----------
    files : safetensors, comma-separated
    name : of the method, for messages

    Raises
    ------
    OceanbenchError
        if there are none, or one cannot be read
    """
    paths = [Path(file.strip()) for file in files.split(",") if file.strip()]
    if not paths:
        raise OceanbenchError(
            f"{name}: bases={files!r}: expected files of weights of learned mappings; give for "
            "example baselines/weights/ssh_osse_jet_noisy/fourdvarnet.safetensors"
        )
    cure = f"{name} reads it for bases={files!r}: give files of weights of learned mappings"
    return [read_tensors(path, cure)[0] for path in paths]


def _task(
    made: MemberNetwork,
    configuration: MemberConfiguration,
    learning: MapLessons,
    checking: MapLessons,
    device: str,
) -> ensembles.Task:
    c = configuration
    checks = checking.every(made, CHOOSING_EVERY, c.draws).to(device)

    def draw(random: torch.Generator) -> MapLesson:
        return learning.drawn(made, c.pairs, c.draws, c.crop, random).to(device)

    def judged(lesson: MapLesson) -> Tensor:
        return loss(made, lesson, reduced=c.reduced, slopes=c.slopes)

    return ensembles.Task(draw, lambda lesson, _: judged(lesson), lambda: float(judged(checks)))
