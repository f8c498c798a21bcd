"""A world of each kind with a score known by heart, and what can be wrong with its files."""

from __future__ import annotations

import atexit
from collections.abc import Callable
from functools import cache
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

import h5py
import numpy as np
import xarray as xr
from builders import DAY, FIRST, days, write_challenge

from oceanbench import evaluate
from oceanbench.challenge import Challenge
from oceanbench.submission import Submission

ERROR = 0.1  # of every submission, everywhere: its RMSE
LATITUDE, LONGITUDE = np.linspace(30.0, 33.0, 7), np.linspace(-65.0, -61.0, 9)
LEADS, STARTS = [1, 2], FIRST + 3 * DAY * np.arange(6)
DEPTHS = [0.5, 100.0]
COMPRESSED = 32015  # zstd, which h5py does not bring


def plane(time: Any, latitude: Any, longitude: Any, depth: Any = 0.0) -> Any:
    """Field that is linear in places, and steps from day to day."""
    day = np.floor((time - FIRST) / DAY)
    later = 0.05 * np.sin(day)
    return 0.3 + 0.02 * (latitude - 31) - 0.03 * (longitude + 63) + later - 0.01 * depth


def field(dates: np.ndarray, depths: Any = None) -> tuple[tuple[str, ...], np.ndarray]:
    """Dimensions and values of maps."""
    t, y, x = dates[:, None, None], LATITUDE[:, None], LONGITUDE
    if depths is None:
        return ("time", "latitude", "longitude"), plane(t, y, x)
    levels = np.asarray(depths)[:, None, None]
    return ("time", "depth", "latitude", "longitude"), plane(t[:, None], y, x, levels)


def maps(dates: np.ndarray | None = None) -> xr.Dataset:
    dates = days(12) if dates is None else dates
    axes = {"time": dates, "latitude": LATITUDE, "longitude": LONGITUDE}
    return xr.Dataset({"ssh": (*field(dates), {"units": "m"})}, axes)


def track(count: int = 300, seed: int = 0) -> xr.Dataset:
    """Samples of the field at 00:00 of each day, where maps have it exactly."""
    random = np.random.default_rng(seed)
    time = FIRST + np.sort(random.integers(0, 11, count)) * DAY
    y, x = random.uniform(30, 33, count), random.uniform(-65, -61, count)
    places = {"time": time, "latitude": ("time", y), "longitude": ("time", x)}
    return xr.Dataset({"ssh": ("time", plane(time, y, x), {"units": "m"})}, places)


def windows() -> xr.Dataset:
    values = np.random.default_rng(0).standard_normal((5, 8, 3))
    axes = {"window": np.arange(5), "time": 0.01 * np.arange(8), "component": np.arange(3)}
    return xr.Dataset({"state": (tuple(axes), values, {"units": "1"})}, axes)


def sea(depths: Any = None) -> xr.Dataset:
    dates = days(20)
    axes = {"time": dates, "latitude": LATITUDE, "longitude": LONGITUDE}
    found = xr.Dataset({"zos": (*field(dates), {"units": "m"})}, axes)
    if depths is not None:
        found = found.assign_coords(depth=("depth", np.array(depths), {"units": "m"}))
        found["thetao"] = (*field(dates, depths), {"units": "degrees_C"})
    return found


def forecasts(truth: xr.Dataset) -> xr.Dataset:
    """Forecasts with the one error."""
    valid = xr.DataArray(STARTS[:, None] + np.array(LEADS) * DAY, dims=("start", "lead"))
    found = truth.sel(time=valid).drop_vars("time") + ERROR
    for name in found.data_vars:
        found[name].attrs["units"] = truth[name].attrs["units"]
    lead = ("lead", np.array(LEADS), {"units": "days"})
    return found.assign_coords(start=("start", STARTS), lead=lead)


PLACED: dict[str, Any] = {
    "version": 1,
    "title": "Faulty files",
    "domain": {"longitude": [-65, -61], "latitude": [30, 33], "time": ["2012-10-22", "2012-11-02"]},
    "submission": {"variables": {"ssh": {"units": "m"}}},
    "metrics": [{"metric": "rmse", "label": "RMSE"}],
    "rank_by": "RMSE",
}
TRUTH = {"role": "truth", "path": "truth*", "variables": {"ssh": "ssh"}}
ZOS = {"zos": "zos"}


def _forecasts(variables: dict[str, str], depths: list[float]) -> dict[str, Any]:
    known = {"zos": {"units": "m", "surface": True}, "thetao": {"units": "degrees_C"}}
    roles = {"truth": "truth", "initial": "initial", "climatology": "climatology"}
    first = next(iter(variables))
    deep = {"depth": depths[0]} if first == "thetao" and len(depths) > 1 else {}
    return {
        **PLACED,
        "kind": "forecasts",
        "domain": {**PLACED["domain"], "time": ["2012-10-23", "2012-11-10"]},
        "starts": {"first": "2012-10-22", "last": "2012-11-06", "step_days": 3},
        "leads": LEADS,
        **({"depths": depths} if depths else {}),
        "datasets": {
            **{n: {"role": r, "path": f"{n}*", "variables": variables} for n, r in roles.items()},
            "altimeter": {"role": "observed_truth", "path": "altimeter*", "variables": ZOS},
        },
        "submission": {"variables": {name: known[name] for name in {**ZOS, **variables}}},
        "metrics": [
            {"metric": "rmse", "label": "RMSE", "variable": first, "leads": "pooled", **deep},
            {"metric": "rmse", "label": "points", "against": "altimeter", "leads": "pooled"},
        ],
    }


