"""The learned Gauss-Newton descent solves the variational problem that it says it does."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.gauss_newton import GaussNewton
from oceanbench.assimilation.fourdvarnet.windows.configuration import WindowConfiguration, network
from oceanbench.assimilation.fourdvarnet.windows.training_windows import Scales
from oceanbench.assimilation.variational.block_tridiagonal import solution
from oceanbench.assimilation.variational.weak_constraint import WindowProblem
from oceanbench.assimilation.window_batches import Climatology
from oceanbench.dynamics.models import Model, model
from oceanbench.learning import ensembles

WEIGHTS = Path(__file__).parents[3] / "baselines/weights/lorenz96/fourdvarnet_ode.safetensors"
NOISE, EVERY = 2.0, 4
LINEAR = Model(lambda state: -0.3 * state, lambda _, some: -0.3 * some, 0.5, 1, cyclic=False)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def climate(size: int) -> Climatology:
    return Climatology(
        torch.full((size,), 2.3, dtype=torch.float64), torch.full((size,), 13.0).double()
    )


def run(windows: int, times: int) -> Tensor:
    """True states of Lorenz-96, (windows, times, components)."""
    dynamics, state, states = model("lorenz96", 0.05), normal(windows, 40, seed=1) + 3.0, []
    for number in range(200 + times):
        state = dynamics.advance(state)
        states += [state] if number >= 200 else []
    return torch.stack(states, 1)


@cache
def windows_of(count: int = 4, times: int = 100) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Truth and what is given, in physical units: a random half seen every fourth time."""
    truth = run(count, times)
    seen = (normal(*truth.shape, seed=2) > 0) & (torch.arange(times) % EVERY == 0)[:, None]
    values = torch.where(seen, truth + NOISE**0.5 * normal(*truth.shape, seed=3), 0.0)
    guess = truth + 1.5 * normal(count, times // 10, 40, seed=4).repeat_interleave(10, 1)
    return truth, values, seen, guess


def shipped() -> GaussNewton:
    weights = load_file(WEIGHTS)
    scales = Scales(weights["mean"], weights["deviation"], cyclic=True)
    noise = torch.full((40,), NOISE, dtype=torch.float64)
    configuration = ensembles.configuration_of(WindowConfiguration, weights, "ode")
    (net,) = ensembles.load_networks(
        lambda: network(configuration, model("lorenz96", 0.05), scales, noise),
        weights,
        name="ode",
    )
    assert isinstance(net, GaussNewton)
    return net


def problem_of(net: GaussNewton) -> WindowProblem:
    _, values, seen, _ = windows_of()
    return net.problem(maps(net, values), seen[:, None])


def maps(net: GaussNewton, states: Tensor) -> Tensor:
    return ((states - net.mean) / net.variance.sqrt())[:, None]


def error_of(net: GaussNewton, **options: int) -> float:
    """Mean square error of an estimate."""
    truth, values, seen, guess = windows_of()
    with torch.no_grad():
        found = net(maps(net, values), seen[:, None], maps(net, guess), **options)
    return float((net._states(found) - truth).pow(2).mean())


def test_of_a_linear_model_one_step_is_the_posterior_mean() -> None:
    """That of dense Gaussian algebra, with the weight of the observations that was learned."""
    size, times = 3, 5
    climate = Climatology(normal(size, seed=5), torch.tensor([1.0, 2.0, 0.5]).double())
    net = GaussNewton(LINEAR, climate, torch.full((size,), 0.4).double(), decades=(-1.0, -1.0),
                      iterations=1)  # fmt: skip
    with torch.no_grad():
        net.log_observation_weight.fill_(0.7)
    shape = (2, times, size)
    seen, values, guess = normal(*shape, seed=6) > 0, normal(*shape, seed=7), normal(*shape, seed=8)
    scale = climate.variance.sqrt()

    def as_maps(states: Tensor) -> Tensor:
        return ((states - climate.mean) / scale).mT[..., None]

    with torch.no_grad():
        found = net(as_maps(values), seen.mT[..., None], as_maps(guess))
    factor = float(LINEAR.advance(torch.ones(1).double()))
    for window in range(2):
        for c in range(size):
            v, m = climate.variance[c], climate.mean[c]
            # in the linear model each component is a scalar chain of its own
            joint, mean = torch.zeros(times, times).double(), torch.zeros(times).double()
            var, mu = v, m
            variances = []
            for k in range(times):
                variances.append(var)
                mean[k] = mu
                var, mu = factor**2 * var + 0.1 * v, factor * mu
            for i in range(times):
                for j in range(times):
                    joint[i, j] = factor ** abs(i - j) * variances[min(i, j)]
            at = seen[window, :, c]
            noise = 0.4 / torch.tensor(0.7).exp().double() * torch.eye(int(at.sum())).double()
            gain = torch.linalg.solve(joint[at][:, at] + noise, joint[at]).T
            expected = mean + gain @ (values[window, at, c] - mean[at])
            torch.testing.assert_close(
                found[window, c, :, 0] * scale[c] + m, expected, rtol=1e-6, atol=1e-7
            )


def test_derivatives_of_a_solution_are_those_of_the_system() -> None:
    times, windows, size = 4, 2, 3
    root = normal(times, windows, size, size, seed=1)
    given = (
        root @ root.mT + 5.0 * torch.eye(size),
        0.3 * normal(times - 1, windows, size, size, seed=2),
        normal(times, windows, size, seed=3),
    )
    for tensor in given:
        tensor.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda diagonal, below, right: solution(0.5 * (diagonal + diagonal.mT), below, right), given
    )


