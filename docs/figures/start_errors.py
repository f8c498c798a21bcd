"""Print how large errors of starts are that an emulator learns from, and how large they were.

    python docs/figures/start_errors.py

The former are of the training maps alone: root mean squares of changes in one to as many days as an
analysis looks back on (:mod:`oceanbench.forecasting.training_pairs`). The latter are what the card
gives for analyses against the reanalysis of the test year; no method knows them.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from oceanbench import Challenge
from oceanbench.forecasting.configuration import EmulatorConfiguration

FOUND = "rms_difference_to_reanalysis_{}"


def learned_from(field: xr.DataArray, most: int) -> float:
    """Root mean square of the changes in one to ``most`` days, all as likely, by area."""
    weights = np.cos(np.deg2rad(field["latitude"]))
    apart = (field.shift(time=-days) - field for days in range(1, most + 1))
    squares = [float(np.square(change).weighted(weights).mean()) for change in apart]
    return float(np.sqrt(np.mean(squares)))


def main() -> None:
    """Print a row for each variable."""
    challenge, most = Challenge.load("reanalysis_emulation"), EmulatorConfiguration().lag
    maps = challenge.open("reanalysis").load()
    with xr.open_dataset(challenge.path.parent / "data/analysis.nc") as analysis:
        found = {n: analysis.attrs[FOUND.format(n)] for n in challenge.submission.variables}
    print("| | learned from | found in the test year |\n|---|---|---|")
    for name, size in found.items():
        print(f"| `{name}` | {learned_from(maps[name], most):.3g} | {size:.3g} |")


if __name__ == "__main__":
    main()
