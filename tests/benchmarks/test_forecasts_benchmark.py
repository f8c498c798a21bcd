"""How much memory and time a submission of forecasts as large as that of DC1 takes to evaluate.

    pytest tests/benchmarks/test_forecasts_benchmark.py --benchmark-only
    python tests/benchmarks/test_forecasts_benchmark.py 1.0 FOLDER [WORKERS]

The second makes 52 starts × 10 leads × 672 × 1440 × 5 variables as a Zarr store in FOLDER, unless
it is there (with the truth 15 GB at the fraction 1.0, which is one of the starts), and an altimeter
of 48 000 points a day; it says what the evaluation took, in one process or in so many WORKERS: of
a process pool, or of a dask cluster where WORKERS begins with "dask". The target is 2 GB on two
cores, at any fraction.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import yaml

SHAPE = (672, 1440)
LEADS = list(range(1, 11))
UNITS = {"zos": "m", "thetao": "degrees_C", "so": "1e-3", "uo": "m s-1", "vo": "m s-1"}
SIZE = {"zos": (0.0, 0.3), "thetao": (15.0, 5.0), "so": (35.0, 1.0), "uo": (0, 0.2), "vo": (0, 0.2)}
FIRST = np.datetime64("2023-12-31", "ns")
DAY = np.timedelta64(1, "D")

POINTS_PER_DAY = 48_000
DATUM, MDT = 0.1, 0.5  # metres

EVALUATION = """
import json, sys, time
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from multiprocessing import get_context
from pathlib import Path
from oceanbench import Challenge, Submission, evaluate
from oceanbench.data.checks.budget import Budget

def workers(what):
    if what.startswith("dask"):
        from distributed import Client
        cluster = {"n_workers": int(what[4:]), "threads_per_worker": 1, "dashboard_address": None}
        return Client(**cluster).get_executor()
    spawn = get_context("spawn")
    return ProcessPoolExecutor(int(what), mp_context=spawn) if what else nullcontext()

if __name__ == "__main__":
    begin = time.perf_counter()
    with workers(sys.argv[3]) as pool:
        mine = Submission("mine", Path(sys.argv[2]))
        result = evaluate(Challenge.load(sys.argv[1], Budget().times(32)), mine, executor=pool)
    print(json.dumps([time.perf_counter() - begin, len(result.scores)]))
