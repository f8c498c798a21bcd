"""How long optimal interpolation takes, and how much memory, against a plain dense implementation.

    OMP_NUM_THREADS=1 pytest tests/benchmarks/test_mapping_benchmark.py

The case of data challenge 2020a: four nadirs, about 4770 observations in a window of 28 days, maps
of 51 × 52 nodes, 42 days. Targets: 40 times less CPU per map in float64 and 60 times in float32, a
peak below 450 MB, the DUACS-like kernel within 1.5 times the Gaussian's cost, 10 000 observations
in under 60 CPU seconds. Nothing here fails when they are missed: a timing is a report, not a test.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from places import WORLDS

from oceanbench.observing.orbits import ORBITS, nadir_track

NADIRS = ("topex-poseidon_interleaved", "jason1", "geosat2", "envisat")
CASE = """
import json, sys, time
from pathlib import Path
import numpy as np, torch
from oceanbench.assimilation.gaussian.covariance import Covariance
from oceanbench.assimilation.gaussian.posterior_fields import maps
from oceanbench.assimilation.gaussian.optimal_interpolation import Observations, solve
sys.path.insert(0, sys.argv[3])
from dense import dense_map, gaussian

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(l.split()[1]) for l in lines if l.startswith("VmHWM")) / 1024

case, stored = json.loads(sys.argv[1]), np.load(sys.argv[2])
t, x, y, v = (stored[n] for n in ("time", "x", "y", "value"))
grid, days = (np.linspace(0, 10, 52), np.linspace(0, 10, 51)), np.arange(float(case["days"]))
used = int((np.abs(t - days.mean()) < case["window"]).sum())
before, begin = peak(), time.process_time()
if case["method"] == "dense":
    near = np.abs(t - days.mean()) < days.size + case["window"]
    kernel, points = gaussian(1.0, 1.0, 7.0), np.stack([x, y, t])[:, near]
    error = 0.0025 * np.eye(points.shape[1])
    found = [dense_map(points, v[near], error, d, 14.0, kernel, *grid) for d in days]
else:
    shape = case["method"]
    covariance = Covariance(*case["lengths"], shape=shape, speed_x=case.get("speed", 0.0))
    observations = Observations(
        t, x, y, v, np.full(t.size, 0.0025), stored["track"], 0.0025 * (shape == "arhan")
    )
    solved = solve(observations, days, covariance, window=case["window"],
                   precision=case["precision"])
    found = [level for p in solved for level in maps(p, *grid)[:, 0].numpy()]
seconds, top = time.process_time() - begin, peak()
a = torch.rand(2500, 2500, dtype=torch.float64)
begin = time.process_time()
a @ a
rate = 2 * 2500**3 / (time.process_time() - begin) / 1e9
np.save(sys.argv[4], np.stack(found[:3]))
print(json.dumps([seconds, before, top, used, rate]))
"""


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Means of five samples of the four nadirs of 2020a, of white noise, over a year."""
    start = np.datetime64("2012-10-01", "ns")
    box = (294.0, 306.0, 32.0, 44.0)
    columns: dict[str, list[np.ndarray]] = {n: [] for n in ("time", "x", "y", "track")}
    for number, mission in enumerate(NADIRS):
        track = nadir_track(ORBITS[mission], box, start, start + np.timedelta64(400, "D"))
        size = track.sizes["time"] // 5 * 5
        days = (track["time"].values - start) / np.timedelta64(1, "D") - 14.0
        rows = {"time": days, "x": track["longitude"] - 295.0, "y": track["latitude"] - 33.0}
        for name, row in rows.items():
            columns[name].append(np.asarray(row)[:size].reshape(-1, 5)[:, 2])
        passes = track["track"].values[:size:5] + 10_000 * number
        columns["track"].append(passes + 100_000 * track["cycle"].values[:size:5])
    joined = {name: np.concatenate(parts) for name, parts in columns.items()}
    order = np.argsort(joined["time"], kind="stable")
    value = 0.3 * np.random.default_rng(0).standard_normal(order.size)
    path = tmp_path_factory.mktemp("mapping") / "observed.npz"
    np.savez(path, value=value, **{name: column[order] for name, column in joined.items()})
    return path


def measured(case: dict[str, Any], observed: Path) -> dict[str, Any]:
    """CPU seconds per map and peak memory of one case, alone in a process."""
    output = observed.with_name("maps.npy")
    tests = str(WORLDS)
    command = [sys.executable, "-c", CASE, json.dumps(case), str(observed), tests, str(output)]
    names = ("seconds", "before", "peak", "used", "rate")
    result = dict(zip(names, json.loads(subprocess.check_output(command)), strict=True))
    return result | {"per_map": result["seconds"] / case["days"], "maps": np.load(output)}


def flops(used: float, window: float, group: int = 6) -> float:
    """Floating-point operations per map of the shared factorisation, in units of 1e9."""
    daily = used / (2 * window)
    n, m, own = used - (group - 1) * daily, 2 * (group - 1) * daily, (group - 1) * daily
    return (n**3 / 3 + n**2 * m + n * m**2 + group * own**3 / 3) / group / 1e9


GAUSSIAN: dict[str, Any] = {
    "method": "gaussian",
    "lengths": [1.0, 1.0, 7.0],
    "window": 14.0,
    "precision": "double",
    "days": 42,
}
ARHAN = GAUSSIAN | {"method": "arhan", "lengths": [1.8, 1.8, 7.0]}


def test_mapping(observed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dense = measured({"method": "dense", "window": 14.0, "days": 3}, observed)
    cases = {
        "float64": GAUSSIAN,
        "float32, refined once": GAUSSIAN | {"precision": "single"},
        "float64, 126 days": GAUSSIAN | {"days": 126},
        "DUACS-like, float64": ARHAN,
        "DUACS-like, moving, float64": ARHAN | {"speed": -0.02},
        "DUACS-like, float32": ARHAN | {"precision": "single"},
        "10 000 observations, float64": GAUSSIAN | {"window": 38.0, "days": 6},
    }
    lines = [
        f"\ndense: {dense['per_map']:.2f} CPU s per map of {dense['used']} observations, peak "
        f"{dense['peak']:.0f} MB ({dense['peak'] - dense['before']:.0f} above imports)"
    ]
    for name, case in cases.items():
        m = measured(case, observed)
        work = flops(m["used"], case["window"])
        line = (
            f"{name}: {m['per_map']:.3f} CPU s per map of {m['used']} observations, "
            f"{m['seconds']:.1f} in all; peak {m['peak']:.0f} MB "
            f"({m['peak'] - m['before']:.0f} above imports); {work / m['per_map']:.0f} GFLOP/s, "
            f"float64 matrix products {m['rate']:.0f}"
        )
        if case["method"] == "gaussian" and case["window"] == 14.0:
            far = np.abs(m["maps"] - dense["maps"]).max()
            line += f"; {dense['per_map'] / m['per_map']:.0f} times less than dense, {far:.1e} m"
        lines.append(line)
    with capsys.disabled():
        print("\n".join(lines))  # noqa: T201  (a benchmark reports)
