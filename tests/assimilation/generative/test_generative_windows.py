"""Generative networks of windows: what they begin with, learn from, and give."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from rows import every
from torch import Tensor
from window_worlds import World, world

from oceanbench.assimilation.fourdvarnet.windows.training_windows import Scales, anywhere
from oceanbench.assimilation.gaussian import window_interpolation
from oceanbench.assimilation.generative.configuration import GenerativeConfiguration, network
from oceanbench.assimilation.generative.estimate_errors import EstimateErrors, Noise, lesson
from oceanbench.assimilation.generative.members import estimate_members, physics_of
from oceanbench.assimilation.generative.objectives import loss
from oceanbench.assimilation.generative.training import simulated, train_network
from oceanbench.assimilation.window_batches import Windows, observations
from oceanbench.errors import OceanbenchError

SMALL = GenerativeConfiguration(
    learns="flow", length=13, batch=8, steps=3, rate=1e-3, hidden=8, blocks=3, kernel=3
)
LEARNS = {"flow": SMALL, "scores": replace(SMALL, learns="scores", batch=4)}


@cache
def lorenz(*, with_states: bool = True) -> World:
    """Windows of Lorenz-63; nobody changes them."""
    return world("lorenz63", windows=3, times=13, training_times=60, with_states=with_states)


@cache
def interpolation() -> tuple[EstimateErrors, Windows]:
    """Errors of the interpolation of these windows, and what is observed of two of them."""
    windows = observations(lorenz().inputs).take([0, 1])
    climate, covariance = window_interpolation.learned(lorenz().inputs, 13, cyclic=False)
    return EstimateErrors.of(climate, covariance), windows


def trained(
    made: World, configuration: GenerativeConfiguration, seed: int = 0
) -> dict[str, Tensor]:
    return train_network(made.inputs, configuration, name="mine", seed=seed, device="cpu")


def members_of(made: World, weights: dict[str, Tensor], **options: int) -> Tensor:
    given = {"members": 6, "seed": 0, "evaluations": 4} | options
    return estimate_members(
        made.inputs,
        weights,
        name="mine",
        members=given["members"],
        seed=given["seed"],
        evaluations=given["evaluations"],
    )


def test_draws_of_the_error_have_the_covariance_of_the_posterior() -> None:
    """They are linear in their noise: the matrix, times its transpose, is that of conditioning."""
    errors, windows = interpolation()
    size = windows.values[0].numel()
    one, none = torch.eye(size).double(), torch.zeros(size, 13, 3).double()
    repeated = windows.take([0] * size)
    zero = errors.draws(repeated, Noise(0 * one, none))
    prior = errors.draws(repeated, Noise(one, none))
    noise = errors.draws(repeated, Noise(0 * one, one.reshape(size, 13, 3)))
    assert float(zero.abs().max()) < 1e-9
    matrix = torch.cat([prior, noise]).flatten(1)
    deviation = window_interpolation.deviation(windows.take([0]), errors.covariance)
    found = (matrix.mT @ matrix).diagonal().sqrt().reshape(1, 13, 3)
    torch.testing.assert_close(found, deviation, rtol=1e-6, atol=1e-6)
    exact = window_interpolation.errors(
        windows.take([0]), errors.covariance, 10_000, torch.Generator().manual_seed(0)
    )
    scale = float(found.max()) ** 2
    apart = matrix.mT @ matrix - exact.flatten(1).mT.cov()
    assert float(apart.abs().max()) < 0.06 * scale


def test_centred_noise_leaves_the_estimate_as_the_mean() -> None:
    errors, windows = interpolation()
    noise = Noise.of(20, 13, 3, torch.Generator().manual_seed(0)).centred()
    found = errors.draws(windows.take([1] * 20), noise)
    assert float(found.mean(0).abs().max()) < 1e-9
    assert float(found.std(0).min()) > 0.01


@every("learns", LEARNS)
@every("cyclic", [True, False])
def test_an_untrained_network_gives_the_errors_it_began_with(learns: str, cyclic: bool) -> None:
    """Its last layer is zero: a generator changes nothing, a flow returns to where it began."""
    made = world("lorenz96", windows=2, times=13, training_times=60) if cyclic else lorenz()
    weights = trained(made, replace(LEARNS[learns], steps=1, rate=0.0))
    found = members_of(made, weights, evaluations=40)
    windows = observations(made.inputs)
    times, components = windows.values.shape[1:]
    errors = EstimateErrors.of(*window_interpolation.learned(made.inputs, times, cyclic=cyclic))
    noise = Noise.of(6, times, components, torch.Generator().manual_seed(0)).centred()
    began = errors.draws(windows.take([1] * 6), noise) + errors.estimate(windows.take([1]))
    scale = float(began.std(0).max())
    torch.testing.assert_close(found[:, 1], began, rtol=0, atol=1e-3 * scale)


@every("learns", LEARNS)
def test_a_window_is_estimated_alone_as_among_others(learns: str) -> None:
    """To the last digit, in single precision too."""
    made, weights = lorenz(), trained(lorenz(), replace(LEARNS[learns], rate=0.1))
    together = members_of(made, weights)
    alone = made.inputs | {"observations": made.inputs["observations"].isel(window=[1])}
    found = estimate_members(alone, weights, name="mine", members=6, seed=0, evaluations=4)
    assert torch.equal(found[:, 0], together[:, 1])
    assert not torch.equal(members_of(made, weights, seed=1), together)


@every("learns", LEARNS)
def test_training_makes_small_what_it_says(learns: str) -> None:
    """On the validation windows its loss is below that of a network that is all but untrained."""
    made, configuration = (
        lorenz(),
        replace(LEARNS[learns], hidden=16, batch=16, rate=1e-2, average=0.0, validations=1),
    )
    windows = observations(made.inputs, role="validation")
    truth = torch.as_tensor(made.inputs["validation_truth"]["state"].values)
    random = torch.Generator().manual_seed(0)
    noise = [Noise.of(3, 13, 3, random) for _ in range(8)]
    climate, covariance = window_interpolation.learned(made.inputs, 13, cyclic=False)
    scales = Scales(climate.mean, climate.variance.sqrt(), cyclic=False)
    checks = lesson(EstimateErrors.of(climate, covariance), windows, truth, noise, scales)
    found = []
    for steps in (1, 80):
        weights = trained(made, replace(configuration, steps=steps))
        net = network(configuration, 3, cyclic=False)
        net.load_state_dict({k[2:]: v for k, v in weights.items() if k.startswith("0.")})
        with torch.no_grad():
            found.append(float(loss(net, configuration, checks, torch.full((3,), 0.5))))
    assert found[1] < 0.95 * found[0]


def test_a_row_that_is_observed_at_every_time_may_begin_anywhere() -> None:
    seen = torch.zeros(2, 10, 2, dtype=torch.bool)
    seen[0, :, 1] = True
    seen[1, ::4, 0] = True
    assert anywhere(seen, 6).tolist() == [[0, n] for n in range(5)] + [[1, 0], [1, 4]]


def test_simulated_windows_are_of_the_model_and_the_noise_that_are_told() -> None:
    """Their one-step errors have the variance of the noise in an interval."""
    made = lorenz()
    inputs = {k: v.assign_attrs(process_noise=2.0) for k, v in made.inputs.items()}
    windows = simulated(inputs, 500, 5, seed=0)
    assert windows.shape == (500, 5, 3)
    quiet = simulated(made.inputs, 500, 5, seed=0)
    torch.testing.assert_close(windows[:, 0], quiet[:, 0])
    apart = (windows[:, 1] - quiet[:, 1]).square().mean()
    assert float(apart) == pytest.approx(2.0 * 0.08, rel=0.1)
    weights = trained(replace(made, inputs=inputs), replace(SMALL, simulated=20, steps=1))
    assert physics_of(weights, "mine") == "told"
    assert physics_of(trained(made, replace(SMALL, steps=1)), "mine") == ""


def test_what_cannot_be_is_refused_in_one_line() -> None:
    weights = trained(lorenz(), replace(SMALL, steps=1))
    for options, said in (
        ({"members": 1}, "members=1: give at least 2"),
        ({"evaluations": 5}, "evaluations=5: a step takes 2; give a multiple"),
        ({"evaluations": 0}, "evaluations=0: a step takes 2; give a multiple"),
    ):
        with pytest.raises(OceanbenchError, match=f"^mine: {said}"):
            members_of(lorenz(), weights, **options)
    with pytest.raises(OceanbenchError, match="no states of role 'training', and draws are"):
        trained(lorenz(with_states=False), SMALL)
    with pytest.raises(OceanbenchError, match="judge at least 2 draws"):
        trained(lorenz(), replace(LEARNS["scores"], draws=1))
    with pytest.raises(OceanbenchError, match="these are not its weights; train it"):
        members_of(lorenz(), {"length": torch.ones(())})
    other = world("lorenz96", windows=2, times=13, training_times=60)
    with pytest.raises(OceanbenchError, match="weights for 3 components, and the windows have 40"):
        members_of(other, weights)
    assert np.isfinite(members_of(lorenz(), weights).numpy()).all()
