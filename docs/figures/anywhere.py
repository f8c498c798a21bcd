"""Worlds and scenes of fourdvarnet_anywhere, and how its weights do on worlds never trained on.

    python docs/figures/anywhere.py make FOLDER [--workers 2]
    python docs/figures/anywhere.py score FOLDER WEIGHTS [--scenes 12]

The first fills FOLDER with what `oceanbench train fourdvarnet_anywhere … --set checkpoint=FOLDER`
trains on; it goes on where it was interrupted, and two of it may run at once. The second simulates
one more world of every family, observes each and Gaussian seas some times, and prints how large the
error is that the network leaves of each first guess: a row a family, a column a guess.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file

from oceanbench.assimilation.fourdvarnet.anywhere.configuration import (
    GUESSES,
    AnywhereConfiguration,
)
from oceanbench.assimilation.fourdvarnet.anywhere.library import SEED, Library
from oceanbench.assimilation.fourdvarnet.anywhere.network import IncrementNetwork
from oceanbench.assimilation.fourdvarnet.anywhere.scenes.scene import keep_scene, scene_path
from oceanbench.assimilation.fourdvarnet.anywhere.window_sampler import WindowSampler
from oceanbench.assimilation.fourdvarnet.anywhere.worlds.families import FAMILIES
from oceanbench.assimilation.fourdvarnet.anywhere.worlds.simulations import make_world, world_path
from oceanbench.learning.ensembles import configuration_of, load_networks
from oceanbench.methods.weights import Weights

NAME = "fourdvarnet_anywhere"
HELD_OUT = 10_000  # numbers of worlds and scenes from which on nothing is trained on


def held_out(folder: Path, scenes: int) -> dict[str, list[Path]]:
    """Scenes of worlds that nothing is trained on, by family."""
    found: dict[str, list[Path]] = {}
    first = HELD_OUT - HELD_OUT % len(FAMILIES)
    for number, family in enumerate([*FAMILIES, "gaussian"]):
        world = world_path(folder / "worlds", first + number)
        if family in FAMILIES:
            make_world(folder / "worlds", first + number, SEED)
        numbers = range(HELD_OUT + number * scenes, HELD_OUT + (number + 1) * scenes)
        share = 0.0 if family in FAMILIES else 1.0
        for scene in numbers:
            keep_scene(folder / "scenes", scene, [world], gaussian=share)
        found[family] = [scene_path(folder / "scenes", scene) for scene in numbers]
    return found


def ratios(network: IncrementNetwork, file: Path) -> dict[str, float]:
    """Root mean square error left of each first guess of a scene, in the middle of its days."""
    drawn = WindowSampler([file], network.configuration).middles()
    with torch.no_grad():
        left = drawn.error - network(drawn.windows.scaled())
    sea = drawn.windows.sea[:, None]
    squares = [(sea * error.square()).sum((1, 2, 3)) for error in (left, drawn.error)]
    names = [GUESSES[number] for number in load_file(file)["kind"]]
    return dict(zip(names, (squares[0] / squares[1]).sqrt().tolist(), strict=True))


def score(folder: Path, weights: Path, scenes: int) -> None:
    """Print the table: geometric means over scenes, and the worst of them."""
    tensors = Weights.load(weights).tensors
    configuration = configuration_of(AnywhereConfiguration, tensors, NAME)
    (network,) = load_networks(lambda: IncrementNetwork(configuration), tensors, name=NAME)
    print(f"| family | {' | '.join(GUESSES)} |\n|{'---|' * (len(GUESSES) + 1)}")
    for family, files in held_out(folder, scenes).items():
        found: dict[str, list[float]] = {guess: [] for guess in GUESSES}
        for file in files:
            for guess, ratio in ratios(network, file).items():
                found[guess].append(ratio)
        cells = [
            f"{np.exp(np.mean(np.log(values))):.3f} ({max(values):.2f})" if values else "–"
            for values in found.values()
        ]
        print(f"| {family} | {' | '.join(cells)} |")


def main() -> None:
    """Do what the first argument says."""
    parser = argparse.ArgumentParser(description="Worlds and scenes of fourdvarnet_anywhere.")
    parser.add_argument("what", choices=("make", "score"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("weights", type=Path, nargs="?")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--scenes", type=int, default=12)
    given = parser.parse_args()
    if given.what == "make":
        Library.of(given.folder, AnywhereConfiguration()).fill(workers=given.workers)
    elif given.weights is None:
        parser.error("score needs WEIGHTS, a file that oceanbench train wrote")
    else:
        score(given.folder, given.weights, given.scenes)


if __name__ == "__main__":
    main()
