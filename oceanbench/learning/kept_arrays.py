"""Arrays kept in a folder, so that an interrupted training, or another, need not make them."""

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


def kept(folder: str, name: str, make: Callable[[], Arrays], *, what: str = "arrays") -> Arrays:
    """Read arrays from a folder, or make them and put them there.

    Parameters
    ----------
    folder : made if there is none; if it has no name, nothing is kept
    name : of the file, with a digest of all that they depend on
    make : the arrays
    what : they are, for the message

    Raises
    ------
    OceanbenchError
        if the file is not a whole one
    """
    if not folder:
        return make()
    path = Path(folder) / f"{name}.safetensors"
    if not path.is_file():
        found = {key: np.ascontiguousarray(value) for key, value in make().items()}
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(safetensors.save(found), path)
        return found
    try:
        return safetensors.load(path.read_bytes())
    except SafetensorError as problem:
        raise OceanbenchError(f"{path}: not whole {what} ({problem}); remove it") from problem


def named(name: str, made_of: str) -> str:
    """Name with a digest of all that something was made of."""
    return f"{name}-{hashlib.sha256(made_of.encode()).hexdigest()[:16]}"


def digest_of(arrays: Arrays) -> str:
    """A few letters that are others for other arrays."""
    found = hashlib.sha256()
    for name in sorted(arrays):
        found.update(name.encode() + np.ascontiguousarray(arrays[name]).tobytes())
    return found.hexdigest()[:16]
