"""NetCDF-4 (HDF5) files that someone else made: what they would read and hold, told from headers.

HDF5 reads other files through links and external storage, runs filters one after the other, and
inflates a chunk to whatever its bytes say.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NoReturn

import h5py

from oceanbench.data.checks.budget import Budget, bytes_of
from oceanbench.data.checks.zarr_chunks import (
    MOST_RATIO,
    SMALL,
    inflation_problem,
    stored_problem,
)
from oceanbench.errors import OceanbenchError

FILTERS = {  # whose output cannot be larger than what is checked here
    h5py.h5z.FILTER_DEFLATE: "deflate",
    h5py.h5z.FILTER_SHUFFLE: "shuffle",
    h5py.h5z.FILTER_FLETCHER32: "fletcher32",
}
NAMES = {  # of others, as registered with The HDF Group
    h5py.h5z.FILTER_LZF: "lzf",
    305: "lzo",
    307: "bzip2",
    32001: "blosc",
    32004: "lz4",
    32008: "bitshuffle",
    32013: "zfp",
    32015: "zstd",
    32017: "sz",
    32019: "fcidecomp",
    32022: "bitgroom",
    32023: "granular bitround",
    32024: "sz3",
    32026: "blosc2",
    32028: "jpeg",
    h5py.h5z.FILTER_SZIP: "szip",
    h5py.h5z.FILTER_NBIT: "nbit",
    h5py.h5z.FILTER_SCALEOFFSET: "scaleoffset",
}
SUM = 4  # bytes of a checksum
TEXT = 16  # bytes of the place and length of a text
DEEPEST = 32  # groups within groups
SHORTER = "give no attribute that is no short text or number"
MOST_ATTRIBUTES = 10_000
MOST_SAID = 2**22  # bytes of all attributes, which are read when a file is opened


def check_hdf5(file: Path, budget: Budget, *, decoded: bool = True) -> float:
    """Refuse a file that reads elsewhere, asks for too much, or needs filters that are not here.

    Parameters
    ----------
    file, budget : to be checked, and what it may ask for
    decoded : whether all chunks are decoded, and have to hold as many bytes as they should

    Returns
    -------
    bytes of all its values, decoded
    """
    try:
        with h5py.File(file, "r") as opened:
            return _visit(file, opened, budget, decoded)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as problem:
        if isinstance(problem, OceanbenchError):
            raise
        reason = (str(problem) or type(problem).__name__).splitlines()[0]
        raise OceanbenchError(
            f"{file}: cannot be read as NetCDF ({reason}); check that it is complete"
        ) from problem


def _visit(file: Path, opened: h5py.File, budget: Budget, decoded: bool) -> float:
    seen: set[int] = set()
    waiting: list[tuple[h5py.Group, int]] = [(opened, 0)]
    count, chunks, said, values, axes = 0, 0, 0, 0.0, 0.0
    while waiting:
        group, depth = waiting.pop()
        address = h5py.h5o.get_info(group.id).addr
        if address in seen:
            continue
        seen.add(address)
        if depth > DEEPEST:
            _refuse(file, group.name, "lies in groups within groups", "write the file flat")
        said += _said(file, group.name, group.id)
        for raw in group.id:
            name = raw.decode("utf-8", "backslashreplace")
            count += 1
            budget.check("objects", count, file.name)
            kind = group.id.links.get_info(raw).type
            if kind != h5py.h5l.TYPE_HARD:
                _refuse(
                    file, name, "is a link, which reads from outside the file",
                    "write the values into the file itself",
                )  # fmt: skip
            item = h5py.h5o.open(group.id, raw)
            if isinstance(item, h5py.h5g.GroupID):
                waiting.append((h5py.Group(item), depth + 1))
            elif isinstance(item, h5py.h5d.DatasetID):
                said += _said(file, name, item)
                chunks += _check_array(file, name, item, budget, decoded)
                budget.check("chunks", chunks, file.name)
                size = bytes_of(item.shape, item.get_type().get_size())
                values, axes = values + size, axes + size * h5py.h5ds.is_scale(item)
                budget.check("axes", axes, file.name)
            if said > MOST_SAID:
                _refuse(file, name, f"and others have {said} bytes of attributes", SHORTER)
    return values


def _said(file: Path, name: str, item: Any) -> int:
    """Bytes of the attributes of an array or a group."""
    count: int = h5py.h5a.get_num_attrs(item)
    if count > MOST_ATTRIBUTES:
        _refuse(file, name, f"has {count} attributes", SHORTER)
    opened = (h5py.h5a.open(item, index=number) for number in range(count))
    return sum(attribute.get_storage_size() for attribute in opened)


def _refuse(file: Path, name: str, found: str, cure: str) -> NoReturn:
    raise OceanbenchError(f"{file.name}: '{name}' {found}; {cure}")


def _check_array(file: Path, name: str, array: Any, budget: Budget, decoded: bool) -> int:
    """Check an array without reading a value; the number of its chunks."""
    where = f"{file.name}: '{name}'"
    layout = array.get_create_plist()
    if layout.get_external_count() or layout.get_layout() == h5py.h5d.VIRTUAL:
        _refuse(
            file, name, "is externally stored, which reads from outside the file",
            "write the values into the file itself",
        )  # fmt: skip
    filters = [layout.get_filter(i) for i in range(layout.get_nfilters())]
    for number, _, _, label in filters:
        if number not in FILTERS:
            called = NAMES.get(number) or label.decode("utf-8", "backslashreplace") or "unknown"
            _refuse(
                file, name, f"needs the HDF5 filter {number} ({called}), which is not read",
                "write it with zlib, as xarray's to_netcdf() does",
            )  # fmt: skip
    numbers = [one[0] for one in filters]
    if len(set(numbers)) < len(numbers):
        _refuse(file, name, "is compressed twice", "write it with zlib once")
    shape = array.shape
    itemsize = _bytes_in_file(array.get_type())
    budget.check("nodes", max(shape or (0,)), where)
    if layout.get_layout() != h5py.h5d.CHUNKED:
        stored, declared = array.get_storage_size(), bytes_of(shape, itemsize)
        if 0 < stored < declared:
            _refuse(file, name, f"has {stored} bytes, expected {declared:.0f}", "write it again")
        return 0
    budget.check("chunk", bytes_of(layout.get_chunk(), itemsize), where)
    count: int = math.prod(-(-n // c) for n, c in zip(shape, layout.get_chunk(), strict=True))
    budget.check("chunks", count, where)
    size = math.prod(layout.get_chunk()) * itemsize
    _check_chunks(file, name, array, size, numbers, decoded=decoded)
    return count


def _bytes_in_file(kind: Any) -> int:
    """Bytes of a value in a file; of a text of any length, those of where it lies."""
    text = isinstance(kind, h5py.h5t.TypeStringID) and kind.is_variable_str()
    return TEXT if text else int(kind.get_size())


def _check_chunks(
    file: Path, name: str, array: Any, size: int, filters: list[int], *, decoded: bool
) -> None:
    """Refuse a chunk that is stored in more bytes than it needs, or decoded to others.

    The library takes a chunk that is decoded to less, and the rest of it from anywhere in memory;
    so does it with one that is not filtered, and of which the index says that it is shorter.

    Parameters
    ----------
    file, name : for messages
    array : whose chunks
    size : of a chunk, decoded
    filters : numbers of them
    decoded : all chunks, or only deflated ones that may become large
    """
    places: list[tuple[int, ...]] = []
    longest, stored, deflated = 0, 0, h5py.h5z.FILTER_DEFLATE in filters
    shortest = size

    def look(chunk: Any) -> None:
        nonlocal longest, shortest, stored
        longest, shortest = max(longest, chunk.size), min(shortest, chunk.size)
        stored += chunk.size
        if decoded or (deflated and chunk.size * MOST_RATIO > SMALL):
            places.append(chunk.chunk_offset)

    array.chunk_iter(look)
    wrong = stored_problem(longest, size)
    if not filters and (shortest, longest) not in ((size, size), (size, 0)):
        other = shortest if shortest < size else longest
        wrong = f"has {other} bytes, expected {size}"
    if wrong:
        _refuse(file, name, f"has a chunk that {wrong}", "write the file again")
    if stored > file.stat().st_size:
        _refuse(file, name, "has chunks that lie on each other", "write the file again")
    if not filters:
        return
    for place in places:
        mask, content = array.read_direct_chunk(place)
        used = [number for bit, number in enumerate(filters) if not mask & (1 << bit)]
        if wrong := _chunk_problem(content, size, used):
            _refuse(file, name, f"has a chunk that {wrong}", "write the file again")


def _chunk_problem(content: bytes, size: int, filters: list[int]) -> str | None:
    """Say that a chunk is not decoded to as many bytes as it holds.

    Parameters
    ----------
    content : as it is stored
    size : decoded
    filters : that it went through, in their order
    """
    deflate, sums = h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_FLETCHER32
    if deflate not in filters:
        expected = size + SUM * (sums in filters)
        found = len(content)
        return None if found == expected else f"has {found} bytes, expected {expected}"
    before = sums in filters[: filters.index(deflate)]
    after = sums in filters and not before
    stored = content[:-SUM] if after else content
    return inflation_problem(stored, "zlib", size + SUM * before, whole=True)