CONTENTS: dict[str, dict[str, Any]] = {
    "maps": {**PLACED, "kind": "maps", "datasets": {"truth": TRUTH}},
    "tracks": {
        **PLACED,
        "kind": "tracks",
        "datasets": {"truth": {**TRUTH, "layout": "track"}},
        "submission": {**PLACED["submission"], "grid": {"step_degrees": 0.5}},
    },
    "windows": {
        **{key: value for key, value in PLACED.items() if key != "domain"},
        "kind": "windows",
        "datasets": {"truth": {**TRUTH, "variables": {"state": "state"}}},
        "submission": {"variables": {"state": {"units": "1"}}},
    },
    "forecasts": _forecasts(ZOS, []),
    "levels": _forecasts({"thetao": "thetao", **ZOS}, DEPTHS),
    "level": _forecasts({"thetao": "thetao", **ZOS}, DEPTHS[:1]),
}


def files_of(kind: str) -> dict[str, xr.Dataset]:
    """Every file of a world, the submission among them, without a fault."""
    return {name: dataset.copy(deep=True) for name, dataset in _files_of(kind).items()}


@cache
def _files_of(kind: str) -> dict[str, xr.Dataset]:
    if kind in ("forecasts", "level", "levels"):
        truth = sea({"levels": DEPTHS, "level": DEPTHS[:1]}.get(kind))
        middle = truth.sel(time=STARTS)
        climate = truth.mean("time", keep_attrs=True)
        noon = track(seed=1).rename(ssh="zos")
        return {
            "truth": truth,
            "initial": middle,
            "climatology": climate,
            "altimeter": noon.isel(time=noon["time"].values >= FIRST + DAY),
            "mine": forecasts(truth),
        }
    truth = {"maps": maps, "tracks": track, "windows": windows}[kind]()
    mine = maps() if kind == "tracks" else truth
    attrs = {name: mine[name].attrs for name in mine.data_vars}
    mine = mine + ERROR
    for name, kept in attrs.items():
        mine[name].attrs = kept
    return {"truth": truth, "mine": mine}


Write = Callable[[xr.Dataset, Path], None]


def netcdf(dataset: xr.Dataset, path: Path) -> None:
    """A file as it should be: exact times, holes as NaN."""
    dated = "time" in dataset.variables and dataset["time"].dtype.kind == "M"
    units = {"units": "seconds since 1970-01-01", "dtype": "int64"}
    dataset.to_netcdf(
        path.with_suffix(".nc"), engine="h5netcdf", encoding={"time": units} if dated else {}
    )


@cache
def faultless(kind: str) -> dict[str, Path]:
    """Every file of a world without a fault, written once."""
    folder = Path(mkdtemp(prefix=f"faultless_{kind}_"))
    atexit.register(rmtree, folder, ignore_errors=True)
    datasets = files_of(kind)
    for name, dataset in datasets.items():
        netcdf(dataset, folder / name)
    return {name: folder / f"{name}.nc" for name in datasets}


def score(
    folder: Path,
    kind: str,
    role: str = "mine",
    write: Write = netcdf,
    change: Callable[[xr.Dataset], xr.Dataset] = lambda dataset: dataset,
    **changes: Any,
) -> dict[str, float | None]:
    """Scores of a world of which one file is written otherwise, or refused as evaluate refuses.

    What else is written beside that file is read in the place of the faultless one.
    """
    write(change(files_of(kind)[role]), folder / role)
    places = {
        name: folder / f"{name}*" if any(folder.glob(f"{name}*")) else path
        for name, path in faultless(kind).items()
    }
    content = {"name": folder.name, **CONTENTS[kind]}
    paths = {f"datasets.{name}.path": str(places[name]) for name in content["datasets"]}
    dotted = {k.replace("__", "."): v for k, v in changes.items()}
    path = write_challenge(folder, content, paths | dotted)
    found = evaluate(Challenge.load(path), Submission("mine", places["mine"]))
    return {score.label: score.value for score in found.scores}


# --- ways to write a file ------------------------------------------------------------------------


