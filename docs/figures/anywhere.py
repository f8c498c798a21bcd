"""Worlds and scenes of fourdvarnet_anywhere, and how its weights do on worlds never trained on.

    python docs/figures/anywhere.py make FOLDER [--workers 2]
    python docs/figures/anywhere.py score FOLDER WEIGHTS [--scenes 12]
    python docs/figures/anywhere.py members FOLDER WEIGHTS [--scenes 12]
    python docs/figures/anywhere.py withheld DATA WEIGHTS

The first fills FOLDER with what `oceanbench train fourdvarnet_anywhere … --set checkpoint=FOLDER`
trains on; it goes on where it was interrupted, and two of it may run at once. The second simulates
one more world of every family, observes each and Gaussian seas some times, and prints how large the
error is that the network, which is told how smooth the sea is, leaves of each first guess: a row a
family, a column a guess. The third says of the same windows how members tell where the error is
large: their spread over the error, the rank correlation of spread and size of the error over the
places of a window (its mean), and over those of all windows; and what either could be at most, if
errors were normal of deviations that vary as the errors' mean size says that they do
(docs/figures/member_scores.py). The last withholds the input altimeters of the real sea
ssh_ose_med2014, whose files lie in DATA, one after the other, and prints what half a pass, one and
two leave of its root mean square misfit to bfn and duacs of the others, if the sea is taken to be
rough or smooth. The altimeter that the challenge scores is not opened.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from member_scores import bounds
from safetensors.numpy import load_file
from scipy.stats import spearmanr

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.fourdvarnet.anywhere.anywhere_mapping import SMOOTH_KM
from oceanbench.assimilation.fourdvarnet.anywhere.box import Box
from oceanbench.assimilation.fourdvarnet.anywhere.configuration import (
    GUESSES,
    AnywhereConfiguration,
)
from oceanbench.assimilation.fourdvarnet.anywhere.draws import Errors, deviations, solver_of
from oceanbench.assimilation.fourdvarnet.anywhere.first_guess import fitted_scales
from oceanbench.assimilation.fourdvarnet.anywhere.increments import AnywhereMapper, Trial
from oceanbench.assimilation.fourdvarnet.anywhere.library import SEED, Library
from oceanbench.assimilation.fourdvarnet.anywhere.network import IncrementNetwork
from oceanbench.assimilation.fourdvarnet.anywhere.scenes.scene import keep_scene, scene_path
from oceanbench.assimilation.fourdvarnet.anywhere.window_sampler import WindowSampler
from oceanbench.assimilation.fourdvarnet.anywhere.withheld_passes import squares_left, withheld
from oceanbench.assimilation.fourdvarnet.anywhere.worlds.families import FAMILIES
from oceanbench.assimilation.fourdvarnet.anywhere.worlds.simulations import make_world, world_path
from oceanbench.challenge import Challenge
from oceanbench.learning.ensembles import configuration_of, load_networks
from oceanbench.methods.inputs import Inputs
from oceanbench.methods.weights import Weights

NAME = "fourdvarnet_anywhere"
HELD_OUT = 10_000  # numbers of worlds and scenes from which on nothing is trained on
DRAWS = 30  # members
CELL_KM = 16.0  # as the method has it
ALIKE = 0.797  # mean size of normal errors of one deviation, over their root mean square


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


def shipped(weights: Path) -> IncrementNetwork:
    """Network of a file of weights."""
    tensors = Weights.load(weights).tensors
    configuration = configuration_of(AnywhereConfiguration, tensors, NAME)
    (network,) = load_networks(lambda: IncrementNetwork(configuration), tensors, name=NAME)
    return network


def score(folder: Path, weights: Path, scenes: int) -> None:
    """Print the table: geometric means over scenes, and the worst of them."""
    network = shipped(weights)
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


def spreads(network: IncrementNetwork, file: Path) -> list[tuple[FloatArray, FloatArray]]:
    """Spread and size of the error in the sea of every window of a scene, on its middle day."""
    drawn = WindowSampler([file], network.configuration).middles()
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        scaled = drawn.windows.scaled()
        left = (drawn.error - network(scaled)).abs()
        shape = tuple(scaled.innovation.shape)
        errors = [Errors.drawn(solver_of(network), shape, random) for _ in range(DRAWS)]
        members = torch.stack([deviations(network, scaled, one) for one in errors])
    spread, middle = members.square().mean(0).sqrt(), left.shape[1] // 2
    return [
        (s[middle][sea > 0.5].numpy(), e[middle][sea > 0.5].numpy())
        for s, e, sea in zip(spread, left, drawn.windows.sea, strict=True)
    ]


def withheld_altimeters(data: Path, weights: Path) -> None:
    """Print what is left of the misfits of altimeters that were withheld, on a real sea."""
    challenge = Challenge.load("ssh_ose_med2014")
    inputs = dict(Inputs(challenge, data))
    target = challenge.target(data)["ssh"]
    network = shipped(weights)
    tried = [Trial(guess, km) for guess in ("bfn", "duacs") for km in SMOOTH_KM["auto"]]
    box = Box.around(target, network.configuration.half)
    altimeters = [name for name, track in inputs.items() if track.attrs["layout"] == "track"]
    print("| altimeter | first guess | smooth | half | one | two |\n|---|---|---|---|---|---|")
    for case in withheld(inputs, altimeters, len(altimeters), altimeters):
        scales = fitted_scales(case.inputs, "ssh", box.grid, missions=case.missions)
        mapper = AnywhereMapper(network, "ssh", box, scales, CELL_KM, "cpu")
        for trial, squares in squares_left([case], mapper.ladders, tried, box, "ssh").items():
            sums = squares.sum(1)
            left = " | ".join(f"{ratio:.3f}" for ratio in np.sqrt(sums[1:] / sums[0]))
            given = f"`{trial.first_guess}` | {trial.smooth_km:.0f}"
            print(f"| {case.withheld} | {given} | {left} |", flush=True)


def members(folder: Path, weights: Path, scenes: int) -> None:
    """Print the table of members."""
    network = shipped(weights)
    heads = ("family", "spread/error", "in a window", "at most", "over all windows", "at most")
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for family, files in held_out(folder, scenes).items():
        found = [pair for file in files for pair in spreads(network, file)]
        sizes = [np.sqrt(np.mean(s**2) / np.mean(e**2)) for s, e in found]
        within = [float(spearmanr(s, e)[0]) for s, e in found]
        most = [_most(e) for _, e in found]
        spread, error = (np.concatenate(parts) for parts in zip(*found, strict=True))
        print(
            f"| {family} | {np.exp(np.mean(np.log(sizes))):.2f} | {np.mean(within):.2f} | "
            f"{np.mean(most):.2f} | {spearmanr(spread, error)[0]:.2f} | {_most(error):.2f} |"
        )


def _most(error: FloatArray) -> float:
    """Rank correlation that a perfect spread would have with errors of such sizes.

    None where they vary less than those of one deviation.
    """
    absolute, root = float(error.mean()), float(np.sqrt(np.mean(error**2)))
    return bounds(absolute, 100.0 * root)[1] if absolute < ALIKE * root else 0.0


def main() -> None:
    """Do what the first argument says."""
    parser = argparse.ArgumentParser(description="Worlds and scenes of fourdvarnet_anywhere.")
    parser.add_argument("what", choices=("make", "score", "members", "withheld"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("weights", type=Path, nargs="?")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--scenes", type=int, default=12)
    given = parser.parse_args()
    if given.what == "make":
        Library.of(given.folder, AnywhereConfiguration()).fill(workers=given.workers)
    elif given.weights is None:
        parser.error(f"{given.what} needs WEIGHTS, a file that oceanbench train wrote")
    elif given.what == "withheld":
        withheld_altimeters(given.folder, given.weights)
    else:
        table = score if given.what == "score" else members
        table(given.folder, given.weights, given.scenes)


if __name__ == "__main__":
    main()
