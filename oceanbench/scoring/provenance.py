"""With what, when and how fast a result or a training was computed."""

from __future__ import annotations

import datetime
import platform
import subprocess
from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from oceanbench.data.shipped import PACKAGE

PACKAGES = ("numpy", "scipy", "xarray", "pandas", "xrft", "contourpy", "h5netcdf", "torch")


def provenance(seconds: float, options: Mapping[str, Any]) -> dict[str, Any]:
    """With what, when and how fast a result was computed."""
    return {
        **deepcopy(_software()),
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 3),
        "device": options.get("device"),
        "seed": options.get("seed"),
        "cpu_seconds": options.get("cpu_seconds"),
        "options": dict(options.get("options", {})),
        "command": options.get("command"),
    }


@cache  # of a process: what it has imported stays as it is
def _software() -> dict[str, Any]:
    packages = {}
    for name in PACKAGES:
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "oceanbench": version("oceanbench-challenges"),
        "commit": commit(),
        "python": platform.python_version(),
        "packages": packages,
    }


def commit() -> str | None:
    """Commit of the checkout that runs, "+" if it has changes; None without a checkout or git."""
    if not (PACKAGE.parent / ".git").exists():
        return None
    describe = ["describe", "--always", "--exclude=*", "--abbrev=40", "--dirty=+"]  # a hash, no tag
    command = ["git", "-C", str(PACKAGE.parent), *describe]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() or None
