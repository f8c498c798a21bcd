"""Times of OceanBench on a device, part by part, the most important first.

    python tests/device/parts.py --devices cuda,cpu --out FOLDER [--only oi,training] [--tiny]

Every part is a process of its own, so that one that fails or hangs does not stop the next, and
writes ``FOLDER/<part>.json`` whenever it knows a number more. ``tests/device/run.sh`` does all that
a machine with a GPU is asked for.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LIMITS = {  # seconds that a part may take on all devices together, the most important first
    "oi": 60.0,
    "inference": 90.0,
    "training": 90.0,
    "emulator": 60.0,
    "presets": 100.0,
}
LEAST_SECONDS = 10.0  # with fewer left, a part is not begun


@dataclass(frozen=True)
class Report:
    """File of a part, written again with every number."""

    path: Path
    content: dict[str, Any]

    @classmethod
    def begin(cls, folder: Path, part: str, *, tiny: bool) -> Report:
        """Report without numbers."""
        folder.mkdir(parents=True, exist_ok=True)
        content = {"part": part, "tiny": tiny, "machine": {}, "rows": [], "errors": []}
        report = cls(folder / f"{part}.json", content)
        report.write()
        return report

    @classmethod
    def taken_up(cls, folder: Path, part: str, *, tiny: bool) -> Report:
        """Report that a process has left, or a new one."""
        path = folder / f"{part}.json"
        if not path.is_file():
            return cls.begin(folder, part, tiny=tiny)
        return cls(path, json.loads(path.read_text(encoding="utf-8")))

    def add(self, row: dict[str, Any]) -> None:
        """Keep a number."""
        self.content["rows"].append(row)
        self.write()

    def fail(self, device: str, reason: str) -> None:
        """Keep why numbers are missing."""
        self.content["errors"].append({"device": device, "reason": reason})
        self.write()

    def write(self) -> None:
        """The file appears whole or not at all."""
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(self.content, indent=1), encoding="utf-8")
        new.replace(self.path)


def machine() -> dict[str, Any]:
    """What numbers are measured on."""
    import torch  # noqa: PLC0415  (the process that only starts others is to be quick)

    cuda = torch.cuda.is_available()
    return {
        "gpu": torch.cuda.get_device_name() if cuda else None,
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def measure(part: str, devices: list[str], folder: Path, *, tiny: bool) -> Report:
    """Do a part on each device, in this process."""
    import workloads  # noqa: PLC0415

    report = Report.begin(folder, part, tiny=tiny)
    report.content["machine"] = machine()
    for device in devices:
        try:
            for row in workloads.PARTS[part](device, tiny):
                report.add(row)
        except Exception as problem:
            where = traceback.extract_tb(problem.__traceback__)[-1]
            reason = f"{type(problem).__name__}: {' '.join(str(problem).split())[:300]}"
            report.fail(device, f"{reason} ({Path(where.filename).name}, line {where.lineno})")
    return report


def measure_apart(
    part: str,
    devices: list[str],
    folder: Path,
    *,
    tiny: bool,
    until: float,
) -> None:
    """Do a part in a process of its own, and end it when its time or that of all is over."""
    limit = min(LIMITS[part], until - time.time())
    if limit < LEAST_SECONDS:
        Report.begin(folder, part, tiny=tiny).fail("", "not begun: no time was left")
        return
    command = [sys.executable, __file__, "--here", "--only", part, "--devices", ",".join(devices)]
    command += ["--out", str(folder), *(["--tiny"] if tiny else [])]
    try:
        code = subprocess.run(command, timeout=limit, check=False).returncode
        reason = f"the process ended with {code}"
    except subprocess.TimeoutExpired:
        code, reason = 1, f"ended after {limit:.0f} s"
    if code:
        Report.taken_up(folder, part, tiny=tiny).fail("", reason)


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description="Times of OceanBench on a device, part by part.")
    parser.add_argument("--out", type=Path, required=True, help="folder of the JSON files")
    parser.add_argument("--devices", default="cuda,cpu", help="of torch, in this order")
    parser.add_argument("--only", default=",".join(LIMITS), help=f"some of {', '.join(LIMITS)}")
    parser.add_argument("--tiny", action="store_true", help="sizes that take no time")
    parser.add_argument("--until", type=float, help="seconds since 1970 when all must have ended")
    parser.add_argument("--here", action="store_true", help="in this process, without a limit")
    given = parser.parse_args()
    until, devices = given.until or time.time() + 480.0, given.devices.split(",")
    for part in given.only.split(","):
        if given.here:
            measure(part, devices, given.out, tiny=given.tiny)
        else:
            measure_apart(part, devices, given.out, tiny=given.tiny, until=until)


if __name__ == "__main__":
    main()
