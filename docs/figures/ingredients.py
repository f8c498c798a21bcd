"""What each ingredient of learned_correction buys: the table of its page, on days that validate.

    python docs/figures/ingredients.py FOLDER

Every variant is trained for as many steps on the same scenes of ssh_osse_jet_noisy, and judged on
the last 32 days of the training period, which it has not learned from, as they were observed, with
no observation after them. The test period is not looked at. FOLDER keeps scenes and trainings.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from oceanbench import Challenge
from oceanbench.arrays import FloatArray
from oceanbench.assimilation.fourdvarnet.maps.configuration import MapConfiguration
from oceanbench.assimilation.fourdvarnet.maps.inference import TrainedMembers
from oceanbench.assimilation.fourdvarnet.maps.training import train_members
from oceanbench.assimilation.fourdvarnet.maps.training_set import training_set
from oceanbench.methods.inputs import Inputs

BASE = MapConfiguration(scenes=3, steps=1000, along_track=True)
ONE_PASS = replace(BASE, prior_hidden=0, iterations=1)
VARIANTS = {
    "first guess `mean`": replace(BASE, first_guess="mean"),
    "first guess `oi`": replace(BASE, first_guess="oi"),
    "**first guess `bfn`**": BASE,
    "one iteration": replace(BASE, iterations=1),
    "five iterations": replace(BASE, iterations=5),
    "one iteration, no prior (`unet`)": ONE_PASS,
    "as observed only, no other days": replace(BASE, scenes=1),
    "misfits as they are, not of the whole pass": replace(BASE, along_track=False),
    "not mirrored": replace(BASE, mirrored=False),
    "differences of neighbours count a third": replace(BASE, slope_loss=3.0),
    "they count thrice": replace(BASE, slope_loss=30.0),
}
LAST = 7  # days before the end of the observations


def rms(error: FloatArray) -> float:
    """Root mean square in centimetres, of the days whose truth is known."""
    return 100.0 * float(np.sqrt(np.nanmean(error**2)))


def main() -> None:
    """Train the variants and print a row for each."""
    parser = argparse.ArgumentParser(description="What each ingredient buys.")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    inputs = Inputs(Challenge.load("ssh_osse_jet_noisy"), None, for_training=True)
    columns = ("", "RMSE, cm", "before the last week", "of the first guess", "of observed cells")
    print(f"| {' | '.join(columns)} | CPU s |\n|{'---|' * 6}")
    for number, (name, configuration) in enumerate(VARIANTS.items()):
        data = training_set(inputs, configuration, name="variant", checkpoint=str(folder))
        begin = time.process_time()
        weights = train_members(
            data,
            configuration,
            name="variant",
            members=1,
            seed=0,
            device="cpu",
            checkpoint=str(folder / str(number)),
        )
        seconds = time.process_time() - begin
        seen, truth = data.validation_maps()
        error = TrainedMembers.of(weights, name="variant").maps(seen)[0] - truth
        early = int(np.isfinite(truth).all((1, 2)).sum()) - LAST
        found = (
            error,
            error[:early],
            seen.first_guess - truth,
            (seen.values - truth)[seen.observed],
        )
        errors = " | ".join(f"{rms(values):.2f}" for values in found)
        print(f"| {name} | {errors} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
