"""Chunks of Zarr stores: whether they hold what their array declares, told from their headers.

Decoders believe these headers: Blosc copies as many bytes as one says, from wherever that leads.
"""

from __future__ import annotations

import bz2
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

MOST_RATIO = 1032  # of deflate
SMALL = 2**26  # bytes that any chunk may be decoded to
AT_ONCE = 2**20  # bytes that are inflated to see how many there are
MOST_GROWTH = 1.25  # of bytes that do not compress
MOST_FRAME = 2**20  # bytes of headers and sums beside them, with room


@dataclass(frozen=True)
class Coding:
    """How the chunks of an array are stored.

    Attributes
    ----------
    size : bytes of a chunk before compression; None where texts have lengths of their own
    compressor : ``blosc``, ``zstd``, ``lz4``, ``zlib``, ``gzip`` or ``bz2``; None for none
    added : bytes of the checksums that follow
    shard : of an array whose chunks lie together
    """

    size: int | None
    compressor: str | None = None
    added: int = 0
    shard: Shard | None = None


@dataclass(frozen=True)
class Shard:
    """Chunks in one file, with an index of where each lies.

    Attributes
    ----------
    inside : coding of the chunks
    count : how many there are
    index_last : whether the index comes last
    checksum : bytes of that of the index
    """

    inside: Coding
    count: int
    index_last: bool
    checksum: int


def stored_problem(length: int, size: int | None, pieces: int = 1) -> str | None:
    """Say that a chunk is stored in more bytes than what it is decoded to can need.

    Decoders read all of it, and a file with a hole has terabytes of zeros at no cost.

    Parameters
    ----------
    length : as it is stored
    size : decoded; None where texts have lengths of their own
    pieces : that it consists of
    """
    most = MOST_GROWTH * (SMALL if size is None else size) + MOST_FRAME + 256 * pieces
    return f"is stored in {length} bytes, more than {most:.0f}" if length > most else None


def chunk_problem(
    head: bytes, length: int, coding: Coding, whole: Callable[[], bytes]
) -> str | None:
    """Say what is wrong with a chunk; None where its length is that of its array.

    Parameters
    ----------
    head : first 32 bytes
    length : of the chunk as it is stored
    coding : of its array; without a size, any that is not absurd is right
    whole : reads all of it
    """
    if wrong := stored_problem(length, coding.size):
        return wrong
    length -= coding.added
    if coding.compressor in ("zlib", "gzip", "bz2"):
        if coding.compressor != "bz2" and length * MOST_RATIO <= SMALL:
            return None  # cannot become large; its decoder tells whether it is whole
        most = SMALL if coding.size is None else coding.size
        return inflation_problem(whole(), coding.compressor, most)
    found = SIZES[coding.compressor](head, length)
    if isinstance(found, str):
        return found
    right = found <= SMALL if coding.size is None else found == coding.size
    return None if right else f"has {found} bytes, expected {coding.size or 'less'}"


def _blosc_size(head: bytes, length: int) -> int | str:
    """Size in the header of a Blosc 1 chunk, whose decoder trusts all that it says."""
    if length < 16:
        return "is cut off"
    size, block, stored = np.frombuffer(head[4:16], "<u4").tolist()
    if stored != length:
        return f"says that it has {stored} bytes and has {length}"
    copied = bool(head[2] & 2)
    if head[0] != 2 or (size and not 0 < block <= size) or (copied and size + 16 != stored):
        return "has a header that contradicts itself"
    return int(size)


def _zstd_size(head: bytes, length: int) -> int | str:
    """Size in the header of a Zstandard frame (RFC 8878, 3.1.1)."""
    if len(head) < 6 or head[:4] != b"\x28\xb5\x2f\xfd":
        return "is no Zstandard frame"
    flags = head[4]
    single = bool(flags & 0x20)
    start = 5 + (0 if single else 1) + (0, 1, 2, 4)[flags & 3]
    width = (1 if single else 0, 2, 4, 8)[flags >> 6]
    if not width or len(head) < start + width:
        return "does not say how long it is decoded"
    size = int.from_bytes(head[start : start + width], "little")
    return size + 256 if width == 2 else size


def _lz4_size(head: bytes, length: int) -> int | str:
    """Size that numcodecs writes before an LZ4 block."""
    return int.from_bytes(head[:4], "little") if length > 4 else "is cut off"


def _stored_size(head: bytes, length: int) -> int | str:
    """Size of what is not compressed."""
    return length


SIZES: Mapping[str | None, Callable[[bytes, int], int | str]] = {
    None: _stored_size,
    "blosc": _blosc_size,
    "zstd": _zstd_size,
    "lz4": _lz4_size,
}


def inflation_problem(
    content: bytes, compressor: str, most: int, *, whole: bool = False
) -> str | None:
    """Say what is wrong with a deflated chunk, of which at most so many bytes are made.

    Parameters
    ----------
    content : as it is stored
    compressor : ``zlib``, ``gzip`` or ``bz2``
    most : bytes that it may be decoded to
    whole : that it has to be
    """
    try:
        made = _inflated(content, compressor, most)
    except (OSError, EOFError, zlib.error) as problem:
        return f"is damaged ({problem})"
    if made > most:
        return f"is decoded to more than {most} bytes"
    return f"is decoded to {made} bytes, expected {most}" if whole and made < most else None


def _inflated(content: bytes, compressor: str, most: int) -> int:
    """Bytes that a chunk is inflated to, a part after the other, until there are too many."""
    if compressor == "bz2":
        return len(bz2.BZ2Decompressor().decompress(content, most + 1))
    made, part = 0, max(AT_ONCE, most // 8)
    stream = zlib.decompressobj(zlib.MAX_WBITS | 32)
    while made <= most and not stream.eof:
        found = len(stream.decompress(content, part))
        made, content = made + found, stream.unconsumed_tail
        if not found and not content:
            break
    return made


def shard_problem(length: int, coding: Coding, whole: Callable[[], bytes]) -> str | None:
    """Say what is wrong with a shard: its length, its index, or one of its chunks.

    Parameters
    ----------
    length : as it is stored
    coding : of its array, with shards
    whole : reads all of it
    """
    shard = coding.shard
    assert shard is not None
    if wrong := stored_problem(length, coding.size, shard.count):
        return wrong
    content = whole()
    length = 16 * shard.count
    start = len(content) - length - shard.checksum if shard.index_last else 0
    if start < 0 or len(content) < length + shard.checksum:
        return "is cut off"
    index = np.frombuffer(content[start : start + length], "<u8").reshape(-1, 2)
    for offset, size in index.tolist():
        if offset == size == 2**64 - 1:
            continue  # an empty chunk
        piece = content[offset : offset + size]
        if len(piece) != size:
            return "has a chunk beyond its end"
        if wrong := chunk_problem(piece[:32], size, shard.inside, partial(bytes, piece)):
            return f"has a chunk that {wrong}"
    return None
