"""Emulators of a reanalysis, trained on it.

An emulator is trained to be right on average over all days of its passes, each in units of the
error of damped persistence, so that no lead counts more than another. One that makes members is
trained by the fair CRPS of two.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
import xarray as xr
from torch import Tensor

from oceanbench.forecasting.anomalies import of_role
from oceanbench.forecasting.configuration import EmulatorRecipe
from oceanbench.forecasting.emulator import Emulator
from oceanbench.forecasting.normalised_anomalies import Departures, departures
from oceanbench.forecasting.training_pairs import Archive, Lesson
from oceanbench.learning import ensembles
from oceanbench.learning.training import Schedule, ramp

SAMPLED = 256  # starts from which damped persistence, the deviations and its errors are found
CHECKED_EVERY = 7  # days between starts of the validation
AT_ONCE = 16  # states


def train_members(
    inputs: Mapping[str, xr.Dataset],
    recipe: EmulatorRecipe,
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
    inputs : of the roles ``training``, ``validation`` and ``climatology``
    recipe : of every member
    name : of the method, for messages
    members : how many
    seed : of the first
    device : of torch
    checkpoint : folder that keeps every training, or nothing

    Returns
    -------
    weights of member i as ``i.…`` in half precision, the names of the variables, the normalisation
    ``centre`` and ``deviation``, and the recipe
    """
    learning, checking = archives(inputs)
    known = learning.known
    checks = checked(checking, recipe).to(device)
    factors, errors = damped(learning, recipe, seed)

    def make() -> Emulator:
        emulator = Emulator(recipe, len(known.sea))
        emulator.damp(factors)
        return emulator

    tensors = ensembles.train(
        make,
        lambda member: _task(member, recipe, learning, checks, errors.to(device), device),
        name=name,
        members=members,
        seed=seed,
        schedule=Schedule(
            steps=recipe.steps,
            rate=recipe.rate,
            warm_up=50,
            floor=0.02,
            decay=recipe.decay,
            validations=10,
            average=recipe.average,
        ),
        about=f"{recipe}, {known.parts}, {known.centre}, {known.deviation}",
        device=device,
        checkpoint=checkpoint,
    )
    return _described(known) | ensembles.as_tensors(recipe) | ensembles.halved(tensors)


def archives(inputs: Mapping[str, xr.Dataset]) -> tuple[Archive, Archive]:
    """Days to learn from and to choose by, in units of the deviation of the former."""
    training = of_role(inputs, "training")
    plain = departures(inputs, training)
    sampled = Archive(training, plain).draw(
        SAMPLED, 0, lag=0, crop=0, random=torch.Generator().manual_seed(0)
    )
    squared = (sampled.weight[:, 0] * sampled.first.square()).mean((0, 2, 3))
    deviation = squared.sqrt().double().numpy()
    known = departures(inputs, training, centre=plain.centre, deviation=deviation)
    return Archive(training, known), Archive(of_role(inputs, "validation"), known)


def checked(archive: Archive, recipe: EmulatorRecipe) -> Lesson:
    """Lesson of the validation: always the same starts, with the same errors."""
    days = recipe.days * recipe.passes
    starts = list(range(0, len(archive.days) - days, CHECKED_EVERY))
    random = torch.Generator().manual_seed(1)
    return archive.lesson(starts, days, lag=recipe.lag, crop=recipe.crop, random=random)


def damped(archive: Archive, recipe: EmulatorRecipe, seed: int) -> tuple[Tensor, Tensor]:
    r"""Damped persistence of spoilt states: its factors and squared errors, (days, channels).

    .. math:: k = \langle x_0 x_d \rangle / \langle x_0^2 \rangle
    """
    random = torch.Generator().manual_seed(seed)
    size, days = (len(archive.known.sea),), recipe.days * recipe.passes
    products, squares, first = torch.zeros(days, *size), torch.zeros(days, *size), torch.zeros(size)
    for _ in range(SAMPLED // AT_ONCE):
        lesson = archive.draw(AT_ONCE, days, lag=recipe.lag, crop=recipe.crop, random=random)
        start, weight = lesson.first[:, None], lesson.weight
        products += (weight * start * lesson.wanted).mean((0, 3, 4))
        squares += (weight * lesson.wanted.square()).mean((0, 3, 4))
        first += (weight * start.square()).mean((0, 1, 3, 4))
    factors = products / first
    return factors, (squares - factors * products) / (SAMPLED // AT_ONCE)


def _task(
    member: Emulator,
    recipe: EmulatorRecipe,
    learning: Archive,
    checks: Lesson,
    errors: Tensor,
    device: str,
) -> ensembles.Task:
    random_noise = torch.Generator()

    def draw(random: torch.Generator) -> Lesson:
        days = recipe.days * recipe.passes
        lesson = learning.draw(recipe.batch, days, lag=recipe.lag, crop=recipe.crop, random=random)
        random_noise.manual_seed(int(torch.randint(2**62, (), generator=random)))
        return lesson.to(device)

    def of(lesson: Lesson, passes: int) -> Tensor:
        return lesson_loss(member, lesson, errors, passes=passes, random=random_noise)

    def loss(lesson: Lesson, made: float) -> Tensor:
        return of(lesson, ramp(made, recipe.passes, least=1))

    def score() -> float:
        random_noise.manual_seed(2)
        parts = zip(*(torch.split(part, AT_ONCE) for part in checks), strict=True)
        scores = [(float(of(Lesson(*p), recipe.passes)), len(p[0])) for p in parts]
        return sum(s * n for s, n in scores) / len(checks.first)

    return ensembles.Task(draw, loss, score)


def lesson_loss(
    member: Emulator, lesson: Lesson, errors: Tensor, *, passes: int, random: torch.Generator
) -> Tensor:
    """Mean over days and channels, in units of the error of damped persistence.

    Squared errors; of an emulator with noise, the fair CRPS of two members,
    (|a - x| + |b - x| - |a - b|) / 2.
    """
    days = passes * member.days
    size = errors[:days, :, None, None]
    wanted = lesson.wanted[:, :days]

    def forecast() -> Tensor:
        return cast(Tensor, member(*lesson[:4], passes=passes, random=random))

    found = forecast()
    if not member.noise:
        return (lesson.weight * (found - wanted).square() / size).mean()
    other = forecast()
    scores = (found - wanted).abs() + (other - wanted).abs() - (found - other).abs()
    return (lesson.weight * scores / (2 * size.sqrt())).mean()


def _described(known: Departures) -> dict[str, Tensor]:
    return {
        "variables": torch.tensor(list(" ".join(known.parts).encode())),
        "centre": torch.as_tensor(known.centre),
        "deviation": torch.as_tensor(known.deviation),
    }
