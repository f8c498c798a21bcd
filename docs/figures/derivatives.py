"""Three ways to learn a cost from the error of its minimum: skill, memory and time.

    python docs/figures/derivatives.py FOLDER [--worlds jet lorenz96] [--seeds 0]

Trains ``fourdvarnet`` on ``ssh_osse_jet_noisy`` and ``fourdvarnet_conv`` with its incremental
solver on ``lorenz96``, with every derivative, shortly and with as many steps, and scores them on
the days and windows that validate. FOLDER keeps the scenes of the jet, which take minutes to make.
What was found is in ``docs/figures/derivatives.json``; only what is not there is trained. Prints
the table of ``docs/bilevel.md``.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from oceanbench import Challenge
from oceanbench.assimilation.fourdvarnet.bilevel import DERIVATIVES, derivative_of
from oceanbench.assimilation.fourdvarnet.maps.configuration import network
from oceanbench.assimilation.fourdvarnet.maps.training import train_members, training_data
from oceanbench.assimilation.fourdvarnet.maps.window_estimates import estimates
from oceanbench.assimilation.fourdvarnet.windows.inference import estimate_members
from oceanbench.assimilation.window_batches import states
from oceanbench.learning.ensembles import load_networks
from oceanbench.methods.inputs import Inputs
from oceanbench.methods.method_file import load_method

FOUND = Path(__file__).with_suffix(".json")
Run = dict[str, float]
Training = Callable[[str, int], float]  # derivative, seed -> error on what validates


def inputs_of(challenge: str) -> Inputs:
    """What a training is given."""
    return Inputs(Challenge.load(challenge), None, for_training=True)


def jet(folder: str) -> Training:
    """Error, cm, of maps of the days that validate."""
    _, method = load_method("fourdvarnet")
    usual = replace(method.PRESETS["cpu"], scenes=4, steps=JET_STEPS)
    inputs = inputs_of("ssh_osse_jet_noisy")
    data = training_data(inputs, usual, name="jet", checkpoint=folder)
    batch = data.validation_windows(usual.days)
    usual = replace(usual, error_size=data.sampler().error_size)

    def error(derivative: str, seed: int) -> float:
        chosen = replace(usual, **derivative_of(derivative, method="jet"))
        weights = train_members(data, chosen, name="jet", members=1, seed=seed, device="cpu")
        (net,) = load_networks(lambda: network(chosen), weights, name="jet")
        squares = batch.weight * (estimates(net, *batch.given()) - batch.wanted).square()
        root = float((squares.sum() / batch.weight.sum()).sqrt())
        return 100.0 * data.normalisation.deviation * root

    return error


def lorenz96(_: str) -> Training:
    """Mean square error of the windows that validate."""
    _, method = load_method("fourdvarnet_conv")
    inputs = dict(inputs_of("lorenz96"))
    part = {"time": slice(LORENZ_TIMES)}
    known = states({"states": inputs["validation_truth"].isel(part)}, role="validation")
    trial = inputs["validation_observations"].isel(part).assign_attrs(role="observations")
    seen = {**inputs, "observations": trial}

    def error(derivative: str, seed: int) -> float:
        weights = method.train(
            inputs,
            device="cpu",
            seed=seed,
            members=1,
            steps=LORENZ_STEPS,
            solver="incremental",
            derivative=derivative,
        )
        found = estimate_members(seen, weights, name="lorenz96", member=0)
        return float((found - known).square().mean())

    return error


LORENZ_TIMES = 60  # of the windows that validate
JET_STEPS, LORENZ_STEPS = 300, 40
WORLDS = {"jet": jet, "lorenz96": lorenz96}


def measured(training: Training, derivative: str, seed: int) -> Run:
    """Error, CPU seconds and MB above what was there before, of a training in a process."""

    def run(queue: multiprocessing.Queue[Run]) -> None:
        before = _resident()
        begun = time.process_time()
        error = training(derivative, seed)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
        taken = time.process_time() - begun
        queue.put({"error": error, "seconds": taken, "megabytes": peak - before})

    context = multiprocessing.get_context("fork")  # which has what was read before
    queue: multiprocessing.Queue[Run] = context.Queue()
    process = context.Process(target=run, args=(queue,))
    process.start()
    found = queue.get()
    process.join()
    return found


def _resident() -> float:
    """Memory of this process, MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def main() -> None:
    """Train what is missing, and print the table."""
    parser = argparse.ArgumentParser(description="Three ways to the derivative.")
    parser.add_argument("folder")
    parser.add_argument("--worlds", nargs="+", choices=WORLDS, default=list(WORLDS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    given = parser.parse_args()
    torch.set_num_threads(1)
    found: dict[str, Run] = json.loads(FOUND.read_text()) if FOUND.is_file() else {}
    for world in given.worlds:
        training = None
        for seed in given.seeds:
            for derivative in DERIVATIVES:
                name = f"{world} {derivative} {seed}"
                if name not in found:
                    training = training or WORLDS[world](given.folder)
                    found[name] = measured(training, derivative, seed)
                    FOUND.write_text(json.dumps(found, indent=1) + "\n")
                print(name, {k: round(v, 4) for k, v in found[name].items()}, flush=True)


if __name__ == "__main__":
    main()
