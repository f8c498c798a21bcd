"""What the process of a method tells: read as plain values, so that no code of it runs elsewhere.

A message is a text in JSON and the bytes of its arrays, one after the other. (What that process is
told comes from here, and is pickled.)
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from oceanbench.errors import OceanbenchError
from oceanbench.methods.remote_inputs import Opened, Read

PLAIN = "biufcMmSU"  # kinds of the types of arrays whose bytes are their values
LONGEST = 2**26  # bytes of a text


class Answer(NamedTuple):
    """What a call returned, the CPU time that it took, and whether it could keep nothing."""

    value: Any
    cpu_seconds: float
    confined: bool


class Failure(NamedTuple):
    """Why a call returned nothing, in one line."""

    words: str


class Ended(NamedTuple):
    """A call is over, and its process gone; how, if it did not end as one that answers."""

    words: str


class Other(NamedTuple):
    """What is neither plain nor arrays, by the name of its type."""

    kind: str


KINDS = {kind.__name__: kind for kind in (Opened, Read, Answer, Failure, Ended, Other)}
Message = Opened | Read | Answer | Failure | Ended


def tell(connection: Connection, message: Message) -> None:
    """Send a message; of a dataset its arrays alone, without attributes."""
    arrays: list[np.ndarray[Any, Any]] = []
    tree = _tree(message, arrays)
    types = [(array.dtype.str, array.shape) for array in arrays]
    connection.send_bytes(json.dumps([tree, types]).encode())
    for array in arrays:
        if array.nbytes:
            connection.send_bytes(array.reshape(-1).view("u1").data)


def hear(connection: Connection) -> Message:
    """Receive what :func:`tell` sent.

    Raises
    ------
    OceanbenchError
        if it is something else
    """
    text = connection.recv_bytes(LONGEST)
    try:
        tree, types = json.loads(text)
        arrays = [_received(connection, kind, shape) for kind, shape in types]
        message = _value(tree, arrays)
    except (ValueError, TypeError, KeyError, IndexError, RecursionError, MemoryError) as problem:
        raise OceanbenchError(
            "the process of the method said what cannot be read; return a dataset of arrays"
        ) from problem
    if not isinstance(message, Message) or not _is_whole(message):
        raise OceanbenchError("the process of the method said nothing that is known to it")
    return message


def _is_whole(message: Message) -> bool:
    """Whether what is counted or printed of a message is of its type."""
    if isinstance(message, Answer):
        return type(message.cpu_seconds) is float and 0.0 <= message.cpu_seconds < math.inf
    words = message[:2] if isinstance(message, Read) else message
    return all(type(word) is str for word in words)


def _received(connection: Connection, kind: str, shape: Iterable[int]) -> np.ndarray[Any, Any]:
    dtype, sizes = np.dtype(kind), tuple(shape)
    if dtype.kind not in PLAIN:
        raise TypeError(kind)
    size = dtype.itemsize
    for length in sizes:
        size *= length
    content = connection.recv_bytes() if size else b""
    if len(content) != size:
        raise ValueError(size)
    return np.frombuffer(content, dtype).reshape(sizes) if size else np.empty(sizes, dtype)


def _tree(value: Any, arrays: list[np.ndarray[Any, Any]]) -> Any:
    """Value as JSON: a scalar, or the name of a kind and its parts; arrays are put into a list."""
    if value is None or type(value) in (bool, int, float, str):
        return value
    name = type(value).__name__
    if name in ("list", "tuple") or KINDS.get(name) is type(value):
        return [name, [_tree(part, arrays) for part in value]]
    if isinstance(value, slice):
        return ["slice", [_tree(part, arrays) for part in (value.start, value.stop, value.step)]]
    if isinstance(value, xr.Dataset):
        parts = [
            [str(n), [str(d) for d in v.dims], n in value.coords, _array(v.values, arrays)]
            for n, v in value.variables.items()
        ]
        return ["Dataset", parts]
    return _array(value, arrays) if isinstance(value, np.ndarray | np.generic) else _other(value)


def _array(value: Any, arrays: list[np.ndarray[Any, Any]]) -> Any:
    """An array of numbers, dates or texts; texts that are objects are objects again."""
    array = np.asarray(value)
    kind = "array"
    if array.dtype == object and all(isinstance(one, str) for one in array.flat):
        array, kind = array.astype("U"), "texts"
    if array.dtype.kind not in PLAIN:
        return _other(value)
    arrays.append(np.ascontiguousarray(array).reshape(array.shape))
    return [kind, len(arrays) - 1]


def _other(value: Any) -> Any:
    return ["Other", [type(value).__name__]]


def _value(tree: Any, arrays: Sequence[np.ndarray[Any, Any]]) -> Any:
    """What :func:`_tree` was made from."""
    if not isinstance(tree, list):
        return tree
    name, content = tree
    if name == "array":
        return arrays[content]
    if name == "texts":
        return arrays[content].astype(object)
    if name == "Dataset":
        variables = {n: xr.Variable(dims, _value(v, arrays)) for n, dims, _, v in content}
        coords = {n: variables.pop(n) for n, _, given, _ in content if given}
        return xr.Dataset(variables, coords)
    parts = [_value(part, arrays) for part in content]
    if name == "slice":
        return slice(*parts)
    return parts if name == "list" else tuple(parts) if name == "tuple" else KINDS[name](*parts)
