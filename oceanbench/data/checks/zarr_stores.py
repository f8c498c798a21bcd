"""Zarr stores that someone else made: what they would run and hold, told from metadata and headers.

Zarr looks codecs up by name, and some of them run code (``pickle``) or believe what a chunk says of
itself (Blosc). So codecs and types are those listed here, and every chunk has to have the length
that its array declares, before a byte is decoded.
"""

from __future__ import annotations

import json
import math
import os
import re
import stat
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from oceanbench.data.checks.budget import Budget, bytes_of
from oceanbench.data.checks.zarr_chunks import Coding, Shard, chunk_problem, shard_problem
from oceanbench.errors import OceanbenchError

METADATA = (".zarray", ".zgroup", ".zattrs", ".zmetadata", "zarr.json")
MOST_TEXT = 2**22  # bytes of one file of metadata
CHUNK = re.compile(r"(c|(c[./])?\d+([./]\d+)*)")
TYPE_2 = re.compile(r"[<>|]([biu][1248]|f[248]|[mM]8\[[a-zA-Z0-9]{1,6}\]|[SU]\d{1,4})")
TYPES_3 = re.compile(r"bool|u?int(8|16|32|64)|float(16|32|64)|string")
SIZED_3 = {  # with a configuration
    "numpy.datetime64": 8,
    "numpy.timedelta64": 8,
    "fixed_length_utf32": None,
    "null_terminated_bytes": None,
}
COMPRESSORS = ("blosc", "zlib", "gzip", "bz2", "zstd", "lz4")
SUMS = {"crc32": 4, "crc32c": 4, "adler32": 4, "fletcher32": 4}  # bytes that each adds
FILTERS = ("shuffle", "delta", "fixedscaleoffset", "bitround", "quantize")
Layout = tuple[Coding, tuple[int, ...], tuple[int, ...], int]
CURE = "write the store with xarray's to_zarr() and its own codecs"


def check_store(store: Path, budget: Budget) -> float:
    """Refuse a store that reads elsewhere, asks for too much, or decodes with what is not listed.

    Returns
    -------
    bytes of all its values, decoded

    Raises
    ------
    OceanbenchError
        with the name of the array or file inside the store, what was found, and the cure
    """
    codings: dict[str, Coding] = {}
    chunks, others, stored, values, axes = 0, 0, 0, 0.0, 0.0
    for folder, below, names in os.walk(store):
        place = Path(folder).relative_to(store)
        if len(place.parts) > 32:
            _refuse(store, place.parts[0], "lies in folders within folders", "write it flat")
        array = _array_of(place, codings)
        if array is None:
            coding, declared, on_axis = _coding(store, place, budget)
            values, axes = values + declared, axes + on_axis
            budget.check("axes", axes, store.name)
        else:
            coding = codings[array]
        if array is None and coding is not None:
            array = place.as_posix()
            codings[array] = coding
        for name in (*below, *names):
            found = os.lstat(Path(folder, name))
            if stat.S_ISLNK(found.st_mode):
                _refuse(store, name, "is a symbolic link", "copy the data into the store")
            if name in below:
                continue
            if not stat.S_ISREG(found.st_mode):
                _refuse(store, name, "is no regular file", "write the store again")
            key = (place / name).as_posix()
            inside = key if array in (".", None) else key.removeprefix(f"{array}/")
            stored += found.st_size
            if coding is not None and name not in METADATA and CHUNK.fullmatch(inside):
                chunks += 1
                _check_chunk(store, key, coding, found.st_size)
            else:
                others += 1
            budget.check("chunks", chunks, store.name)
            budget.check("files", others, store.name)
    budget.check("stored", stored, store.name)
    budget.check("objects", len(codings), store.name)
    return values


def _refuse(store: Path, name: str, found: str, cure: str = CURE) -> NoReturn:
    raise OceanbenchError(f"{store.name}: '{name}' {found}; {cure}")


def _array_of(place: Path, codings: Mapping[str, Coding]) -> str | None:
    """Name of the array that a folder of chunks belongs to."""
    for parent in (place, *place.parents):
        if parent.as_posix() in codings:
            return parent.as_posix()
    return None


def _read(store: Path, place: Path) -> Any:
    path = store / place
    try:
        if path.stat().st_size > MOST_TEXT:
            _refuse(store, place.as_posix(), f"is larger than {MOST_TEXT} bytes")
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as problem:
        if isinstance(problem, OceanbenchError):
            raise
        reason = (str(problem) or type(problem).__name__).splitlines()[0]
        _refuse(store, place.as_posix(), f"cannot be read as JSON ({reason})")


