"""Gridded observations kept in a folder: what an interrupted training, or another, need not repeat.

A file is named after all that its content was made of, so that it is never taken for
another: ``scene-…``, one of the ``scenes`` of a configuration. While a scene is made, the folder
``scene-….parts`` has what is done of it.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
import xarray as xr

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.fourdvarnet.maps.gridded_observations import GriddedObservations
from oceanbench.assimilation.fourdvarnet.maps.map_grid import MapGrid
from oceanbench.data.files import write_bytes
from oceanbench.errors import OceanbenchError
from oceanbench.learning.kept_arrays import Arrays, kept
from oceanbench.progress import Make, Stages

WHAT = "gridded observations"


def cached(
    make: Callable[..., GriddedObservations],
    folder: str,
    inputs: Mapping[str, xr.Dataset],
    grid: MapGrid,
    options: Mapping[str, str],
    *,
    label: str = "",
) -> GriddedObservations:
    """Read gridded observations from a folder, or make them and put them there.

    Parameters
    ----------
    make : the observations, with their first guess; takes ``stages``
    folder : made if there is none; if it has no name, nothing is kept
    inputs, grid, options : all that they depend on
    label : of the progress

    Raises
    ------
    OceanbenchError
        if the file is not a whole one
    """
    if not folder:
        return make(stages=Stages(label))
    name = f"scene-{_digest(inputs, grid, options)}"
    parts = Path(folder) / f"{name}.parts"

    def arrays() -> Arrays:
        seen = make(stages=Stages(label, partial(_part, parts)))
        return {key: value for key, value in vars(seen).items() if value is not None}

    found = kept(folder, name, arrays, what=WHAT)
    shutil.rmtree(parts, ignore_errors=True)  # another process may be at it
    try:
        return GriddedObservations(**found)
    except TypeError as problem:
        place = Path(folder) / f"{name}.safetensors"
        raise OceanbenchError(f"{place}: not whole {WHAT} ({problem}); remove it") from problem


def _part(folder: Path, name: str, make: Make) -> FloatArray:
    """Array of a name, read from a folder, or made and put there."""
    path = folder / f"{name}.npy"
    if path.is_file():
        try:
            return cast(FloatArray, np.load(path, allow_pickle=False))
        except (OSError, ValueError) as problem:
            raise OceanbenchError(f"{path}: not a whole array ({problem}); remove it") from problem
    made = make()
    content = io.BytesIO()
    np.save(content, made, allow_pickle=False)
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes(content.getvalue(), path)
    return made


def _digest(inputs: Mapping[str, xr.Dataset], grid: MapGrid, options: Mapping[str, str]) -> str:
    """Of values and coordinates; attributes do not enter but for role and layout."""
    found = hashlib.sha256(json.dumps(dict(options), sort_keys=True).encode())
    for axis in vars(grid).values():
        found.update(np.ascontiguousarray(axis).tobytes())
    for name in sorted(inputs):
        data = inputs[name]
        said = [name, str(data.attrs.get("role")), str(data.attrs.get("layout"))]
        found.update(json.dumps(said).encode())
        for variable in sorted(map(str, data.variables)):
            values = np.ascontiguousarray(data[variable].values)
            found.update(f"{variable} {data[variable].dims} {values.shape}".encode())
            found.update((values.astype("U") if values.dtype == object else values).tobytes())
    return found.hexdigest()[:32]