def in_two(dataset: xr.Dataset, path: Path, *, along: str = "time", other: float = 0.0) -> None:
    """Two files that share a third, the second with another value there or the same."""
    size = dataset.sizes[along]
    first, second = (
        dataset.isel({along: s}) for s in (slice(0, 2 * size // 3), slice(size // 3, None))
    )
    netcdf(first, path.with_name(f"{path.name}_a"))
    netcdf(second + other if other else second, path.with_name(f"{path.name}_b"))


def filled(
    fill: float, attrs: dict[str, Any] | None = None, dtype: str = "f4", scale: float | None = None
) -> Write:
    """A file whose holes are a number, with attributes that say so, or say nothing."""

    def write(dataset: xr.Dataset, path: Path) -> None:
        whole = path.with_suffix(".nc")
        name = str(next(iter(dataset.data_vars)))
        stored = dataset[name].values / (scale or 1.0)
        stored.reshape(-1)[::7] = np.nan
        stored = np.where(np.isnan(stored), fill, np.round(stored) if scale else stored)
        changed = dataset.assign({name: dataset[name].copy(data=stored.astype(dtype))})
        encoding: dict[str, Any] = {n: {"_FillValue": None} for n in dataset.data_vars}
        if "time" in changed.variables and changed["time"].dtype.kind == "M":
            encoding["time"] = {"units": "seconds since 1970-01-01", "dtype": "int64"}
        changed.to_netcdf(whole, engine="h5netcdf", encoding=encoding)
        with h5py.File(whole, "r+") as opened:
            for key, value in {
                **(attrs or {}),
                **({"scale_factor": scale} if scale else {}),
            }.items():
                opened[name].attrs[key] = value

    return write


def zarr(version: int, *, fill: float | None = None, **encoding: Any) -> Write:
    """A Zarr store; with a fill, its holes are that number, which its metadata alone names."""

    def write(dataset: xr.Dataset, path: Path) -> None:
        store = path.with_suffix(".zarr")
        name = str(next(iter(dataset.data_vars)))
        options: dict[str, Any] = dict(encoding)
        if fill is not None:
            values = dataset[name].values.copy()
            values.reshape(-1)[::7] = fill
            dataset = dataset.assign({name: dataset[name].copy(data=values)})
            key = "_FillValue" if version == 2 else "fill_value"
            options[key] = fill
            if version == 3:
                options["_FillValue"] = None
        dataset.to_zarr(store, zarr_format=version, consolidated=False, encoding={name: options})

    return write


def behind_a_filter(dataset: xr.Dataset, path: Path) -> None:
    """A file whose values are compressed by a filter that is not installed."""
    whole = path.with_suffix(".nc")
    netcdf(dataset, path)
    name = str(next(iter(dataset.data_vars)))
    with h5py.File(whole, "r+") as opened:
        old = opened[name]
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_chunk(old.shape)
        plist.set_filter(COMPRESSED, h5py.h5z.FLAG_OPTIONAL)
        space = h5py.h5s.create_simple(old.shape)
        attributes = {k: v for k, v in old.attrs.items() if k == "units"}
        dims = [dim[0] for dim in old.dims]
        del opened[name]
        h5py.h5d.create(opened.id, name.encode(), h5py.h5t.NATIVE_DOUBLE, space, plist)
        new = opened[name]
        for dim, axis in zip(new.dims, dims, strict=True):
            dim.attach_scale(axis)
        new.attrs.update(attributes)
        new.id.write_direct_chunk((0,) * new.ndim, b"\x28\xb5\x2f\xfd", filter_mask=0)


def netcdf3(dataset: xr.Dataset, path: Path) -> None:
    """A classic file."""
    dated = "time" in dataset.variables and dataset["time"].dtype.kind == "M"
    encoding = {"time": {"units": "seconds since 1970-01-01", "dtype": "f8"}} if dated else {}
    if "start" in dataset.variables:
        encoding["start"] = {"units": "days since 1970-01-01", "dtype": "f8"}
    dataset.to_netcdf(path.with_suffix(".nc"), engine="scipy", encoding=encoding)


def shards(dataset: xr.Dataset) -> dict[str, Any]:
    """Encoding of a store of which several chunks are one file."""
    shape = next(iter(dataset.data_vars.values())).shape
    return {"chunks": (1, *shape[1:]), "shards": shape}


def with_input(folder: Path, role: str, layout: str) -> Challenge:
    """Challenge of maps that gives methods a dataset of a role."""
    content = {
        **CONTENTS["maps"],
        "name": folder.name,
        "datasets": {
            "truth": TRUTH,
            "input": {
                "role": role,
                "layout": layout,
                "path": "input*",
                "variables": {"ssh": "ssh"},
            },
        },
    }
    if role in ("training", "validation"):
        content["domain"] = {**PLACED["domain"], "time": ["2013-10-22", "2013-11-02"]}
        content["periods"] = {"training": ["2012-10-22", "2012-11-02"]}
        if role == "validation":
            content["periods"] = {
                "training": ["2011-10-22", "2011-11-02"],
                "validation": ["2012-10-22", "2012-11-02"],
            }
    return Challenge.load(write_challenge(folder, content, {}))


def in_order(known: xr.DataArray, found: xr.DataArray) -> xr.DataArray:
    """The same observations in the order of others: those of one time may stand in any."""
    order = np.lexsort((known["latitude"].values, known["time"].values))
    own = np.lexsort((found["latitude"].values, found["time"].values))
    values = np.empty(known.size)
    values[own] = known.values[order]
    return found.copy(data=values)
