"""A participant's file: opened without trusting it, and refused in one line if it is not right."""

from __future__ import annotations

import glob
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from oceanbench.challenge import Challenge
from oceanbench.data import files, opening
from oceanbench.declaration import SubmittedVariable, std_name
from oceanbench.errors import OceanbenchError
from oceanbench.grid import SAME_NODE, centre_longitude
from oceanbench.kinds.forecasts import lead_conventions
from oceanbench.kinds.forecasts.grid import Grid
from oceanbench.kinds.forecasts.submitted_fields import Forecasts, gather
from oceanbench.kinds.submitted import check_form, check_values, find_std
from oceanbench.kinds.windows import files as windows

MAX_BYTES = 8 * 2**30  # in memory; a hostile file declares terabytes in 300 bytes
ABSURD = 1e10  # no ocean variable is so large; its square would overflow the sums
LABELS = ("component", "sampling")  # of windows, the only texts that are read
MAX_NODES = 10_000_000  # of one axis, read when a file is opened


@dataclass(frozen=True)
class Submission:
    """Estimates to be scored: a NetCDF file, a Zarr store, or a glob of files.

    Attributes
    ----------
    name : on the leaderboard
    path : of the file, the store, or a glob that is concatenated along time
    method, authors, reference, notes : what the leaderboard says about it
    """

    name: str
    path: Path
    method: str = ""
    authors: str = ""
    reference: str = ""
    notes: str = ""

    def __post_init__(self) -> None:
        """Refuse names that cannot be the name of a result file."""
        forbidden = set(self.name) & set('/\\:*?"<>|')
        if not self.name or self.name.startswith(".") or forbidden or not self.name.isprintable():
            raise OceanbenchError(
                f"submission name {self.name!r} cannot be a file name; use letters, digits, - _ ."
            )

    @property
    def files(self) -> list[Path]:
        """Files of the submission, sorted by name."""
        text = str(self.path)
        if "::" in text or "://" in text:
            raise OceanbenchError(f"{text}: a submission is a local file; download it first")
        if self.path.exists():
            if not (self.path.is_file() or self.path.is_dir()):
                raise OceanbenchError(f"{text}: neither a file nor a Zarr store; give one of them")
            return [self.path]
        found = [Path(p) for p in sorted(glob.glob(text))]  # noqa: PTH207  (absolute globs too)
        if not found:
            raise OceanbenchError(f"{text}: no such file; give a NetCDF file, Zarr store or glob")
        return found

    @property
    def sha256(self) -> str:
        """Checksum of the file, or of the checksums of all its files."""
        sums = [files.sha256(f) for f in self.files]
        return sums[0] if len(sums) == 1 else files.sha256_of_text("\n".join(sums))

    def open(self, challenge: Challenge) -> xr.Dataset:
        """Canonical variables of the submission around the challenge's domain, in memory.

        Returns
        -------
        Dataset (time, latitude, longitude[, member]), or of windows ([sampling,] window, time,
        component[, member]): names, units and float64 coordinates as the challenge declares them,
        longitudes in its convention, latitudes increasing; a variable without members may have its
        standard deviation beside it, ``<name>_std``

        Raises
        ------
        OceanbenchError
            what was found, where, what was expected and what to do
        """
        if challenge.kind == "windows":
            whole = self._open_windows(challenge)
        else:
            whole = self._open_maps(challenge)
        for name, rules in challenge.submission.variables.items():
            low, high = rules.valid_range or (-ABSURD, ABSURD)
            check_range(whole[name].values, name, low, high, rules.units, self.path.name)
            if std_name(name) in whole:
                check_values(whole, name, high - low, rules.units, self.path.name)
        return whole

    def open_forecasts(self, challenge: Challenge, grid: Grid) -> Forecasts:
        """Find the forecasts of the submission on the nodes of a grid; no field is read.

        Raises
        ------
        OceanbenchError
            as :meth:`open` does
        """
        parts = []
        for file in self.files:
            part = lead_conventions.canonical(
                self._open_file(file, challenge), challenge.leads, file.name
            )
            for name in part.data_vars:
                _check_variable(
                    part[name], challenge.submission.variables[str(name)], challenge, file.name
                )
            parts.append((file.name, part))
        found = gather(parts, challenge.schedule, grid)
        return found.deriving(challenge.derivation(grid))

    def _open_windows(self, challenge: Challenge) -> xr.Dataset:
        if len(self.files) > 1:
            raise OceanbenchError(
                f"{self.path}: {len(self.files)} files, expected all windows in one; join them"
            )
        whole = self._open_file(self.files[0], challenge)
        _check_size([whole], self.path.name)
        return opening.loaded(whole, self.path.name)

    def _open_maps(self, challenge: Challenge) -> xr.Dataset:
        parts = [
            _crop(self._open_file(file, challenge), challenge, file.name) for file in self.files
        ]
        for file, part in zip(self.files, parts, strict=True):
            if part.sizes["time"] == 0:
                raise OceanbenchError(f"{file.name}: its time axis is empty; leave the file out")
            if other := set(parts[0].data_vars) ^ set(part.data_vars):
                raise OceanbenchError(
                    f"{file.name}: it or a file beside it has no '{min(map(str, other))}', others "
                    "have; give it for all times or for none"
                )
        _check_size(parts, self.path.name)
        whole = opening.in_time(parts, self.path.name, "grid")
        _check_time(whole, self.path.name)
        whole = _within(whole, "time", _bounds(challenge)["time"], challenge, self.path.name)
        whole = opening.loaded(whole, self.path.name)
        _check_steps(whole, challenge, self.path.name)
        return whole

    def _open_file(self, file: Path, challenge: Challenge) -> xr.Dataset:
        """Variables of the challenge in one file, under their canonical names, not yet read."""
        if file.is_file() and h5py.is_hdf5(file):
            _refuse_links(file)
        elif file.is_dir():
            _refuse_symlinks(file)
        opened = opening.open_file(file, chunks=None)
        texts = [v for v in opened.variables if opened[v].dtype == object and v not in LABELS]
        opened = opened.drop_vars(texts)
        chosen: dict[Hashable, str] = {}
        partial = challenge.kind == "forecasts"
        for name, rules in challenge.submission.variables.items():
            if partial and not {name, *rules.aliases} & set(opened.data_vars):
                continue
            chosen[_find(opened, name, rules, file.name)] = name
            if (std := find_std(opened, name, rules, file.name)) is not None:
                chosen[std] = std_name(name)
        if partial:
            return _forecast_file(opened, chosen, challenge, file.name)
        if challenge.kind == "windows":
            dataset = windows.canonical(opened, file.name)
        else:
            dataset = opening.canonical(opened, file.name, "grid")
        dataset = dataset.rename(chosen)[list(chosen.values())]
        for name, rules in challenge.submission.variables.items():
            _check_variable(dataset[name], rules, challenge, file.name)
            if std_name(name) in dataset:
                check_form(dataset, name, file.name)
                _check_variable(dataset[std_name(name)], rules, challenge, file.name)
        return dataset


