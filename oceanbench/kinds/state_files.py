"""Files of states of a small system, in windows or worlds, at times since the start of each.

Their dimensions are ``window``, ``time`` and ``component``, with ``sampling`` where the same
windows are observed in several ways, and ``member`` where they are an ensemble. Time is a number,
in the unit of its attribute; components and samplings are numbers or names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from oceanbench.data import opening
from oceanbench.data.plausibility import (
    Expected,
    check_numbers,
    check_plausible,
    check_units,
    expected_in,
)
from oceanbench.data.units import same_unit
from oceanbench.errors import OceanbenchError, did_you_mean

DIMENSIONS = ("window", "time", "component")
OPTIONAL = ("sampling", "member")
SAME_STEP = 1e-3  # relative to a step: times may be in single precision


def canonical(dataset: xr.Dataset, where: str) -> xr.Dataset:
    """Give coordinates their types: whole numbers, float64 times, and names as text.

    Raises
    ------
    OceanbenchError
        if a dimension is missing, a label is given twice, or time is a date or not increasing
    """
    for name in DIMENSIONS:
        if name not in dataset.dims:
            raise OceanbenchError(
                f"{where}: no dimension '{name}', found {', '.join(map(str, dataset.dims))}; "
                f"windows have the dimensions {', '.join(DIMENSIONS)}"
            )
    for name in (*DIMENSIONS, *OPTIONAL):
        if name in dataset.dims and name not in dataset.coords:
            dataset = dataset.assign_coords({name: np.arange(dataset.sizes[name])})
    for name in ("component", "sampling"):
        if name in dataset.coords and dataset[name].dtype.kind in "OSU":
            dataset = dataset.assign_coords({name: _texts(dataset[name].values)})
    for name in ("window", "component", "sampling", "member"):
        labels = dataset[name].values if name in dataset.dims else np.zeros(0)
        if len(set(labels.tolist())) < labels.size:
            raise OceanbenchError(f"{where}: a {name} is given twice; keep one of each")
    time = dataset["time"]
    if time.dtype.kind not in "fiu":
        raise OceanbenchError(
            f"{where}: time is {time.dtype}, expected numbers since the start of each window"
        )
    time = time.astype(np.float64)
    if time.size < 2 or not (np.diff(time.values) > 0).all():
        raise OceanbenchError(f"{where}: times are not increasing; sort them")
    return dataset.assign_coords(time=time)


def _texts(values: np.ndarray) -> np.ndarray:
    return np.array([v.decode() if isinstance(v, bytes) else str(v) for v in values])


def open_dataset(
    files: Sequence[Path], variables: Mapping[str, str], expected: Mapping[str, Expected]
) -> xr.Dataset:
    """Open one dataset of a challenge of windows, in memory.

    Parameters
    ----------
    files : one
    variables : canonical name -> variable in the file
    expected : canonical name -> unit, checked where the file states one, and range of values

    Returns
    -------
    Dataset; observations keep their coordinate ``noise_variance``
    """
    if len(files) > 1:
        raise OceanbenchError(
            f"{files[0].name}: {len(files)} files of windows, expected one; write them as one"
        )
    file = files[0]
    opened = opening.loaded(canonical(opening.open_file(file, chunks=None), file.name), file.name)
    chosen = {}
    for name, source in variables.items():
        if source not in opened.variables:
            hint = did_you_mean(source, map(str, opened.data_vars))
            raise OceanbenchError(f"{file.name}: no variable '{source}'; {hint}")
        wanted, array = expected_in(expected, name), opened[source]
        check_units(array, wanted, file.name)
        check_numbers(array, source, file.name)
        if array.dtype.kind == "f":
            check_plausible(array.values, name, wanted, file.name)
        chosen[name] = array.assign_attrs(units=wanted.units or array.attrs.get("units") or "1")
    result = xr.Dataset(chosen)
    if "noise_variance" in opened.variables:
        variance = _noise(opened["noise_variance"], opened["component"], file.name)
        result = result.assign_coords(noise_variance=variance)
    return result


def _noise(variance: xr.DataArray, component: xr.DataArray, where: str) -> xr.DataArray:
    """Variance of the noise of each component, which may be one number for all; else refused."""
    if not variance.dims:
        variance = variance.expand_dims(component=component)
    fine = variance.dims == ("component",) and variance.dtype.kind in "fiu"
    if not (fine and bool((np.isfinite(variance) & (variance > 0)).all())):
        some = ", ".join(map(str, variance.values.ravel()[:3]))
        raise OceanbenchError(
            f"{where}: noise_variance has dimensions {variance.dims} and values {some}, expected a "
            "positive number for each component; write the variance of the noise, also of "
            "components that are never observed"
        )
    return variance


def open_flag(file: Path, name: str) -> xr.DataArray:
    """Flag of a file of windows, as booleans."""
    opened = canonical(opening.open_file(file, chunks=None), file.name)
    if name not in opened.data_vars:
        hint = did_you_mean(name, map(str, opened.data_vars))
        raise OceanbenchError(f"{file.name}: no flag '{name}'; {hint}")
    flag = opening.loaded(opened[[name]], file.name)[name]
    return flag.notnull() & (flag != 0)


def check_alike(dataset: xr.Dataset, whole: xr.Dataset, where: str) -> None:
    """Refuse observations that are not of the windows, times and components that are scored.

    Parameters
    ----------
    dataset, whole : with the same coordinates, but for those that one of them lacks
    where : name of the observations, for messages
    """
    for dim in (dim for dim in DIMENSIONS if dim in dataset.dims and dim in whole.dims):
        found = xr.DataArray(dataset[dim].values, {dim: dataset[dim]}, name=dim)
        same_windows(found, whole[dim], where, whose="the file")


def in_samplings(truth: xr.DataArray, samplings: Sequence[str]) -> xr.DataArray:
    """Truth (window, time, component), repeated for every sampling where there are some."""
    if set(truth.dims) != set(DIMENSIONS):
        raise OceanbenchError(
            f"the truth '{truth.name}' has dimensions {truth.dims}, expected {DIMENSIONS}; select "
            "one of each other"
        )
    ordered = truth.transpose(*DIMENSIONS)
    return ordered.expand_dims(sampling=np.array(samplings)) if samplings else ordered


def same_windows(
    estimate: xr.DataArray, truth: xr.DataArray, name: str, *, whose: str = "the submission"
) -> xr.DataArray:
    """Estimate in the truth's order of dimensions; refused, saying what differs.

    Parameters
    ----------
    estimate, truth : with the same dimensions, but for ``member``
    name, whose : of the challenge, and what messages call the estimate
    """
    for dim in truth.dims:
        found, wanted = estimate[dim].values, truth[dim].values
        if dim == "time":
            units = [str(a["time"].attrs.get("units", "")) for a in (estimate, truth)]
            if all(units) and not same_unit(*units):
                raise OceanbenchError(
                    f"{name}: times of {whose} are in '{units[0]}', expected '{units[1]}'; "
                    "convert them"
                )
            step = np.diff(wanted).min()
            same = found.shape == wanted.shape and np.allclose(
                found, wanted, rtol=0, atol=SAME_STEP * step
            )
        else:
            same = _same_labels(found, wanted)
        if not same:
            raise OceanbenchError(
                f"{name}: {whose} has {found.size} of {dim} ({_some(found)}), expected "
                f"{wanted.size} ({_some(wanted)}), in this order"
            )
    return estimate.transpose(*truth.dims).assign_coords({d: truth[d] for d in truth.dims})


def _same_labels(found: np.ndarray, wanted: np.ndarray) -> bool:
    """Whether names or numbers are the same, which may be in single precision."""
    if found.shape == wanted.shape and found.dtype.kind == wanted.dtype.kind == "f":
        return bool(np.allclose(found, wanted, rtol=1e-6, atol=0.0))
    return np.array_equal(found, wanted)


def _some(values: np.ndarray) -> str:
    return ", ".join(map(str, values[:3])) + (", …" if values.size > 3 else "")
