"""What a solver of maps makes of other first guesses, on the days that validate its training.

    python docs/figures/outer_loops.py FOLDER oi smooth mean [--weights WEIGHTS]

Prints the error of each first guess of ``ssh_osse_jet_noisy``, in centimetres, and that of the
estimate where the solver begins once, twice and three times, each time with the estimate of the one
before. FOLDER keeps the first guesses, of which ``oi`` takes minutes.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch
from descent import WEIGHTS, Centimetres
from safetensors.torch import load_file

from oceanbench import Challenge
from oceanbench.assimilation.fourdvarnet.maps.inference import TrainedMembers
from oceanbench.assimilation.fourdvarnet.maps.training_set import CHECKED_DAYS, training_set
from oceanbench.methods.inputs import Inputs
from oceanbench.methods.method_file import load_method

TIMES = 3


def main() -> None:
    """Print the errors."""
    parser = argparse.ArgumentParser(description="Other first guesses of a solver.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("first_guesses", nargs="+")
    parser.add_argument(
        "--weights", type=Path, default=WEIGHTS.with_name("fourdvarnet_duacs.safetensors")
    )
    chosen = parser.parse_args()
    trained = TrainedMembers.of(load_file(chosen.weights), name="fourdvarnet")
    inputs = Inputs(Challenge.load("ssh_osse_jet_noisy"), None, for_training=True)
    _, method = load_method("fourdvarnet")
    for first_guess in chosen.first_guesses:
        configuration = replace(method.PRESETS["long"], scenes=1, first_guess=first_guess)
        data = training_set(inputs, configuration, name="loops", checkpoint=str(chosen.folder))
        whole = data.segments[0].series(data.truth, data.normalisation)
        days = whole.days(len(data.truth) - CHECKED_DAYS, len(whole.truth))
        batch = days.windows(configuration.days)
        error = Centimetres(batch, data.normalisation.deviation)
        values, observed, estimate, *_ = batch.given()
        found = [error.of(estimate)]
        with torch.inference_mode():
            for _ in range(TIMES):
                estimate = trained.solvers[0](values, observed, estimate)
                found.append(error.of(estimate))
        print(first_guess, *(f"{value:.2f}" for value in found))


if __name__ == "__main__":
    main()
