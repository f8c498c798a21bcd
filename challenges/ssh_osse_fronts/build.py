"""How the frozen data of `ssh_osse_fronts` were made: a year of fronts, and who observes it.

    python challenges/ssh_osse_fronts/build.py --statistics      # what the frozen files contain
    python challenges/ssh_osse_fronts/build.py --output DIR      # make them again
    python challenges/ssh_osse_fronts/build.py --world world.nc  # keep the simulation, or reuse it

With both --statistics and --world, what is known of the simulation alone is measured too. The flow
(`fronts.py`) is chaotic: another machine gives another year of the same ocean. The files are the
reference, this file is their recipe; tests/challenges/test_fronts_world.py holds both to the same
statistics.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from fronts import CENTRE, MEAN_TEMPERATURE, START, WIDE_BOX, simulate
from measured import BOX, TRUTH_PERIOD, of_files, of_world

from oceanbench.observing import frozen
from oceanbench.observing.frozen import daily_maps, nodes, stored
from oceanbench.observing.karin_errors import systematic_error
from oceanbench.observing.noise import karin_error, nadir_error
from oceanbench.observing.orbits import ORBITS, nadir_track
from oceanbench.observing.radiometers import infrared, microwave
from oceanbench.observing.sampling import sample
from oceanbench.observing.swath import karin_swath

DATA = Path(__file__).parent / "data"
TRAINING_PERIODS = (("2013-01-02", "2013-04-01"), ("2013-04-02", "2013-06-30"))
NADIRS = ("topex-poseidon_interleaved", "jason1", "geosat2", "envisat")
SEEDS = {name: number for number, name in enumerate((*NADIRS, "swot_karin"), start=11)}
SEEDS |= {"sst_infrared": 21, "sst_microwave": 22}
SWATH_END = np.datetime64("2012-12-17", "ns")  # 14 days after the scored period
PIXEL_KM = 4.0  # 2 km is the instrument's; 4 km keeps the file small
STEP = 0.125  # of the truth, degrees
INFRARED_STEP, KEPT = 0.05, 2  # so many pixels by as many are averaged into one, where clear
MICROWAVE_STEP = 0.25

ATTRIBUTES = {
    "Conventions": "CF-1.8",
    "institution": "OceanBench",
    "comment": "synthetic: surface quasi-geostrophic simulation under a mixed layer",
}
PRECISION = {"ssh": 1e-3, "sst": 0.05}  # of observations
TRUE_PRECISION = {"ssh": 5e-4, "sst": 0.01}


def load_or_simulate(path: Path | None) -> xr.Dataset:
    """Return the simulation, from ``path`` where it exists, else simulated and kept there."""
    if path is not None and path.exists():
        return xr.load_dataset(path, engine="h5netcdf")
    world = simulate(report=print)
    if path is not None:
        world.to_netcdf(path, engine="h5netcdf")
    return world


def gridded(world: xr.Dataset, variable: str, grid: xr.Dataset) -> xr.DataArray:
    """Read a variable of the world at 00:00 UTC of each day."""
    field = world[variable]
    return daily_maps(field.rename(day="time") if "day" in field.dims else field, grid)


def truth(world: xr.Dataset, box: tuple[float, ...], first: str, last: str) -> xr.Dataset:
    """Heights and temperatures on the grid of the truth."""
    grid = nodes(box, STEP, first, last)
    return xr.Dataset({name: gridded(world, name, grid) for name in ("ssh", "sst")})


def along_track(world: xr.Dataset, mission: str, end: np.datetime64) -> xr.Dataset:
    """Observe the heights at 1 Hz under a nadir altimeter, from START to ``end``."""
    points = stored(nadir_track(ORBITS[mission], WIDE_BOX, START, end), decimals=4)
    error = nadir_error(points, seed=SEEDS[mission])
    return points.assign(ssh=sample(world["ssh"], points) + error)


def swath(world: xr.Dataset, end: np.datetime64) -> xr.Dataset:
    """Observe the heights in the pixels of SWOT, from START to ``end``."""
    pixels = karin_swath(
        ORBITS["swot"], WIDE_BOX, START, end, along_track_km=PIXEL_KM, cross_track_km=PIXEL_KM
    )
    points, seed = stored(pixels, decimals=3), SEEDS["swot_karin"]
    error = karin_error(points, seed=seed, pixel_km2=PIXEL_KM**2)
    error = error + systematic_error(points, seed=seed + 1)
    return points.assign(ssh=sample(world["ssh"], points) + error)


def sst_infrared(world: xr.Dataset, last: str) -> xr.Dataset:
    """Temperatures in pixels of 1/20 degree under clouds; what is clear of 2 x 2 is averaged."""
    half = INFRARED_STEP / 2
    west, east, south, north = WIDE_BOX
    box = (west + half, east - half, south + half, north - half)
    fine = gridded(world, "sst", nodes(box, INFRARED_STEP, str(START)[:10], last))
    seen = infrared(fine, seed=SEEDS["sst_infrared"])
    means = seen.coarsen(latitude=KEPT, longitude=KEPT).mean()
    axes = {name: means[name].round(6) for name in ("latitude", "longitude")}
    return means.assign_coords(axes).to_dataset(name="sst")


def sst_microwave(world: xr.Dataset, last: str) -> xr.Dataset:
    """Temperatures of footprints of 50 km, on a grid of 1/4 degree, clouds or not."""
    thin = round(MICROWAVE_STEP / STEP)
    fine = gridded(world, "sst", nodes(WIDE_BOX, STEP, str(START)[:10], last))
    every = {"latitude": slice(None, None, thin), "longitude": slice(None, None, thin)}
    return microwave(fine, seed=SEEDS["sst_microwave"]).isel(every).to_dataset(name="sst")


def write(
    dataset: xr.Dataset, path: Path, title: str, precision: dict[str, float] = PRECISION
) -> None:
    """Write packed NetCDF: values to a precision, positions as stored, time exactly."""
    frozen.write(
        dataset,
        path,
        attributes=ATTRIBUTES | {"title": f"{title} (synthetic)"},
        precision=precision,
        centre=CENTRE,
        origin=START,
        offset={"sst": MEAN_TEMPERATURE},
    )
    print(f"wrote {path.name}: {path.stat().st_size / 1e6:.2f} MB", flush=True)


def build(world: xr.Dataset, output: Path) -> None:
    """Write every file of the challenge."""
    last = TRAINING_PERIODS[-1][1]
    end = np.datetime64(last, "ns") + np.timedelta64(1, "D")
    write(truth(world, BOX, *TRUTH_PERIOD), output / "truth.nc", "Daily truth", TRUE_PRECISION)
    for number, period in enumerate(TRAINING_PERIODS, start=1):
        title = f"Daily truth of the training period, part {number}"
        path = output / f"training_truth_{number}.nc"
        write(truth(world, WIDE_BOX, *period), path, title, TRUE_PRECISION)
    for mission in NADIRS:
        title = f"1 Hz altimetry along the orbit of {mission}, with error"
        write(along_track(world, mission, end), output / f"{mission}.nc", title)
    title = f"SWOT KaRIn swath, {PIXEL_KM:g} km pixels, with random and systematic errors"
    write(swath(world, SWATH_END), output / "swot_karin.nc", title)
    title = "Infrared sea surface temperature under clouds, averaged to 1/10 degree"
    write(sst_infrared(world, last), output / "sst_infrared.nc", title)
    title = "Microwave sea surface temperature"
    write(sst_microwave(world, last), output / "sst_microwave.nc", title)


def main() -> None:
    """Parse the command line; build the files, or print their statistics."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=DATA, help="folder of the files")
    parser.add_argument("--world", type=Path, help="file of the simulation, made when absent")
    parser.add_argument("--statistics", action="store_true", help="measure the files of --output")
    options = parser.parse_args()
    if options.statistics:
        rows = list(of_files(options.output))
        rows += of_world(xr.load_dataset(options.world)) if options.world else []
        for label, value, units in rows:
            shown = f"{value:d}" if isinstance(value, int) else f"{value:.4g}"
            print(f"{label:56s} {shown:>8s} {units}")
    else:
        torch.set_num_threads(1)  # the FFTs are small: more threads only make them wait
        build(load_or_simulate(options.world), options.output)


if __name__ == "__main__":
    main()
