"""Networks of the same kind from several seeds: trained, kept together, and loaded again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import Field, fields
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor

from oceanbench.errors import OceanbenchError
from oceanbench.learning.distributed import Team
from oceanbench.learning.training import TrainingSchedule, fit

Network = TypeVar("Network", bound=torch.nn.Module)


class Configuration(Protocol):
    """Numbers and words that a network is made of: a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


Kind = TypeVar("Kind", bound=Configuration)


class Task(NamedTuple):
    """What a network learns from, what it is to make small, and what validates it.

    Attributes
    ----------
    draw, loss, score : as :func:`oceanbench.learning.training.fit` has them
    """

    draw: Callable[[torch.Generator], object]
    loss: Callable[..., Tensor]
    score: Callable[[], float]


def train_weights(  # noqa: PLR0913  (every option is a keyword)
    make: Callable[[], Network],
    task: Callable[[Network], Task],
    configuration: Configuration,
    normalisation: Mapping[str, Tensor],
    *,
    name: str,
    members: int,
    seed: int,
    schedule: TrainingSchedule,
    about: str,
    half: bool = False,
    device: str = "cpu",
    checkpoint: str = "",
    team: Team | None = None,
    init: Mapping[str, Tensor] | None = None,
) -> dict[str, Tensor]:
    """All that is kept of a training of networks from consecutive seeds.

    Parameters
    ----------
    make : an untrained network
    task : of a network
    configuration : of every network
    normalisation : tensors, by the names that they are kept under
    name : of the method, for messages
    members : how many
    seed : of the first
    schedule : as in :func:`oceanbench.learning.training.fit`
    about : what else makes it this training, beside the configuration
    half : whether networks are kept in half precision
    device : of torch
    checkpoint : folder that keeps every training, or nothing
    team : of processes, as there
    init : weights of this or another training of the same networks, from which to go on

    Returns
    -------
    the normalisation, the configuration as ``recipe.…`` and weights of member i as ``i.…``
    """
    if members < 1:
        raise OceanbenchError(f"{name}: {members} members; train at least one")
    tensors: dict[str, Tensor] = {}
    for number in range(members):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed + number)
            network = make() if init is None else begun(make, init, number, name=name)
            network = network.to(device)
        file = Path(checkpoint) / f"{name}-{seed + number}.safetensors" if checkpoint else None
        fit(
            network,
            *task(network),
            schedule=schedule,
            seed=seed + number,
            checkpoint=file,
            label=f"{name}, member {number}",
            about=f"{configuration}, {about}{'' if init is None else f', from {_digest(init)}'}",
            team=team,
            begun=init is not None,
        )
        tensors |= {f"{number}.{k}": v for k, v in network.state_dict().items()}
    return {**normalisation, **as_tensors(configuration), **(halved(tensors) if half else tensors)}


def begun(
    make: Callable[[], Network], init: Mapping[str, Tensor], number: int, *, name: str
) -> Network:
    """Network of a number that goes on from weights.

    Parameters
    ----------
    make : an untrained network
    init : from :func:`train_weights`
    number : of the member
    name : of the method, for messages

    Raises
    ------
    OceanbenchError
        if the weights have fewer members, or are of another network
    """
    count = _members(init)
    if count and not number < count:
        raise OceanbenchError(
            f"{name}: --init has {count} networks, expected one for each member; train {count}, or "
            "begin anew"
        )
    try:
        (network,) = load_networks(make, init, name=name, member=number)
    except OceanbenchError as problem:
        raise OceanbenchError(
            f"{name}: --init has weights of a network of another shape; choose the preset and the "
            "inputs that they were trained with, or begin anew"
        ) from problem
    return network.train()


def load_networks(
    make: Callable[[], Network],
    weights: Mapping[str, Tensor],
    *,
    name: str,
    member: int = -1,
    device: str = "cpu",
) -> list[Network]:
    """Trained networks: one, or with -1 all.

    Parameters
    ----------
    make : an untrained network
    weights : from :func:`train_weights`
    name : of the method, for messages
    member : the number of the one
    device : of torch

    Raises
    ------
    OceanbenchError
        if there is no such member, or the weights are of another network
    """
    count = _members(weights)
    if count == 0:
        raise OceanbenchError(f"{name}: these are not its weights; train it")
    if not -1 <= member < count:
        raise OceanbenchError(f"{name}: no member {member}; there are {count}, from 0 on")
    networks = []
    for number in range(count) if member < 0 else [member]:
        network, prefix = make().to(device), f"{number}."
        own = {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
        try:
            network.load_state_dict(own)
        except RuntimeError as problem:
            raise OceanbenchError(
                f"{name}: these are not its weights on this challenge, or of a former "
                "version; train it"
            ) from problem
        networks.append(network.eval())
    return networks


def _members(weights: Mapping[str, Tensor]) -> int:
    return len({key.partition(".")[0] for key in weights if key[:1].isdigit()})


def _digest(weights: Mapping[str, Tensor]) -> str:
    found = hashlib.sha256()
    for name in sorted(weights):
        found.update(name.encode() + weights[name].cpu().contiguous().numpy().tobytes())
    return found.hexdigest()[:16]


def halved(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors in half precision, but for whole numbers: what is kept of networks for maps."""
    return {k: v.half() if v.is_floating_point() else v for k, v in tensors.items()}


def as_tensors(configuration: Configuration) -> dict[str, Tensor]:
    """Configuration as ``recipe.…``, to be kept with the weights; words are kept as their bytes."""
    kept = {}
    for field in fields(configuration):
        value = getattr(configuration, field.name)
        word = isinstance(value, str)
        kept[f"recipe.{field.name}"] = torch.tensor(list(value.encode()) if word else value)
    return kept


def check_update(found: str, presets: Iterable[str], name: str) -> None:
    """Refuse weights of a network that is none of a method's.

    Parameters
    ----------
    found : update of the network that the weights are of
    presets : updates of those of the method
    name : of the method, for the message
    """
    own = sorted(set(presets))
    if found not in own:
        raise OceanbenchError(
            f"{name}: weights of a network with update={found}, expected {' or '.join(own)}; train "
            "it, or run the method that they are of"
        )


def configuration_of(kind: type[Kind], weights: Mapping[str, Tensor], name: str) -> Kind:
    """Configuration that is kept with the weights of the method of a name.

    Fields that are newer than the weights have their default, which is what was done before.
    """
    prefix = "recipe."
    stored = {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
    unknown = stored.keys() - {field.name for field in fields(kind)}
    if unknown:
        raise OceanbenchError(
            f"{name}: the recipe of these weights has {', '.join(sorted(unknown))}, which is not "
            "known here; take the version that trained them, or train again"
        )
    try:
        kept = {
            key: bytes(value.tolist()).decode() if value.ndim else value.item()
            for key, value in stored.items()
        }
        if not kept:
            raise ValueError("no recipe")
        return kind(**kept)
    except (TypeError, ValueError) as problem:  # a field is missing, or no word
        raise OceanbenchError(f"{name}: these are not its weights; train it") from problem
