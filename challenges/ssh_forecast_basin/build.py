"""How the frozen data of `ssh_forecast_basin` were made: a year off a western coast, in real time.

    python challenges/ssh_forecast_basin/build.py --worlds FOLDER --output DIR   # make them again
    python challenges/ssh_forecast_basin/build.py --statistics    # what the frozen files contain

The sea is the layered ocean of a closed basin
(`oceanbench.assimilation.fourdvarnet.forecasts.basin_worlds`). The world of training begins with
another seed, so that its eddies are others. `tune.py` has found the scales of `reference.py` in
that, and printed the numbers that `challenge.yaml` says of it. The flow is chaotic: the files are
the reference, this is their recipe.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from reference import NADIRS, ONE_DAY, analysed

from oceanbench.assimilation.fourdvarnet.forecasts.basin_worlds import (
    BasinStage,
    felt,
    laid_on,
    simulated_basin,
)
from oceanbench.grid import fill_holes
from oceanbench.observing import frozen
from oceanbench.observing.noise import nadir_error
from oceanbench.observing.orbits import ORBITS, nadir_track
from oceanbench.observing.sampling import known_at, sample

DATA = Path(__file__).parent / "data"
SEED, OF_TRAINING = 1, 2  # of the worlds
DAYS, DAYS_OF_TRAINING = 416, 516  # that are simulated
SPIN_UP = (  # of the world that is scored
    BasinStage(0.6, 21600.0, 1461),
    BasinStage(0.3, 14400.0, 1461),
    BasinStage(0.2, 10800.0, 365),
)
SPIN_UP_OF_TRAINING = (
    BasinStage(0.6, 21600.0, 730),
    BasinStage(0.3, 14400.0, 730),
    BasinStage(0.2, 10800.0, 183),
)
START = np.datetime64("2013-01-01", "ns")
START_OF_TRAINING = np.datetime64("2010-01-01", "ns")
LEARNED = slice("2010-01-01", "2011-04-30")  # that is shipped of the world of training
STARTS = np.datetime64("2013-02-06", "ns") + 7 * ONE_DAY * np.arange(52)
LAST_LEAD = 14
SEEN = STARTS[0] - 23 * ONE_DAY, STARTS[-1] + (LAST_LEAD + 1) * ONE_DAY
WITHHELD = "cryosat2"
SEEDS = {name: 31 + number for number, name in enumerate((*NADIRS, WITHHELD))}  # of errors
RATE_HZ, WHITE = 1 / 3, 0.0173  # m: three samples of 1 Hz, of 3 cm each, are averaged
WARM_SEED = 41  # of the errors of temperatures
THIN = 2  # rows and columns from one temperature to the next
EDGE, RIM = 5, 2  # rows and columns around the scored box, and outside of nowcasts
CENTRE = (288.0, 36.0)
PRECISION = {"ssh": 1e-3, "sst": 0.1}
OF_TRAINING_PRECISION, OF_NOWCAST_PRECISION = 4e-3, 2e-3  # m
ATTRIBUTES = {
    "Conventions": "CF-1.8",
    "institution": "OceanBench",
    "comment": "synthetic: two-layer ocean in a closed basin",
}


def world(
    seed: int,
    days: int,
    first: np.datetime64,
    folder: str,
    stages: tuple[BasinStage, ...],
) -> xr.Dataset:
    """Heights and temperatures of a world, and where its sea is; both go on over land."""
    found = simulated_basin(days, seed, stages=stages, checkpoint=folder)
    when = first + ONE_DAY * np.arange(days)
    maps = {name: laid_on(found[name], when) for name in ("ssh", "sst")}
    return xr.Dataset({**maps, "sea": found["sea"]})


def seen(sea: xr.Dataset, mission: str, first: np.datetime64, last: np.datetime64) -> xr.Dataset:
    """What a nadir altimeter finds between two dates, over the sea."""
    box = tuple(float(sea[n][end]) for n in ("longitude", "latitude") for end in (0, -1))
    points = nadir_track(ORBITS[mission], box, first, last, rate_hz=RATE_HZ)
    points = frozen.stored(points, 4)
    wet = sea["sea"].expand_dims(time=sea["time"])
    points = points.isel(time=known_at(wet, points))
    error = nadir_error(points, seed=SEEDS[mission] + (first < START) * 10, white=WHITE)
    return points.drop_vars("cycle").assign(ssh=sample(sea["ssh"], points) + error)


def warmth(sea: xr.Dataset, seed: int) -> xr.Dataset:
    """Temperatures that a microwave radiometer finds every day, but beside the coast."""
    every = {name: slice(None, None, THIN) for name in ("latitude", "longitude")}
    return felt(sea["sst"], sea["sea"], seed=seed).isel(every).to_dataset(name="sst")


def write(
    dataset: xr.Dataset, path: Path, title: str, precision: dict[str, float] = PRECISION
) -> None:
    """Write packed NetCDF."""
    frozen.write(
        dataset,
        path,
        attributes=ATTRIBUTES | {"title": f"{title} (synthetic)"},
        precision=precision,
        centre=CENTRE,
        origin=START,
        offset={"sst": 18.0},
    )
    print(f"wrote {path.name}: {path.stat().st_size / 1e6:.2f} MB", flush=True)


def inner(maps: xr.DataArray) -> xr.DataArray:
    """Nodes that are scored."""
    return maps.isel(latitude=slice(EDGE, -EDGE), longitude=slice(EDGE, -EDGE))


def heights(sea: xr.Dataset) -> xr.DataArray:
    """Heights of the sea, none on land."""
    return sea["ssh"].where(sea["sea"])


def build_training(sea: xr.Dataset, output: Path) -> None:
    """Write what is learned from."""
    mean = heights(sea).mean("time")
    write(mean.to_dataset(name="ssh"), output / "climatology.nc", "Mean of the world of training")
    sea = sea.sel(time=LEARNED)
    first, last = sea["time"].values[[0, -1]]
    precision = {"ssh": OF_TRAINING_PRECISION}
    maps = heights(sea).to_dataset(name="ssh")
    write(maps, output / "training_truth.nc", "Daily truth of training", precision)
    for mission in NADIRS:
        track = seen(sea, mission, first, last)
        write(track, output / f"training_{mission}.nc", f"Altimetry of training along {mission}")
    found = warmth(sea, WARM_SEED + 1)
    write(found, output / "training_sst_microwave.nc", "Temperatures of training by microwave")


def build_scored(sea: xr.Dataset, output: Path) -> None:
    """Write what is scored, and what methods are given."""
    scored = slice(STARTS[0], STARTS[-1] + LAST_LEAD * ONE_DAY)
    maps = inner(heights(sea)).sel(time=scored).to_dataset(name="ssh")
    write(maps, output / "truth.nc", "Daily truth")
    for mission in (*NADIRS, WITHHELD):
        write(seen(sea, mission, *SEEN), output / f"{mission}.nc", f"Altimetry along {mission}")
    found = warmth(sea, WARM_SEED).sel(time=slice(SEEN[0], STARTS[-1]))
    write(found, output / "sst_microwave.nc", "Temperatures by microwave")


def build_nowcast(output: Path) -> None:
    """Write the reference nowcasts, from the files that methods are given."""
    mean = xr.load_dataset(output / "climatology.nc")["ssh"]
    tracks = {name: xr.load_dataset(output / f"{name}.nc") for name in NADIRS}
    found = np.stack([analysed(tracks, start, mean) for start in STARTS])
    axes = {"time": STARTS, "latitude": mean["latitude"], "longitude": mean["longitude"]}
    maps = xr.DataArray(found, axes, tuple(axes)) + fill_holes(mean)
    some = slice(RIM, -RIM)
    found = maps.isel(latitude=some, longitude=some).to_dataset(name="ssh")
    precision = {"ssh": OF_NOWCAST_PRECISION}
    write(found, output / "nowcast.nc", "Nowcasts by optimal interpolation", precision)


def statistics(data: Path = DATA) -> Iterator[tuple[str, float, str]]:
    """Measure the frozen files: label, value, units."""
    truth = xr.load_dataset(data / "truth.nc")["ssh"]
    mean = xr.load_dataset(data / "climatology.nc")["ssh"]
    anomaly = inner(mean) * 0 + (truth - inner(mean))
    yield "share of land", float(truth[0].isnull().mean()), "1"
    yield "ssh std", float(truth.std()), "m"
    yield "error of the climatology", float(np.sqrt((anomaly**2).mean())), "m"
    yield "e-folding time of the anomaly", efolding_days(anomaly), "days"
    nowcast = xr.load_dataset(data / "nowcast.nc")["ssh"]
    error = nowcast - truth  # on the nodes that both have
    yield "error of the nowcast at the starts", float(np.sqrt((error**2).mean())), "m"
    warm = xr.load_dataset(data / "sst_microwave.nc")["sst"]
    yield "std of temperatures", float(warm.std()), "degrees C"
    for mission in (*NADIRS, WITHHELD):
        track = xr.load_dataset(data / f"{mission}.nc")["ssh"]
        yield f"observations of {mission}", int(track.count()), "1"


def efolding_days(anomaly: xr.DataArray) -> float:
    """Lag at which the correlation of the anomaly has fallen to 1/e."""
    values = np.nan_to_num(anomaly.transpose("time", ...).values.reshape(anomaly.sizes["time"], -1))
    variance = float((values**2).mean())
    before = 1.0
    for lag in range(1, len(values)):
        now = float((values[lag:] * values[:-lag]).mean()) / variance
        if now < np.exp(-1):
            return lag - (np.exp(-1) - now) / (before - now)
        before = now
    return float(len(values))


def main() -> None:
    """Parse the command line; build the files, or print their statistics."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=DATA, help="folder of the files")
    parser.add_argument("--worlds", default="", help="folder of the simulated days")
    parser.add_argument("--nowcast", action="store_true", help="make the nowcasts alone")
    parser.add_argument("--statistics", action="store_true", help="measure the files of --output")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.statistics:
        for label, value, units in statistics(options.output):
            shown = f"{value:d}" if isinstance(value, int) else f"{value:.4g}"
            print(f"{label:48s} {shown:>8s} {units}")
        return
    if not options.nowcast:
        first, folder = START_OF_TRAINING, options.worlds
        sea = world(OF_TRAINING, DAYS_OF_TRAINING, first, folder, SPIN_UP_OF_TRAINING)
        build_training(sea, options.output)
        build_scored(world(SEED, DAYS, START, folder, SPIN_UP), options.output)
    build_nowcast(options.output)


if __name__ == "__main__":
    main()
