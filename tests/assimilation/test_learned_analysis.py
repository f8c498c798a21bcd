"""An analysis that is learned through the cycle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cycle_worlds
import pytest
import torch
from rows import every

from oceanbench.assimilation.learned_analysis import (
    AnalysisConfiguration,
    AnalysisNetwork,
    CycledWorlds,
    train_analysis,
)
from oceanbench.errors import OceanbenchError
from oceanbench.methods.inputs import Inputs

SMALL = AnalysisConfiguration(
    channels=16, blocks=1, kernel=5, worlds=16, cycles=6, steps=120, rate=1e-2
)


@every("turned", [1, -3])
def test_it_is_the_same_all_around_the_circle(turned: int) -> None:
    random = torch.Generator().manual_seed(0)
    background, innovation = torch.randn(2, 5, 8, generator=random).unbind(0)
    seen = torch.rand(5, 8, generator=random) < 0.5
    network = AnalysisNetwork.of_weights(AnalysisNetwork(6, 2, 3).state_dict())
    entering = background, torch.where(seen, innovation, 0.0), seen
    with torch.no_grad():
        found = network(*(torch.roll(one, turned, -1) for one in entering))
        torch.testing.assert_close(found, torch.roll(network(*entering), turned, -1))
        assert (found - torch.roll(background, turned, -1)).abs().max() > 0.01


def test_it_learns_through_the_cycle_what_no_nudging_knows(tmp_path: Path) -> None:
    inputs = Inputs(cycle_worlds.challenge(tmp_path), for_training=True)
    worlds = CycledWorlds(inputs, SMALL, seed=1, device="cpu")
    network = worlds.fitted(AnalysisNetwork(8, 1, 3))
    errors = []
    with torch.no_grad():
        torch.nn.init.zeros_(network.last.weight)
        for gain in (0.1, 0.15, 0.2):
            network.gain.fill_(gain)
            errors.append(worlds.score(network))
    assert errors[1] < min(errors[0], errors[2])  # the best of them is near
    learned = AnalysisNetwork.of_weights(train_analysis(inputs, SMALL, seed=0, device="cpu"))
    with torch.no_grad():
        assert worlds.score(learned) < 0.95 * errors[1]
    short = replace(SMALL, steps=10)
    one, same = (train_analysis(inputs, short, seed=3, device="cpu") for _ in range(2))
    torch.testing.assert_close(one, same, rtol=0, atol=0)
    elsewhere = {name: dataset.copy() for name, dataset in inputs.items()}
    for dataset in elsewhere.values():
        del dataset.attrs["model_forcing"]
        dataset.attrs["model"] = "lorenz63"
    with pytest.raises(OceanbenchError, match="lie on no circle"):
        CycledWorlds(elsewhere, SMALL, seed=0, device="cpu")
