"""Training of learned forecasts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from oceanbench.arrays import AnyFloatArray, BoolArray
from oceanbench.assimilation.fourdvarnet.forecasts.configuration import (
    ForecastConfiguration,
    network,
)
from oceanbench.assimilation.fourdvarnet.forecasts.direct_forecast import DirectForecast
from oceanbench.assimilation.fourdvarnet.forecasts.forecast_errors import (
    ForecastErrors,
    unsureness,
)
from oceanbench.assimilation.fourdvarnet.forecasts.inference import TrainedForecast
from oceanbench.assimilation.fourdvarnet.forecasts.learning_worlds import LearningWorlds
from oceanbench.assimilation.fourdvarnet.forecasts.normalised_scenes import Known, known
from oceanbench.assimilation.fourdvarnet.forecasts.scenes import Scenes
from oceanbench.assimilation.fourdvarnet.forecasts.trajectories import combined
from oceanbench.assimilation.fourdvarnet.solver import FourDVarNet
from oceanbench.learning import ensembles
from oceanbench.learning.training import TrainingSchedule

DECAY = 1e-3  # of the weights
RANKED = (1, 7)  # leads between which errors count in full, and by which a network is chosen
OTHERS = 0.3  # weight of the other leads
BEFORE = 0.02  # weight of a day before the start
AT_ONCE = 8  # scenes that are validated together


def train_forecast(
    worlds: LearningWorlds,
    configuration: ForecastConfiguration,
    *,
    name: str,
    seed: int,
    device: str,
    checkpoint: str = "",
    init: Mapping[str, Tensor] | None = None,
) -> dict[str, Tensor]:
    """Train a network on the scenes of some worlds.

    Parameters
    ----------
    worlds : to learn from
    configuration : of the network
    name : of the method, for messages
    seed : of the first weights and the scenes of a step
    device : of torch
    checkpoint : folder that keeps the training, or nothing
    init : weights of such a training, from which to go on

    Returns
    -------
    weights of the network in half precision, and all else that a forecast needs
    """
    learned, checked, weights, errors = worlds.scenes()
    ahead = learned.truth[:, configuration.past_days :]
    deviation = float(ahead.std())
    if not configuration.error_size:
        rows, columns = worlds.place.inner(configuration.margin)
        wrong = (combined(learned.runs, weights) - learned.truth) * worlds.sea
        usual = wrong[:, ranked(configuration), rows, columns]
        share = worlds.sea[rows, columns].mean()
        size = float(np.sqrt(np.mean(usual**2) / share) / deviation)
        configuration = replace(configuration, error_size=size)
    kept = {
        "deviation": torch.tensor(deviation),
        "combination": torch.as_tensor(weights),
        **errors.tensors(),
        **(worlds.around.tensors() if configuration.beside else {}),
    }

    def task(member: FourDVarNet | DirectForecast) -> ensembles.Task:
        about = (weights, deviation, worlds)
        return _task(member, configuration, learned, checked, *about, device)

    made = ensembles.train_weights(
        lambda: network(configuration),
        task,
        configuration,
        kept,
        name=name,
        members=1,
        seed=seed,
        schedule=TrainingSchedule(
            steps=configuration.steps,
            rate=configuration.rate,
            warm_up=50,
            floor=0.03,
            decay=DECAY,
            validations=10,
            average=configuration.average,
        ),
        about=f"{deviation}, {weights.tolist()}, {len(learned)}, {len(checked)}",
        half=True,
        device=device,
        checkpoint=checkpoint,
        init=init,
    )
    return made | _errors(made, checked, worlds, name=name, device=device).tensors()


def _errors(
    made: Mapping[str, Tensor], checked: Scenes, worlds: LearningWorlds, *, name: str, device: str
) -> ForecastErrors:
    """Errors of the forecasts of the starts that a network was chosen by, over the sea."""
    trained = TrainedForecast.of(made, name=name, device=device)
    margin, ahead = trained.configuration.margin, slice(trained.configuration.past_days, None)
    rows, columns = worlds.place.inner(margin)
    unguided = np.zeros(1, dtype=bool)
    error, unsure = [], []
    for number in range(len(checked)):
        forecast = trained.anomalies(checked, number, guided=unguided)
        error.append((checked.truth[number, ahead] - forecast)[..., rows, columns])
        unsure.append(unsureness(checked.runs[number, :, ahead])[..., rows, columns])
    known = np.where(worlds.sea[rows, columns], np.stack(error), np.nan)
    return ForecastErrors.fitted(known, np.stack(unsure), worlds.place.spacing_km)


def ranked(configuration: ForecastConfiguration) -> BoolArray:
    """Which slots are leads by which a network is chosen."""
    slots = configuration.slots
    found: BoolArray = (slots >= RANKED[0]) & (slots <= RANKED[1])
    return found


def importance(configuration: ForecastConfiguration) -> Tensor:
    """Weight of every slot in the loss, (slots, 1, 1)."""
    slots = configuration.slots
    weight = np.where(ranked(configuration), 1.0, np.where(slots < 0, BEFORE, OTHERS))
    return torch.as_tensor(weight / weight.sum(), dtype=torch.float32)[:, None, None]


def _task(
    member: FourDVarNet | DirectForecast,
    configuration: ForecastConfiguration,
    learned: Scenes,
    checked: Scenes,
    weights: AnyFloatArray,
    deviation: float,
    worlds: LearningWorlds,
    device: str,
) -> ensembles.Task:
    rows, columns = worlds.place.inner(configuration.margin)
    matters, chosen = importance(configuration).to(device), ranked(configuration)
    sea = worlds.sea[rows, columns]
    scored = torch.as_tensor(sea / np.sqrt(sea.mean()), dtype=torch.float32).to(device)

    def draw(random: torch.Generator) -> tuple[Known, int]:
        numbers = np.random.default_rng(int(torch.randint(2**62, (), generator=random)))
        some = numbers.integers(len(learned), size=configuration.batch)
        guided = numbers.random(configuration.batch) < configuration.guided
        told = {"guided": guided}
        if configuration.temperatures:
            told["warm"] = numbers.random(configuration.batch) < configuration.temperatures
        batch = known(learned, some, weights, deviation, configuration, **told)
        if configuration.mirrored:
            batch = batch.mirrored(numbers.random(configuration.batch) < 0.5)
        usual = configuration.iterations
        return batch.to(device), int(numbers.integers(usual // 2 + 1, 2 * usual))

    def found(batch: Known, count: int | None) -> Tensor:
        forecast: Tensor = member(
            batch.values, batch.observed, batch.first_guess, context=batch.context, iterations=count
        )
        return (forecast - batch.wanted)[..., rows, columns] * scored

    def loss(drawn: tuple[Known, int], made: float) -> Tensor:
        del made
        error = found(*drawn) / (configuration.error_size or 1.0)
        return (matters * error.square()).sum(1).mean()

    def score() -> float:
        squares = []
        for begin in range(0, len(checked), AT_ONCE):
            some = np.arange(begin, min(begin + AT_ONCE, len(checked)))
            unguided = np.zeros(some.size, dtype=bool)
            batch = known(checked, some, weights, deviation, configuration, guided=unguided)
            error = found(batch.to(device), None)[:, chosen]
            squares.append(error.square().mean((1, 2, 3)))
        return float(torch.cat(squares).mean().sqrt()) * deviation

    return ensembles.Task(draw, loss, score)
