"""NetCDF-3 (classic) files that someone else made: whether they hold what their header declares."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from oceanbench.data.checks.budget import Budget
from oceanbench.errors import OceanbenchError

SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 8}  # bytes of a value, by the number of its type
MOST_HEADER = 2**22  # bytes
DIMENSIONS, VARIABLES, ATTRIBUTES = 10, 11, 12  # tags of lists
T = TypeVar("T")


def check_netcdf3(file: Path, budget: Budget) -> float:
    """Refuse a file that is shorter than its header says, or whose axes are too long.

    Returns
    -------
    bytes of all its values, which are at most those of the file

    Source: NetCDF Classic Format Specification,
    https://docs.unidata.ucar.edu/netcdf-c/current/file_format_specifications.html
    """
    size = file.stat().st_size
    with file.open("rb") as stream:
        content = stream.read(MOST_HEADER)
    try:
        _check(_Header(content), size, budget, file.name)
    except (struct.error, IndexError, KeyError, UnicodeDecodeError) as problem:
        raise OceanbenchError(
            f"{file}: cannot be read as NetCDF (its header is cut off or damaged); check that it "
            "is complete"
        ) from problem
    return float(size)


class _Header:
    """Reads numbers, names and lists, one after the other."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.place = 4
        self.wide = content[3] == 2  # positions of 8 bytes

    def number(self, code: str = ">I") -> int:
        value = struct.unpack_from(code, self.content, self.place)[0]
        self.place += struct.calcsize(code)
        return int(value)

    def skip(self, length: int) -> bytes:
        """Bytes up to the next multiple of four."""
        found = self.content[self.place : self.place + length]
        self.place += -(-length // 4) * 4
        if self.place > len(self.content):
            raise IndexError
        return found

    def name(self) -> str:
        return self.skip(self.number()).decode("utf-8")

    def several(self, tag: int, read: Callable[[], T]) -> list[T]:
        found, count = self.number(), self.number()
        if found not in (0, tag) or (count and not found):
            raise IndexError
        return [read() for _ in range(count)]

    def dimension(self) -> tuple[str, int]:
        return self.name(), self.number()

    def attribute(self) -> None:
        self.name()
        kind = self.number()
        self.skip(self.number() * SIZES[kind])

    def variable(self) -> tuple[str, list[int], int, int]:
        """Name, numbers of the dimensions, bytes of a value, and place in the file."""
        name = self.name()
        dims = [self.number() for _ in range(self.number())]
        self.several(ATTRIBUTES, self.attribute)
        kind, _ = self.number(), self.number()
        return name, dims, SIZES[kind], self.number(">Q" if self.wide else ">I")


def _check(header: _Header, size: int, budget: Budget, where: str) -> None:
    if header.content[3] not in (1, 2):
        raise OceanbenchError(
            f"{where}: NetCDF-3 of version {header.content[3]} is not read; write NetCDF-4, as "
            "xarray's to_netcdf() does"
        )
    records = header.number()
    dims = header.several(DIMENSIONS, header.dimension)
    header.several(ATTRIBUTES, header.attribute)
    variables = header.several(VARIABLES, header.variable)
    budget.check("objects", len(variables) + len(dims), where)
    recorded = [length == 0 for _, length in dims]
    for name, length in dims:
        budget.check("nodes", length or records, f"{where}: '{name}'")
    of_record, axes, pieces = 0, 0, []
    for name, numbers, itemsize, begin in variables:
        along = bool(numbers) and recorded[numbers[0]]
        length = math.prod(dims[n][1] for n in numbers[along:]) * itemsize
        of_record += -(-length // 4) * 4 if along else 0
        pieces.append((name, along, begin, length))
        if len(numbers) == 1:
            nodes = records if along else dims[numbers[0]][1]
            axes += nodes * itemsize * (name == dims[numbers[0]][0])
            budget.check("axes", axes, where)
    for name, along, begin, length in pieces:
        repeated = (records - 1) * of_record if along and records else 0
        end = begin + repeated + (length if records or not along else 0)
        if length and end > size:
            raise OceanbenchError(
                f"{where}: '{name}' ends at byte {end} and the file at {size}; it is cut off: "
                "write or fetch it again"
            )
