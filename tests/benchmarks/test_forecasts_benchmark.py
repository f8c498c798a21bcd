"""How much memory and time a submission of forecasts as large as that of DC1 takes to evaluate.

    pytest tests/benchmarks/test_forecasts_benchmark.py --benchmark-only
    python tests/benchmarks/test_forecasts_benchmark.py 1.0 FOLDER

The second makes 52 starts × 10 leads × 672 × 1440 × 5 variables as a Zarr store in FOLDER (10 GB
at the fraction 1.0, about as much as that takes to compress; the fraction is one of the starts)
and says what the evaluation took. The target is 2 GB on two cores, at any fraction.
"""

from __future__ import annotations

import json
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

# VmHWM rather than ru_maxrss: the latter starts from the peak of the process that forked.
EVALUATION = """
import json, sys, time
from pathlib import Path
from oceanbench import Challenge, Submission, evaluate
begin, cpu = time.perf_counter(), time.process_time()
result = evaluate(Challenge.load(sys.argv[1]), Submission("mine", Path(sys.argv[2])))
lines = Path("/proc/self/status").read_text().splitlines()
peak = next(int(l.split()[1]) for l in lines if l.startswith("VmHWM")) / 1024
scores = len(result.scores)
print(json.dumps([peak, time.perf_counter() - begin, time.process_time() - cpu, scores]))
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


def make(folder: Path, starts: int) -> tuple[Path, Path]:
    """Challenge and submission of some starts, written a start at a time."""
    days = FIRST + np.arange(7 * (starts - 1) + LEADS[-1] + 1) * DAY
    for number, part in enumerate(np.array_split(days, max(1, days.size // 20))):
        dataset(part).to_netcdf(folder / f"truth{number:03}.nc", engine="h5netcdf")
    dataset(days[:1]).isel(time=0, drop=True).to_netcdf(folder / "mean.nc", engine="h5netcdf")
    store = folder / "mine.zarr"
    for number in range(starts):
        start = FIRST + 7 * number * DAY
        part = dataset(start + np.array(LEADS) * DAY, seed=number)
        part = part.rename(time="lead").assign_coords(lead=LEADS).expand_dims(start=[start])
        if number == 0:
            chunks = {n: {"chunks": (1, 1, *SHAPE)} for n in UNITS}
            part.to_zarr(store, consolidated=False, encoding=chunks)
        else:
            part.to_zarr(store, consolidated=False, append_dim="start")
    path = folder / "challenge.yaml"
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
        },
        "submission": {"variables": {name: {"units": unit} for name, unit in UNITS.items()}},
        "masks": {"global": {}, "north": {"latitude": [20, 90]}, "tropics": {"latitude": [-20, 20]},
                  "south": {"latitude": [-78, -20]}},
        "metrics": [
            {"metric": "rmse", "label": "RMSE", "masks": ["global", "north", "tropics", "south"]},
            {"metric": "anomaly_correlation", "label": "ACC", "relative_to": "climatology"},
            {"metric": "activity", "label": "activity", "relative_to": "climatology"},
        ],
        "rank_by": "RMSE zos day 5 (global)",
    }  # fmt: skip


def measure(challenge: Path, store: Path, starts: int) -> str:
    """What an evaluation in a process of its own takes, in words."""
    command = [sys.executable, "-c", EVALUATION, str(challenge), str(store)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    peak, seconds, cpu, scores = json.loads(done.stdout)
    size = starts * len(LEADS) * SHAPE[0] * SHAPE[1] * len(UNITS) * 4
    return (
        f"{starts} starts, {size / 1e9:.1f} GB as float32: peak {peak:.0f} MB, {seconds:.0f} s "
        f"({cpu:.0f} s CPU), {size / 1e6 / seconds:.0f} MB/s, {scores} scores"
    )


@pytest.mark.parametrize("starts", [2])
def test_a_part_of_dc1(benchmark: Any, starts: int, tmp_path: Path) -> None:
    paths = make(tmp_path, starts)
    benchmark.extra_info["taken"] = benchmark.pedantic(measure, (*paths, starts), rounds=1)


if __name__ == "__main__":
    count = max(1, round(52 * float(sys.argv[1])))
    place = Path(sys.argv[2])
    place.mkdir(parents=True, exist_ok=True)
    begin = time.perf_counter()
    made = make(place, count)
    print(f"made in {time.perf_counter() - begin:.0f} s")  # noqa: T201
    print(measure(*made, count))  # noqa: T201
