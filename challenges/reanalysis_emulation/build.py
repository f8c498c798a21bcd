"""How the data of `reanalysis_emulation` were made: an ocean, who observes it, who models it.

    python challenges/reanalysis_emulation/build.py --statistics         # what the files contain
    python challenges/reanalysis_emulation/build.py --output DIR         # make them again
    python challenges/reanalysis_emulation/build.py --world world.npy …  # keep or reuse the ocean
    python challenges/reanalysis_emulation/build.py --growth             # of small errors in it
    python challenges/reanalysis_emulation/build.py --climate            # of the files of R there

A nature run N (`world.py`) is observed (`observers.py`) by altimeters, an imager, profiling floats
and drifters. A coarser, imperfect model, held to those observations, gives a reanalysis R, which
knows what follows, and an operational analysis A, which does not. R is the training and the
reference, A the initial conditions.

The flow is chaotic: another machine gives other eddies of the same ocean. The files are the
reference, these are their recipe; tests/challenges/test_reanalysis_world.py holds both to the same
statistics.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from climate import sea, usual
from measure import growth, statistics
from observers import (
    ALTIMETERS,
    along_track,
    drifters,
    heights,
    images,
    network,
    profiles,
)
from world import (
    END,
    START,
    STARTS,
    STEP,
    TEST,
    TRAINING,
    YEARS,
    coarse,
    dates,
    day_number,
    nature_run,
    operators,
    refine,
    spin_up,
    surface,
)

from oceanbench.assimilation.nudging.reanalysis import Network, Scheme, cycle

DATA = Path(__file__).parent / "data"
REANALYSIS, OPERATIONAL = Scheme(before=4, after=4), Scheme(before=6, after=0)
OPERATIONAL_FROM = "2007-10-01"
ASSIMILATED_HZ, SHIPPED_HZ = 1 / 16, 1 / 4
DATUM = -0.1148  # m, between the level of zos and that of sla + mdt: zos = sla + mdt + DATUM

LONG_NAMES = {
    "thetao": ("degrees_C", "sea_water_potential_temperature", "Temperature"),
    "so": ("1e-3", "sea_water_salinity", "Salinity"),
    "uo": ("m s-1", "eastward_sea_water_velocity", "Eastward velocity"),
    "vo": ("m s-1", "northward_sea_water_velocity", "Northward velocity"),
    "zos": ("m", "sea_surface_height_above_geoid", "Sea surface height"),
    "mdt": ("m", "sea_surface_height_above_geoid", "Mean dynamic topography"),
    "sla": ("m", "sea_surface_height_above_sea_level", "Sea level anomaly"),
    "latitude": ("degrees_north", "latitude", "Latitude"),
    "longitude": ("degrees_east", "longitude", "Longitude"),
    "depth": ("m", "depth", "Depth"),
}
SCALE = {  # below a third of the change in a day, and small enough to ship nine years
    "thetao": 0.02,
    "so": 0.005,
    "uo": 0.01,
    "vo": 0.01,
    "zos": 0.002,
    "mdt": 0.001,
    "sla": 0.001,
}
OFFSET = {"thetao": 21.0, "so": 35.0}
GLOBAL_ATTRIBUTES = {
    "Conventions": "CF-1.8",
    "institution": "OceanBench",
    "source": "oceanbench synthetic ocean (two-layer quasi-geostrophic, advected T and S)",
    "comment": "not a CMEMS product: no real ocean is in it; fields are at 0.494 m",
}


def held(
    first_guess: np.ndarray, period: tuple[str, str], seen: Network, scheme: Scheme
) -> xr.Dataset:
    """Surface of the model, held to observations from ``first_guess`` on, in shipped cells."""
    model = operators("model")
    state = refine(torch.from_numpy(first_guess), model.wet)
    days = range(day_number(period[0]), day_number(period[1]) + 1)
    states = cycle(state, days, model, seen, scheme, time_step=STEP["model"])
    found = surface(states, "model").assign_coords(time=dates(days))
    found["zos"] = found["zos"] + DATUM
    return found


def build(nature: np.ndarray, output: Path) -> None:
    """Observe nature, make the reanalysis and the operational analysis, write every file."""
    first = day_number(START)
    truth = surface(nature, "nature").assign_coords(time=dates(range(first, first + len(nature))))
    height = heights(nature, first)
    mdt = height.sel(time=slice(*TRAINING)).mean("time")
    coarser = {"rate_hz": ASSIMILATED_HZ, "white": 0.01}
    tracks = [along_track(height, mdt, mission, **coarser) for mission in ALTIMETERS]
    floats, sst = profiles(nature, first, every=3), images(truth["thetao"])

    # first guesses: nature of another year, which knows nothing of this one
    seen = network(tracks, floats, sst)
    reanalysis = held(nature[366], (START, END), seen, REANALYSIS)
    seen = network(tracks[1:], floats, sst)
    analysis = held(nature[731], (OPERATIONAL_FROM, str(STARTS[-1])), seen, OPERATIONAL)

    analysis = analysis.sel(time=STARTS.astype("datetime64[ns]"))
    analysis.attrs = {f"rms_difference_to_reanalysis_{k}": v for k, v in rms(analysis, reanalysis)}
    for year in YEARS:
        last = END if year == YEARS[-1] else f"{year}-12-31"  # leads of the last starts
        part = reanalysis.sel(time=slice(f"{year}-01-01", last))
        part.attrs = {f"rms_difference_to_nature_{k}": v for k, v in rms(part, truth)}
        write(part, output / f"reanalysis_{year}.nc", f"Daily reanalysis, {year}")
    write(analysis, output / "analysis.nc", "Operational analysis at the 52 starts")
    write_observations(nature, height, mdt, sst, output)
    write_climate(output)


def write_climate(output: Path) -> None:
    """Write what is usual in the training years, and where the sea is, from the files of R."""
    years = [y for y in YEARS if f"{y}-12-31" <= TRAINING[1]]
    parts = [xr.load_dataset(output / f"reanalysis_{year}.nc") for year in years]
    training = xr.concat(parts, "time", combine_attrs="drop")
    write(usual(training), output / "climatology.nc", "Mean and season of the reanalysis")
    write(sea(training), output / "mask.nc", "Sea of the reanalysis")


def write_observations(
    nature: np.ndarray, height: xr.DataArray, mdt: xr.DataArray, sst: xr.DataArray, output: Path
) -> None:
    """Write what is observed in the test period, and the mean dynamic topography."""
    first = day_number(TEST[0])
    tested = nature[first - day_number(START) :]
    for mission in ALTIMETERS:
        part = height.sel(time=slice(*TEST))
        track = along_track(part, mdt, mission, rate_hz=SHIPPED_HZ, white=0.03)
        write(track, output / f"sla_{mission}.nc", f"Along-track sea level anomaly of {mission}")
    write(sst.sel(time=slice(*TEST)).to_dataset(name="thetao"), output / "sst.nc", "Cloudy SST")
    write(profiles(tested, first, every=1), output / "profiles.nc", "Profiles of T and S")
    write(drifters(tested, first), output / "drifters.nc", "Surface drifters")
    model = operators("nature")
    field = coarse(torch.from_numpy(mdt.values[None]), model.wet, "nature")[0]
    grid = xr.load_dataset(output / "analysis.nc")
    mean = xr.Dataset({"mdt": (("latitude", "longitude"), field)}, grid.drop_dims("time").coords)
    mean.attrs = {"datum": f"zos of the reanalysis lies {-DATUM} m below sla + mdt"}
    write(mean, output / "mdt.nc", "Mean dynamic topography of the nature run, 2001 to 2006")


def rms(estimate: xr.Dataset, other: xr.Dataset) -> Iterator[tuple[str, float]]:
    """Area-weighted rms differences over common cells, zos of each about its mean over them."""
    weights = np.cos(np.deg2rad(estimate["latitude"]))
    for name in ("thetao", "so", "uo", "vo", "zos"):
        difference = estimate[name] - other[name].sel(time=estimate["time"])
        if name == "zos":
            difference = difference - difference.weighted(weights).mean(("latitude", "longitude"))
        yield name, round(float(np.sqrt((difference**2).weighted(weights).mean())), 4)


def write(dataset: xr.Dataset, path: Path, title: str) -> None:
    """Write packed NetCDF, labelled synthetic."""
    dataset = dataset.assign_attrs(GLOBAL_ATTRIBUTES | {"title": f"{title} (SYNTHETIC)"})
    for name, variable in dataset.variables.items():
        units = LONG_NAMES.get(str(name))
        if units is not None:
            keys = ("units", "standard_name", "long_name")
            variable.attrs = dict(zip(keys, units, strict=True))
        variable.encoding = packing(str(name), variable)
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.to_netcdf(path, engine="h5netcdf")
    print(f"wrote {path.name}: {path.stat().st_size / 1e6:.2f} MB", flush=True)


def packing(name: str, variable: xr.Variable) -> dict[str, object]:
    """Return the NetCDF encoding of one variable; it depends on its name and dimensions."""
    deflated: dict[str, object] = {"zlib": True, "shuffle": True, "complevel": 9}
    if name in SCALE:
        days = {"time": 32, "dayofyear": 32}  # in a chunk, which is read whole
        sizes = variable.sizes.items()
        chunks = tuple(min(n, days.get(str(d), n)) for d, n in sizes) if len(sizes) == 3 else None
        return deflated | {
            "dtype": "int16",
            "_FillValue": -32767,
            "scale_factor": SCALE[name],
            "add_offset": OFFSET.get(name, 0.0),
            "chunksizes": chunks,
        }
    if name == "time":
        return deflated | {"dtype": "int64", "units": "seconds since 1950-01-01"}
    if name in ("longitude", "latitude") and ("time" in variable.dims):
        return deflated | {"dtype": "int32", "scale_factor": 1e-4, "_FillValue": -(2**31)}
    if name in ("track", "cycle", "drifter", "dayofyear"):
        return deflated | {"dtype": "int32"}
    if name == "mask":
        return deflated | {"dtype": "int8"}
    return {"_FillValue": None}


def main() -> None:
    """Parse the command line; build the files, or print their statistics."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=DATA, help="folder of the files")
    parser.add_argument("--world", type=Path, help="file of the nature run, made when absent")
    parser.add_argument("--statistics", action="store_true", help="measure the files of --output")
    parser.add_argument("--growth", action="store_true", help="measure twins in the nature run")
    parser.add_argument("--climate", action="store_true", help="make climatology.nc and mask.nc")
    options = parser.parse_args()
    if options.climate:
        write_climate(options.output)
        return
    if options.statistics:
        for label, value, units in statistics(options.output):
            show(label, value, units)
        return
    torch.set_num_threads(1)  # the products are small: more threads only make them wait
    nature = load_or_run(options.world)
    if options.growth:
        for label, value, units in growth(nature):
            show(label, value, units)
    else:
        build(nature, options.output)


def show(label: str, value: float, units: str) -> None:
    """Print one statistic."""
    shown = f"{value:d}" if isinstance(value, int) else f"{value:.4g}"
    print(f"{label:60s} {shown:>8s} {units}", flush=True)


def load_or_run(path: Path | None) -> np.ndarray:
    """Return the nature run, from ``path`` where it exists, else made and kept there."""
    if path is not None and path.exists():
        return np.load(path, mmap_mode="c")  # torch wants arrays it may write to, the file stays
    nature = nature_run(spin_up(), day_number(END) - day_number(START) + 1)
    if path is not None:
        np.save(path, nature)
    return nature


if __name__ == "__main__":
    main()
