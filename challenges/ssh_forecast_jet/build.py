"""How the frozen data of `ssh_forecast_jet` were made: another year of the jet, seen in real time.

    python challenges/ssh_forecast_jet/build.py --world world.nc --output DIR   # make them again
    python challenges/ssh_forecast_jet/build.py --statistics     # what the frozen files contain

The world is that of `ssh_osse_jet` from another seed, so that its eddies are others: that one is
the world of training. `tune.py` has found the scales of `system.py` in it, and printed the numbers
that `challenge.yaml` says of it. The flow is chaotic: the files are the reference, this is their
recipe.
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import system
import torch
import xarray as xr

from oceanbench.observing import frozen
from oceanbench.observing.noise import nadir_error
from oceanbench.observing.orbits import ORBITS, nadir_track
from oceanbench.observing.sampling import sample

HERE = Path(__file__).parent
DATA = HERE / "data"
SEED, DAYS = 1, 416  # of the world
START = np.datetime64("2013-10-01", "ns")
WITHHELD = "cryosat2"
SEEDS = {name: 11 + number for number, name in enumerate((*system.NADIRS, WITHHELD))}  # of errors
ONE_DAY = np.timedelta64(1, "D")
STARTS = np.datetime64("2013-11-13", "ns") + 7 * ONE_DAY * np.arange(52)
LAST_LEAD = 14
SEEN_FROM = STARTS[0] - 32 * ONE_DAY  # for the oldest first guess, and what it remembers
SEEN_TO = STARTS[-1] + (LAST_LEAD + 1) * ONE_DAY
AGES = (0, 3, 7, 14)
BOX = (295.0, 305.0, 33.0, 43.0)  # scored
STEP, COARSE = 0.2, 0.4  # degrees, of the truth and of first guesses
MILLIMETRE = 1e-3  # to which heights are kept

_spec = importlib.util.spec_from_file_location(
    "ssh_osse_jet_build", HERE.parent / "ssh_osse_jet" / "build.py"
)
assert _spec is not None and _spec.loader is not None
jet = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(jet)


def load_or_simulate(path: Path | None) -> xr.DataArray:
    """Return the simulated days, from ``path`` where it exists, else simulated and kept there."""
    if path is not None and path.exists():
        return xr.load_dataarray(path, engine="h5netcdf")
    world = jet.simulate(days=DAYS, seed=SEED)
    world = world.assign_coords(time=world["time"] + (START - jet.START))
    if path is not None:
        world.to_netcdf(path, engine="h5netcdf")
    return world


def seen(world: xr.DataArray, mission: str) -> xr.Dataset:
    """What a nadir altimeter finds at 1 Hz, with 3 cm of white and 2 cm of red noise."""
    points = nadir_track(ORBITS[mission], system.WIDE_BOX, SEEN_FROM, SEEN_TO)
    points = frozen.stored(points, 4)
    return points.assign(ssh=sample(world, points) + nadir_error(points, seed=SEEDS[mission]))


def climatology() -> xr.DataArray:
    """Mean of the world of training, over its days."""
    parts = [
        xr.load_dataset(HERE.parent / "ssh_osse_jet" / "data" / f"training_truth_{number}.nc")
        for number in (1, 2)
    ]
    every = {"latitude": slice(None, None, 2), "longitude": slice(None, None, 2)}
    mean = xr.concat(parts, "time")["ssh"].isel(every).mean("time")
    longitude, latitude = system.nodes()
    return mean.assign_coords(longitude=longitude, latitude=latitude)


def nowcasts(tracks: system.Tracks, mean: xr.DataArray) -> xr.Dataset:
    """Reference nowcast of every start."""
    found = [system.analysed(tracks, start, mean) for start in STARTS]
    return _maps(np.stack([one.anomaly for one in found]) + system.on_nodes(mean), STARTS)


def first_guesses(tracks: system.Tracks, mean: xr.DataArray) -> dict[int, xr.Dataset]:
    """Maps of every start, by the age of the forecast that they are of."""
    days = sorted({start - age * ONE_DAY for start in STARTS for age in AGES})
    runs = {}
    for day in days:
        analysis = system.analysed(tracks, day, mean, system.OF_SYSTEM)
        runs[day] = system.forecast(analysis.anomaly, mean, AGES), analysis.newest
    found = {}
    for number, age in enumerate(AGES):
        issued = STARTS - age * ONE_DAY
        maps = _maps(np.stack([runs[day][0][number] for day in issued]), STARTS)
        newest = np.array([runs[day][1] for day in issued])
        thin = _inner(maps, COARSE)
        found[age] = thin.assign(issued=("time", issued), newest=("time", newest))
    return found


def _maps(values: np.ndarray, time: np.ndarray) -> xr.Dataset:
    longitude, latitude = system.nodes()
    axes = {"time": time, "latitude": latitude, "longitude": longitude}
    return xr.DataArray(values, axes, tuple(axes), "ssh").to_dataset()


def _inner(maps: xr.Dataset, step: float) -> xr.Dataset:
    """Maps of the scored box, at some of their nodes."""
    every = slice(None, None, round(step / STEP))
    inside = {"longitude": slice(BOX[0] - 1e-6, BOX[1] + 1e-6)}
    inside |= {"latitude": slice(BOX[2] - 1e-6, BOX[3] + 1e-6)}
    return maps.sel(inside).isel(longitude=every, latitude=every)


def write(dataset: xr.Dataset, path: Path, title: str) -> None:
    """Write packed NetCDF, heights to a millimetre."""
    frozen.write(
        dataset,
        path,
        attributes=jet.ATTRIBUTES | {"title": f"{title} (synthetic)"},
        precision={"ssh": MILLIMETRE},
        centre=jet.CENTRE,
        origin=START,
    )
    print(f"wrote {path.name}: {path.stat().st_size / 1e6:.2f} MB", flush=True)


def build(world: xr.DataArray, output: Path) -> None:
    """Write every file of the challenge."""
    days = (STARTS[0].astype("M8[D]"), (STARTS[-1] + LAST_LEAD * ONE_DAY).astype("M8[D]"))
    grid = frozen.nodes(BOX, STEP, *map(str, days))
    write(frozen.daily_maps(world, grid).to_dataset(name="ssh"), output / "truth.nc", "Daily truth")
    for mission in (*system.NADIRS, WITHHELD):
        write(seen(world, mission), output / f"{mission}.nc", f"Altimetry along {mission}")
    mean = climatology()
    write(mean.to_dataset(name="ssh"), output / "climatology.nc", "Mean of the world of training")
    mean = xr.load_dataset(output / "climatology.nc")["ssh"]  # as it is kept
    tracks = {name: xr.load_dataset(output / f"{name}.nc") for name in system.NADIRS}
    write(nowcasts(tracks, mean), output / "nowcast.nc", "Nowcasts by optimal interpolation")
    for age, maps in first_guesses(tracks, mean).items():
        write(maps, output / f"age_{age}d.nc", f"Forecasts of age {age} d by a causal system")


def statistics(data: Path = DATA) -> Iterator[tuple[str, float, str]]:
    """Measure the frozen files: label, value, units."""
    truth = xr.load_dataset(data / "truth.nc")["ssh"]
    mean = xr.load_dataset(data / "climatology.nc")["ssh"]
    anomaly = truth - mean
    yield "ssh std", float(truth.std()), "m"
    yield "error of the climatology", float(np.sqrt((anomaly**2).mean())), "m"
    yield "e-folding time of the anomaly", jet.efolding_days(anomaly.values), "days"
    yield "zonal spectral slope, 50 to 250 km", jet.spectral_slope(truth), "1"
    names = {"nowcast": "reference nowcast"} | {
        f"age_{a}d": f"first guess of age {a} d" for a in AGES
    }
    for name, label in names.items():
        maps = xr.load_dataset(data / f"{name}.nc")["ssh"]
        error = maps - truth  # on the nodes that both have
        yield f"error of the {label} at the starts", float(np.sqrt((error**2).mean())), "m"
    for mission in (*system.NADIRS, WITHHELD):
        track = xr.load_dataset(data / f"{mission}.nc")["ssh"]
        yield f"observations of {mission}", int(track.count()), "1"


def main() -> None:
    """Parse the command line; build the files, or print their statistics."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=DATA, help="folder of the files")
    parser.add_argument("--world", type=Path, help="file of the simulated days, made when absent")
    parser.add_argument("--statistics", action="store_true", help="measure the files of --output")
    options = parser.parse_args()
    if options.statistics:
        for label, value, units in statistics(options.output):
            shown = f"{value:d}" if isinstance(value, int) else f"{value:.4g}"
            print(f"{label:52s} {shown:>8s} {units}")
    else:
        torch.set_num_threads(1)
        build(load_or_simulate(options.world), options.output)


if __name__ == "__main__":
    main()
