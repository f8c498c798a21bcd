"""A 4DVarNet of a lag: the Kalman filter where it must be, a minimum, and what it learns."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cycle_worlds
import numpy as np
import pytest
import torch
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.cycles.lag_window import (
    LagConfiguration,
    LagSolver,
    LagWindow,
)
from oceanbench.assimilation.fourdvarnet.cycles.training import LagTraining, LagWorlds, train_lag
from oceanbench.dynamics.models import Model, model
from oceanbench.errors import OceanbenchError
from oceanbench.methods.inputs import Inputs

SIZE, NOISE, DEVIATION = 8, 0.5, 2.0
CONFIGURATION = LagConfiguration(3, 1, 1, reach=3, hidden=4)


class ExactPrior(torch.nn.Module):
    """Precisions of the backgrounds of one cycle after the other, which nobody has to learn."""

    def __init__(self) -> None:
        super().__init__()
        self.deviation, self.noise = torch.tensor([DEVIATION, NOISE]).double()
        self.precision = torch.eye(SIZE).double()

    def forward(self, background: Tensor) -> tuple[Tensor, Tensor]:
        return torch.linalg.cholesky(self.precision).mT[None], torch.zeros_like(background)


def linear() -> Model:
    """Waves that grow and decay."""
    random = torch.Generator().manual_seed(1)
    rate = torch.randn(SIZE, SIZE, generator=random, dtype=torch.float64)
    rate = 2.0 * (rate - rate.T) + 0.8 * (rate + rate.T)
    return Model(lambda x: x @ rate.T, lambda _, columns: rate @ columns, 0.05, 1, cyclic=True)


def test_with_the_exact_prior_of_a_linear_model_it_is_the_kalman_filter() -> None:
    random, dynamics, lag = np.random.default_rng(0), linear(), CONFIGURATION.lag
    solver = LagSolver(dynamics, CONFIGURATION).double().eval()
    solver.prior = ExactPrior()
    matrix = dynamics.advance(torch.eye(SIZE).double()).T.numpy()
    truth, mean = random.standard_normal((2, SIZE))
    covariance = DEVIATION**2 * np.eye(SIZE)
    window = LagWindow.begun(torch.as_tensor(mean)[None], lag)
    precisions = []
    for cycle in range(12):
        seen = random.random(SIZE) < (0.0 if cycle == 5 else 0.5)
        values = np.where(seen, truth + NOISE * random.standard_normal(SIZE), 0.0)
        precisions.append(torch.as_tensor(np.linalg.inv(covariance)))
        solver.prior.precision = precisions[max(0, cycle - lag)]
        now = (torch.as_tensor(a)[None] for a in (mean, values, seen))
        with torch.no_grad():
            found, window = solver(window.slid(*now))
        where = np.eye(SIZE)[seen]
        among = where @ covariance @ where.T + NOISE**2 * np.eye(len(where))
        gain = np.linalg.solve(among, where @ covariance).T
        mean = mean + gain @ (values[seen] - mean[seen])
        covariance = covariance - gain @ where @ covariance
        np.testing.assert_allclose(found[0], mean, rtol=1e-8, atol=1e-8)
        truth, mean = matrix @ truth, matrix @ mean
        covariance = matrix @ covariance @ matrix.T


def begun(worlds: int, cycles: int, configuration: LagConfiguration) -> tuple[LagSolver, LagWindow]:
    """Untrained solver of Lorenz-96, and windows after some cycles."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        solver = LagSolver(model("lorenz96", 0.05), configuration).double().eval()
    solver.prior.mean, solver.prior.deviation = torch.tensor([2.3, 3.6]).double()
    truth = torch.as_tensor(cycle_worlds.run(worlds, cycles, seed=4))
    random = torch.Generator().manual_seed(3)
    noise = torch.randn(2, *truth.shape, generator=random, dtype=torch.float64)
    given, values = truth + 0.3 * noise[0], truth + noise[1]
    seen = torch.rand(truth.shape, generator=random) < 0.7
    window = LagWindow.begun(given[:, 0], configuration.lag)
    with torch.no_grad():
        for cycle in range(cycles):
            now = given[:, cycle], values[:, cycle] * seen[:, cycle], seen[:, cycle]
            window = window.slid(*now)
            if cycle + 1 < cycles:
                window = solver(window)[1]
    return solver, window