def _forecast_file(
    opened: xr.Dataset, chosen: dict[Hashable, str], challenge: Challenge, where: str
) -> xr.Dataset:
    """Variables that a file of forecasts has, under their canonical names."""
    if not chosen:
        name, rules = next(iter(challenge.submission.variables.items()))
        _find(opened, name, rules, where)  # refuses, and says what is expected
    if std := [name for name in chosen.values() if name not in challenge.submission.variables]:
        raise OceanbenchError(
            f"{where}: '{std[0]}' is a standard deviation, which forecasts do not have; give "
            "members, or leave it out"
        )
    dataset: xr.Dataset = opening.canonical(opened, where, "static")
    return dataset.rename(chosen)[list(chosen.values())]


def _find(opened: xr.Dataset, name: str, rules: SubmittedVariable, where: str) -> Hashable:
    for candidate in (name, *rules.aliases):
        if candidate in opened.data_vars:
            return candidate
    if not opened.data_vars:
        raise OceanbenchError(
            f"{where}: no variable in its root group, expected '{name}'; write the variables there "
            "rather than in NetCDF groups"
        )
    found = ", ".join(map(str, opened.data_vars))
    also = f" (or {', '.join(rules.aliases)})" if rules.aliases else ""
    raise OceanbenchError(
        f"{where}: found {found}, expected a variable '{name}'{also}; rename it, for example with "
        f"xarray: ds.rename({{'…': '{name}'}})"
    )


