"""Training of networks of members of maps, and the size of their spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import torch
import xarray as xr
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.maps.map_grid import MARGIN
from oceanbench.assimilation.generative.maps.base_estimates import OF_MAPPINGS, BaseEstimates
from oceanbench.assimilation.generative.maps.configuration import (
    MemberConfiguration,
    member_network,
)
from oceanbench.assimilation.generative.maps.contexts import ErrorScale
from oceanbench.assimilation.generative.maps.member_lessons import (
    SPIN_UP,
    MapLesson,
    MapLessons,
    loss,
    predicted,
)
from oceanbench.assimilation.generative.maps.member_network import MemberNetwork
from oceanbench.assimilation.generative.maps.simulated_scenes import SceneMaker
from oceanbench.errors import OceanbenchError
from oceanbench.learning import ensembles
from oceanbench.learning.kept_arrays import Arrays
from oceanbench.learning.training import TrainingSchedule

CHECKED_DAYS, GAP_DAYS = 90, 14  # that choose the weights and calibrate; between them and others
CHECKED_EVERY = 6  # of those days, to choose by
CALIBRATED_EVERY, CALIBRATED_DRAWS = 3, 32  # of those days, and draws of each, to calibrate by


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
    """Train a network on simulated seas; their last days choose its weights and calibrate it.

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
    scenes = SceneMaker(inputs, bases, missions, configuration.worlds, checkpoint).simulated()
    learned, checked = parted(scenes)
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
    drawn = checking.every(network, CALIBRATED_EVERY, CALIBRATED_DRAWS)
    spread = spread_factor(network, drawn)
    return weights | {"spread": torch.tensor(spread)} | bases.tensors()


def parted(scenes: Sequence[Arrays]) -> tuple[list[Arrays], list[Arrays]]:
    """Scenes to learn from, and the last days of the last, which are not learned from."""
    *others, last = scenes
    first = len(last["truth"]) - CHECKED_DAYS
    if first - GAP_DAYS <= 2 * SPIN_UP + 1:
        raise OceanbenchError(
            f"{first + CHECKED_DAYS} days of training maps: expected at least "
            f"{CHECKED_DAYS + GAP_DAYS + 2 * SPIN_UP + 2}; give a longer training period"
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


def spread_factor(network: MemberNetwork, lesson: MapLesson) -> float:
    r"""Factor that makes deviations as large as errors: :math:`\sqrt{\langle e^2 \rangle / s^2}`.

    Parameters
    ----------
    network : trained
    lesson : days that it did not learn from
    """
    with torch.inference_mode():
        mean, deviations = predicted(network, lesson, reduced=False)
    return float(((lesson.error - mean).square().mean() / deviations.square().mean()).sqrt())


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
    try:
        return [load_file(path) for path in paths]
    except (OSError, SafetensorError) as problem:
        raise OceanbenchError(
            f"{name}: bases={files!r}: not all can be read ({problem}); give files of weights"
        ) from problem


def _task(
    made: MemberNetwork,
    configuration: MemberConfiguration,
    learning: MapLessons,
    checking: MapLessons,
    device: str,
) -> ensembles.Task:
    c = configuration
    checks = checking.every(made, CHECKED_EVERY, c.draws).to(device)

    def draw(random: torch.Generator) -> MapLesson:
        return learning.drawn(made, c.pairs, c.draws, c.crop, random).to(device)

    def judged(lesson: MapLesson) -> Tensor:
        return loss(made, lesson, reduced=c.reduced, slopes=c.slopes)

    return ensembles.Task(draw, lambda lesson, _: judged(lesson), lambda: float(judged(checks)))
