"""Gridded observations kept in a folder: what an interrupted training, or another, need not repeat.

A file is named after all that its content was made of, so that it is never taken for
another: ``scene-…``, one of the ``scenes`` of a configuration.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import xarray as xr
from safetensors import SafetensorError
from safetensors import numpy as safetensors

from oceanbench.assimilation.fourdvarnet.maps.gridded_observations import GriddedObservations
from oceanbench.assimilation.fourdvarnet.maps.map_grid import MapGrid
from oceanbench.data.files import write_bytes
from oceanbench.errors import OceanbenchError


def cached(
    make: Callable[[], GriddedObservations],
    folder: Path,
    inputs: Mapping[str, xr.Dataset],
    grid: MapGrid,
    options: Mapping[str, str],
) -> GriddedObservations:
    """Read gridded observations from a folder, or make them and put them there.

    Parameters
    ----------
    make : the observations, with their first guess
    folder : made if there is none
    inputs, grid, options : all that they depend on

    Raises
    ------
    OceanbenchError
        if the file is not a whole one
    """
    path = folder / f"scene-{_digest(inputs, grid, options)}.safetensors"
    if not path.is_file():
        seen = make()
        parts = {n: np.ascontiguousarray(v) for n, v in vars(seen).items() if v is not None}
        folder.mkdir(parents=True, exist_ok=True)
        write_bytes(safetensors.save(parts), path)
        return seen
    try:
        return GriddedObservations(**safetensors.load(path.read_bytes()))
    except (SafetensorError, TypeError) as problem:
        raise OceanbenchError(
            f"{path}: not whole gridded observations ({problem}); remove it"
        ) from problem


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