def _check_variable(
    array: xr.DataArray, rules: SubmittedVariable, challenge: Challenge, where: str
) -> None:
    wanted = ["time", "latitude", "longitude"]
    if challenge.kind == "windows":
        wanted = [*(["sampling"] if challenge.samplings else []), *windows.DIMENSIONS]
    if challenge.kind == "forecasts":
        deep = ["depth"] if "depth" in array.dims else []  # whether it must is told elsewhere
        wanted = ["start", "lead", *deep, "latitude", "longitude"]
    if set(array.dims) - {"member"} != set(wanted):
        raise OceanbenchError(
            f"{where}: '{array.name}' has dimensions {tuple(map(str, array.dims))}, expected "
            f"({', '.join(wanted)}) and optionally member; transpose or select"
        )
    if array.sizes.get("member") == 0:
        raise OceanbenchError(f"{where}: '{array.name}' has no member; give at least one")
    if array.dtype.kind != "f":
        raise OceanbenchError(
            f"{where}: '{array.name}' has type {array.dtype}, expected floating point numbers; "
            "convert it with .astype('float32')"
        )
    units = array.attrs.get("units")
    if units is not None and not opening.same_unit(str(units), rules.units):
        raise OceanbenchError(
            f"{where}: '{array.name}' is in '{units}', expected '{rules.units}'; convert "
            f"the values and set the attribute units to '{rules.units}'"
        )


def check_range(
    values: NDArray[np.floating], name: str, low: float, high: float, units: str, where: str
) -> None:
    """Refuse values outside the valid range, undecoded fill values first of all."""
    if not (np.fmin.reduce(values, axis=None) < low or np.fmax.reduce(values, axis=None) > high):
        return  # also where all are missing
    outside = (values < low) | (values > high) | np.isinf(values)
    worst = values[outside][np.argmax(np.abs(values[outside]))]
    raise OceanbenchError(
        f"{where}: {int(outside.sum())} values of '{name}' lie outside [{low:g}, "
        f"{high:g}] {units} (for example {worst:g}); check the unit, and write land as "
        "NaN with _FillValue"
    )


def _check_size(parts: Sequence[xr.Dataset], where: str) -> None:
    size = sum(part.nbytes for part in parts)
    if size > MAX_BYTES:
        raise OceanbenchError(
            f"{where}: declares {size / 2**30:.0f} GiB in and around the domain, more than "
            f"{MAX_BYTES // 2**30} GiB; submit the grid that the challenge describes"
        )


def _check_time(dataset: xr.Dataset, where: str) -> None:
    time = dataset["time"].values
    steps = np.diff(time)
    if np.isnat(time).any():
        raise OceanbenchError(f"{where}: a time is missing (NaT); give every map its date")
    if (steps == np.timedelta64(0)).any():
        first = time[1:][steps == np.timedelta64(0)][0]
        raise OceanbenchError(f"{where}: time {_show(first)} occurs twice; keep one map per time")
    if (steps < np.timedelta64(0)).any():
        i = int(np.argmax(steps < np.timedelta64(0)))
        raise OceanbenchError(
            f"{where}: times are not increasing ({_show(time[i + 1])} follows {_show(time[i])}); "
            "sort them with ds.sortby('time')"
        )


def _check_steps(dataset: xr.Dataset, challenge: Challenge, where: str) -> None:
    """Refuse maps that are missing between others: interpolation in time would bridge the gap."""
    rules = challenge.submission
    bridged = challenge.kind == "tracks" or rules.regrid == "linear"
    steps = np.diff(dataset["time"].values) / np.timedelta64(1, "D")
    if not bridged or not steps.size:
        return
    allowed = rules.max_step_days
    if allowed is None and rules.missing == "refuse":
        allowed = 1.5 * float(np.median(steps))
    if allowed is not None and steps.max() > allowed * (1 + 1e-9):
        i = int(np.argmax(steps))
        raise OceanbenchError(
            f"{where}: no map between {_show(dataset['time'].values[i])} and "
            f"{_show(dataset['time'].values[i + 1])} ({steps[i]:g} days, at most {allowed:g}); "
            "submit the missing maps"
        )


