"""A compiled network gives what it gave before, to rounding."""

from __future__ import annotations

import shutil
from functools import partialmethod

import pytest
import torch
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.compilation import compiled
from oceanbench.assimilation.fourdvarnet.learned_descent import LearnedDescent
from oceanbench.assimilation.fourdvarnet.maps.configuration import MapConfiguration, network
from oceanbench.errors import OceanbenchError

SMALL = MapConfiguration(days=3, hidden=4, prior_hidden=2, iterations=2, reduced=False)
GRAPHS = "aot_eager"  # graphs of values and derivatives, run as they are: C++ takes a minute more


def made() -> LearnedDescent:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return network(SMALL)


def outputs(solver: LearnedDescent) -> list[Tensor]:
    """Of training, with the derivatives of its weights."""
    values = torch.randn(2, 3, 9, 8, generator=torch.Generator().manual_seed(1))
    given = (values, values > 0.5, 0.9 * values)
    found = solver.train()(*given)
    gradients = torch.autograd.grad(found.square().mean(), list(solver.update.parameters()))
    return [found.detach(), *gradients]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no C++ compiler")
@pytest.mark.filterwarnings("ignore")  # the compiler warns of itself
def test_a_compiled_network_is_the_same_to_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    of_graphs = partialmethod(torch.nn.Module.compile, backend=GRAPHS)
    monkeypatch.setattr(torch.nn.Module, "compile", of_graphs)
    expected = outputs(made())
    solver = compiled(made())
    found = outputs(solver)
    assert solver.state_dict().keys() == made().state_dict().keys()
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_without_a_compiler_it_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(function: object) -> object:
        raise RuntimeError("no\n compiler")

    monkeypatch.setattr(torch, "compile", refuse)
    with pytest.raises(OceanbenchError, match=r"compiled=True: .* \(no compiler\)"):
        compiled(made())
