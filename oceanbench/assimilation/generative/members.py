"""Members of the posteriors of windows, by trained generative networks."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import xarray as xr
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.windows.training_windows import Scales
from oceanbench.assimilation.gaussian import window_interpolation
from oceanbench.assimilation.generative.configuration import GenerativeConfiguration, network
from oceanbench.assimilation.generative.estimate_errors import EstimateErrors, Noise, lesson
from oceanbench.assimilation.generative.flow import EVALUATIONS
from oceanbench.assimilation.generative.objectives import draws
from oceanbench.assimilation.window_batches import is_cyclic, observations
from oceanbench.errors import OceanbenchError
from oceanbench.learning import ensembles
from oceanbench.progress import progress

LEAST_MEMBERS = 2


def estimate_members(
    inputs: Mapping[str, xr.Dataset],
    weights: Mapping[str, Tensor],
    *,
    name: str,
    members: int,
    seed: int,
    evaluations: int = EVALUATIONS,
    device: str = "cpu",
) -> Tensor:
    """Draws of the posterior of every window, each with the same noise.

    Windows are computed one by one, so that in single precision, too, none depends on the others.

    Parameters
    ----------
    inputs : observations, and the training data that the estimate has its covariance from
    weights : that :func:`oceanbench.assimilation.generative.training.train_network` found
    name : of the method, for messages
    members : draws of each window, at least two
    seed : of the noise
    evaluations : of a velocity, an even number
    device : of torch

    Returns
    -------
    (members, windows, times, components)
    """
    if members < LEAST_MEMBERS:
        raise OceanbenchError(f"{name}: members={members}: give at least 2, to have a spread")
    if evaluations < EVALUATIONS or evaluations % EVALUATIONS:
        raise OceanbenchError(
            f"{name}: evaluations={evaluations}: a step takes {EVALUATIONS}; give a multiple of it"
        )
    cyclic, windows = is_cyclic(inputs), observations(inputs)
    times, components = windows.values.shape[1:]
    configuration, scales = _recipe(weights, components, cyclic=cyclic, name=name)
    (made,) = ensembles.load_networks(
        lambda: network(configuration, components, cyclic=cyclic),
        weights,
        name=name,
        member=0,
        device=device,
    )
    climate, covariance = window_interpolation.learned(inputs, times, cyclic=cyclic)
    errors = EstimateErrors.of(climate, covariance, start=configuration.start)
    random = torch.Generator().manual_seed(seed)
    noise = Noise.of(members, times, components, random).centred()
    found = []
    for number in progress(range(len(windows)), "windows"):
        window = windows.take([number])
        given = lesson(errors, windows.take([number] * members), None, [noise], scales).to(device)
        with torch.no_grad():
            error = draws(made, configuration, given, evaluations).cpu()
        found.append(errors.estimate(window) + scales.states(error) - scales.mean)
    return torch.stack(found, 1)


def physics_of(weights: Mapping[str, Tensor], name: str) -> str:
    """Equations that a network learned from: those told, if it learned from simulated windows."""
    learned = ensembles.configuration_of(GenerativeConfiguration, weights, name)
    return "told" if learned.simulated else ""


def _recipe(
    weights: Mapping[str, Tensor], components: int, *, cyclic: bool, name: str
) -> tuple[GenerativeConfiguration, Scales]:
    """Configuration and normalisation of weights."""
    if not {"mean", "deviation"} <= weights.keys():
        raise OceanbenchError(f"{name}: these are not its weights; train it")
    if len(weights["mean"]) != components:
        raise OceanbenchError(
            f"{name}: weights for {len(weights['mean'])} components, and the windows have "
            f"{components}; train on this challenge"
        )
    scales = Scales(weights["mean"].cpu(), weights["deviation"].cpu(), cyclic)
    return ensembles.configuration_of(GenerativeConfiguration, weights, name), scales
