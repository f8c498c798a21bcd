"""Arrays kept in a folder, named after all that they were made of."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors import numpy as safetensors

from oceanbench.data.files import write_bytes
from oceanbench.errors import OceanbenchError

Arrays = Mapping[str, NDArray[Any]]


def kept(folder: str, name: str, made_of: str, make: Callable[[], Arrays]) -> Arrays:
    """Read arrays from a folder, or make them and put them there.

    Parameters
    ----------
    folder : made if there is none; if it has no name, nothing is kept
    name : what they are
    made_of : all that they depend on
    make : the arrays

    Raises
    ------
    OceanbenchError
        if the file is not a whole one
    """
    if not folder:
        return make()
    digest = hashlib.sha256(made_of.encode()).hexdigest()[:16]
    path = Path(folder) / f"{name}-{digest}.safetensors"
    if not path.is_file():
        found = {key: np.ascontiguousarray(value) for key, value in make().items()}
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(safetensors.save(found), path)
        return found
    try:
        return safetensors.load(path.read_bytes())
    except SafetensorError as problem:
        raise OceanbenchError(f"{path}: not whole arrays ({problem}); remove it") from problem


def digest_of(arrays: Arrays) -> str:
    """A few letters that are others for other arrays."""
    found = hashlib.sha256()
    for name in sorted(arrays):
        found.update(name.encode() + np.ascontiguousarray(arrays[name]).tobytes())
    return found.hexdigest()[:16]
