"""The shipped 4DVarNet solves its variational problem, on days that it has not learned from."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.batch import Batch
from oceanbench.assimilation.fourdvarnet.conjugate_gradients import Iterate
from oceanbench.assimilation.fourdvarnet.maps.inference import TrainedMembers
from oceanbench.assimilation.fourdvarnet.maps.patches import ObservedSeries
from oceanbench.assimilation.fourdvarnet.solver import FourDVarNet

ROOT = Path(__file__).parents[2]
SERIES = ROOT / "tests" / "data" / "validation_series.safetensors"
WEIGHTS = ROOT / "baselines" / "weights" / "ssh_osse_jet_noisy" / "fourdvarnet.safetensors"
EVERY = 4  # windows, of 25
SWATH_ERROR = 0.07  # of a simulated swath, in deviations: 1.7 cm


@cache
def windows() -> Batch:
    """Windows of the days that validate, every fourth."""
    kept = load_file(SERIES)
    series = {name: v if v.dtype == torch.bool else v.float() for name, v in kept.items()}
    whole = ObservedSeries(**series).windows(15)
    return whole.part(0, EVERY)


@cache
def solver() -> FourDVarNet:
    (found,) = TrainedMembers.of(load_file(WEIGHTS), name="fourdvarnet").solvers
    assert isinstance(found, FourDVarNet)
    return found


def estimate(net: FourDVarNet, *given: Tensor, iterations: int | None = None) -> Tensor:
    with torch.inference_mode():
        return net(*(given or windows().given()), iterations=iterations)


def rmse(found: Tensor) -> float:
    batch = windows()
    squares = batch.weight * (found - batch.wanted).square()
    return float((squares.sum() / batch.weight.sum()).sqrt())


@cache
def descent() -> list[Iterate]:
    with torch.inference_mode():
        return list(solver().problem(*windows().given()).descent(solver().iterations))


def changed(name: str, factor: float) -> float:
    """Error with a parameter times a factor, relative to the error without."""
    net = TrainedMembers.of(load_file(WEIGHTS), name="fourdvarnet").solvers[0]
    assert isinstance(net, FourDVarNet)
    with torch.no_grad():
        net.get_parameter(name).mul_(factor)
    return rmse(estimate(net)) / rmse(estimate(solver()))


def test_it_corrects_its_first_guess() -> None:
    assert rmse(estimate(solver())) < 0.9 * rmse(windows().first_guess)


def test_the_cost_falls_in_every_window_and_at_every_iteration() -> None:
    costs = torch.stack([iterate.cost for iterate in descent()])
    assert (costs[-1] < costs[0]).all()
    assert (costs.diff(dim=0) < 0).all()


def test_steps_go_where_the_cost_falls() -> None:
    *moving, _ = descent()
    cosines = [
        torch.nn.functional.cosine_similarity(i.step.flatten(1), -i.gradient.flatten(1))
        for i in moving
    ]
    assert float(torch.stack(cosines).mean()) >= 0.3
    assert (torch.stack(cosines) > 0).all()


def test_three_times_as_many_iterations_do_no_harm() -> None:
    longer = estimate(solver(), iterations=3 * solver().iterations)
    assert rmse(longer) == pytest.approx(rmse(estimate(solver())), rel=0.05)


def test_the_prior_matters() -> None:
    assert changed("prior.leave", 0.0) > 1.05


@pytest.mark.parametrize("factor", [1.0 / 3.0, 3.0])
def test_the_weight_of_observations_matters(factor: float) -> None:
    net = TrainedMembers.of(load_file(WEIGHTS), name="fourdvarnet").solvers[0]
    assert isinstance(net, FourDVarNet)
    with torch.no_grad():
        net.log_observation_weight.add_(torch.tensor(factor).log())
    assert rmse(estimate(net)) > 1.02 * rmse(estimate(solver()))


def test_a_swath_that_it_never_saw_improves_the_map() -> None:
    values, observed, guess = windows().given()
    rows, columns = guess.shape[-2:]
    place = torch.arange(rows)[:, None] + torch.arange(columns)
    flown = torch.zeros_like(observed)
    for day in range(guess.shape[1]):
        flown[:, day] = (place - 17 * day) % 60 < 5  # a diagonal band, elsewhere every day
    flown &= windows().weight > 0.0  # where the truth is known
    random = torch.Generator().manual_seed(0)
    noise = SWATH_ERROR * torch.randn(guess.shape, generator=random)
    values = torch.where(flown & ~observed, windows().wanted + noise, values)
    with_it = estimate(solver(), values, observed | flown, guess)
    assert rmse(with_it) < 0.9 * rmse(estimate(solver()))
