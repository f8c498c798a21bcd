"""Training of generative networks of windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
import xarray as xr
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.priors import parameters_of
from oceanbench.assimilation.fourdvarnet.windows.training_windows import (
    TrainingRuns,
    known_runs,
)
from oceanbench.assimilation.generative.configuration import (
    FLOW,
    GenerativeConfiguration,
    network,
)
from oceanbench.assimilation.generative.estimate_errors import (
    EstimateErrors,
    Lesson,
    Noise,
    lesson,
)
from oceanbench.assimilation.generative.objectives import loss
from oceanbench.assimilation.generative.residual_network import ResidualNetwork
from oceanbench.assimilation.window_batches import is_cyclic, model_of, process_noise, states
from oceanbench.errors import OceanbenchError
from oceanbench.learning import ensembles
from oceanbench.learning.training import TrainingSchedule

CHECKED = 384  # draws that validate, of as many windows or fewer


def train_network(
    inputs: Mapping[str, xr.Dataset],
    configuration: GenerativeConfiguration,
    *,
    name: str,
    seed: int,
    device: str,
    checkpoint: str = "",
    init: Mapping[str, Tensor] | None = None,
) -> dict[str, Tensor]:
    """Train a network on windows of known states, observed anew with fresh noise in every step.

    Parameters
    ----------
    inputs : states and observations of the roles training and validation
    configuration : of the network
    name : of the method, for messages
    seed : of its weights and of what it learns from
    device : of torch
    checkpoint : folder that keeps the training, or nothing
    init : weights of such a training, from which to go on

    Returns
    -------
    weights as ``0.…``, the normalisation ``mean`` and ``deviation``, and the configuration
    """
    cyclic, told = is_cyclic(inputs), "no model"
    learning = known_runs(inputs, "training", configuration.length, cyclic=cyclic, name=name)
    checking = known_runs(inputs, "validation", learning.length, cyclic=cyclic, name=name)
    if configuration.simulated:
        known = simulated(inputs, configuration.simulated, learning.length, seed=seed)
        learning = replace(learning, known=known)
        told = f"model {parameters_of(model_of(inputs).tendency)}"
    return ensembles.train_weights(
        lambda: network(configuration, len(learning.scales.mean), cyclic=cyclic),
        lambda made: _task(made, configuration, learning, checking, device),
        configuration,
        {"mean": learning.scales.mean, "deviation": learning.scales.deviation},
        name=name,
        members=1,
        seed=seed,
        schedule=TrainingSchedule(
            steps=configuration.steps,
            rate=configuration.rate,
            warm_up=50,
            average=configuration.average,
            validations=configuration.validations,
        ),
        about=f"{told}, mean {learning.scales.mean.tolist()}",
        device=device,
        checkpoint=checkpoint,
        init=init,
    )


def simulated(inputs: Mapping[str, xr.Dataset], count: int, times: int, *, seed: int) -> Tensor:
    """Windows that the model told makes, driven by the noise that is told.

    Parameters
    ----------
    inputs : whose known training states they begin with, drawn at random
    count : of the windows
    times : of each
    seed : of first states and noise

    Returns
    -------
    (count, times, components)
    """
    random, model = torch.Generator().manual_seed(seed), model_of(inputs)
    known = states(inputs)
    assert known is not None
    every = known.flatten(0, 1)
    state = every[torch.randint(len(every), (count,), generator=random)]
    deviation = (process_noise(inputs) * model.interval) ** 0.5
    found = [state]
    for _ in range(times - 1):
        noise = torch.randn(state.shape, generator=random, dtype=state.dtype)
        state = model.advance(state) + deviation * noise
        found.append(state)
    return torch.stack(found, 1)


def _task(
    made: ResidualNetwork,
    configuration: GenerativeConfiguration,
    learning: TrainingRuns,
    checking: TrainingRuns,
    device: str,
) -> ensembles.Task:
    """What a network learns from, what it is to make small, and what validates it."""
    count = 1 if configuration.learns == FLOW else configuration.draws
    if configuration.learns != FLOW and count < 2:
        raise OceanbenchError(f"draws={count}: scoring rules judge at least 2 draws")

    def errors_of(runs: TrainingRuns) -> EstimateErrors:
        return EstimateErrors.of(runs.climate, runs.covariance, start=configuration.start)

    def drawn(
        runs: TrainingRuns, errors: EstimateErrors, windows: int, random: torch.Generator
    ) -> tuple[Lesson, Tensor]:
        given, truth = runs.observed_states(windows, random)
        times, components = truth.shape[1:]
        noise = [Noise.of(windows, times, components, random) for _ in range(count)]
        time = torch.rand(windows, generator=random)
        return lesson(errors, given, truth, noise, runs.scales).to(device), time.to(device)

    errors = errors_of(learning)
    checks, moments = drawn(
        checking, errors_of(checking), CHECKED // count, torch.Generator().manual_seed(0)
    )

    def draw(random: torch.Generator) -> tuple[Lesson, Tensor]:
        return drawn(learning, errors, configuration.batch, random)

    return ensembles.Task(
        draw,
        lambda batch, _: loss(made, configuration, *batch),
        lambda: float(loss(made, configuration, checks, moments)),
    )
