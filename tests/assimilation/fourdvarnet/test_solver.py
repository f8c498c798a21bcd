"""4DVarNet for maps: its cost is the one it descends, and with nothing learned it is OI."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.bumps import GaussianBumps
from oceanbench.assimilation.fourdvarnet.gated_prior import GatedPrior
from oceanbench.assimilation.fourdvarnet.priors import Agreement
from oceanbench.assimilation.fourdvarnet.solver import FourDVarNet

SHAPES = [(3, 5, 12, 10), (3, 5, 11, 13)]


def normal(shape: tuple[int, ...], seed: int) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=random, dtype=torch.float64)


def solver(
    *, learned: bool = True, second: bool = False, iterations: int = 4, loops: int = 1
) -> FourDVarNet:
    """A small one with random weights, or with those that a training begins with."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = FourDVarNet(
            5,
            hidden=4,
            prior_hidden=6,
            bumps=GaussianBumps(1.0, 1.3, 2),
            iterations=iterations,
            correction=0.3,
            loops=loops,
            second=Agreement(5, 2) if second else None,
        )
        if learned:
            for parameter in made.parameters():
                torch.nn.init.normal_(parameter, std=0.1)
            torch.nn.init.normal_(made.bumps.log_widths, std=0.2)
    return made.double().eval()


def given(shape: tuple[int, ...], *, second: bool = False) -> list[Tensor]:
    """Observations, where they are, a first guess, and a second field."""
    observed = torch.rand(shape, generator=torch.Generator().manual_seed(1)) < 0.2
    fields = [normal(shape, 2), observed, 0.5 * normal(shape, 3)]
    return [*fields, normal(shape, 4)] if second else fields


