"""The published 4DVarNet: its own numbers, its own names, and none of its memory."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from oceanbench.assimilation import published
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


def ours(*, quadratic: bool = True, coarsen: int = 1) -> published.Solver:
    prior = published.Prior(CHANNELS, 6, quadratic=quadratic)
    modulator = published.Modulator(CHANNELS, 7, dropout=0.0, coarsen=coarsen)
    solver = published.Solver(prior, modulator, steps=STEPS, rate=RATE)
    solver.load_state_dict(made(solver))
    return solver.eval()


def theirs() -> ModuleType:
    """Models of the package, which loads alone but for two imports that they do not need here."""
    found = importlib.util.find_spec("ocean4dvarnet")
    if found is None or not found.submodule_search_locations:
        pytest.skip("ocean4dvarnet is not installed: pip install --no-deps ocean4dvarnet==1.0.6")
    names = {"pytorch_lightning": {"LightningModule": object}, "kornia": {}, "kornia.filters": {}}
    known = {name: sys.modules.get(name) for name in names}
    for name, content in names.items():
        module: Any = ModuleType(name)
        module.__dict__.update(content)
        sys.modules[name] = module
    sys.modules["kornia"].filters = sys.modules["kornia.filters"]  # type: ignore[attr-defined]
    path = f"{found.submodule_search_locations[0]}/models.py"
    spec = importlib.util.spec_from_file_location("ocean4dvarnet_models", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, before in known.items():
        if before is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before
    return module


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


def test_inference_needs_no_graph_and_memory_does_not_grow() -> None:
    """No number that inference keeps alive has a history."""
    solver, given = ours(), observations()
    with torch.inference_mode():
        found = solver(*given)
    torch.testing.assert_close(found, solver(*given), rtol=0, atol=0)
    assert not solver(*given).requires_grad
    assert solver.train()(*given).requires_grad


def test_weights_are_loaded_by_their_published_names() -> None:
    mine = ours()
    kept = {f"solver.{name}": value for name, value in mine.state_dict().items()}
    kept["norm_stats"] = torch.zeros(2)
    loaded = published.load(kept, steps=STEPS, rate=RATE)
    torch.testing.assert_close(loaded(*observations()), mine(*observations()))
    assert sum(p.numel() for p in loaded.parameters()) == sum(p.numel() for p in mine.parameters())


@pytest.mark.parametrize("change", ["none of them", "missing", "size"])
def test_other_weights_are_refused_in_one_line(change: str) -> None:
    tensors = dict(ours().state_dict())
    if change == "none of them":
        tensors = {"weight": torch.zeros(3)}
    elif change == "missing":
        del tensors["grad_mod.conv_out.bias"]
    else:
        tensors["prior_cost.conv_out.weight"] = torch.zeros(2, 2, 3, 3)
    with pytest.raises(OceanbenchError, match="not the weights of a published 4DVarNet") as refused:
        published.load(tensors, steps=STEPS)
    assert "\n" not in str(refused.value)


def test_the_size_of_the_published_networks() -> None:
    """165 550 parameters of the base and 570 686 of the larger configuration."""
    for hidden, memory, expected in ((32, 48, 165_550), (64, 96, 570_686)):
        solver = published.Solver(
            published.Prior(15, hidden, quadratic=True), published.Modulator(15, memory), steps=1
        )
        assert sum(p.numel() for p in solver.parameters()) == expected


@pytest.mark.parametrize("quadratic", [True, False])
def test_frozen_numbers_of_the_package(quadratic: bool) -> None:
    found = ours(quadratic=quadratic)(*observations())[:, :, 3, 5]
    expected = QUADRATIC if quadratic else FACTORS
    np.testing.assert_allclose(found.detach(), expected, rtol=0, atol=1e-6)
