"""How much the files of strangers may ask of this machine: checked before anything is read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

from oceanbench.errors import OceanbenchError

GIB = 2**30


@dataclass(frozen=True)
class Budget:
    """Most that the files of one dataset, or of one submission, may hold.

    Attributes
    ----------
    values : bytes of what is read at once, decoded
    chunk : bytes of one chunk, decoded: the least that can be read of an array
    chunks : stored pieces, of all arrays together
    nodes : of one axis, all of which are read when a file is opened
    axes : bytes of all axes of one file together
    members : of an ensemble
    objects : arrays and groups of one file
    files : that a glob finds, or that a Zarr store holds beside its chunks
    stored : bytes on disk
    """

    values: float = GIB / 2
    chunk: float = GIB / 4
    chunks: float = 100_000
    nodes: float = 10_000_000
    axes: float = GIB / 2
    members: float = 1_000
    objects: float = 1_000
    files: float = 10_000
    stored: float = 64 * GIB

    def times(self, factor: float) -> Budget:
        """Budget of which every part is larger by a factor."""
        if not factor > 0:
            raise OceanbenchError(f"--budget {factor:g}: expected a positive number")
        return Budget(*(factor * getattr(self, part.name) for part in fields(self)))

    def check(self, part: str, found: float, where: str) -> None:
        """Refuse more of a part than there may be.

        Parameters
        ----------
        part : name of an attribute
        found : how much there is
        where : file, for messages
        """
        most = getattr(self, part)
        if found > most:
            raise OceanbenchError(
                f"{where}: declares {_amount(part, found)}, more than {_amount(part, most)}; "
                "give what the challenge describes, or raise what is allowed with --budget "
                f"{max(2.0, math.ceil(found / Budget.__dict__[part])):.3g}"
            )


UNLIMITED = Budget(*(math.inf for _ in fields(Budget)))
WORDS = {
    "values": "of values",
    "chunk": "in one chunk",
    "chunks": "chunks",
    "nodes": "nodes of one axis",
    "axes": "in axes",
    "members": "members",
    "objects": "arrays and groups",
    "files": "files",
    "stored": "on disk",
}


def _amount(part: str, number: float) -> str:
    """Number of a part, in its unit."""
    if part not in ("values", "chunk", "axes", "stored"):
        return f"{number:.0f} {WORDS[part]}"
    gib = number / GIB
    return f"{gib:.0f} GiB {WORDS[part]}" if gib >= 10 else f"{gib:.2g} GiB {WORDS[part]}"


def bytes_of(shape: Sequence[int], itemsize: int) -> float:
    """Bytes of an array, without overflow."""
    return float(math.prod(map(int, shape)) * itemsize)