def _bounds(challenge: Challenge) -> dict[str, tuple[Any, Any]]:
    box = challenge.scored.box
    assert box.latitude and box.longitude and box.time  # a domain has all its bounds
    time = (box.time.start, box.time.stop)
    return {"time": time, "latitude": box.latitude, "longitude": box.longitude}


def _crop(dataset: xr.Dataset, challenge: Challenge, where: str) -> xr.Dataset:
    """Rows and columns in and around the domain; nothing but the coordinates is read."""
    bounds = _bounds(challenge)
    for name in ("latitude", "longitude"):
        if not np.isfinite(dataset[name].values).all():
            raise OceanbenchError(f"{where}: {name} has missing values; give every node its place")
    if bool((dataset["latitude"].diff("latitude") < 0).any()):
        order = np.argsort(dataset["latitude"].values, kind="stable")
        dataset = dataset.isel(latitude=order)
    dataset = _within(dataset, "latitude", bounds["latitude"], challenge, where)
    dataset = centre_longitude(dataset, sum(bounds["longitude"]) / 2)
    return _within(dataset, "longitude", bounds["longitude"], challenge, where)


def _within(
    dataset: xr.Dataset, name: str, bounds: tuple[Any, Any], challenge: Challenge, where: str
) -> xr.Dataset:
    """Exactly the nodes of one axis inside the bounds, or one more on each side."""
    low, high = bounds
    values = dataset[name].values
    if np.unique(values).size != values.size:
        raise OceanbenchError(f"{where}: {name} has a value twice; keep one of each")
    edge = np.timedelta64(0, "ns") if name == "time" else SAME_NODE
    first = int(np.searchsorted(values, low - edge))
    last = int(np.searchsorted(values, high + edge, side="right"))
    if not challenge.submission.crop_to_domain:
        first, last = max(first - 1, 0), min(last + 1, values.size)
    if values.size == 0 or values[-1] < low - edge or values[0] > high + edge or first >= last:
        found = f"{_show(values[0])}..{_show(values[-1])}" if values.size else "nothing"
        raise OceanbenchError(
            f"{where}: {name} is {found}, expected maps in {_show(low)}..{_show(high)}; is "
            f"this a file for another challenge than {challenge.name}?"
        )
    return dataset.isel({name: slice(first, last)})


def _show(value: object) -> str:
    if isinstance(value, np.datetime64):
        return str(value.astype("datetime64[m]"))
    return f"{value:g}" if isinstance(value, float | np.floating) else str(value)


def _refuse_links(file: Path) -> None:
    """HDF5 can read other files of this machine through links and external storage."""

    def refuse(what: str, name: str) -> None:
        raise OceanbenchError(
            f"{file.name}: '{name}' is {what}, which reads from outside the file; write the values "
            "into the file itself"
        )

    seen: set[int] = set()

    def visit(group: h5py.Group) -> None:
        seen.add(h5py.h5o.get_info(group.id).addr)
        for name in group:
            link = group.get(name, getlink=True)
            if isinstance(link, h5py.ExternalLink | h5py.SoftLink):
                refuse("a link", name)
            item = group[name]
            if isinstance(item, h5py.Group):
                if h5py.h5o.get_info(item.id).addr not in seen:
                    visit(item)
            elif isinstance(item, h5py.Dataset) and (item.external or item.is_virtual):
                refuse("externally stored", name)
            elif isinstance(item, h5py.Dataset) and item.ndim == 1 and item.size > MAX_NODES:
                raise OceanbenchError(
                    f"{file.name}: '{name}' declares {item.size} nodes, more than {MAX_NODES}; "
                    "submit the grid that the challenge describes"
                )

    try:
        with h5py.File(file, "r") as opened:
            visit(opened)
    except (OSError, RuntimeError, KeyError) as problem:
        reason = str(problem).splitlines()[0]
        raise OceanbenchError(
            f"{file}: cannot be read as NetCDF ({reason}); check that it is complete"
        ) from problem


def _refuse_symlinks(store: Path) -> None:
    for path in store.rglob("*"):
        if path.is_symlink():
            raise OceanbenchError(
                f"{store.name}: '{path.name}' is a symbolic link; copy the data into the store"
            )
