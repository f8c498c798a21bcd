"""How the frozen data of `ssh_osse_jet` were made: a simulated year of a jet, and who observes it.

    python challenges/ssh_osse_jet/build.py --statistics      # what the frozen files contain
    python challenges/ssh_osse_jet/build.py --output DIR      # make them again
    python challenges/ssh_osse_jet/build.py --world world.nc  # keep the simulated year, or reuse it

The flow is chaotic: another machine gives another year of the same ocean. The files are the
reference, this file is their recipe; tests/challenges/test_jet_world.py holds both to the same
statistics.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import xarray as xr

from oceanbench.dynamics import quasigeostrophic as qg
from oceanbench.dynamics.spectral import refine
from oceanbench.observing import frozen
from oceanbench.observing.boxes import EARTH_RADIUS_KM
from oceanbench.observing.orbits import ORBITS, nadir_track
from oceanbench.observing.sampling import sample
from oceanbench.observing.swath import karin_swath

DATA = Path(__file__).parent / "data"
PARAMETERS = qg.Parameters()
SEED = 0


class Stage(NamedTuple):
    """One grid on the way to the kept year; its days are spin-up and are thrown away."""

    points: int
    time_step: float  # seconds; it must divide six hours
    days: int


STAGES = (Stage(72, 3600.0, 900), Stage(144, 1800.0, 60), Stage(288, 600.0, 60))
START, DAYS = np.datetime64("2012-10-01", "ns"), 365
SAVED_EVERY_HOURS = 6

CENTRE = (300.0, 38.0)
KM_PER_DEGREE = (
    np.deg2rad(EARTH_RADIUS_KM) * np.cos(np.deg2rad(CENTRE[1])),  # of longitude, at the centre
    np.deg2rad(EARTH_RADIUS_KM),  # of latitude
)
BOX = (295.0, 305.0, 33.0, 43.0)  # scored
WIDE_BOX = (294.0, 306.0, 32.0, 44.0)  # observed, and known in the training period
TRUTH_PERIOD = ("2012-10-22", "2012-12-02")
TRAINING_PERIODS = (("2013-01-02", "2013-05-17"), ("2013-05-18", "2013-09-30"))
NADIRS = ("topex-poseidon_interleaved", "jason1", "geosat2", "envisat")
SWATH_END = np.datetime64("2012-12-17", "ns")  # 14 days after the scored period
PIXEL_KM = 4.0  # 2 km is the instrument's; 4 km keeps the file small
STEP = 0.1  # of the truth, degrees

ATTRIBUTES = {
    "Conventions": "CF-1.8",
    "institution": "OceanBench",
    "comment": "synthetic: two-layer quasi-geostrophic simulation",
}


def simulate(
    stages: tuple[Stage, ...] = STAGES, days: int = DAYS, seed: int = SEED
) -> xr.DataArray:
    """Run the jet through the stages, then keep ``days`` days of SSH from START on, 6-hourly.

    The plane is laid on the sphere by longitude = 300 + x / (111.195 cos 38°) and
    latitude = 38 + y / 111.195, x and y in km from its centre.
    """
    state = None
    for points, time_step, spin_up in stages:
        model = qg.operators(PARAMETERS, points, dtype=torch.float32)
        state = qg.initial_state(model, seed=seed) if state is None else refine(state, points)
        steps = round(spin_up * qg.DAY / time_step)
        *_, state = qg.integrate(state, model, time_step=time_step, steps=steps, every=steps)
        spread = float(qg.sea_surface_height(state, model).std())
        print(f"spun up {spin_up} days at {points} x {points}: ssh std {spread:.3f} m", flush=True)
    every = round(SAVED_EVERY_HOURS * 3600 / time_step)
    fields = np.empty((days * 24 // SAVED_EVERY_HOURS + 1, points, points), dtype=np.float32)
    fields[0] = qg.sea_surface_height(state, model)
    kept = qg.integrate(
        state, model, time_step=time_step, steps=every * (len(fields) - 1), every=every
    )
    for index, state in enumerate(kept, start=1):
        fields[index] = qg.sea_surface_height(state, model)
    position = (np.arange(points) / points - 0.5) * PARAMETERS.domain_length / 1e3
    return xr.DataArray(
        fields,
        dims=("time", "latitude", "longitude"),
        coords={
            "time": START + np.arange(len(fields)) * np.timedelta64(SAVED_EVERY_HOURS, "h"),
            "latitude": CENTRE[1] + position / KM_PER_DEGREE[1],
            "longitude": CENTRE[0] + position / KM_PER_DEGREE[0],
        },
        name="ssh",
    ).sel(longitude=slice(WIDE_BOX[0] - 1.0, WIDE_BOX[1] + 1.0))


def load_or_simulate(path: Path | None) -> xr.DataArray:
    """Return the simulated year, from ``path`` where it exists, else simulated and kept there."""
    if path is not None and path.exists():
        return xr.load_dataarray(path, engine="h5netcdf")
    world = simulate()
    if path is not None:
        world.to_netcdf(path, engine="h5netcdf")
    return world


def gridded(world: xr.DataArray, box: tuple[float, ...], first: str, last: str) -> xr.Dataset:
    """Read the world at 00:00 UTC of each day, ends included, on the grid of a box."""
    return frozen.daily_maps(world, frozen.nodes(box, STEP, first, last)).to_dataset(name="ssh")


def along_track(world: xr.DataArray, mission: str, end: np.datetime64) -> xr.Dataset:
    """Observe the world without error at 1 Hz under a nadir altimeter, from START to ``end``."""
    return observed(world, nadir_track(ORBITS[mission], WIDE_BOX, START, end), decimals=4)


def swath(world: xr.DataArray, end: np.datetime64) -> xr.Dataset:
    """Observe the world without error in the pixels of SWOT, from START to ``end``."""
    pixels = karin_swath(
        ORBITS["swot"], WIDE_BOX, START, end, along_track_km=PIXEL_KM, cross_track_km=PIXEL_KM
    )
    return observed(world, pixels, decimals=3)


def observed(world: xr.DataArray, points: xr.Dataset, decimals: int) -> xr.Dataset:
    """Sample the world where and when the file says: positions and times are rounded before."""
    points = frozen.stored(points, decimals)
    return points.assign(ssh=sample(world, points))


def write(dataset: xr.Dataset, path: Path, title: str) -> None:
    """Write packed NetCDF: SSH to 0.1 mm, positions as rounded by `observed`, time exactly."""
    frozen.write(
        dataset,
        path,
        attributes=ATTRIBUTES | {"title": f"{title} (synthetic)"},
        precision={"ssh": 1e-4},
        centre=CENTRE,
        origin=START,
    )
    print(f"wrote {path.name}: {path.stat().st_size / 1e6:.2f} MB", flush=True)


def build(world: xr.DataArray, output: Path) -> None:
    """Write every file of the challenge."""
    end = START + np.timedelta64(DAYS, "D")
    write(gridded(world, BOX, *TRUTH_PERIOD), output / "truth.nc", "Daily truth")
    for number, period in enumerate(TRAINING_PERIODS, start=1):
        title = f"Daily truth of the training period, part {number}"
        write(gridded(world, WIDE_BOX, *period), output / f"training_truth_{number}.nc", title)
    for mission in NADIRS:
        title = f"Noise-free 1 Hz altimetry along the orbit of {mission}"
        write(along_track(world, mission, end), output / f"{mission}.nc", title)
    title = f"Noise-free SWOT KaRIn swath, {PIXEL_KM:g} km pixels"
    write(swath(world, SWATH_END), output / "swot_karin.nc", title)


def statistics(data: Path = DATA) -> Iterator[tuple[str, float, str]]:
    """Measure the frozen files: label, value, units."""
    truth = xr.load_dataset(data / "truth.nc")["ssh"]
    parts = [xr.load_dataset(data / f"training_truth_{number}.nc")["ssh"] for number in (1, 2)]
    training = xr.concat(parts, "time").sel(
        longitude=slice(294.95, 305.05), latitude=slice(32.95, 43.05)
    )
    yield "ssh std, scored period", float(truth.std()), "m"
    yield "ssh std, training period", float(training.std()), "m"
    for part in range(0, training.sizes["time"] - 44, 45):
        label = f"ssh std, training days {part} to {part + 44}"
        yield label, float(training[part : part + 45].std()), "m"
    anomaly = training - training.mean("time")
    yield "ssh std about the time mean, training period", float(anomaly.std()), "m"
    yield "e-folding time of the anomaly", efolding_days(anomaly.values), "days"
    yield "zonal spectral slope, 50 to 250 km", spectral_slope(training), "1"
    u, v = geostrophic_velocity(training)
    eddy = (u - u.mean(0)) ** 2 + (v - v.mean(0)) ** 2
    yield "eddy kinetic energy", float(eddy.mean()) / 2 * 1e4, "cm²/s²"
    yield "largest speed", float(np.sqrt(u**2 + v**2).max()), "m/s"
    for mission in (*NADIRS, "swot_karin"):
        file = xr.load_dataset(data / f"{mission}.nc")
        yield f"observations of {mission}", int(file["ssh"].count()), "1"
        yield "    of which in the scored box and period", int(scored(file).sum()), "1"
    yield "1/4 degree cells seen by swot_karin, per day", cells_per_day(file), "%"


def efolding_days(anomaly: np.ndarray) -> float:
    """Lag at which the autocorrelation, averaged over the box, falls below 1/e."""
    lags = range(60)
    products = [np.mean(anomaly[: len(anomaly) - lag] * anomaly[lag:]) for lag in lags]
    correlation = np.array(products) / products[0]
    after = int(np.argmax(correlation < np.exp(-1)))
    return float(np.interp(-np.exp(-1), -correlation[[after - 1, after]], [after - 1, after]))


def spectral_slope(
    field: xr.DataArray, shortest_km: float = 50.0, longest_km: float = 250.0
) -> float:
    """Fit the log-log slope of the mean Hann-windowed zonal spectrum of all latitudes and times."""
    values = field.transpose(..., "longitude").values
    values = (values - values.mean(-1, keepdims=True)) * np.hanning(values.shape[-1])
    power = (np.abs(np.fft.rfft(values)) ** 2).reshape(-1, values.shape[-1] // 2 + 1).mean(0)
    step_km = float(field["longitude"].diff("longitude").mean()) * KM_PER_DEGREE[0]
    wavenumber = np.fft.rfftfreq(values.shape[-1], step_km)
    band = (wavenumber >= 1 / longest_km) & (wavenumber <= 1 / shortest_km)
    return float(np.polyfit(np.log(wavenumber[band]), np.log(power[band]), 1)[0])


def geostrophic_velocity(field: xr.DataArray) -> tuple[np.ndarray, np.ndarray]:
    """Eastward and northward velocity, m/s, by centred differences and the model's f0."""
    metres = [
        1e3 * k * float(field[d].diff(d).mean())
        for d, k in zip(("longitude", "latitude"), KM_PER_DEGREE, strict=True)
    ]
    scale = PARAMETERS.gravity / PARAMETERS.coriolis
    return -scale * np.gradient(field.values, metres[1], axis=1), scale * np.gradient(
        field.values, metres[0], axis=2
    )


