"""Checkpoints of a training: safetensors that appear whole or not at all, and no pickle."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors import torch as safetensors
from torch import Tensor

from oceanbench.data.files import write_bytes
from oceanbench.errors import OceanbenchError, in_one_line


@dataclass
class Progress:
    """Where a training stands: what a checkpoint keeps beside the network and the optimiser.

    ``lost`` are the steps without a finite gradient since the last that had one.
    """

    step: int = 0
    lost: int = 0
    best: float = math.inf
    weights: dict[str, Tensor] = field(default_factory=dict)
    scores: list[float] = field(default_factory=list)
    average: dict[str, Tensor] = field(default_factory=dict)


def keep(
    path: Path,
    about: str,
    network: torch.nn.Module,
    optimiser: torch.optim.Optimizer,
    random: torch.Generator,
    made: Progress,
) -> None:
    """Write a checkpoint; it appears whole or not at all."""
    tensors = {f"network.{k}": v for k, v in network.state_dict().items()}
    tensors |= {f"best.{k}": v for k, v in made.weights.items()}
    tensors |= {f"average.{k}": v for k, v in made.average.items()}
    for number, moments in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{number}.{k}": v for k, v in moments.items()}
    tensors["random"] = random.get_state()
    tensors["scores"] = torch.tensor(made.scores, dtype=torch.float64)
    metadata = {"about": about, "step": str(made.step), "lost": str(made.lost)}
    copies = {k: v.detach().clone().contiguous() for k, v in tensors.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(safetensors.save(copies, metadata), path)


def resumed(
    path: Path,
    about: str,
    network: torch.nn.Module,
    optimiser: torch.optim.Optimizer,
    random: torch.Generator,
) -> Progress:
    """Set network, optimiser and generator to where a checkpoint left them."""
    try:
        content = path.read_bytes()
        tensors = safetensors.load(content)
        length = int.from_bytes(content[:8], "little")
        metadata = json.loads(content[8 : 8 + length]).get("__metadata__", {})
    except (OSError, SafetensorError) as problem:
        raise OceanbenchError(f"{path}: not a whole checkpoint ({problem}); remove it") from problem
    if metadata.get("about") != about:
        raise OceanbenchError(
            f"{path}: the checkpoint of a training with other options; remove it, or name another "
            "folder"
        )
    try:
        made = _restored(tensors, int(metadata["step"]), network, optimiser, random)
        made.lost = int(metadata.get("lost", 0))
    except (KeyError, TypeError, ValueError, RuntimeError) as problem:
        reason = in_one_line(problem, 120)
        raise OceanbenchError(
            f"{path}: not the checkpoint of this network ({reason}); remove it, or name another "
            "folder"
        ) from problem
    return made


def _restored(
    tensors: Mapping[str, Tensor],
    step: int,
    network: torch.nn.Module,
    optimiser: torch.optim.Optimizer,
    random: torch.Generator,
) -> Progress:
    scores = tensors["scores"].tolist()
    best = min((s for s in scores if s < math.inf), default=math.inf)
    device = next(network.parameters()).device
    weights, average = (
        {name: tensor.to(device) for name, tensor in _below(prefix, tensors).items()}
        for prefix in ("best.", "average.")
    )
    for part in (average, weights, _below("network.", tensors)):  # each must fit; the last stays
        network.load_state_dict(part, strict=bool(part))
    state: dict[int, dict[str, Any]] = {}
    for key, value in _below("optimiser.", tensors).items():
        number, _, moment = key.partition(".")
        state.setdefault(int(number), {})[moment] = value
    optimiser.load_state_dict(optimiser.state_dict() | {"state": state})
    random.set_state(tensors["random"])
    return Progress(step, best=best, weights=weights, scores=scores, average=average)


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
