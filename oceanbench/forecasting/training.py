"""Emulators of a reanalysis, trained on it.

An emulator is trained to be right on average over all days of its passes, each in units of the
error of damped persistence, so that no lead counts more than another. One that makes members is
trained by the fair CRPS of two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

import torch
import xarray as xr
from torch import Tensor

from oceanbench.forecasting.anomalies import of_role
from oceanbench.forecasting.configuration import EmulatorConfiguration
from oceanbench.forecasting.emulator import Emulator
from oceanbench.forecasting.normalised_anomalies import NormalisedAnomalies, normalised_anomalies
from oceanbench.forecasting.training_pairs import Archive, TrainingPairs
from oceanbench.learning import ensembles
from oceanbench.learning.precision import in_bfloat16
from oceanbench.learning.training import TrainingSchedule, ramp

SAMPLED = 256  # starts from which damped persistence, the deviations and its errors are found
CHECKED_EVERY = 7  # days between starts of the validation
AT_ONCE = 16  # states


def train_members(
    inputs: Mapping[str, xr.Dataset],
    configuration: EmulatorConfiguration,
    *,
    name: str,
    members: int,
    seed: int,
    device: str,
    checkpoint: str = "",
    precision: str = "auto",
    init: Mapping[str, Tensor] | None = None,
) -> dict[str, Tensor]:
    """Train members from consecutive seeds.

    Parameters
    ----------
    inputs : of the roles ``training``, ``validation`` and ``climatology``
    configuration : of every member
    name : of the method, for messages
    members : how many
    seed : of the first
    device : of torch
    checkpoint : folder that keeps every training, or nothing
    precision : of the convolutions, see :func:`oceanbench.learning.precision.in_bfloat16`
    init : weights of such a training, from which to go on

    Returns
    -------
    weights of member i as ``i.…`` in half precision, the names of the variables, the normalisation
    ``centre`` and ``deviation``, and the configuration
    """
    reduced = in_bfloat16(precision, device, usual=configuration.reduced)
    configuration = replace(configuration, reduced=reduced)
    learning, checking = archives(inputs)
    known = learning.known
    validation = validation_pairs(checking, configuration).to(device)
    factors, errors = damped(learning, configuration, seed)

    def make() -> Emulator:
        emulator = Emulator(configuration, len(known.sea))
        emulator.damp(factors)
        return emulator

    return ensembles.train_weights(
        make,
        lambda member: _task(
            member, configuration, learning, validation, errors.to(device), device
        ),
        configuration,
        _described(known),
        name=name,
        members=members,
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
        about=f"{known.parts}, {known.centre}, {known.deviation}",
        half=True,
        device=device,
        checkpoint=checkpoint,
        init=init,
    )


def archives(inputs: Mapping[str, xr.Dataset]) -> tuple[Archive, Archive]:
    """Days to learn from and to choose by, in units of the deviation of the former."""
    training = of_role(inputs, "training")
    plain = normalised_anomalies(inputs, training)
    sampled = Archive(training, plain).draw(
        SAMPLED, 0, lag=0, crop=0, random=torch.Generator().manual_seed(0)
    )
    squared = (sampled.weight[:, 0] * sampled.first.square()).mean((0, 2, 3))
    deviation = squared.sqrt().double().numpy()
    known = normalised_anomalies(inputs, training, centre=plain.centre, deviation=deviation)
    return Archive(training, known), Archive(of_role(inputs, "validation"), known)


def validation_pairs(archive: Archive, configuration: EmulatorConfiguration) -> TrainingPairs:
    """Pairs of the validation: always the same starts, with the same errors."""
    days = configuration.days * configuration.passes
    starts = list(range(0, len(archive.days) - days, CHECKED_EVERY))
    random = torch.Generator().manual_seed(1)
    return archive.pairs(
        starts, days, lag=configuration.lag, crop=configuration.crop, random=random
    )


def damped(
    archive: Archive, configuration: EmulatorConfiguration, seed: int
) -> tuple[Tensor, Tensor]:
    r"""Damped persistence of perturbed states: its factors and squared errors, (days, channels).

    .. math:: k = \langle x_0 x_d \rangle / \langle x_0^2 \rangle
    """
    random = torch.Generator().manual_seed(seed)
    size, days = (len(archive.known.sea),), configuration.days * configuration.passes
    products, squares, first = torch.zeros(days, *size), torch.zeros(days, *size), torch.zeros(size)
    for _ in range(SAMPLED // AT_ONCE):
        pairs = archive.draw(
            AT_ONCE, days, lag=configuration.lag, crop=configuration.crop, random=random
        )
        start, weight = pairs.first[:, None], pairs.weight
        products += (weight * start * pairs.wanted).mean((0, 3, 4))
        squares += (weight * pairs.wanted.square()).mean((0, 3, 4))
        first += (weight * start.square()).mean((0, 1, 3, 4))
    factors = products / first
    return factors, (squares - factors * products) / (SAMPLED // AT_ONCE)


def _task(
    member: Emulator,
    configuration: EmulatorConfiguration,
    learning: Archive,
    validation: TrainingPairs,
    errors: Tensor,
    device: str,
) -> ensembles.Task:
    random_noise = torch.Generator()

    def draw(random: torch.Generator) -> TrainingPairs:
        days = configuration.days * configuration.passes
        pairs = learning.draw(
            configuration.batch, days, lag=configuration.lag, crop=configuration.crop, random=random
        )
        random_noise.manual_seed(int(torch.randint(2**62, (), generator=random)))
        return pairs.to(device)

    def of(pairs: TrainingPairs, passes: int) -> Tensor:
        return forecast_loss(member, pairs, errors, passes=passes, random=random_noise)

    def loss(pairs: TrainingPairs, made: float) -> Tensor:
        return of(pairs, ramp(made, configuration.passes, least=1))

    def score() -> float:
        random_noise.manual_seed(2)
        parts = zip(*(torch.split(part, AT_ONCE) for part in validation), strict=True)
        scores = [(float(of(TrainingPairs(*p), configuration.passes)), len(p[0])) for p in parts]
        return sum(s * n for s, n in scores) / len(validation.first)

    return ensembles.Task(draw, loss, score)


def forecast_loss(
    member: Emulator, pairs: TrainingPairs, errors: Tensor, *, passes: int, random: torch.Generator
) -> Tensor:
    """Mean over days and channels, in units of the error of damped persistence.

    Squared errors; of an emulator with noise, the fair CRPS of two members,
    (|a - x| + |b - x| - |a - b|) / 2.
    """
    days = passes * member.days
    size = errors[:days, :, None, None]
    wanted = pairs.wanted[:, :days]

    def forecast() -> Tensor:
        return cast(Tensor, member(*pairs[:4], passes=passes, random=random))

    found = forecast()
    if not member.noise:
        return (pairs.weight * (found - wanted).square() / size).mean()
    other = forecast()
    scores = (found - wanted).abs() + (other - wanted).abs() - (found - other).abs()
    return (pairs.weight * scores / (2 * size.sqrt())).mean()


def _described(known: NormalisedAnomalies) -> dict[str, Tensor]:
    return {
        "variables": torch.tensor(list(" ".join(known.parts).encode())),
        "centre": torch.as_tensor(known.centre),
        "deviation": torch.as_tensor(known.deviation),
    }
