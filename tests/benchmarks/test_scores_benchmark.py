"""How long the scores of the two published protocols take, and how much memory.

    pytest tests/benchmarks --benchmark-only

Targets: 2020a at most 0.5 s and 120 MB above the imports; 2021a at most 0.25 s. Nothing here fails
when they are missed: a timing is a report, not a test.
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
from scipy.ndimage import gaussian_filter

from oceanbench import Challenge, Submission, evaluate
from oceanbench.data import shipped

ROUNDS = 7

# VmHWM rather than ru_maxrss: the latter starts from the peak of the process that forked.
PEAK = """
import json, sys
from pathlib import Path
import contourpy, h5netcdf, scipy.signal
from oceanbench import Challenge, Submission, evaluate
def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(l.split()[1]) for l in lines if l.startswith("VmHWM")) / 1024
challenge, submission = Challenge.load(sys.argv[1]), Submission("mine", Path(sys.argv[2]))
before = peak()
evaluate(challenge, submission)
print(json.dumps([before, peak()]))
"""


def sea_surface(shape: tuple[int, int, int], scales: tuple[float, ...], seed: int) -> np.ndarray:
    """Smooth random field of (time, latitude, longitude), metres, RMS about 0.3."""
    white = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    smooth = gaussian_filter(white, scales, mode="wrap")
    return 0.3 * smooth / smooth.std()


def maps(days: np.ndarray, nodes: int, values: np.ndarray, west: float) -> xr.Dataset:
    """Daily maps over ten by ten degrees."""
    coords = {
        "time": days.astype("datetime64[ns]"),
        "latitude": np.linspace(33, 43, nodes),
        "longitude": np.linspace(west, west + 10, nodes),
    }
    return xr.Dataset({"ssh": (tuple(coords), values, {"units": "m"})}, coords=coords)


def protocol(name: str, truth: dict[str, Any], folder: Path) -> Path:
    """Shipped challenge with another truth: its metrics, masks and rules are the published ones."""
    published = shipped.folder("challenges") / name / "challenge.yaml"
    content = yaml.safe_load(published.read_text(encoding="utf-8"))
    content["datasets"] = {"truth": {"role": "truth", "units": "m", **truth}}
    content.pop("published")
    content.pop("periods")
    path = folder / "challenge.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def osse(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Challenge and submission: truth of 42 × 201 × 201, maps of 42 × 101 × 101."""
    folder = tmp_path_factory.mktemp("osse")
    days = np.arange("2012-10-22", "2012-12-03", dtype="datetime64[D]")
    values = sea_surface((42, 201, 201), (3.0, 12.0, 12.0), 1)
    small = sea_surface((42, 201, 201), (1.0, 4.0, 4.0), 2)
    maps(days, 201, values, -65.0).to_netcdf(folder / "truth.nc", engine="h5netcdf")
    estimate = (values + 0.3 * small)[:, ::2, ::2]
    maps(days, 101, estimate, -65.0).to_netcdf(folder / "mine.nc", engine="h5netcdf")
    truth = {"path": "truth.nc", "variables": {"ssh": "ssh"}}
    return protocol("ssh_osse_natl60_2020a", truth, folder), folder / "mine.nc"


@pytest.fixture(scope="module")
def ose(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Challenge and submission: about 47 000 track points, maps of 365 × 101 × 101."""
    folder = tmp_path_factory.mktemp("ose")
    days = np.arange("2017-01-01", "2018-01-01", dtype="datetime64[D]")
    values = sea_surface((365, 101, 101), (3.0, 6.0, 6.0), 3)
    maps(days, 101, values, 295.0).to_netcdf(folder / "mine.nc", engine="h5netcdf")
    tracks = passes(296, 174)
    estimate = maps(days, 101, values, 295.0)["ssh"].interp(
        {n: ("time_", tracks[n].values) for n in ("time", "latitude", "longitude")}
    )
    noise = 0.1 * np.random.default_rng(4).standard_normal(estimate.size)
    sla = np.nan_to_num(estimate.values) + noise
    for name, column in {"sla_unfiltered": sla, "mdt": 0 * sla, "lwe": 0 * sla}.items():
        tracks[name] = ("time", column.astype(np.float32), {"units": "m"})
    tracks.to_netcdf(folder / "track.nc", engine="h5netcdf")
    truth = {
        "layout": "track",
        "path": "track.nc",
        "variables": {"ssh": "sla_unfiltered + mdt - lwe"},
    }
    return protocol("ssh_ose_gulfstream_2021a", truth, folder), folder / "mine.nc"


def passes(count: int, samples: int) -> xr.Dataset:
    """Straight passes over the box in a year, up and down in turn, one sample every 0.9434 s."""
    start = np.linspace(0, 364 * 86400, count)
    second = start[:, None] + 0.9434 * np.arange(samples)
    climb = np.linspace(-5, 5, samples) * np.where(np.arange(count) % 2, 1, -1)[:, None]
    centre = np.random.default_rng(5).uniform(296, 304, count)[:, None]
    time = np.datetime64("2017-01-01", "ns") + (second.ravel() * 1e9).astype("timedelta64[ns]")
    return xr.Dataset(
        coords={
            "time": time,
            "latitude": ("time", (38 + climb).ravel()),
            "longitude": ("time", (centre + 0.15 * np.abs(climb)).ravel()),
        }
    )


@pytest.mark.parametrize("case", ["osse", "ose"])
def test_evaluate(
    case: str, benchmark: Any, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    path, file = request.getfixturevalue(case)
    challenge, submission = Challenge.load(path), Submission("mine", file)
    seconds: list[float] = []

    def timed() -> Any:
        begin = time.process_time()
        result = evaluate(challenge, submission)
        seconds.append(time.process_time() - begin)
        return result

    result = benchmark.pedantic(timed, rounds=ROUNDS, warmup_rounds=1)
    command = [sys.executable, "-c", PEAK, str(path), str(file)]
    before, after = json.loads(subprocess.check_output(command, text=True))
    benchmark.extra_info |= {"cpu_seconds": min(seconds), "megabytes": after - before}
    with capsys.disabled():
        wall = benchmark.stats.stats
        print(  # noqa: T201  (a benchmark reports)
            f"\n{case}: wall best {wall.min:.2f} s, median {wall.median:.2f} s; "
            f"CPU best {min(seconds):.2f} s; peak {after - before:.0f} MB above imports "
            f"({before:.0f} MB); {result.scores[0].n} points"
        )
