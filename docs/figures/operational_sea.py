"""What fourdvarnet_anywhere leaves of first guesses where the truth is as smooth as a map.

    python docs/figures/operational_sea.py DATA WEIGHTS

takes the tuned reference maps of the real sea ssh_ose_med2014, whose files lie in DATA, for a
truth, has altimeters see it, and prints for every first guess its error over the sea on the days in
the middle, what half a pass, one and two leave of it and of the error of its geostrophic currents
if the sea is taken to be rough or smooth, and which of them withheld passes bear out. Operational
maps are what there is of a real sea everywhere, and smoother than any sea: a mapper that learned on
seas with small eddies alone makes up what is not in them. The altimeter that the challenge scores
is not opened.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import xarray as xr
from anywhere import CELL_KM, shipped

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.fourdvarnet.anywhere.anywhere_mapping import SMOOTH_KM, STEP_NAMES
from oceanbench.assimilation.fourdvarnet.anywhere.box import Box
from oceanbench.assimilation.fourdvarnet.anywhere.first_guess import fitted_scales
from oceanbench.assimilation.fourdvarnet.anywhere.increments import AnywhereMapper, Trial
from oceanbench.assimilation.fourdvarnet.anywhere.withheld_passes import (
    PARTS,
    borne_out,
    squares_left,
    withheld,
)
from oceanbench.challenge import Challenge
from oceanbench.grid import fill_holes
from oceanbench.metrics.geostrophic import squared_current_error
from oceanbench.observing.constellation import constellation

MAPS = Path("dc_maps") / "OSE_ssh_mapping_BASELINE.nc"
BOX = {"longitude": slice(4.0, 36.0), "latitude": slice(32.0, 45.0)}
SCORED = slice(5, 16)  # of the days
NADIRS = ("jason1", "envisat", "topex-poseidon_interleaved", "geosat2")
SAMPLINGS = {"four nadirs": NADIRS, "the same and a swath": (*NADIRS, "swot")}
GUESSES = ("duacs", "bfn", "duacs+bfn", "oi")
SEED = 0


def operational_maps(data: Path) -> xr.DataArray:
    """Reference maps (time, latitude, longitude), missing on land."""
    maps = xr.open_dataset(data / MAPS).rename(lat="latitude", lon="longitude")["ssh"].load()
    east = (maps["longitude"] + 180.0) % 360.0 - 180.0
    found = maps.assign_coords(longitude=east).sortby("longitude").sel(BOX)
    return found.transpose("time", "latitude", "longitude").assign_attrs(units="m")


def errors(found: xr.DataArray, truth: xr.DataArray) -> FloatArray:
    """Root mean square error of sea level, cm, and of geostrophic currents, m/s."""
    level = float(((found - truth) ** 2).mean())
    sea = truth.notnull().astype(float)
    currents = float(squared_current_error(found, truth, sea).mean())
    return np.sqrt([1e4 * level, currents])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Increments where the truth is as smooth as maps.")
    parser.add_argument("data", type=Path)
    parser.add_argument("weights", type=Path)
    given = parser.parse_args()
    truth = operational_maps(given.data)
    known = truth.notnull().all("time")
    mean = Challenge.load("ssh_ose_med2014").open("mdt", given.data)
    scored = truth.isel(time=SCORED)
    network = shipped(given.weights)
    box = Box.around(scored, network.configuration.half)
    heads = ("altimeters", "first guess", "cm", "smooth", "half, one, two", "currents", "borne out")
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for sampling, names in SAMPLINGS.items():
        seen = constellation(fill_holes(truth), names, seed=SEED, sea=known)
        inputs = {**seen, "mean": mean.assign_attrs(role="auxiliary", layout="static")}
        missions = ",".join(names)
        scales = fitted_scales(inputs, "ssh", box.grid, missions=missions)
        mapper = AnywhereMapper(network, "ssh", box, scales, CELL_KM, "cpu")
        tried = [Trial(guess, km) for guess in GUESSES for km in SMOOTH_KM["auto"]]
        squares = squares_left(withheld(inputs, names, PARTS), mapper.ladders, tried, box, "ssh")
        for trial, ladder in mapper.ladders(inputs, missions, tried).items():
            guess = trial.first_guess
            same = {one: found for one, found in squares.items() if one.first_guess == guess}
            best, step = borne_out(same)
            found = [
                errors(scored.copy(data=box.on_target(ladder.guess + increment)), scored)
                for increment in ladder.increments
            ]
            left = np.array(found[1:]) / found[0]
            level, currents = (", ".join(f"{ratio:.3f}" for ratio in part) for part in left.T)
            borne = STEP_NAMES[step] if trial == best else "–"
            cells = (sampling, f"`{guess}`", f"{found[0][0]:.2f}", f"{trial.smooth_km:.0f}")
            print(f"| {' | '.join((*cells, level, currents, borne))} |", flush=True)


if __name__ == "__main__":
    main()