def test_it_ends_at_the_minimum_and_its_derivatives_are_right() -> None:
    whole = replace(CONFIGURATION, iterations=8, fresh=3)
    solver, window = begun(2, 8, whole)
    with torch.no_grad():
        analysis, found = solver(window)
        root, expected = solver.background(window)
    first = found.states[:, 0].requires_grad_()
    states = [first]
    for _ in range(whole.lag):
        states.append(solver.model.advance(states[-1]))
    misfit = torch.where(window.seen, window.values - torch.stack(states, 1), 0.0)
    unlikely = (root @ (first - expected)[..., None])[..., 0]
    cost = 0.5 * (misfit.square().sum() + unlikely.square().sum())
    assert torch.autograd.grad(cost, first)[0].abs().max() < 1e-7
    torch.testing.assert_close(states[-1], analysis)
    solver, window = begun(2, 8, CONFIGURATION)
    weight = torch.randn(2, SIZE, dtype=torch.float64, generator=torch.Generator().manual_seed(6))

    def product() -> Tensor:
        return (weight * solver(window)[0]).sum()

    learned = (solver.log_observation_weight, solver.prior.log_error, solver.prior.last.bias)
    for parameter, slope in zip(learned, torch.autograd.grad(product(), learned), strict=True):
        with torch.no_grad():
            near = []
            for step in (1e-5, -2e-5, 1e-5):
                near.append(float(product()))
                parameter.add_(step)
        torch.testing.assert_close(
            float(slope.sum()), (near[1] - near[2]) / 2e-5, rtol=1e-5, atol=0
        )


def test_worlds_of_other_ages_share_a_batch_and_places_are_alike() -> None:
    solver, window = begun(2, 8, CONFIGURATION)
    young_solver, young = begun(2, 2, CONFIGURATION)
    mixed = window.where(torch.tensor([False, True]), young)
    with torch.no_grad():
        both = solver(mixed)[0]
        old, new = solver(window)[0], young_solver(young)[0]
        torch.testing.assert_close(both, torch.stack([old[0], new[1]]))
        again = LagSolver.of_weights(solver.state_dict(), solver.model).double()
        torch.testing.assert_close(again(window)[0], old, rtol=0, atol=0)
        turned = LagWindow(
            *(a.roll(3, -1) for a in window[:4]), window[4].roll((3, 3), (-2, -1)), window.age
        )
        torch.testing.assert_close(solver(turned)[0], old.roll(3, -1))
    assert solver.steps_of(SIZE) == 3 + SIZE + 1


def test_it_learns_what_no_constant_variance_knows(tmp_path: Path) -> None:
    inputs = Inputs(cycle_worlds.challenge(tmp_path), for_training=True)
    short = replace(CONFIGURATION, lag=1)
    training = LagTraining(short, worlds=16, steps=80, rate=1e-2, validations=1, checked=100)
    worlds = LagWorlds(inputs, training, seed=1, device="cpu")
    with torch.no_grad():
        errors = []
        for error in (0.25, 0.4, 0.6):
            plain = LagSolver(worlds.known.model, replace(short, first_error=error))
            torch.nn.init.zeros_(plain.prior.last.weight)
            errors.append(worlds.score(worlds.fitted(plain)))
    learned = train_lag(inputs, training, seed=0, device="cpu")
    with torch.no_grad():
        assert worlds.score(LagSolver.of_weights(learned, worlds.known.model)) < 0.97 * min(errors)
    few = replace(training, steps=3)
    one, same = (train_lag(inputs, few, seed=3, device="cpu") for _ in range(2))
    torch.testing.assert_close(one, same, rtol=0, atol=0)
    through = LagWorlds(inputs, replace(few, replayed=True), seed=2, device="cpu")
    random = torch.Generator().manual_seed(0)
    for _ in range(3):
        before = through.at
        through.loss(plain, through.draw(random))
        assert torch.equal(through.at, (before + few.cycles) % 150)
    torch.testing.assert_close(through.truth, through.known.states[0][through.at], rtol=0, atol=0)
    alone = {name: dataset.isel(window=slice(1)) for name, dataset in inputs.items()}
    with pytest.raises(OceanbenchError, match="one training world alone is known"):
        LagWorlds(alone, replace(few, replayed=True), seed=2, device="cpu")
    with pytest.raises(OceanbenchError, match=r"lag=1000000000000, and 100 cycles validate it"):
        LagWorlds(inputs, replace(few, solver=replace(short, lag=10**12)), seed=2, device="cpu")
    for wrong in ({"lag": -1}, {"iterations": 0}, {"fresh": -1}, {"first_error": 0.0}):
        with pytest.raises(OceanbenchError, match="expected at least 0, 1 and 0, and an error"):
            replace(CONFIGURATION, **wrong)
    with pytest.raises(OceanbenchError, match="steps=-1, expected at least 1"):
        train_lag(inputs, replace(few, steps=-1), seed=2, device="cpu")
