"""How much memory a truth as long as that of challenge 2020a takes to be scored against.

    python tests/benchmarks/long_truth.py DAYS FOLDER

makes a truth of 2020a's shape in FOLDER, a file a day of 24 × 601 × 601 values, of so many DAYS
from 2012-10-01 on (366 are the year: 12.7 GB as float32). Days outside the scored period have no
values on disk, as nothing reads them. It says what evaluating maps of 0.2° takes.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import h5netcdf
import numpy as np
import xarray as xr
from test_forecasts_benchmark import memory_of

NODES = 601
FIRST = np.datetime64("2012-10-01", "h")
SCORED = (np.datetime64("2012-10-22"), np.datetime64("2012-12-02"))
EVALUATION = """
import sys
from oceanbench import evaluate
evaluate("ssh_osse_natl60_2020a", sys.argv[1], data_dir=sys.argv[2])
"""


def wave(day: float, latitude: np.ndarray, longitude: np.ndarray) -> np.ndarray:
    """Drifting waves, metres."""
    y, x = latitude[:, None], longitude
    return (0.4 * np.sin(3 * x + 0.2 * day) * np.cos(4 * y - 0.1 * day)).astype(np.float32)


def make(folder: Path, days: int) -> tuple[Path, Path]:
    """Truth and maps, unless they are there."""
    data, maps = folder / f"data{days}", folder / "maps.nc"
    latitude, longitude = np.linspace(33, 43, NODES), np.linspace(-65, -55, NODES)
    if not data.exists():
        (data / "dc_ref").mkdir(parents=True)
        for number in range(days):
            day = FIRST + np.timedelta64(24 * number, "h")
            name = f"NATL60-CJM165_GULFSTREAM_y{str(day)[:4]}m{str(day)[5:7]}d{str(day)[8:10]}"
            with h5netcdf.File(data / "dc_ref" / f"{name}.1h_SSH.nc", "w") as file:
                file.dimensions = {"time": 24, "lat": NODES, "lon": NODES}
                hours = file.create_variable("time", ("time",), "i8")
                hours[...] = 24 * number + np.arange(24)
                hours.attrs["units"] = "hours since 2012-10-01"
                for axis, nodes in (("lat", latitude), ("lon", longitude)):
                    file.create_variable(axis, (axis,), "f8", data=nodes)
                ssh = file.create_variable("sossheig", ("time", "lat", "lon"), "f4")
                ssh.attrs["units"] = "m"
                if SCORED[0] <= day.astype("M8[D]") <= SCORED[1]:
                    for hour in range(24):
                        ssh[hour] = wave(number + hour / 24, latitude, longitude)
    y, x = np.linspace(33, 43, 51), np.linspace(-65, -55, 51)
    dates = np.arange(SCORED[0], SCORED[1] + 1)
    values = [0.9 * wave(float((d - FIRST.astype("M8[D]")).astype(int)), y, x) for d in dates]
    axes = {"time": dates.astype("M8[ns]"), "latitude": y, "longitude": x}
    xr.Dataset({"ssh": (tuple(axes), np.stack(values), {"units": "m"})}, axes).to_netcdf(maps)
    return data, maps


if __name__ == "__main__":
    count, place = int(sys.argv[1]), Path(sys.argv[2])
    place.mkdir(parents=True, exist_ok=True)
    truth, submitted = make(place, count)
    begin, peak = time.perf_counter(), 0
    command = [sys.executable, "-c", EVALUATION, str(submitted), str(truth)]
    with subprocess.Popen(command) as running:
        while running.poll() is None:
            peak = max(peak, memory_of(running.pid))
            time.sleep(0.1)
    size = count * 24 * NODES**2 * 4 / 1e9
    seconds = time.perf_counter() - begin
    print(f"{count} days, {size:.1f} GB: peak {peak / 2**20:.0f} MB, {seconds:.0f} s")  # noqa: T201