@pytest.mark.parametrize("second", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_transpose_is_that_of_the_map(shape: tuple[int, ...], second: bool) -> None:
    problem = solver(second=second).problem(*given(shape, second=second))
    controls = normal(tuple(problem.start.shape), 5)
    images = problem.forward(controls)
    others = [normal(tuple(image.shape), 6 + n) for n, image in enumerate(images)]
    forth = sum((image * other).sum() for image, other in zip(images, others, strict=True))
    back = (problem.transpose(others) * controls).sum()
    torch.testing.assert_close(forth, back)


def test_the_transpose_of_the_gated_prior_is_that_of_the_prior() -> None:
    prior = GatedPrior(6, 4, 3).double()
    torch.nn.init.normal_(prior.leave)
    gates = prior.gates_of(normal((2, 3, 8, 6), 0))
    one, other = normal((2, 6, 8, 6), 1), normal((2, 6, 8, 6), 2)
    forth, back = (prior(one, gates) * other).sum(), (prior.transpose(other, gates) * one).sum()
    torch.testing.assert_close(forth, back)


@pytest.mark.parametrize("second", [False, True])
def test_the_cost_is_that_of_the_formula(second: bool) -> None:
    net, (shape, *_) = solver(second=second), SHAPES
    values, observed, guess, *other = given(shape, second=second)
    problem = net.problem(values, observed, guess, *other)
    controls = normal(tuple(problem.start.shape), 5)
    estimate = (guess + problem.increment(controls)) / net.correction
    weight = net.log_observation_weight.exp()
    misfit = torch.where(observed, weight * (values / net.correction - estimate), 0.0)
    unlikely = net.log_prior_weight.exp() * (controls - net.prior(controls, problem.gates))
    parts = [misfit, unlikely]
    if net.second is not None:
        apart = net.second(estimate, other[0] / net.correction)
        parts.append(net.log_second_weight.exp() * apart)
    expected = 0.5 * torch.stack([part.square().sum((1, 2, 3)) for part in parts]).sum(0)
    torch.testing.assert_close(problem.cost(controls), expected)


@pytest.mark.parametrize("second", [False, True])
def test_the_cost_of_every_sample_falls_and_every_step_descends(second: bool) -> None:
    problem = solver(second=second).problem(*given(SHAPES[1], second=second))
    *moving, last = problem.descent(4)
    costs = torch.stack([iterate.cost for iterate in (*moving, last)])
    assert (costs.diff(dim=0) < 0).all()
    torch.testing.assert_close(last.cost, problem.cost(last.controls))
    for iterate in moving:
        assert ((iterate.step * iterate.gradient).sum((1, 2, 3)) < 0).all()


def test_untrained_it_is_optimal_interpolation() -> None:
    """With no prior, white bumps: the increment is B H' (H B H' + R)^-1 d, with B = S S'."""
    net = solver(learned=False, iterations=300)
    values, observed, guess = (part[:1] for part in given(SHAPES[0]))
    bumps = net.bumps.on(guess.shape[1:])
    count = 2 * 5 * bumps.nodes[0] * bumps.nodes[1]
    basis = torch.eye(count, dtype=torch.float64).reshape(count, 10, *bumps.nodes)
    spread = bumps.forward(basis).flatten(1).T
    seen = observed.flatten()
    covariance = spread @ spread.T
    gain = covariance[:, seen] @ torch.linalg.inv(
        covariance[seen][:, seen] + torch.eye(int(seen.sum()), dtype=torch.float64)
    )
    increment = gain @ (values - guess).flatten()[seen]
    found = net(values, observed, guess)
    torch.testing.assert_close((found - guess).flatten(), increment, rtol=1e-6, atol=1e-8)


def test_bumps_have_the_variance_of_their_heights() -> None:
    bumps = GaussianBumps(1.0, 1.3, 2).double()
    made = bumps.on((31, 40, 40))
    white = normal((60, 62, *made.nodes), 0)
    inner = made.forward(white).detach()[:, 10:-10, 10:-10, 10:-10]
    assert float(inner.var()) == pytest.approx(1.0, abs=0.03)


def test_a_window_is_the_same_alone_and_in_a_batch() -> None:
    net, parts = solver(), given(SHAPES[0])
    torch.testing.assert_close(net(*parts)[1:2], net(*(part[1:2] for part in parts)))


def test_an_outer_loop_begins_with_the_estimate_of_the_one_before() -> None:
    (values, observed, guess), once = given(SHAPES[0]), solver()
    estimate = once(values, observed, guess)
    found = solver(loops=2)(values, observed, guess)
    torch.testing.assert_close(found, once(values, observed, estimate))
    assert not torch.allclose(found, estimate)


def test_unobserved_values_do_not_matter() -> None:
    net, (values, observed, guess) = solver(), given(SHAPES[0])
    torch.testing.assert_close(
        net(values, observed, guess), net(torch.where(observed, values, 7.0), observed, guess)
    )


def test_all_parameters_are_learned() -> None:
    net, (values, observed, guess, field) = (
        solver(second=True).train(),
        given(SHAPES[0], second=True),
    )
    net(values, observed, guess, field).square().mean().backward()
    idle = {n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()}
    assert not idle


def test_its_derivative_is_right() -> None:
    """Against differences, of the prior's weight and of a kernel of the prior."""
    net, parts = solver(iterations=3).train(), given(SHAPES[0])
    net(*parts).square().mean().backward()
    for parameter in (net.log_prior_weight, net.prior.enter):
        place, step = (0,) * parameter.ndim, 1e-5
        losses = []
        for sign in (1.0, -1.0):
            with torch.no_grad():
                parameter[place] += sign * step
                losses.append(float(net(*parts).square().mean()))
                parameter[place] -= sign * step
        assert parameter.grad is not None
        slope = (losses[0] - losses[1]) / (2.0 * step)
        assert float(parameter.grad[place]) == pytest.approx(slope, rel=1e-5, abs=1e-10)


def test_nothing_is_recorded_in_evaluation() -> None:
    net, parts = solver(), given(SHAPES[0])
    assert not net(*parts).requires_grad
    with torch.inference_mode():
        assert torch.isfinite(net(*parts)).all()


def test_a_second_field_that_is_missing_is_said() -> None:
    with pytest.raises(ValueError, match="second field"):
        solver(second=True)(*given(SHAPES[0]))


def test_bumps_lie_on_the_times_that_are_given() -> None:
    usual = GaussianBumps(1.5, 2.0, 2).on((4, 8, 8))
    given = GaussianBumps(1.5, 2.0, 2, times=(3.0, 4.0, 5.0, 6.0)).on((4, 8, 8))
    apart = GaussianBumps(1.5, 2.0, 2, times=(0.0, 1.0, 2.0, 9.0)).on((4, 8, 8))
    for scale in range(2):
        assert torch.allclose(usual.scales[scale][0], given.scales[scale][0])
    assert bool(apart.scales[0][0][3, :3].abs().max() < 1e-3 < usual.scales[0][0][3, 2])
    with pytest.raises(ValueError, match="maps of 3 days, expected 4"):
        GaussianBumps(1.5, 2.0, 2, times=(0.0, 1.0, 2.0, 9.0)).on((3, 8, 8))
