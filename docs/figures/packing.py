"""What lossless packing could still gain of the frozen files: python docs/figures/packing.py.

Each variable is stored again in memory, with its values bit for bit, in every way of ``WAYS``; the
smallest of them stands against what the file has on disk. Nothing is written.
"""

from __future__ import annotations

import itertools
import zipfile
from io import BytesIO
from pathlib import Path

import h5py
import numpy as np

TREE = Path(__file__).parents[2]
LEVELS = (4, 9)
SMALLEST = 20_000  # bytes of a file worth a look


def chunkings(shape: tuple[int, ...]) -> set[tuple[int, ...]]:
    """One chunk for all; of maps and windows also one for each step, or eight."""
    if len(shape) == 1:
        return {shape}
    return {shape, (1, *shape[1:]), (min(8, shape[0]), *shape[1:])}


def stored(values: np.ndarray, chunks: tuple[int, ...], level: int, shuffle: bool) -> int:
    """Bytes that a variable takes in a file."""
    with h5py.File("memory", "w", driver="core", backing_store=False) as file:
        made = file.create_dataset(
            "v", data=values, chunks=chunks, compression=level, shuffle=shuffle
        )
        file.flush()
        index = 40 * int(np.prod([-(-n // c) for n, c in zip(values.shape, chunks, strict=True)]))
        return int(made.id.get_storage_size()) + index


def variables(path: Path) -> list[h5py.Dataset]:
    """Numbers of a file that have dimensions."""
    found: list[h5py.Dataset] = []
    file = h5py.File(path)
    file.visititems(lambda _, v: found.append(v) if isinstance(v, h5py.Dataset) else None)
    return [v for v in found if v.size and v.ndim and v.dtype.kind in "iuf" and v.size > 1]


def gain(path: Path) -> tuple[int, str]:
    """Bytes that the best way saves over the present one, and the way of the largest variable."""
    saved, largest, said = 0, 0, "as it is"
    for variable in variables(path):
        now, values = int(variable.id.get_storage_size()), variable[...]
        ways = itertools.product(chunkings(variable.shape), LEVELS, (False, True))
        best, way = min((stored(values, *way), way) for way in ways)
        saved += max(0, now - best)
        if now > largest:
            chunks, level, shuffle = way
            better = f"chunks {chunks}, level {level}, {'' if shuffle else 'no '}shuffle"
            largest, said = now, better if best < now else "as it is"
    return saved, said


def main() -> None:
    """Print a row of Markdown for each file, then what the boards take in a wheel."""
    total = total_saved = 0
    print("| file | kB | lossless gain | the largest variable in |\n| --- | --: | --: | --- |")
    for path in sorted((TREE / "challenges").glob("*/data/*.nc")):
        size = path.stat().st_size
        if size < SMALLEST:
            continue
        saved, said = gain(path)
        total, total_saved = total + size, total_saved + saved
        name = path.relative_to(TREE / "challenges").as_posix().replace("/data/", "/")
        print(f"| `{name}` | {size / 1e3:.0f} | {saved / size:.1%} | {said} |", flush=True)
    print(f"| all | {total / 1e3:.0f} | {total_saved / total:.1%} | |\n")
    boards = [p for p in (TREE / "leaderboards").rglob("*") if p.is_file()]
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as wheel:
        for path in boards:
            wheel.write(path, path.relative_to(TREE))
    size = sum(p.stat().st_size for p in boards)
    print(f"leaderboards: {size / 1e6:.1f} MB, {len(packed.getvalue()) / 1e6:.1f} MB in a wheel")


if __name__ == "__main__":
    main()
