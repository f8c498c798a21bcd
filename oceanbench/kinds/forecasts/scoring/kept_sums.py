"""Sums of references, persistence and climatology, kept from one evaluation to the next.

They depend on the challenge, its data and the code alone, and lie in a file that is named after the
checksum of all three. What lies there is not trusted: a file that is another user's, is damaged or
is of something else is as good as none, and one start is summed again each time to be compared.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import xarray as xr

from oceanbench.arrays import FloatArray
from oceanbench.data import files
from oceanbench.data.shipped import PACKAGE
from oceanbench.declaration import Declaration
from oceanbench.errors import OceanbenchError
from oceanbench.kinds.forecasts.forecast_rows import ForecastRow
from oceanbench.kinds.forecasts.schedule import Schedule
from oceanbench.kinds.forecasts.scoring.sums import (
    COLUMNS,
    Accumulated,
    Level,
    Reference,
    levels_of,
)
from oceanbench.metrics import METRICS

ROLES = ("truth", "initial", "climatology", "mask", "observed_truth", "auxiliary")
OWN = [COLUMNS.index(name) for name in ("count", "weight", "truth", "squared_truth")]
LARGEST = 2**28  # bytes of a file
MOST_FILES = 24  # of all challenges
SAME = 1e-10  # relative to the largest
Pair = tuple[Level, Reference]


def of_references_alone(
    rows: Sequence[ForecastRow], known: Collection[Reference]
) -> list[ForecastRow]:
    """Scores that ask nothing of a reference but how wrong it is.

    Parameters
    ----------
    rows : all scores that are wanted
    known : references that are there
    """
    apart = [row for row in rows if row.relative_to is not None and row.relative_to in known]
    fields = {p for row in apart if METRICS[row.metric].statistic is not None for p in _pairs(row)}
    return [row for row in apart if not fields & set(_pairs(row))]


def _pairs(row: ForecastRow) -> list[Pair]:
    return [(level, row.relative_to) for level in levels_of(row)]


@dataclass
class KeptSums:
    """Sums of references of one challenge and its data, as far as a file has them.

    Attributes
    ----------
    path : of the file
    tables : (count, weight, truth, squared truth) by start, lead and mask; empty where there is no
        file that can be believed
    starts, leads : of the tables
    """

    path: Path
    tables: Mapping[str, FloatArray]
    starts: Sequence[str] = ()
    leads: Sequence[int] = ()

    @classmethod
    def of(cls, declaration: Declaration, data_dir: Path | None, folder: Path) -> KeptSums | None:
        """Find what is kept in a folder; None where the data have no checksum."""
        try:
            key = _checksum(declaration, data_dir)
        except OSError:
            return None
        path = folder / f"{key}.sums"
        try:
            header, tables = _read(path, key)
        except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile):
            return cls(path, {})
        return cls(path, tables, header["starts"], header["leads"])

    def agree_with(self, drawn: Accumulated) -> bool:
        """Whether sums of some starts are the same again."""
        return all(
            self._same(pair, columns, drawn)
            for pair, columns in drawn.tables.items()
            if pair[1] is not None
        )

    def complete(self, table: Accumulated, rows: Sequence[ForecastRow]) -> bool:
        """Add the sums of references to those of a submission; False where it lacks values."""
        added = {}
        for pair in {pair for row in rows for pair in _pairs(row)}:
            level = pair[0]
            if level not in table.points:
                continue
            own, kept = table.tables.get((level, None)), self._of(pair, table)
            if own is None or kept is None or table.holes[level].any():
                return False
            if not np.array_equal(own[0], kept[0]):
                return False
            added[pair] = own.copy()
            added[pair][OWN[2:]] = kept[2:]
        table.tables.update(added)
        return True

    def keep(self, table: Accumulated, schedule: Schedule) -> None:
        """Write the sums of a complete submission; what cannot be written is not kept."""
        whole = table.starts.size == schedule.starts.size and table.leads == schedule.leads
        if not whole or any(holes.any() for holes in table.holes.values()):
            return
        tables = {str(p): t[OWN] for p, t in table.tables.items() if p[1] is not None}
        body = io.BytesIO()
        np.savez(body, *tables.values())
        header = {
            "key": self.path.stem,
            "sha256": hashlib.sha256(body.getvalue()).hexdigest(),
            "pairs": list(tables),
            "starts": list(map(str, table.starts)),
            "leads": list(table.leads),
        }
        content = json.dumps(header).encode() + b"\n" + body.getvalue()
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            files.write_bytes(content, self.path)
            self.path.chmod(0o600)
            _forget_old(self.path.parent)
        except (OSError, OceanbenchError):  # a full or read-only disk costs time alone
            return

    def _same(self, pair: Pair, columns: FloatArray, drawn: Accumulated) -> bool:
        kept = self._of(pair, drawn)
        if kept is None or kept.shape != columns[OWN].shape:
            return False
        scale = np.abs(columns[OWN]).max(axis=(1, 2, 3), keepdims=True)
        return bool((np.abs(kept - columns[OWN]) <= SAME * scale).all())

    def _of(self, pair: Pair, table: Accumulated) -> FloatArray | None:
        """Kept sums of the starts and leads of a table."""
        whole = self.tables.get(str(pair))
        starts, leads = list(map(str, table.starts)), list(table.leads)
        if whole is None or not (set(starts) <= {*self.starts} and set(leads) <= {*self.leads}):
            return None
        chosen = [self.starts.index(start) for start in starts]
        return whole[:, chosen][:, :, [self.leads.index(lead) for lead in leads]]


def _forget_old(folder: Path) -> None:
    """Delete all but the newest files."""
    by_age = sorted(folder.glob("*.sums"), key=lambda file: file.stat().st_mtime)
    for file in by_age[:-MOST_FILES]:
        file.unlink(missing_ok=True)


def _read(path: Path, key: str) -> tuple[dict[str, Any], dict[str, FloatArray]]:
    """Header and tables of a file that is the user's own and whole.

    Raises
    ------
    OSError, ValueError
        if it is not
    """
    with path.open("rb") as stream:
        state = os.fstat(stream.fileno())
        own = not hasattr(os, "getuid") or state.st_uid == os.getuid()
        open_to_others = state.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if not (stat.S_ISREG(state.st_mode) and own) or open_to_others or state.st_size > LARGEST:
            raise ValueError("not a file of one's own")
        header, body = json.loads(stream.readline()), stream.read()
    if header["key"] != key or hashlib.sha256(body).hexdigest() != header["sha256"]:
        raise ValueError("damaged, or of something else")
    size = (len(OWN), len(header["starts"]), len(header["leads"]))
    with np.load(io.BytesIO(body), allow_pickle=False) as loaded:
        tables = {pair: loaded[f"arr_{number}"] for number, pair in enumerate(header["pairs"])}
    for table in tables.values():
        if table.dtype != np.float64 or table.ndim != 4 or table.shape[:3] != size:
            raise ValueError("tables of another shape")
        if not np.isfinite(table).all() or (table[[0, 1, 3]] < 0).any():
            raise ValueError("no sums")
    return header, tables


def _checksum(declaration: Declaration, data_dir: Path | None) -> str:
    """Checksum of all that the sums of references depend on.

    Raises
    ------
    OSError
        if a file cannot be read
    """
    data = {
        name: [[file.name, files.sha256(file)] for file in declaration.present(name, data_dir)]
        for name, dataset in declaration.datasets.items()
        if dataset.role in ROLES
    }
    versions = {"numpy": np.__version__, "xarray": xr.__version__, "code": _code()}
    known = {"challenge": declaration.sha256, "data": data, "versions": versions}
    return files.sha256_of_text(json.dumps(known, sort_keys=True))


@cache  # of a process: its code stays as it is
def _code() -> str:
    """Checksum of the code of this package."""
    sources = sorted(PACKAGE.rglob("*.py"))
    return files.sha256_of_text("".join(files.sha256(source) for source in sources))
