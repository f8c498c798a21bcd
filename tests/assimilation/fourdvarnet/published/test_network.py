"""The published 4DVarNet: its own numbers, its own names, and none of its memory."""

from __future__ import annotations

import pickle
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from published_package import theirs
from rows import every
from safetensors import torch as safetensors
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.published import network
from oceanbench.assimilation.fourdvarnet.published.weights import load, read
from oceanbench.errors import OceanbenchError

CHANNELS, STEPS, RATE = 5, 4, 50.0
# Output of ocean4dvarnet 1.0.6 with these weights, at one point of both samples
QUADRATIC = [
    [0.001247381, 0.097350098, 0.147758067, 0.128599703, 0.048724562],
    [0.001940239, 0.098058872, 0.14845401, 0.12925458, 0.049311779],
]
FACTORS = [
    [0.001225813, 0.097306408, 0.147694036, 0.128517941, 0.04862836],
    [0.001879288, 0.097960018, 0.148321256, 0.129093319, 0.049128551],
]


def made(solver: torch.nn.Module) -> dict[str, Tensor]:
    """Weights that need no generator of random numbers."""
    return {
        name: (0.3 * torch.cos(0.7 * torch.arange(value.numel(), dtype=torch.float64) + number))
        .div(max(value[0].numel(), 4) ** 0.5)
        .reshape(value.shape)
        .float()
        for number, (name, value) in enumerate(solver.state_dict().items())
    }


def observations() -> tuple[Tensor, Tensor]:
    """Two samples, observed at every seventh point."""
    number = torch.arange(2 * CHANNELS * 8 * 12).reshape(2, CHANNELS, 8, 12)
    values, observed = torch.sin(0.37 * number), number % 7 == 0
    return torch.where(observed, values, 0.0), observed


def ours(*, quadratic: bool = True, coarsen: int = 1) -> network.Solver:
    prior = network.Prior(CHANNELS, 6, quadratic=quadratic)
    modulator = network.Modulator(CHANNELS, 7, dropout=0.0, coarsen=coarsen)
    solver = network.Solver(prior, modulator, steps=STEPS, rate=RATE)
    solver.load_state_dict(made(solver))
    return solver.eval()


def reference(module: ModuleType, *, quadratic: bool, coarsen: int) -> Any:
    """Their solver with the same weights."""
    solver = module.GradSolver(
        prior_cost=module.BilinAEPriorCost(CHANNELS, 6, downsamp=2, bilin_quad=quadratic),
        obs_cost=module.BaseObsCost(),
        grad_mod=module.ConvLstmGradModel(
            CHANNELS, 7, dropout=0.0, downsamp=coarsen if coarsen > 1 else None
        ),
        n_step=STEPS,
        lr_grad=RATE,
    )
    solver.load_state_dict(made(solver))
    return solver


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("coarsen", [1, 2])
@pytest.mark.parametrize("quadratic", [False, True])
def test_it_is_the_package_to_rounding(quadratic: bool, coarsen: int, training: bool) -> None:
    peer = reference(theirs(), quadratic=quadratic, coarsen=coarsen).train(training)
    mine = ours(quadratic=quadratic, coarsen=coarsen).train(training)
    values, observed = observations()
    batch = SimpleNamespace(input=torch.where(observed, values, torch.nan))
    expected, found = peer(batch), mine(values, observed)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)
    if training:
        expected.square().mean().backward()
        found.square().mean().backward()
        for (name, theirs_), mine_ in zip(peer.named_parameters(), mine.parameters(), strict=True):
            if theirs_.grad is None:
                assert mine_.grad is None, name
            else:
                torch.testing.assert_close(mine_.grad, theirs_.grad, rtol=1e-3, atol=1e-6)


def kept_for_derivatives(solver: torch.nn.Module) -> int:
    """Tensors that a call keeps so that it can be differentiated."""
    kept = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        solver(*observations())
    return len(kept)


def test_inference_keeps_nothing_for_derivatives() -> None:
    solver, given = ours(), observations()
    with torch.inference_mode():
        found = solver(*given)
    torch.testing.assert_close(found, solver(*given), rtol=0, atol=0)
    assert not solver(*given).requires_grad
    assert kept_for_derivatives(solver) == 0
    assert kept_for_derivatives(solver.train()) > STEPS