def _coding(store: Path, place: Path, budget: Budget) -> tuple[Coding | None, float, float]:
    """Coding, decoded bytes, and those of an axis, of an array in a folder; None for no array."""
    readers: Sequence[tuple[str, Callable[[Any], Layout]]] = (
        (".zarray", _version_2),
        ("zarr.json", _version_3),
    )
    for name, read in readers:
        path = place / name
        if not (store / path).is_file():
            continue
        content = _read(store, path)
        if (
            name == "zarr.json"
            and isinstance(content, dict)
            and content.get("node_type") != "array"
        ):
            return None, 0.0, 0.0
        try:
            coding, shape, chunks, itemsize = read(content)
        except OceanbenchError as problem:
            _refuse(store, place.as_posix(), str(problem))
        except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as problem:
            reason = f"{type(problem).__name__}: {problem}"
            _refuse(store, path.as_posix(), f"is no description of an array ({reason})")
        where = f"{store.name}: '{place.as_posix()}'"
        budget.check("chunk", bytes_of(chunks, itemsize), where)
        pairs = zip(shape, chunks, strict=True)
        count = math.prod(-(-n // max(1, c)) for n, c in pairs)
        budget.check("chunks", count * (coding.shard.count if coding.shard else 1), where)
        budget.check("nodes", max(shape or (0,)), where)
        along = content.get("dimension_names")
        if (store / place / ".zattrs").is_file():
            attributes = _read(store, place / ".zattrs")
            along = isinstance(attributes, dict) and attributes.get("_ARRAY_DIMENSIONS")
        size = bytes_of(shape, itemsize)
        return coding, size, size if along == [place.name] else 0.0
    return None, 0.0, 0.0


def _version_2(content: Any) -> Layout:
    """Coding, shape, shape of a chunk, and bytes of a value of an array of Zarr 2."""
    filters = content["filters"] or []
    names = [_scalars(one, "id") for one in filters]
    texts = content["dtype"] == "|O"
    if texts and names != ["vlen-utf8"]:
        raise OceanbenchError(f"has objects coded by {names or 'nothing'}, expected texts")
    if not texts and not (isinstance(content["dtype"], str) and TYPE_2.fullmatch(content["dtype"])):
        raise OceanbenchError(f"has the type {content['dtype']!r}, expected numbers or texts")
    dtype = np.dtype(content["dtype"])
    added = 0
    for name, one in zip(names, filters, strict=True):
        if name not in (*FILTERS, *SUMS, *(["vlen-utf8"] if texts else [])):
            raise OceanbenchError(f"needs the codec '{name}', which is not among those read")
        added += SUMS.get(name, 0)
        if name in ("delta", "fixedscaleoffset", "quantize"):
            dtype = _retyped(one, dtype)
    compressor = content["compressor"]
    if compressor is not None:
        compressor = _scalars(compressor, "id")
        if compressor not in COMPRESSORS:
            raise OceanbenchError(f"needs the codec '{compressor}', which is not among those read")
    shape, chunks = _sizes(content["shape"]), _sizes(content["chunks"])
    if len(shape) != len(chunks):
        raise OceanbenchError(f"has chunks {chunks} for the shape {shape}")
    size = None if texts else math.prod(chunks) * dtype.itemsize + added
    return Coding(size, compressor), shape, chunks, dtype.itemsize


def _retyped(codec: Mapping[str, Any], dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Type that a filter of numbers stores."""
    for key in ("dtype", "astype"):
        if key in codec and not (isinstance(codec[key], str) and TYPE_2.fullmatch(codec[key])):
            raise OceanbenchError(f"has the type {codec[key]!r} in a codec, expected numbers")
    if "dtype" in codec and np.dtype(codec["dtype"]) != dtype:
        raise OceanbenchError(f"codes {codec['dtype']} and holds {dtype.str}")
    return np.dtype(codec.get("astype") or dtype)


def _version_3(content: Any) -> Layout:
    """Coding, shape, shape of a chunk, and bytes of a value of an array of Zarr 3."""
    if content.get("storage_transformers"):
        raise OceanbenchError("has storage transformers, which are not read")
    if content["chunk_grid"]["name"] != "regular":
        raise OceanbenchError(f"has chunks on the grid {content['chunk_grid']['name']!r}")
    itemsize = _itemsize(content["data_type"])
    shape = _sizes(content["shape"])
    chunks = _sizes(content["chunk_grid"]["configuration"]["chunk_shape"])
    if len(shape) != len(chunks):
        raise OceanbenchError(f"has chunks {chunks} for the shape {shape}")
    coding = _pipeline(content["codecs"], chunks, itemsize)
    return coding, shape, chunks, itemsize or 16


def _itemsize(kind: Any) -> int | None:
    """Bytes of a value of a type of Zarr 3; None of texts that have lengths of their own."""
    if isinstance(kind, str) and TYPES_3.fullmatch(kind):
        return None if kind == "string" else 1 if kind == "bool" else np.dtype(kind).itemsize
    if isinstance(kind, dict) and kind.get("name") in SIZED_3:
        given = SIZED_3[kind["name"]] or kind["configuration"]["length_bytes"]
        if isinstance(given, int) and 0 < given <= 2**14:
            return given
    raise OceanbenchError(f"has the type {kind!r}, expected numbers or texts")


def _pipeline(codecs: Sequence[Any], chunks: Sequence[int], itemsize: int | None) -> Coding:
    """Coding by the codecs of Zarr 3, in which one compresses at most."""
    size = None if itemsize is None else math.prod(chunks) * itemsize
    coding = Coding(size)
    for number, one in enumerate(codecs):
        known = one.get("name") == "sharding_indexed"
        name = str(one["name"] if known else _scalars(one, "name")).removeprefix("numcodecs.")
        given = one.get("configuration") or {}
        if name == "sharding_indexed":
            if number or len(codecs) > 1:
                raise OceanbenchError("has other codecs beside those of its shards")
            return Coding(size, shard=_shard(given, chunks, itemsize))
        if name == "vlen-utf8" and itemsize is None:
            continue
        if name in SUMS:
            coding = Coding(coding.size, coding.compressor, coding.added + SUMS[name])
        elif name in COMPRESSORS and coding.compressor is None:
            before = None if coding.size is None else coding.size + coding.added
            coding = Coding(before, name)
        elif name in FILTERS and coding.compressor is None and coding.size is not None:
            if name in ("delta", "fixedscaleoffset", "quantize") and given.get("astype"):
                ratio = np.dtype(_retyped(given, np.dtype(given["dtype"]))).itemsize
                coding = Coding(math.prod(chunks) * ratio, None, coding.added)
        elif name not in ("bytes", "transpose"):
            raise OceanbenchError(f"needs the codec '{name}', which is not among those read")
    return coding


def _shard(given: Mapping[str, Any], chunks: Sequence[int], itemsize: int | None) -> Shard:
    """How the chunks of a shard lie in it."""
    inside = _sizes(given["chunk_shape"])
    if len(inside) != len(chunks) or any(c % i for c, i in zip(chunks, inside, strict=True)):
        raise OceanbenchError(f"has shards {chunks} of chunks {inside}")
    index = [one.get("name") for one in given["index_codecs"]]
    if index not in (["bytes"], ["bytes", "crc32c"]):
        raise OceanbenchError(f"has an index of shards coded by {index}")
    inner = _pipeline(given["codecs"], inside, itemsize)
    if inner.shard is not None:
        raise OceanbenchError("has shards within shards")
    count = math.prod(c // i for c, i in zip(chunks, inside, strict=True))
    if count > 2**20:
        raise OceanbenchError(f"has {count} chunks in a shard")
    last = given.get("index_location", "end") == "end"
    return Shard(inner, count, last, 4 * (len(index) - 1))


def _scalars(codec: Any, key: str) -> str:
    """Name of a codec whose settings are single values or lists of whole numbers."""
    name = str(codec[key])
    settings = codec.get("configuration") or {} if key == "name" else codec
    for setting in dict(settings).values():
        few = setting if isinstance(setting, list) and len(setting) < 64 else [setting]
        if not all(one is None or isinstance(one, str | int | float) for one in few):
            raise OceanbenchError(f"has the codec '{name}' with a setting that is no single value")
    return name


def _sizes(given: Any) -> tuple[int, ...]:
    if not isinstance(given, list) or not all(type(n) is int and 0 <= n < 2**62 for n in given):
        raise OceanbenchError(f"has the sizes {given!r}, expected whole numbers")
    return tuple(given)


def _check_chunk(store: Path, key: str, coding: Coding, length: int) -> None:
    """Refuse a chunk that does not hold what its array declares."""
    with (store / key).open("rb") as stream:
        if coding.shard is None:
            head = stream.read(32)
            wrong = chunk_problem(head, length, coding, lambda: head + stream.read())
        else:
            wrong = shard_problem(length, coding, stream.read)
    if wrong:
        _refuse(store, key, f"{wrong}: it is damaged, or lies", "write the store again")
