"""The implicit derivative is that through the iterations, and keeps none of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from rows import every
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.bilevel import (
    DERIVATIVES,
    TURNS,
    at_minimum,
    derivative_of,
    take_turns,
)
from oceanbench.assimilation.fourdvarnet.bumps import GaussianBumps
from oceanbench.assimilation.fourdvarnet.gauss_newton import GaussNewton
from oceanbench.assimilation.fourdvarnet.incremental import IncrementalDescent
from oceanbench.assimilation.fourdvarnet.solver import FourDVarNet
from oceanbench.assimilation.window_batches import Climatology
from oceanbench.dynamics.models import model
from oceanbench.errors import OceanbenchError
from oceanbench.learning.layers import Convolution

SIZE = 12
MAPS, WINDOWS = (2, 3, 8, 8), (2, 1, 6, SIZE)


def normal(shape: tuple[int, ...], seed: int) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=random, dtype=torch.float64)


def given(shape: tuple[int, ...]) -> tuple[Tensor, Tensor, Tensor]:
    """Observations, where they are, and a first guess."""
    return 0.5 * normal(shape, 2), normal(shape, 1) > 0.3, 0.3 * normal(shape, 3)


def maps(*, implicit: bool, loops: int = 1) -> torch.nn.Module:
    """Solver of maps with random weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = FourDVarNet(
            3, hidden=4, prior_hidden=4, bumps=GaussianBumps(1.0, 1.3, 2), iterations=4,
            loops=loops, implicit=implicit,
        )  # fmt: skip
        for parameter in made.parameters():
            torch.nn.init.normal_(parameter, std=0.1)
    return made.double().train()


def windows(*, implicit: bool) -> torch.nn.Module:
    """Incremental solver of windows on a circle, its prior smooth: minima lie on no kink."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        enter, leave = (Convolution(*sizes, (3, 3), cyclic=True) for sizes in ((1, 4), (4, 1)))
        prior = torch.nn.Sequential(enter, torch.nn.Tanh(), leave)
        made = IncrementalDescent(
            prior, torch.tensor(0.4), iterations=4, inner=15, implicit=implicit
        )
    return made.double().train()


def equations(*, implicit: bool) -> torch.nn.Module:
    """Gauss-Newton's, of Lorenz-96 with a wrong forcing; its cost is far from quadratic."""
    climate = Climatology(torch.full((SIZE,), 2.3).double(), torch.full((SIZE,), 13.0).double())
    made = GaussNewton(
        model("lorenz96", 0.05, forcing=7.0), climate, torch.full((SIZE,), 2.0).double(),
        decades=(-1.0, -1.0), iterations=4, implicit=implicit,
    )  # fmt: skip
    return made.double().train()


def gradient(made: torch.nn.Module, shape: tuple[int, ...], iterations: int) -> Tensor:
    """Derivatives of a loss by all that is learned and matters at the minimum, as one vector."""
    loss = (made(*given(shape), iterations=iterations) - normal(shape, 4)).square().mean()
    names = [n for n, _ in made.named_parameters() if n != "decades"]  # the way there, but its end
    parameters = [made.get_parameter(n) for n in names]
    parts = torch.autograd.grad(loss, parameters, allow_unused=True)
    return torch.cat([p.flatten() for p in parts if p is not None])


@pytest.mark.parametrize(
    ("make", "shape", "iterations"),
    [(maps, MAPS, 60), (windows, WINDOWS, 8), (equations, WINDOWS, 20)],
)
def test_at_convergence_it_is_the_derivative_through_the_iterations(
    make: Callable[..., torch.nn.Module], shape: tuple[int, ...], iterations: int
) -> None:
    found = gradient(make(implicit=True), shape, iterations)
    expected = gradient(make(implicit=False), shape, iterations)
    assert float((found - expected).norm()) < 1e-4 * float(expected.norm())


def test_it_passes_through_outer_loops() -> None:
    found, expected = (
        gradient(maps(implicit=implicit, loops=2), MAPS, 60) for implicit in (True, False)
    )
    assert float((found - expected).norm()) < 1e-4 * float(expected.norm())


def kept(made: torch.nn.Module, shape: tuple[int, ...], iterations: int) -> int:
    """Operations that an estimate keeps something of, for its derivative."""
    found, left = set(), [made(*given(shape), iterations=iterations).grad_fn]
    while left:
        node = left.pop()
        if node is not None and node not in found:
            found.add(node)
            left.extend(before for before, _ in node.next_functions)
    return len(found)


@pytest.mark.parametrize(("make", "shape"), [(maps, MAPS), (windows, WINDOWS)])
def test_what_is_kept_does_not_grow_with_the_iterations(
    make: Callable[..., torch.nn.Module], shape: tuple[int, ...]
) -> None:
    few, many = (kept(make(implicit=True), shape, count) for count in (2, 8))
    assert few == many
    few, many = (kept(make(implicit=False), shape, count) for count in (2, 8))
    assert many > 2 * few


def test_of_a_quadratic_cost_it_is_the_closed_form() -> None:
    """x* = A^-1 b: its derivative by b is A^-1, each sample of a batch on its own."""
    root = normal((4, 4), 0)
    matrix, right = root @ root.T + torch.eye(4).double(), normal((3, 4), 1).requires_grad_()
    minimum = torch.linalg.solve(matrix, right.T).T.detach()
    found = at_minimum(minimum, lambda x: x @ matrix - right, iterations=4)
    torch.testing.assert_close(found, minimum)
    upstream = normal((3, 4), 2)
    (slope,) = torch.autograd.grad(found, right, upstream)
    torch.testing.assert_close(slope, torch.linalg.solve(matrix, upstream.T).T)


def test_in_turns_the_prior_and_all_else_learn() -> None:
    made = maps(implicit=False)
    learning = []
    for turn in range(TURNS):
        take_turns(made, (turn + 0.5) / TURNS)
        learning.append({n for n, p in made.named_parameters() if p.requires_grad})
        before = {n: p.detach().clone() for n, p in made.named_parameters()}
        optimiser = torch.optim.AdamW(made.parameters(), lr=1e-2, weight_decay=0.1)
        made(*given(MAPS)).square().mean().backward()
        optimiser.step()
        moved = {n for n, p in made.named_parameters() if not torch.equal(p, before[n])}
        assert moved == learning[-1]
        made.zero_grad(set_to_none=True)
    prior = {n for n, _ in made.named_parameters() if n.startswith("prior.")}
    rest = {n for n, _ in made.named_parameters()} - prior
    assert prior and rest and learning == [prior, rest] * (TURNS // 2)


@every("word", ["implict", "", "UNROLLED"])
def test_words_that_are_no_derivative_are_refused_in_one_line(word: str) -> None:
    with pytest.raises(OceanbenchError, match=r"mine: derivative=.*known: alternate") as said:
        derivative_of(word, method="mine")
    assert "\n" not in str(said.value)


def test_every_derivative_is_a_choice_of_its_own() -> None:
    assert len({tuple(derivative_of(word, method="mine").items()) for word in DERIVATIVES}) == 3
