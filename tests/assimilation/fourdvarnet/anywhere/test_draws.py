"""Draws of the error of an estimate: against dense algebra, and calibrated."""

from __future__ import annotations

from dataclasses import replace

import anywhere_scenes
import pytest
import torch
from anywhere_scenes import SMALL

from oceanbench.assimilation.fourdvarnet.anywhere.draws import (
    Errors,
    calibrated,
    deviations,
    solver_of,
)
from oceanbench.assimilation.fourdvarnet.anywhere.network import IncrementNetwork
from oceanbench.assimilation.fourdvarnet.anywhere.window_sampler import Drawn
from oceanbench.assimilation.fourdvarnet.shared_errors import SharedErrors
from oceanbench.errors import OceanbenchError

SIDE = 4


def some_network(update: str = "conjugate") -> IncrementNetwork:
    torch.manual_seed(3)
    made = IncrementNetwork(replace(SMALL, update=update, applied=60)).eval()
    if update == "conjugate":
        with torch.no_grad():  # sizes, weights and gates that differ from place to place
            made.made.background.leave.weight.normal_(std=0.2)
    return made


def test_draws_have_the_covariance_of_the_posterior() -> None:
    network = some_network().double()
    windows = anywhere_scenes.windows(4, batch=1, side=SIDE)
    windows = windows.each(lambda part: part.double() if part.is_floating_point() else part)
    windows = replace(windows, sea=torch.ones_like(windows.sea))
    scaled = windows.scaled()
    solver = solver_of(network)
    with torch.no_grad():
        zero = torch.zeros_like(scaled.innovation)
        problem = solver.problem(
            scaled.innovation, scaled.weight, zero, context=scaled.context, passes=scaled.passes
        )
        size = problem.start.numel()
        basis = torch.eye(size, dtype=torch.float64).view(size, *problem.start.shape[1:])
        shared = {name: part.expand(size, -1) for name, part in vars(problem.shared).items()}
        whole = replace(
            problem,
            gates=tuple(g.expand(size, -1, -1, -1) for g in problem.gates),
            shared=SharedErrors(**shared),
        )
        columns = torch.cat([part.flatten(1) for part in whole.forward(basis)], 1)
        covariance = torch.linalg.inv(columns @ columns.T)
        fields = problem.size * problem.bumps.forward(basis)
        days = slice(SMALL.half - SMALL.reach, SMALL.half + SMALL.reach + 1)
        fields = fields[:, days].flatten(1) * scaled.unit.item()
        expected = (fields * (covariance @ fields)).sum(0)

        count = 1000
        many = scaled.__class__(*(part.expand(count, -1, -1, -1) for part in vars(scaled).values()))
        random = torch.Generator().manual_seed(0)
        errors = Errors.drawn(solver, tuple(many.innovation.shape), random)
        errors = Errors(errors.observed.double(), errors.prior.double())
        found = deviations(network, many, errors).flatten(1).square().mean(0)
    ratio = found / expected
    assert abs(ratio.mean() - 1.0) < 0.03
    assert abs(ratio - 1.0).max() < 6.0 * (2.0 / count) ** 0.5
    assert expected.max() > 1.5 * expected.min()


def test_the_factor_is_how_much_larger_errors_are_than_draws() -> None:
    network = some_network()
    windows = anywhere_scenes.windows(5, batch=6)
    scaled, random = windows.scaled(), torch.Generator().manual_seed(1)
    with torch.no_grad():
        errors = Errors.drawn(solver_of(network), tuple(scaled.innovation.shape), random)
        error = network(scaled) + 3.0 * deviations(network, scaled, errors)
    assert calibrated(network, Drawn(windows, error), 4) == pytest.approx(3.0, rel=0.15)


def test_windows_that_share_days_share_their_errors() -> None:
    solver, random = solver_of(some_network()), torch.Generator().manual_seed(0)
    series = Errors.drawn(solver, (20, 8, 8), random)
    found = series.windows(15, slice(0, 3))
    assert found.observed.shape == (3, 15, 8, 8)
    assert found.prior.shape == (3, 2, 15, 4, 4)
    torch.testing.assert_close(found.prior[0, :, 1:], found.prior[1, :, :-1])
    torch.testing.assert_close(found.observed[0, 2:], found.observed[2, :-2])


def test_a_network_without_a_cost_draws_nothing() -> None:
    with pytest.raises(OceanbenchError, match="no cost of which to draw"):
        solver_of(some_network("unet"))
