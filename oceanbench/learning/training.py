"""Training of a network: a fixed number of steps, the best weights by validation, resumable."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from oceanbench.errors import OceanbenchError
from oceanbench.learning import history
from oceanbench.learning.checkpoints import Progress, keep, resumed
from oceanbench.learning.distributed import Team
from oceanbench.progress import progress

Batch = TypeVar("Batch")
RECENT = 0.95  # of the mean of the loss that is shown, what a step leaves
MOST_LOST = 50  # steps in a row without a finite gradient: no bad batch then, but a bad training


@dataclass(frozen=True)
class TrainingSchedule:
    """How long and how fast a network learns.

    Attributes
    ----------
    steps : of the optimiser; a number and no time, so that a training can be repeated
    rate : of learning, at its highest
    warm_up : steps in which the rate rises to that, before it falls along a cosine
    floor : fraction of the rate that is left at the end
    decay : of the weights per step, in units of the rate
    clip : longest gradient; a longer one is shortened to it
    validations : how often the network is validated, the last time at the end
    average : how much of a running mean of the weights a step leaves, at most; what is validated
        and kept is this mean, and not the weights of the last step. 0 for those
    """

    steps: int
    rate: float = 5e-3
    warm_up: int = 20
    floor: float = 0.01
    decay: float = 0.0
    clip: float = 1.0
    validations: int = 10
    average: float = 0.0

    def rate_at(self, step: int) -> float:
        """Rate of a step, the first of which is number 0."""
        rising = min(1.0, (step + 1) / max(self.warm_up, 1))
        falling = 0.5 * (1.0 + math.cos(math.pi * step / self.steps))
        return self.rate * rising * max(self.floor, falling)

    def kept_at(self, step: int) -> float:
        """How much of the mean a step leaves: less at first, when the weights change fast."""
        return min(self.average, (step + 1.0) / (step + 10.0))

    def validates_after(self, step: int) -> bool:
        """Whether the network is validated after a step."""
        done = step + 1
        return done * self.validations // self.steps > step * self.validations // self.steps


def ramp(progress_made: float, most: int, *, least: int = 4, until: float = 0.5) -> int:
    """Iterations of an unrolled solver at a part of its training: few at first, which is cheaper.

    >>> [ramp(made, 10) for made in (0.0, 0.25, 0.5, 0.9)]
    [4, 7, 10, 10]
    """
    least = min(least, most)
    return min(most, least + int((most - least) * progress_made / until))


def fit(  # noqa: PLR0913  (every option is a keyword)
    network: torch.nn.Module,
    draw: Callable[[torch.Generator], Batch],
    loss: Callable[[Batch, float], Tensor],
    score: Callable[[], float],
    *,
    schedule: TrainingSchedule,
    seed: int,
    checkpoint: Path | None = None,
    label: str = "training",
    about: str = "",
    team: Team | None = None,
    begun: bool = False,
) -> Progress:
    """Train a network; it ends with the weights that validated best.

    Parameters
    ----------
    network : in which only parameters that require a gradient change
    draw : a batch; all chance of the training is in the generator that it is handed
    loss : of a batch, when a part (0 to 1) of the training is done
    score : of the network on data that it does not learn from, the lower the better
    schedule : of the training
    seed : of the generator
    checkpoint : file that keeps the training where it was last validated: one that was
        interrupted resumes there, and ends with the same weights
    label : of the progress bar
    about : what else makes it this training: a checkpoint is of no other
    team : of processes that train the network together, each with its part of every batch that
        ``draw`` draws; the first one keeps the checkpoint
    begun : whether the network was trained before: then what it begins with is validated too, and
        kept if nothing is better

    Returns
    -------
    the best score, the weights it was reached with, and all scores

    Raises
    ------
    OceanbenchError
        if it never validates with a finite score, gradients are no numbers for :data:`MOST_LOST`
        steps in a row (or all that there are), or the checkpoint is of another training
    """
    random = torch.Generator().manual_seed(seed)
    learning = [p for p in network.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(learning, lr=schedule.rate, weight_decay=schedule.decay)
    about = json.dumps([label, seed, about, asdict(schedule)])
    made, team = Progress(), team or Team()
    if checkpoint is not None and checkpoint.is_file():
        made = resumed(checkpoint, about, network, optimiser, random)
    elif begun:
        _validate(made, _copied(network), network, score)
    steps, recent = range(made.step, schedule.steps), math.nan

    def state() -> str:
        said = f"loss {recent:.4g}"
        if made.scores:
            said += f", validation {made.scores[-1]:.4g}, best {made.best:.4g}"
        return said

    for step in steps if team.number else progress(steps, label, state):
        network.train()
        for group in optimiser.param_groups:
            group["lr"] = schedule.rate_at(step)
        optimiser.zero_grad(set_to_none=True)
        found = loss(draw(random), step / schedule.steps)
        found.backward()  # type: ignore[no-untyped-call]
        latest = float(found.detach())
        recent = latest if math.isnan(recent) else RECENT * recent + (1.0 - RECENT) * latest
        team.average(learning)
        length = torch.nn.utils.clip_grad_norm_(learning, schedule.clip)
        if bool(length.isfinite()):
            optimiser.step()
            made.lost = 0
        else:
            made.lost += 1
        if made.lost >= min(MOST_LOST, schedule.steps):
            raise OceanbenchError(
                f"{label}: no finite gradient in {made.lost} steps in a row, the last of them "
                f"{step + 1}; learn slower, or look for values in the data that are no numbers"
            )
        _average(made, network, schedule.kept_at(step))
        if schedule.validates_after(step):
            _validate(made, made.average, network, score)
            made.step = step + 1
            if checkpoint is not None and not team.number:
                keep(checkpoint, about, network, optimiser, random, made)
        if not team.number:
            validated = (made.scores[-1], made.best) if made.step == step + 1 else None
            history.note(label, step + 1, schedule.steps, recent, validated)
    if not made.weights:
        raise OceanbenchError(f"{label}: no finite score in {schedule.steps} steps; learn slower")
    network.load_state_dict(made.weights)
    network.eval()
    return made


def _validate(
    made: Progress,
    weights: dict[str, Tensor],
    network: torch.nn.Module,
    score: Callable[[], float],
) -> None:
    """Score a network with some weights, and keep them if none were better; it keeps its own."""
    last = _copied(network)
    network.load_state_dict(weights)
    network.eval()
    with torch.no_grad():
        made.scores.append(score())
    network.load_state_dict(last)
    if made.scores[-1] < made.best:
        made.best = made.scores[-1]
        made.weights = {k: v.clone() for k, v in weights.items()}


def _copied(network: torch.nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def _average(made: Progress, network: torch.nn.Module, kept: float) -> None:
    """Move the running mean of the weights toward the network's, or begin it with those."""
    now = network.state_dict()
    if not made.average or not kept:
        made.average = _copied(network)
        return
    for name, mean in made.average.items():
        if mean.is_floating_point():
            mean.lerp_(now[name], 1.0 - kept)
        else:
            mean.copy_(now[name])
