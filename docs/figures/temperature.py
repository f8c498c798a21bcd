"""How much of a map's error temperature tells linearly, on `ssh_osse_fronts`.

    python docs/figures/temperature.py FOLDER [bfn duacs …]

Prints, for first guesses of the training period made of its altimeters, the root mean square of
their error that is left when a linear filter of temperatures around each point and day is taken
off, over that of the error: fitted on the first two thirds of the days, measured on the last
quarter. ``exact`` are temperatures without error, which no radiometer sees: no filter of what they
measure can tell more. FOLDER keeps the first guesses, of which ``bfn`` takes minutes.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import numpy as np
import xarray as xr

from oceanbench import Challenge
from oceanbench.arrays import FloatArray
from oceanbench.assimilation.observations.second_field import less_training_mean
from oceanbench.assimilation.training_fields import training_fields
from oceanbench.grid import interpolate
from oceanbench.methods.inputs import Inputs

CHALLENGE, STEP = "ssh_osse_fronts", 0.2
RIM = 8  # nodes at the edges: filters reach as far
FILTERS = {  # offsets in nodes, and in days
    "within 0.4°": (range(-2, 3), (0,)),
    "within 1.6°, every second node": (range(-8, 9, 2), (0,)),
    "within 0.8°, on three days": (range(-4, 5, 2), (-3, 0, 3)),
}
AROUND = 6  # days at either end, which filters and rim use
RIDGE = 1e-4  # of the mean variance of what the filter reads


def main() -> None:
    """Print a table for each first guess."""
    parser = argparse.ArgumentParser(description="What temperature tells of the error of maps.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("first_guesses", nargs="*", default=["bfn", "duacs"])
    chosen = parser.parse_args()
    inputs = Inputs(Challenge.load(CHALLENGE), None, for_training=True)
    for name in chosen.first_guesses:
        fields = training_fields(
            inputs, first_guess=name, step_degrees=STEP, checkpoint=str(chosen.folder)
        )
        error = (fields["truth"] - fields["first_guess"]).values
        print(f"{name}: its error is {100 * np.sqrt(np.nanmean(error**2)):.2f} cm")
        for what, temperature in temperatures(inputs, fields["truth"]).items():
            for reach, (nodes, days) in FILTERS.items():
                print(f"  {what}, {reach}: {left(error, temperature, nodes, days):.3f}")


def temperatures(inputs: Inputs, like: xr.DataArray) -> dict[str, FloatArray]:
    """Anomalies of temperature on the nodes and days of a field: exact, and of radiometers."""
    found = {}
    for what, name in (("exact", "training_sst"), ("microwave", "sst_microwave")):
        maps = inputs[name]["sst"]
        anomalies = less_training_mean(inputs, maps, float(like["longitude"].mean()))
        assert anomalies is not None  # the challenge has training maps of temperature
        found[what] = interpolate(anomalies.transpose(*like.dims), like).values
    return found


def left(error: FloatArray, field: FloatArray, nodes: range, days: tuple[int, ...]) -> float:
    """Share of the root mean square error that a linear filter of a field leaves."""
    inner = slice(RIM, -RIM)
    wanted = error[AROUND:-AROUND, inner, inner]
    columns, size = [], field.shape[1:]
    for day, row, column in itertools.product(days, nodes, nodes):
        rows, across = (
            slice(RIM + k, n - RIM + k) for k, n in zip((row, column), size, strict=True)
        )
        when = slice(AROUND + day, len(field) - AROUND + day)
        columns.append(field[when, rows, across])
    read = np.stack(columns, -1)
    learned, checked = len(wanted) * 2 // 3, len(wanted) * 3 // 4
    a, b = read[:learned].reshape(-1, len(columns)), wanted[:learned].ravel()
    normal = a.T @ a
    normal += RIDGE * np.trace(normal) / len(normal) * np.eye(len(normal))
    rest = wanted[checked:] - read[checked:] @ np.linalg.solve(normal, a.T @ b)
    return float(np.sqrt(np.mean(rest**2) / np.mean(wanted[checked:] ** 2)))


if __name__ == "__main__":
    main()