def test_derivatives_of_the_estimate_are_those_of_its_parameters() -> None:
    """Through all steps, by differences."""
    truth, values, seen, guess = (a[:1, :12] for a in windows_of())
    net = GaussNewton(
        model("lorenz96", 0.05, forcing=7.5),
        climate(40),
        torch.full((40,), NOISE).double(),
        decades=(-1.0, -1.0),
        iterations=4,
    ).double()

    def loss() -> Tensor:
        found = net(maps(net, values), seen[:, None], maps(net, guess))
        return (net._states(found) - truth).pow(2).mean()

    parameters = [net.log_observation_weight, net.factors["forcing"]]
    gradients = torch.autograd.grad(loss(), parameters)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        sides = []
        for sign in (1.0, -2.0):
            with torch.no_grad():
                parameter.add_(sign * 1e-4)
                sides.append(float(loss()))
        with torch.no_grad():
            parameter.add_(1e-4)
        assert float(gradient) == pytest.approx((sides[0] - sides[1]) / 2e-4, rel=1e-4)


def test_implicit_derivatives_are_those_through_the_steps() -> None:
    """Of a linear model, whose minimum one step reaches."""
    values, guess = normal(2, 5, 3, seed=7), normal(2, 5, 3, seed=8)
    seen = (normal(2, 5, 3, seed=6) > 0).mT[..., None]
    climate = Climatology(torch.zeros(3).double(), torch.ones(3).double())
    found = []
    for implicit in (False, True):
        net = GaussNewton(LINEAR, climate, torch.full((3,), 0.4).double(), decades=(-1.0, -1.0),
                          iterations=1, implicit=implicit)  # fmt: skip
        loss = net(values.mT[..., None], seen, guess.mT[..., None]).pow(2).sum()
        found.append(torch.autograd.grad(loss, [net.log_observation_weight, net.decades]))
    for one, other in zip(*found, strict=True):
        assert float(one) == pytest.approx(float(other), rel=1e-6)
        assert float(one) != 0.0


def test_the_cost_falls_along_the_iterations_and_steps_go_down_it() -> None:
    net, guess = shipped(), windows_of()[3]
    problem = problem_of(net)
    with torch.no_grad():
        iterates = list(net.descent(problem, guess))
        costs = torch.stack([net.cost(problem, i.states) for i in iterates])
    assert (costs[-1] < costs[0]).all()
    means = costs.mean(1)
    assert (means[1:] <= 1.001 * means[:-1]).all()
    for iterate in iterates[:-2]:
        assert (-(iterate.step * iterate.gradient).sum((1, 2)) > 0).all()


@pytest.mark.slow
def test_three_times_as_many_iterations_find_the_same() -> None:
    net = shipped()
    assert error_of(net, iterations=3 * len(net.decades)) == pytest.approx(error_of(net), rel=0.05)


def test_the_weights_of_the_cost_and_its_prior_matter() -> None:
    """Three times as heavy observations, or no equations, change the error by a twentieth."""
    usual = error_of(shipped())
    heavier, without = shipped(), shipped()
    with torch.no_grad():
        heavier.log_observation_weight.add_(2.0 * torch.tensor(3.0).log())  # alpha is its root
    without.model = replace(without.model, tendency=lambda state, **_: 0.0 * state,
                            tangent=lambda _, some: 0.0 * some)  # fmt: skip
    for changed in (heavier, without):
        assert abs(error_of(changed) / usual - 1.0) > 0.05


def test_a_window_is_estimated_alone_as_among_others() -> None:
    net = shipped()
    _, values, seen, guess = windows_of()
    given = (maps(net, values), seen[:, None], maps(net, guess))
    with torch.no_grad():
        together, alone = net(*given), net(*(a[1:2] for a in given))
    torch.testing.assert_close(alone[0], together[1], rtol=0, atol=1e-6)
