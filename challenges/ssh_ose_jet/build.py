"""How the frozen data of `ssh_ose_jet` were made: one more altimeter over the ssh_osse_jet world.

    python challenges/ssh_osse_jet/build.py --world world.nc --output DIR   # simulates the world
    python challenges/ssh_ose_jet/build.py --world world.nc                 # observes it

CryoSat-2's orbit at 1 Hz, with the errors of the nadir altimeters of `ssh_osse_jet_noisy`. The file
is the truth of the challenge: nobody maps with it, the maps are compared with it. The mean dynamic
topography that methods receive is the mean of the world over the training period.
"""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path

import numpy as np
import xarray as xr

from oceanbench.observing.noise import nadir_error

HERE = Path(__file__).parent
MISSION, SEED = "cryosat2", 6
TOPOGRAPHY = "mean_dynamic_topography.nc"

_spec = importlib.util.spec_from_file_location(
    "ssh_osse_jet_build", HERE.parent / "ssh_osse_jet" / "build.py"
)
assert _spec is not None and _spec.loader is not None
jet = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(jet)


def withheld(world: xr.DataArray, end: np.datetime64) -> xr.Dataset:
    """Observe the world with error along the orbit of the withheld altimeter, up to ``end``."""
    clean = jet.along_track(world, MISSION, end)
    return clean.assign(ssh=clean["ssh"] + nadir_error(clean, seed=SEED))


def mean_topography() -> xr.Dataset:
    """Mean of the training truth of `ssh_osse_jet`, from its frozen files."""
    files = sorted(jet.DATA.glob("training_truth_*.nc"))
    parts = [xr.load_dataset(file) for file in files]
    return xr.concat(parts, "time").mean("time")


def main() -> None:
    """Parse the command line; build the file, or count what is in it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=HERE / "data", help="folder of the file")
    parser.add_argument("--world", type=Path, help="file of the simulated year, made when absent")
    parser.add_argument("--statistics", action="store_true", help="measure the file of --output")
    options = parser.parse_args()
    path = options.output / f"{MISSION}.nc"
    if options.statistics:
        file = xr.load_dataset(path)
        print(f"observations of {MISSION}: {file.sizes['time']}")
        print(f"    of which in the scored box and period: {int(jet.scored(file).sum())}")
        print(f"ssh std: {float(file['ssh'].std()):.4f} m")
        mean = xr.load_dataset(options.output / TOPOGRAPHY)
        print(f"mean dynamic topography std: {float(mean['ssh'].std()):.4f} m")
    else:
        world = jet.load_or_simulate(options.world)
        title = f"Withheld 1 Hz altimetry of {MISSION} with measurement error"
        jet.write(withheld(world, jet.SWATH_END), path, title)
        title = "Mean dynamic topography, 2013-01-02 to 2013-09-30"
        jet.write(mean_topography(), options.output / TOPOGRAPHY, title)


if __name__ == "__main__":
    main()
