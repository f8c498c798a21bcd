"""4DVarNet: every sample on its own, exact gradients, replaceable parts."""

from __future__ import annotations

import pytest
import torch
from rows import every
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.learned_descent import INPUTS, LearnedDescent
from oceanbench.assimilation.fourdvarnet.priors import (
    Agreement,
    BilinearPrior,
    parameters_of,
    to_maps,
    to_states,
)
from oceanbench.dynamics.models import model
from oceanbench.learning.layers import ConvLstm, UNet, averaged, interpolated

SHAPES = {"lorenz96": (4, 1, 12, 40), "amoc": (4, 3, 17, 1), "sea level": (4, 5, 10, 13)}


def random(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(shape: tuple[int, ...], seed: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, generator=random(seed), dtype=torch.float64).to(dtype)


class Advanced(torch.nn.Module):
    """Every time is predicted from the last one by a model."""

    def __init__(self, kind: str, interval: float, scale: float) -> None:
        super().__init__()
        self.model, self.scale = model(kind, interval), scale

    def forward(self, maps: Tensor) -> Tensor:
        cyclic = self.model.cyclic
        states = self.scale * (to_states(maps[:, :, :-1], cyclic=cyclic) + 0.6)
        later = to_maps(self.model.advance(states) / self.scale - 0.6, cyclic=cyclic)
        return torch.cat([maps[:, :, :1], later], 2)


def prior(kind: str) -> torch.nn.Module:
    """A dynamical prior, or a convolutional one where there are no dynamics."""
    if kind == "sea level":
        return BilinearPrior(5, hidden=6, kernel=(3, 3), coarsen=(2, 2), zero_centre=True)
    interval = {"lorenz96": 0.05, "amoc": 10.0}[kind]
    return Advanced(kind, interval, {"lorenz96": 3.6, "amoc": 0.05}[kind])


def solver(
    kind: str,
    inputs: tuple[str, ...] = ("observation_gradient", "prior_gradient", "state"),
    of: torch.nn.Module | None = None,
    iterations: int = 4,
) -> LearnedDescent:
    """A small network with random weights in double precision."""
    cyclic, channels = kind == "lorenz96", SHAPES[kind][1]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        chosen = prior(kind) if of is None else of
        update = ConvLstm(
            (len(inputs) + ("misfit" in inputs)) * channels,
            channels,
            hidden=5,
            kernel=(3, 1 if kind == "amoc" else 3),
            cyclic=cyclic,
            coarsen=(2, 1) if kind == "amoc" else (1, 1),
        )
    return LearnedDescent(chosen, update, inputs=inputs, iterations=iterations).double().eval()


def problem(kind: str, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor]:
    """Observations, where they are, and a first guess: of samples of very different sizes."""
    shape = SHAPES[kind]
    size = torch.tensor([1.0, 1e-2, 3.0, 0.3], dtype=dtype)[:, None, None, None]
    fraction = torch.tensor([0.5, 0.1, 0.3, 0.0])[:, None, None, None]
    observed = torch.rand(shape, generator=random(3)) < fraction
    return normal(shape, 1, dtype) * size, observed, normal(shape, 2, dtype) * size


FIRST = tuple(name for name in INPUTS if "second" not in name)
ENERGY = ("misfit", "residual", "state")
PUBLISHED = ("gradient", "state")


@every("kind", SHAPES)
@every("inputs", [FIRST, ENERGY, PUBLISHED], ids=["all", "energy", "published"])
@every("dtype, close", [(torch.float64, 1e-12), (torch.float32, 1e-6)])
def test_a_sample_is_the_same_alone_and_in_any_batch(
    kind: str, inputs: tuple[str, ...], dtype: torch.dtype, close: float
) -> None:
    """Samples of other sizes, with other counts of observations, in another order: no matter."""
    net = solver(kind, inputs).to(dtype)
    given = problem(kind, dtype)
    together = net(*given)
    close *= max(1.0, float(together.abs().max()))
    order = torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(net(*(a[order] for a in given)), together[order], rtol=0, atol=close)
    for number in range(len(together)):
        alone = net(*(a[number : number + 1] for a in given))
        torch.testing.assert_close(alone[0], together[number], rtol=0, atol=close)


class Smoothing(torch.nn.Module):
    """A linear observation operator: differences between columns, on the points of the state."""

    def forward(self, maps: Tensor) -> Tensor:
        return maps - 0.5 * torch.roll(maps, 1, -2)


@every("kind", SHAPES)
@every("observe", [None, Smoothing()], ids=["identity", "operator"])
def test_the_gradient_is_that_of_the_cost(kind: str, observe: torch.nn.Module | None) -> None:
    """Against the graph of the cost, and against differences of the cost."""
    net = solver(kind, PUBLISHED)
    net.observe = torch.nn.Identity() if observe is None else observe
    values, observed, state = problem(kind)
    state.requires_grad_()
    (expected,) = torch.autograd.grad(net.cost(state, values, observed).sum(), state)
    with torch.no_grad():
        found = net.terms(state, values, observed)["gradient"]
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-14)
        direction = normal(tuple(state.shape), 5)
        step = 1e-5
        costs = [net.cost(state + s * direction, values, observed) for s in (step, -step)]
    slope = (costs[0] - costs[1]) / (2 * step)
    torch.testing.assert_close((found * direction).sum((1, 2, 3)), slope, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    "inputs",
    [("observation_gradient", "prior_gradient", "state"), PUBLISHED],
    ids=["apart", "published"],
)
def test_weights_of_the_cost_matter_and_their_common_factor_does_not(
    inputs: tuple[str, ...],
) -> None:
    """The minimum of a cost is that of any multiple of it, and no other cost's."""
    net, given = solver("lorenz96", inputs), problem("lorenz96")
    with torch.no_grad():
        found = net(*given)
        net.observation_weight *= 3.0
        other = net(*given)
        net.prior_weight *= 3.0
        torch.testing.assert_close(net(*given), found, rtol=1e-10, atol=1e-12)
    change = (other - found).pow(2).mean((1, 2, 3)) / (found - given[2]).pow(2).mean((1, 2, 3))
    assert (change[:3] > 1e-4).all()  # in the last, nothing is observed
    torch.testing.assert_close(other[3], found[3], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("inputs", [FIRST, ENERGY, PUBLISHED], ids=["all", "energy", "published"])
def test_its_weights_learn_by_the_true_gradient(inputs: tuple[str, ...]) -> None:
    """The loss falls along its gradient as the gradient says: it reaches through all iterations."""
    net = solver("lorenz96", inputs).train()
    given = problem("lorenz96")
    parameters = list(net.update.parameters())

    def loss() -> Tensor:
        return net(*given).pow(2).mean()

    gradients = torch.autograd.grad(loss(), parameters)
    squares = sum(float(g.pow(2).sum()) for g in gradients)
    step, losses = 1e-6, []
    with torch.no_grad():
        for sign in (1.0, -2.0):
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.add_(gradient, alpha=sign * step)
            losses.append(float(loss()))
    assert (losses[0] - losses[1]) / (2 * step) == pytest.approx(squares, rel=1e-5)


@pytest.mark.parametrize("of", [None, BilinearPrior(1, hidden=4, cyclic=True)])
def test_on_the_circle_a_turned_window_has_a_turned_estimate(of: torch.nn.Module | None) -> None:
    net = solver("lorenz96", of=of)
    given = problem("lorenz96")
    turned = net(*(a.roll(7, -1) for a in given))
    torch.testing.assert_close(turned, net(*given).roll(7, -1), rtol=0, atol=1e-12)


class Damping(torch.nn.Module):
    """A fixed linear prior: a state is likely if it is a smooth sequence."""

    def forward(self, maps: Tensor) -> Tensor:
        return torch.cat([0.0 * maps[:, :, :1], 0.5 * maps[:, :, :-1]], 2)


class Descent(torch.nn.Module):
    """Nothing learned: a fixed step along the gradient."""

    def forward(self, inputs: Tensor, memory: float | None) -> tuple[Tensor, float]:
        return 0.03 * inputs, 0.0


def test_with_a_linear_prior_plain_descent_finds_the_gaussian_posterior() -> None:
    """The minimum of the cost is optimal interpolation, solved densely here."""
    shape = (2, 1, 9, 2)
    observed = torch.rand(shape, generator=random(4)) < 0.5
    values = normal(shape, 6)
    net = LearnedDescent(Damping(), Descent(), inputs=("gradient",)).double().eval()
    found = net(values, observed, torch.zeros(shape, dtype=torch.float64), iterations=800)
    size = 18
    identity = torch.eye(size, dtype=torch.float64).reshape(size, 1, 9, 2)
    whiten = (identity - Damping()(identity)).reshape(size, size).T
    for number in range(2):
        seen = torch.diag(observed[number].double().flatten())
        known = 0.5**2 / observed[number].sum()
        precision = known * seen + 1.5**2 / size * whiten.T @ whiten
        expected = torch.linalg.solve(precision, known * seen @ values[number].flatten())
        torch.testing.assert_close(found[number].flatten(), expected, rtol=0, atol=1e-6)


def test_every_part_can_be_replaced_and_trained() -> None:
    """A learned observation operator, a prior and an update of one's own all get gradients."""
    prior, update = torch.nn.Conv2d(1, 1, 3, padding=1), OneStep()
    operator = torch.nn.Conv2d(1, 1, 3, padding=1)
    net = LearnedDescent(prior, update, observe=operator, inputs=("gradient",)).double().train()
    given = problem("lorenz96")
    net(*given, iterations=2).pow(2).sum().backward()
    for part in (prior, update, operator):
        assert all(p.grad is not None and p.grad.isfinite().all() for p in part.parameters())


class OneStep(torch.nn.Module):
    """A learned step length, with the number of the iteration as memory."""

    def __init__(self) -> None:
        super().__init__()
        self.length = torch.nn.Parameter(torch.tensor(0.1))

    def forward(self, inputs: Tensor, memory: int | None) -> tuple[Tensor, int]:
        number = 0 if memory is None else memory
        return self.length / (number + 1) * inputs, number + 1


def test_parameters_of_a_model_are_found_where_they_are_told_and_where_not() -> None:
    assert parameters_of(model("lorenz96", 0.05, forcing=7.0).tendency) == {"forcing": 7.0}
    assert parameters_of(model("lorenz96", 0.05).tendency) == {"forcing": 8.0}
    assert parameters_of(model("amoc", 10.0).tendency) == {}


def test_without_its_centre_a_prior_does_not_see_a_point_itself() -> None:
    """The derivative of Φ at a point with respect to that point is zero."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        blind = BilinearPrior(1, hidden=4, kernel=(3, 3), cyclic=True, zero_centre=True).double()
    maps = normal((1, 1, 5, 7), 1).requires_grad_()
    (gradient,) = torch.autograd.grad(blind(maps)[0, 0, 2, 3], maps)
    assert float(gradient[0, 0, 2, 3]) == 0.0
    assert float(gradient.abs().max()) > 0.0


class Watched(torch.nn.Module):
    """An update that notes whether what it is given, and what it gives, hangs on a graph."""

    def __init__(self, update: torch.nn.Module) -> None:
        super().__init__()
        self.update = update
        self.graphs: list[bool] = []

    def forward(self, inputs: Tensor, memory: object) -> tuple[Tensor, object]:
        change, memory = self.update(inputs, memory)
        self.graphs.append(inputs.requires_grad or change.requires_grad)
        return change, memory


@pytest.mark.parametrize("inputs", [FIRST, PUBLISHED, ENERGY], ids=["all", "published", "energy"])
def test_evaluation_records_nothing_and_training_does(inputs: tuple[str, ...]) -> None:
    """In evaluation there is a graph neither between the iterations nor behind the result."""
    net = solver("lorenz96", inputs)
    net.update = watched = Watched(net.update)
    given = problem("lorenz96")
    assert net(*given, iterations=5).grad_fn is None
    assert watched.graphs == 5 * [False]
    assert net.train()(*given, iterations=5, untracked=2).grad_fn is not None
    assert watched.graphs[5:] == [False, False, True, True, True]


def test_untracked_iterations_change_nothing_but_the_derivatives() -> None:
    net = solver("lorenz96").train()
    given = problem("lorenz96")
    whole, part = net(*given, iterations=5), net(*given, iterations=5, untracked=3)
    assert torch.equal(whole, part)
    with torch.no_grad():
        assert not net(*given).requires_grad


def test_it_keeps_no_state_between_calls() -> None:
    net = solver("sea level")
    given = problem("sea level")
    before = {k: v.clone() for k, v in net.state_dict().items()}
    first, guess = net(*given), given[2].clone()
    assert torch.equal(net(*given), first)
    assert torch.equal(given[2], guess)
    assert all(torch.equal(before[k], v) for k, v in net.state_dict().items())


def test_maps_of_states_and_back() -> None:
    states = normal((2, 7, 3), 1)
    assert to_maps(states, cyclic=True).shape == (2, 1, 7, 3)
    assert to_maps(states, cyclic=False).shape == (2, 3, 7, 1)
    for cyclic in (True, False):
        assert torch.equal(to_states(to_maps(states, cyclic=cyclic), cyclic=cyclic), states)


def test_averages_of_a_constant_come_back_whatever_the_size() -> None:
    maps = torch.full((1, 2, 7, 5), 3.0)
    coarse = averaged(maps, (2, 3))
    assert coarse.shape == (1, 2, 4, 2)
    torch.testing.assert_close(interpolated(coarse, (2, 3), maps), maps)


def test_unknown_inputs_are_refused() -> None:
    with pytest.raises(ValueError, match="inputs of an update are some of"):
        LearnedDescent(Damping(), Descent(), inputs=("curvature",))


def unet(**options: int) -> LearnedDescent:
    """Sea level descended by a U-Net on misfits and residuals."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        update = UNet(4 * 5, 5, hidden=6, **options)
        return LearnedDescent(
            prior("sea level"), update, inputs=ENERGY, iterations=3, correction=0.2
        ).eval()


@pytest.mark.parametrize("sides", [(8, 8), (9, 13), (5, 6), (4, 17)])
def test_a_u_net_takes_maps_of_any_size(sides: tuple[int, int]) -> None:
    net, shape = unet(), (2, 5, *sides)
    found = net(normal(shape, 1).float(), normal(shape, 2) > 1.0, normal(shape, 3).float())
    assert found.shape == shape and found.isfinite().all()


def test_a_u_net_gives_a_sample_the_same_estimate_in_any_batch() -> None:
    net = unet(iterations=3).double()
    values, observed, guess = problem("sea level")
    together = net(values, observed, guess)
    for number in range(len(together)):
        alone = net(*(a[number : number + 1] for a in (values, observed, guess)))
        torch.testing.assert_close(alone[0], together[number], rtol=0, atol=1e-12)


def test_a_u_net_tells_its_iterations_apart_and_later_ones_are_as_the_last() -> None:
    net = unet(iterations=2)
    update, shown = net.update, normal((1, 20, 8, 8), 1).float()
    assert isinstance(update, UNet)
    with torch.no_grad():
        update.number[1] += 1.0
        changes, memory = [], None
        for _ in range(3):
            change, memory = update(shown, memory)
            changes.append(change)
    assert not torch.equal(changes[0], changes[1])
    assert torch.equal(changes[1], changes[2]) and memory == 3


def test_corrections_are_in_units_of_their_own() -> None:
    """With a fifth of the state's unit, a misfit is shown five times as large."""
    seen = []

    class Watching(torch.nn.Module):
        def forward(self, shown: Tensor, memory: None) -> tuple[Tensor, None]:
            seen.append(shown)
            return torch.ones_like(shown[:, :5]), None

    net = LearnedDescent(
        torch.nn.Identity(), Watching(), inputs=("misfit",), iterations=1, correction=0.2
    )
    values, observed, guess = (
        a.float() if a.is_floating_point() else a for a in problem("sea level")
    )
    found = net(values, observed, guess)
    torch.testing.assert_close(seen[0][:, :5], 5.0 * torch.where(observed, values - guess, 0.0))
    torch.testing.assert_close(seen[0][:, 5:], observed.float())
    torch.testing.assert_close(found, guess - 0.2)


def test_reduced_convolutions_leave_the_state_in_single_precision() -> None:
    exact, net = unet(), unet()
    net.reduced = True
    given = [a.float() if a.is_floating_point() else a for a in problem("sea level")]
    found, expected = net(*given), exact(*given)
    assert found.dtype == torch.float32
    change = float((expected - given[2]).abs().max())
    assert 0.0 < float((found - expected).abs().max()) < 0.05 * change


def test_what_is_not_observed_is_not_seen() -> None:
    """Numbers beside the observations, such as the truth's, change nothing."""
    net = unet()
    values, observed, guess = (
        a.float() if a.is_floating_point() else a for a in problem("sea level")
    )
    hidden = torch.where(observed, values, normal(tuple(values.shape), 9).float())
    assert torch.equal(net(values, observed, guess), net(hidden, observed, guess))


@pytest.mark.parametrize("inputs", [ENERGY, PUBLISHED], ids=["energy", "published"])
def test_iterations_that_are_computed_again_have_the_same_derivatives(
    inputs: tuple[str, ...],
) -> None:
    found = []
    for recompute in (False, True):
        net = solver("sea level", inputs).train()
        net.recompute = recompute
        loss = net(*problem("sea level")).pow(2).mean()
        found.append(torch.autograd.grad(loss, list(net.update.parameters())))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-15)


