"""How the frozen data of `ssh_osse_jet_calibration` were made: days of another year of the jet.

    python challenges/ssh_osse_jet_calibration/build.py --output DIR   # make them again
    python challenges/ssh_osse_jet_calibration/build.py --statistics   # what the file contains
    python challenges/ssh_osse_jet_calibration/build.py --control other_days.nc

The world, its altimeters and their errors are those of `ssh_forecast_jet`, whose observations the
challenge reads where they are; kept is the truth of every fifteenth day, on every second node. The
control is a submission whose ranks are uniform by construction, and which knows no observation: the
members of a day are the truths of all other days.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import xarray as xr

from oceanbench.observing import frozen

HERE = Path(__file__).parent
DATA = HERE / "data"
WORLD = HERE.parent / "ssh_forecast_jet" / "data" / "truth.nc"
TRAINING = HERE.parent / "ssh_osse_jet" / "data"
FIRST, APART, DAYS = np.datetime64("2013-11-13", "ns"), 15, 24
EVERY_NODE = 2  # of those of 0.2 degrees
MILLIMETRE = 1e-3  # to which heights are kept
CENTRE = (300.0, 38.0)


def scored(world: xr.DataArray) -> xr.Dataset:
    """Maps of the days that are scored."""
    days = FIRST + APART * np.arange(DAYS) * np.timedelta64(1, "D")
    some = slice(None, None, EVERY_NODE)
    return world.sel(time=days).isel(latitude=some, longitude=some).to_dataset()


def other_days(truth: xr.DataArray) -> xr.Dataset:
    """Submission of members (time, member, latitude, longitude): the truths of all other days."""
    days = np.arange(truth.sizes["time"])
    others = np.stack([np.delete(days, day) for day in days])
    places = xr.DataArray(others, dims=("time", "member"))
    drawn = truth.drop_vars("time").isel(time=places)
    return drawn.assign_coords(time=truth["time"]).astype(np.float32).to_dataset()


def statistics(data: Path = DATA) -> Iterator[tuple[str, float, str]]:
    """Measure the frozen file: label, value, units."""
    truth = xr.load_dataset(data / "truth.nc")["ssh"]
    parts = [xr.load_dataset(TRAINING / f"training_truth_{number}.nc") for number in (1, 2)]
    climate = xr.concat(parts, "time")["ssh"]
    climate = climate.sel(
        latitude=truth["latitude"], longitude=truth["longitude"], method="nearest"
    ).assign_coords(latitude=truth["latitude"], longitude=truth["longitude"])
    anomaly = truth - climate.mean("time")
    yield "days", truth.sizes["time"], "1"
    yield "values", truth.size, "1"
    yield "ssh std", float(truth.std()), "m"
    yield "anomaly from the world of training", float(np.sqrt((anomaly**2).mean())), "m"
    spread = float(np.sqrt(climate.var("time").mean()))
    yield "deviation of the world of training in time", spread, "m"
    about = anomaly - anomaly.mean("time")
    neighbours = float((about[1:].values * about[:-1].values).mean() / (about**2).mean())
    yield f"correlation of anomalies {APART} days apart", neighbours, "1"


def main() -> None:
    """Parse the command line; build the file, or print its statistics."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=DATA, help="folder of the file")
    parser.add_argument("--statistics", action="store_true", help="measure the file of --output")
    parser.add_argument("--control", type=Path, help="write a submission that knows the climate")
    options = parser.parse_args()
    if options.control:
        truth = xr.load_dataset(options.output / "truth.nc")["ssh"]
        other_days(truth).to_netcdf(options.control, engine="h5netcdf")
        return
    if options.statistics:
        for label, value, units in statistics(options.output):
            shown = f"{value:d}" if isinstance(value, int) else f"{value:.4g}"
            print(f"{label:44s} {shown:>8s} {units}")
        return
    frozen.write(
        scored(xr.load_dataset(WORLD)["ssh"]),
        options.output / "truth.nc",
        attributes={
            "Conventions": "CF-1.8",
            "institution": "OceanBench",
            "comment": "synthetic: two-layer quasi-geostrophic simulation",
            "title": "Truth of every fifteenth day (synthetic)",
        },
        precision={"ssh": MILLIMETRE},
        centre=CENTRE,
        origin=FIRST,
    )


if __name__ == "__main__":
    main()