def scored(file: xr.Dataset) -> xr.DataArray:
    """Tell which observations lie in the scored box and period."""
    last = np.datetime64(TRUTH_PERIOD[1]) + 1
    inside = (file["time"] >= np.datetime64(TRUTH_PERIOD[0])) & (file["time"] < last)
    for name, low, high in (("longitude", *BOX[:2]), ("latitude", *BOX[2:])):
        inside = inside & (file[name] >= low) & (file[name] <= high)
    return inside & file["ssh"].notnull()


def cells_per_day(file: xr.Dataset) -> float:
    """Mean percentage of the 1/4 degree cells of the scored box that are observed on a day."""
    here = scored(file).values
    columns = [
        np.floor(4 * (file[name].values[here] - low)).clip(0, 39)
        for name, low in (("longitude", BOX[0]), ("latitude", BOX[2]))
    ]
    time = file["time"].broadcast_like(file["ssh"]).values[here]
    cells = np.stack([time.astype("datetime64[D]").astype(float), *columns])
    days = np.diff(np.array(TRUTH_PERIOD, dtype="datetime64[D]")).astype(int)[0] + 1
    return float(100 * np.unique(cells, axis=1).shape[1] / (days * 40 * 40))


def main() -> None:
    """Parse the command line; build the files, or print their statistics."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=DATA, help="folder of the files")
    parser.add_argument("--world", type=Path, help="file of the simulated year, made when absent")
    parser.add_argument("--statistics", action="store_true", help="measure the files of --output")
    options = parser.parse_args()
    if options.statistics:
        for label, value, units in statistics(options.output):
            shown = f"{value:d}" if isinstance(value, int) else f"{value:.4g}"
            print(f"{label:52s} {shown:>8s} {units}")
    else:
        torch.set_num_threads(1)  # the FFTs are small: more threads only make them wait
        build(load_or_simulate(options.world), options.output)


if __name__ == "__main__":
    main()
