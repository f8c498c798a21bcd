"""Small scenes and networks for the mapper that learns anywhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.anywhere.configuration import AnywhereConfiguration
from oceanbench.assimilation.fourdvarnet.anywhere.network import IncrementNetwork
from oceanbench.assimilation.fourdvarnet.anywhere.scaling import InnovationWindows
from oceanbench.assimilation.fourdvarnet.anywhere.scenes.scene import scene_path
from oceanbench.assimilation.fourdvarnet.anywhere.worlds.random_numbers import smooth_field
from oceanbench.learning.ensembles import as_tensors

SIDE, DAYS = 16, 24
SMALL = AnywhereConfiguration(
    hidden=8, prior_hidden=8, iterations=2, applied=3, batch=4, reduced=False
)


def write_scenes(folder: Path, count: int) -> None:
    """Scenes without noise: first guesses are off by smooth fields that change with time."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        random = np.random.default_rng(number)
        steady = [smooth_field(random, SIDE, 18.0, 200.0) for _ in range(4)]
        wave = np.cos(np.arange(DAYS) / 6.0)[:, None, None]
        truth = steady[0] * wave + steady[1]
        guess = np.stack([truth + 0.5 * steady[2] * wave, truth + steady[3]])
        cell = np.flatnonzero(random.random(truth.size) < 0.1).astype(np.int32)
        innovation = (truth - guess).reshape(2, -1)[:, cell]
        parts = {
            "truth": truth.astype(np.float16),
            "guess": guess.astype(np.float16),
            "kind": np.arange(2, dtype=np.int32),
            "cell": cell,
            "innovation": innovation.astype(np.float16),
            "shared": 0.0 * innovation.astype(np.float16),
            "passes": (1 + cell // SIDE**2).astype(np.int32),
            "fraction": np.zeros(2, np.float32),
            "count": np.full(cell.size, 3.0, np.float16),
            "sea": np.ones((SIDE, SIDE), bool),
            "cell_km": np.array(18.0),
            "unit": np.array(0.1),
            "latitude": np.array(35.0),
            "smooth_km": np.array(30.0 * (number % 2)),
            "mean": np.zeros((SIDE, SIDE), np.float16),
        }
        whole = {name: np.ascontiguousarray(value) for name, value in parts.items()}
        save_file(whole, scene_path(folder, number))


def untrained(configuration: AnywhereConfiguration = SMALL) -> dict[str, Tensor]:
    """Weights that have learned nothing: the solver is an interpolation then."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = IncrementNetwork(configuration)
    weights = {f"0.{key}": value for key, value in network.state_dict().items()}
    return {**as_tensors(configuration), **weights}


def windows(seed: int = 0, *, batch: int = 2, side: int = SIDE) -> InnovationWindows:
    """Windows of random numbers, a tenth of the cells observed, the last rows land."""
    random = torch.Generator().manual_seed(seed)
    shape = (batch, SMALL.days, side, side)
    count = 3.0 * (torch.rand(shape, generator=random) < 0.1)
    sea = torch.ones(batch, side, side)
    sea[:, -3:] = 0.0
    days = torch.arange(1, 1 + shape[1])[:, None, None].expand(shape)
    return InnovationWindows(
        torch.randn(shape, generator=random),
        0.3 * torch.randn(shape, generator=random) * (count > 0),
        count,
        days * (count > 0),
        sea,
        torch.full((batch,), 17.0),
        torch.full((batch,), 0.1),
        torch.full((batch,), 30.0),
        torch.zeros(shape),
        torch.zeros(batch),
    )
