"""How the first guesses of `ssh_osse_jet_first_guess` were made: forecasts of a causal system.

    python challenges/ssh_osse_jet_first_guess/build.py --forecasts DIR --output DIR   # make them
    python challenges/ssh_osse_jet_first_guess/build.py --statistics     # what the files contain

Truth and altimeters are those of `ssh_osse_jet_noisy`, which are not copied. Every day at 00:00 the
system of `../ssh_forecast_jet/system.py` interpolates what three of the four altimeters had
delivered, and a 1.5-layer quasi-geostrophic model carries that on for a fortnight. The map of a day
and an age is that of the run that began so many days before. DIR keeps a file a run: what was
interrupted goes on.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
import xarray as xr

from oceanbench.arrays import FloatArray, TimeArray
from oceanbench.data.files import write_netcdf
from oceanbench.observing import frozen

HERE = Path(__file__).parent
DATA = HERE / "data"
NOISY, CLEAN = (HERE.parent / name / "data" for name in ("ssh_osse_jet_noisy", "ssh_osse_jet"))
ONE_DAY = np.timedelta64(1, "D")
AGES = (0, 3, 7, 14)
SCORED = ("2012-11-05", "2012-12-02")
AROUND = 8  # days before and after those that are scored
LEARNED = ("2013-06-01", "2013-07-10")  # days that methods may learn the errors from
BOX = (295.0, 305.0, 33.0, 43.0)  # scored
CENTRE = (300.0, 38.0)
ORIGIN = np.datetime64("2012-10-01", "ns")
MILLIMETRE = 1e-3  # to which heights are kept
ATTRIBUTES = {
    "Conventions": "CF-1.8",
    "institution": "OceanBench",
    "source": "challenges/ssh_osse_jet_first_guess/build.py",
    "license": "CC-BY-4.0",
}


def _system() -> ModuleType:
    """Module of the system."""
    path = HERE.parent / "ssh_forecast_jet" / "system.py"
    spec = importlib.util.spec_from_file_location("ssh_forecast_jet_system", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where its classes are looked up
    spec.loader.exec_module(module)
    return module


system = _system()


def days() -> TimeArray:
    """Days of the maps: the scored ones and those about them, then those to learn from."""
    first, last, *learned = (np.datetime64(day, "ns") for day in (*SCORED, *LEARNED))
    spans = [(first - AROUND * ONE_DAY, last + AROUND * ONE_DAY), learned]
    return np.concatenate([np.arange(begin, end + ONE_DAY, ONE_DAY) for begin, end in spans])


def climatology() -> xr.DataArray:
    """Mean of the training truth (latitude, longitude) on the nodes of the system."""
    parts = [xr.load_dataset(CLEAN / f"training_truth_{number}.nc") for number in (1, 2)]
    mean = xr.concat(parts, "time")["ssh"].mean("time")
    longitude, latitude = system.nodes()
    return mean.interp(longitude=longitude, latitude=latitude)


def run(
    tracks: dict[str, xr.Dataset], start: np.datetime64, mean: xr.DataArray, folder: Path
) -> FloatArray:
    """Heights (age, latitude, longitude) of the run of a start, kept in the folder."""
    path = folder / f"{start.astype('M8[D]')}.nc"
    if not path.is_file():
        analysis = system.analysed(tracks, start, mean, system.OF_SYSTEM)
        maps = system.forecast(analysis.anomaly, mean, AGES).astype(np.float32)
        longitude, latitude = system.nodes()
        axes = {"age": np.array(AGES), "latitude": latitude, "longitude": longitude}
        folder.mkdir(parents=True, exist_ok=True)
        write_netcdf(xr.DataArray(maps, axes, tuple(axes), "ssh").to_dataset(), path)
    values: FloatArray = xr.load_dataset(path)["ssh"].values.astype(np.float64)
    return values


def build(forecasts: Path, output: Path) -> None:
    """Write the maps of every age, and of climatology."""
    tracks = {name: xr.load_dataset(NOISY / f"{name}.nc") for name in system.OF_SYSTEM}
    mean = climatology()
    for place, age in enumerate(AGES):
        starts = days() - age * ONE_DAY
        values = np.stack([run(tracks, start, mean, forecasts)[place] for start in starts])
        write(values, output / f"age_{age}d.nc", f"Forecasts of age {age} d by a causal system")
    steady = np.broadcast_to(system.on_nodes(mean), values.shape)
    write(steady, output / "climatology.nc", "Mean of the training truth, every day")


def write(values: FloatArray, path: Path, title: str) -> None:
    """Write maps of all days, heights to a millimetre."""
    longitude, latitude = system.nodes()
    axes = {"time": days(), "latitude": latitude, "longitude": longitude}
    frozen.write(
        xr.DataArray(values, axes, tuple(axes), "ssh").to_dataset(),
        path,
        attributes=ATTRIBUTES | {"title": f"{title} (synthetic)"},
        precision={"ssh": MILLIMETRE},
        centre=CENTRE,
        origin=ORIGIN,
    )
    print(f"wrote {path.name}: {path.stat().st_size / 1e6:.2f} MB", flush=True)


def statistics(data: Path = DATA) -> Iterator[tuple[str, float]]:
    """Measure the error of the files on the days to learn from: label, centimetres."""
    parts = [xr.load_dataset(CLEAN / f"training_truth_{number}.nc") for number in (1, 2)]
    truth = xr.concat(parts, "time")["ssh"].sel(time=slice(*LEARNED))
    west, east, south, north = BOX
    edge = 1e-6
    truth = truth.sel(
        longitude=slice(west - edge, east + edge), latitude=slice(south - edge, north + edge)
    )
    weights = np.cos(np.deg2rad(truth["latitude"]))
    for path in sorted(data.glob("*.nc")):
        error = xr.load_dataset(path)["ssh"].interp(truth.coords) - truth
        mean_square = (error**2).weighted(weights).mean()
        yield path.stem, 100 * float(mean_square) ** 0.5


def main() -> None:
    """Parse the command line; build the files, or print their errors."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=DATA, help="folder of the files")
    parser.add_argument("--forecasts", type=Path, help="folder that keeps the runs")
    parser.add_argument("--statistics", action="store_true", help="measure the files of --output")
    options = parser.parse_args()
    if options.statistics:
        for label, value in statistics(options.output):
            print(f"{label:12s} {value:6.2f} cm on {LEARNED[0]} to {LEARNED[1]}")
        return
    if options.forecasts is None:
        parser.error("--forecasts: is missing; name a folder that keeps the runs")
    torch.set_num_threads(1)
    build(options.forecasts, options.output)


if __name__ == "__main__":
    main()
