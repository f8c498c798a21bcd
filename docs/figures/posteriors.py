"""A window of stochastic Lorenz-63 of which z alone is observed: two modes, and who finds them.

    python docs/figures/posteriors.py [RESULTS] [WINDOW]

draws ``docs/images/posteriors.png`` from the members of ``challenges/lorenz63_posterior`` and from
the estimates of WINDOW (2) in RESULTS (``results``), which ``oceanbench run METHOD
lorenz63_posterior`` writes. docs/posteriors.md explains it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib.style
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from oceanbench import Challenge
from oceanbench.figures.style import ERROR, ESTIMATE, LINES, STYLE, TRUTH

IMAGE = Path(__file__).parents[1] / "images" / "posteriors.png"
METHODS = ("enks", "fourdvar", "space_time_oi", "flow_matching")
SAMPLING, SHOWN, REACH = "z_only", 40, 24.0
BINS = np.linspace(-REACH, REACH, 49)


def lines(axis: Axes, members: xr.DataArray, colour: str) -> None:
    """Some members of x in time."""
    some = members.isel(member=slice(SHOWN)).transpose("time", "member")
    axis.plot(some["time"], some, color=colour, linewidth=0.6, alpha=0.5)


def band(axis: Axes, mean: xr.DataArray, std: xr.DataArray) -> None:
    """Mean and two deviations of x in time."""
    axis.fill_between(mean["time"], mean - 2 * std, mean + 2 * std, color=ESTIMATE, alpha=0.25)
    axis.plot(mean["time"], mean, color=ESTIMATE)


def density(axis: Axes, values: np.ndarray, colour: str, **style: object) -> None:
    """Histogram of x at one time."""
    axis.hist(values, BINS, density=True, histtype="step", color=colour, **style)


def draw(results: Path, window: int) -> Figure:
    """One column for the posterior, one for each method: x in time, and at one time."""
    challenge = Challenge.load("lorenz63_posterior")
    place = {"sampling": SAMPLING, "window": window}
    posterior = challenge.open("posterior")["state"].sel(place).sel(component="x")
    truth = challenge.open("truth")["state"].sel(window=window, component="x")
    at = int(abs(posterior).mean("member").argmax("time"))
    time = float(posterior["time"][at])
    figure = Figure(figsize=(13, 5), layout="constrained")
    above, below = figure.subplots(2, 1 + len(METHODS), sharex="row", sharey="row")
    lines(above[0], posterior, LINES[2])
    above[0].set_title("the posterior, 40 of 400 members")
    for number, name in enumerate(METHODS, 1):
        with xr.open_dataset(results / challenge.name / f"{name}.nc", engine="h5netcdf") as file:
            found = file.load().sel(place).sel(component="x")
        above[number].set_title(name)
        if "member" in found.dims:
            lines(above[number], found["state"], ESTIMATE)
            density(below[number], found["state"].isel(time=at).values, ESTIMATE)
        else:
            band(above[number], found["state"], found["state_std"])
            mean, std = (float(found[v][at]) for v in ("state", "state_std"))
            grid = np.linspace(-REACH, REACH, 400)
            curve = np.exp(-0.5 * ((grid - mean) / std) ** 2) / (std * np.sqrt(2 * np.pi))
            below[number].plot(grid, curve, color=ESTIMATE)
    for axis in above:
        axis.plot(truth["time"], truth, color=TRUTH, linewidth=1.5)
        axis.axvline(time, color=ERROR, linewidth=0.8)
        axis.set(xlabel="time", ylim=(-REACH, REACH))
    for axis in below:
        density(axis, posterior.isel(time=at).values, LINES[2], linewidth=1.5)
        axis.axvline(float(truth[at]), color=TRUTH, linewidth=1.5)
        axis.set(xlabel=f"x at time {time:.2f}", ylim=(0, 0.4))
    above[0].set_ylabel("x")
    below[0].set_ylabel("density")
    return figure


if __name__ == "__main__":
    matplotlib.style.use(STYLE)
    folder, *rest = [*sys.argv[1:], "results"][: max(1, len(sys.argv) - 1)]
    draw(Path(folder), int(rest[0]) if rest else 2).savefig(IMAGE)