"""


def grid() -> dict[str, np.ndarray]:
    """Coordinates of a quarter of a degree, as GLONET has them."""
    return {
        "latitude": np.linspace(-78.0, 89.75, SHAPE[0]),
        "longitude": np.linspace(-180.0, 179.75, SHAPE[1]),
    }


def wave(name: str, day: float) -> np.ndarray:
    """Field of a variable on a day: drifting waves, with a continent."""
    y, x = np.deg2rad(grid()["latitude"])[:, None], np.deg2rad(grid()["longitude"])
    mean, size = SIZE[name]
    number = list(SIZE).index(name)
    values = np.sin(40 * x + 0.05 * day + number) * np.cos(35 * y - 0.03 * day) + np.cos(3 * y)
    values = np.where((np.abs(x) < 0.6) & (np.abs(y) < 0.9), np.nan, mean + size * values)
    return values.astype(np.float32)


def dataset(days: np.ndarray, seed: int | None = None) -> xr.Dataset:
    """All variables on some days, with noise if there is a seed."""
    random = np.random.default_rng(seed)
    fields = {}
    for name, unit in UNITS.items():
        maps = np.stack([wave(name, float((d - FIRST) / DAY)) for d in days])
        if seed is not None:
            noise = random.standard_normal(maps.shape, dtype=np.float32)
            maps += 0.1 * SIZE[name][1] * noise
        fields[name] = (("time", "latitude", "longitude"), maps, {"units": unit})
    return xr.Dataset(fields, {"time": days, **grid()})


def track(days: np.ndarray) -> xr.Dataset:
    """Sea level along a track that winds round the globe, without its mean and on another level."""
    step = DAY.astype("m8[ns]") // POINTS_PER_DAY
    time = (days[:, None] + np.arange(POINTS_PER_DAY) * step).ravel()
    turns = (time - FIRST) / DAY * 14.2
    latitude, longitude = 66.0 * np.sin(2 * np.pi * turns), (-360.0 * 1.04 * turns) % 360.0
    y, x, day = np.deg2rad(latitude), np.deg2rad(longitude), np.floor((time - FIRST) / DAY)
    mean, size = SIZE["zos"]
    values = np.sin(40 * x + 0.05 * day) * np.cos(35 * y - 0.03 * day) + np.cos(3 * y)
    sla = mean + size * values - MDT + DATUM
    places = {"latitude": ("time", latitude), "longitude": ("time", longitude)}
    return xr.Dataset({"sla": ("time", sla, {"units": "m"})}, {"time": time, **places})


def make(folder: Path, starts: int) -> tuple[Path, Path]:
    """Challenge and submission of some starts, written a start at a time, unless they are there."""
    path, store = folder / "challenge.yaml", folder / "mine.zarr"
    if path.exists():
        return path, store
    days = FIRST + np.arange(7 * (starts - 1) + LEADS[-1] + 1) * DAY
    for number, part in enumerate(np.array_split(days, max(1, days.size // 20))):
        dataset(part).to_netcdf(folder / f"truth{number:03}.nc", engine="h5netcdf")
        track(part).to_netcdf(folder / f"track{number:03}.nc", engine="h5netcdf")
    mdt = xr.Dataset({"mdt": (("latitude", "longitude"), np.full(SHAPE, MDT))}, grid())
    mdt.to_netcdf(folder / "mdt.nc", engine="h5netcdf")
    dataset(days[:1]).isel(time=0, drop=True).to_netcdf(folder / "mean.nc", engine="h5netcdf")
    for number in range(starts):
        start = FIRST + 7 * number * DAY
        part = dataset(start + np.array(LEADS) * DAY, seed=number)
        part = part.rename(time="lead").assign_coords(lead=LEADS).expand_dims(start=[start])
        if number == 0:
            chunks = {n: {"chunks": (1, 1, *SHAPE)} for n in UNITS}
            part.to_zarr(store, consolidated=False, encoding=chunks)
        else:
            part.to_zarr(store, consolidated=False, append_dim="start")
    path.write_text(yaml.safe_dump(json.loads(json.dumps(content(starts)))), encoding="utf-8")
    return path, store


def content(starts: int) -> dict[str, Any]:
    """Challenge like that of DC1."""
    first, last = FIRST, FIRST + 7 * (starts - 1) * DAY
    variables = {name: name for name in UNITS}
    return {
        "name": "dc1_size",
        "version": 1,
        "title": "As large as DC1",
        "kind": "forecasts",
        "domain": {"longitude": [-180, 180], "latitude": [-78, 90],
                   "time": [str(first)[:10], str(last + 11 * DAY)[:10]]},
        "starts": {"first": str(first)[:10], "last": str(last)[:10], "step_days": 7},
        "leads": LEADS,
        "datasets": {
            "truth": {"role": "truth", "path": "truth*.nc", "variables": variables},
            "initial": {"role": "initial", "path": "truth*.nc", "variables": variables},
            "mean": {"role": "climatology", "path": "mean.nc", "variables": variables},
            "mdt": {"role": "auxiliary", "layout": "static", "path": "mdt.nc",
                    "variables": {"mdt": "mdt"}},
            "track": {"role": "observed_truth", "path": "track*.nc", "variables": {"zos": "sla"},
                      "mdt": "mdt", "datum": DATUM},
        },
        "submission": {"variables": {name: {"units": unit} for name, unit in UNITS.items()}},
        "masks": {"global": {}, "north": {"latitude": [20, 90]}, "tropics": {"latitude": [-20, 20]},
                  "south": {"latitude": [-78, -20]}},
        "metrics": [
            {"metric": "rmse", "label": "RMSE", "masks": ["global", "north", "tropics", "south"]},
            {"metric": "anomaly_correlation", "label": "ACC", "relative_to": "climatology"},
            {"metric": "activity", "label": "activity", "relative_to": "climatology"},
            {"metric": "rmse", "label": "RMSE at the track", "against": "track"},
        ],
        "rank_by": "RMSE zos day 5 (global)",
    }  # fmt: skip


def memory_of(process: int) -> int:
    """Bytes that a process and all that it started hold; what they share counts for each."""
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
        threads = Path(f"/proc/{process}/task").glob("*/children")  # any of them may start some
        children = " ".join(thread.read_text(encoding="utf-8") for thread in threads)
    except OSError:  # it has ended
        return 0
    held = sum(1024 * int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
    return held + sum(memory_of(int(child)) for child in children.split())


def measure(challenge: Path, store: Path, starts: int, workers: str = "") -> str:
    """What an evaluation in processes of its own takes, in words."""
    command = [sys.executable, "-c", EVALUATION, str(challenge), str(store), workers]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    peak = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        while running.poll() is None:
            peak = max(peak, memory_of(running.pid))
            time.sleep(0.1)
        assert running.stdout is not None
        seconds, scores = json.loads(running.stdout.read())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    size = starts * len(LEADS) * SHAPE[0] * SHAPE[1] * len(UNITS) * 4 / 1e6
    return (
        f"{starts} starts, {size / 1e3:.1f} GB as float32, {workers or 'no'} workers: peak "
        f"{peak / 2**20:.0f} MB, {seconds:.0f} s ({cpu:.0f} s CPU), {size / seconds:.0f} MB/s "
        f"({size / cpu:.0f} MB per CPU second), {scores} scores"
    )


@pytest.mark.parametrize("workers", ["", "2", "dask2"])
def test_a_part_of_dc1(benchmark: Any, workers: str, tmp_path: Path) -> None:
    paths = make(tmp_path, 2)
    benchmark.extra_info["taken"] = benchmark.pedantic(measure, (*paths, 2, workers), rounds=1)


if __name__ == "__main__":
    count = max(1, round(52 * float(sys.argv[1])))
    place = Path(sys.argv[2])
    place.mkdir(parents=True, exist_ok=True)
    begin = time.perf_counter()
    made = make(place, count)
    print(f"made in {time.perf_counter() - begin:.0f} s")  # noqa: T201
    print(measure(*made, count, "".join(sys.argv[3:])))  # noqa: T201