SECOND = ("gradient", "second_gradient", "second_misfit", "state")


def with_second(inputs: tuple[str, ...] = SECOND) -> LearnedDescent:
    """Sea level, with a second field that is compared with it in three channels."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        count = sum(3 if name == "second_misfit" else 5 for name in inputs)
        update = ConvLstm(count, 5, hidden=5)
        net = LearnedDescent(
            prior("sea level"), update, second=Agreement(5, 3), inputs=inputs, iterations=3
        )
    return net.double().eval()


def test_the_gradient_of_the_second_term_is_that_of_the_cost() -> None:
    net, (values, observed, state) = with_second(), problem("sea level")
    second = normal(SHAPES["sea level"], 7)
    state.requires_grad_()
    (expected,) = torch.autograd.grad(net.cost(state, values, observed, second).sum(), state)
    with torch.no_grad():
        terms = net.terms(state, values, observed, second)
    torch.testing.assert_close(terms["gradient"], expected, rtol=1e-10, atol=1e-14)
    parts = ("observation_gradient", "prior_gradient", "second_gradient")
    torch.testing.assert_close(sum(terms[name] for name in parts), expected)
    assert float(terms["second_gradient"].abs().max()) > 0.0


def test_operators_of_the_second_field_learn_by_the_true_gradient() -> None:
    """Without gradients among the inputs, whose sizes are not differentiated."""
    net = with_second(("second_misfit", "state")).train()
    given = (*problem("sea level"), normal(SHAPES["sea level"], 7))
    assert net.second is not None
    parameters = list(net.second.parameters())

    def loss() -> Tensor:
        return net(*given).pow(2).mean()

    gradients = torch.autograd.grad(loss(), parameters)
    squares = sum(float(g.pow(2).sum()) for g in gradients)
    step, losses = 1e-5, []
    with torch.no_grad():
        for sign in (1.0, -2.0):
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.add_(gradient, alpha=sign * step)
            losses.append(float(loss()))
    assert (losses[0] - losses[1]) / (2 * step) == pytest.approx(squares, rel=1e-4)


def test_a_second_field_is_asked_for_and_given_together() -> None:
    with pytest.raises(ValueError, match="have a second field, and there is none"):
        LearnedDescent(Damping(), Descent(), inputs=SECOND)
    with pytest.raises(ValueError, match="has a second field, and is given none"):
        with_second()(*problem("sea level"))