@pytest.mark.parametrize("coarsen", [1, 2])
@pytest.mark.parametrize("quadratic", [False, True])
def test_the_transpose_of_the_prior_is_that_of_its_derivative(
    quadratic: bool, coarsen: int
) -> None:
    prior = network.Prior(CHANNELS, 6, coarsen=coarsen, quadratic=quadratic).double()
    random = torch.Generator().manual_seed(0)
    state, vector = (
        torch.randn(2, CHANNELS, 8, 12, generator=random, dtype=torch.float64) for _ in range(2)
    )
    value, transpose = prior.with_transpose(state)
    expected, pullback = torch.func.vjp(prior, state)
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(transpose(vector), pullback(vector)[0])


def test_reduced_convolutions_leave_the_state_in_single_precision() -> None:
    given, exact = observations(), ours()
    first, expected = torch.where(given[1], given[0], 0.0), exact.train()(*given).detach()
    exact.reduced = True
    found = exact(*given).detach()
    assert found.dtype == torch.float32 == exact.eval()(*given).dtype
    change = float((expected - first).abs().max())
    assert 0.0 < float((found - expected).abs().max()) < 0.05 * change


def test_weights_are_loaded_by_their_published_names() -> None:
    mine = ours()
    kept = {f"solver.{name}": value for name, value in mine.state_dict().items()}
    kept["norm_stats"] = torch.zeros(2)
    loaded = load(kept, steps=STEPS, rate=RATE)
    torch.testing.assert_close(loaded(*observations()), mine(*observations()))
    assert sum(p.numel() for p in loaded.parameters()) == sum(p.numel() for p in mine.parameters())


def test_a_file_of_weights_is_read(tmp_path: Path) -> None:
    path, kept = tmp_path / "theirs.safetensors", dict(ours().state_dict())
    safetensors.save_file(kept, path)
    assert all(torch.equal(value, kept[name]) for name, value in read(path).items())


@every("content", ["pickle", "cut", "text", "nothing", "nowhere", "infinite"])
def test_other_files_are_refused_in_one_line(
    tmp_path: Path, content: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pickle is not opened, whatever its name says."""
    path = tmp_path / "theirs.safetensors"
    if content == "pickle":
        torch.save({"state_dict": ours().state_dict()}, path)
    elif content != "nowhere":
        whole = safetensors.save(dict(ours().state_dict()))
        infinite = safetensors.save({"weight": torch.full((2,), torch.inf)})
        path.write_bytes(
            {"cut": whole[:-1], "text": b"a" * 99, "nothing": b"", "infinite": infinite}[content]
        )
    monkeypatch.setattr(pickle, "Unpickler", None)
    words = "not finite" if content == "infinite" else r"cannot be read|not a whole safetensors"
    with pytest.raises(OceanbenchError, match=words) as refused:
        read(path)
    assert str(refused.value).startswith(str(path))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("change", ["none of them", "missing", "size", "shape"])
def test_other_weights_are_refused_in_one_line(change: str) -> None:
    tensors = dict(ours().state_dict())
    if change == "none of them":
        tensors = {"weight": torch.zeros(3)}
    elif change == "missing":
        del tensors["grad_mod.conv_out.bias"]
    elif change == "shape":
        tensors["prior_cost.conv_in.weight"] = torch.zeros(3)
    else:
        tensors["prior_cost.conv_out.weight"] = torch.zeros(2, 2, 3, 3)
    with pytest.raises(OceanbenchError, match="not the weights of a published 4DVarNet") as refused:
        load(tensors, steps=STEPS)
    assert "\n" not in str(refused.value)


def test_the_size_of_the_published_networks() -> None:
    """165 550 parameters of the base and 570 686 of the larger configuration."""
    for hidden, memory, expected in ((32, 48, 165_550), (64, 96, 570_686)):
        solver = network.Solver(
            network.Prior(15, hidden, quadratic=True), network.Modulator(15, memory), steps=1
        )
        assert sum(p.numel() for p in solver.parameters()) == expected


@pytest.mark.parametrize("quadratic", [True, False])
def test_frozen_numbers_of_the_package(quadratic: bool) -> None:
    found = ours(quadratic=quadratic)(*observations())[:, :, 3, 5]
    expected = QUADRATIC if quadratic else FACTORS
    np.testing.assert_allclose(found.detach(), expected, rtol=0, atol=1e-6)
