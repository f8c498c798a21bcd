"""Files that someone else made: opened without trusting them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import h5py
import xarray as xr

from oceanbench.data import opening
from oceanbench.errors import OceanbenchError

MAX_BYTES = 8 * 2**30  # in memory; a hostile file declares terabytes in 300 bytes
MAX_NODES = 10_000_000  # of one axis, read when a file is opened


def open_untrusted(file: Path, texts: Collection[str] = ()) -> xr.Dataset:
    """Open a file or Zarr store that reads from nowhere else; of texts only those named."""
    if file.is_file() and h5py.is_hdf5(file):
        _refuse_links(file)
    elif file.is_dir():
        _refuse_symlinks(file)
    opened = opening.open_file(file, chunks=None)
    objects = [v for v in opened.variables if opened[v].dtype == object and v not in texts]
    return opened.drop_vars(objects)


def check_size(parts: Sequence[xr.Dataset], where: str) -> None:
    """Refuse what would not fit into memory; nothing has been read yet."""
    size = sum(part.nbytes for part in parts)
    if size > MAX_BYTES:
        raise OceanbenchError(
            f"{where}: declares {size / 2**30:.0f} GiB in and around the domain, more than "
            f"{MAX_BYTES // 2**30} GiB; submit the grid that the challenge describes"
        )


def _refuse_links(file: Path) -> None:
    """HDF5 can read other files of this machine through links and external storage."""

    def refuse(what: str, name: str) -> None:
        raise OceanbenchError(
            f"{file.name}: '{name}' is {what}, which reads from outside the file; write the values "
            "into the file itself"
        )

    seen: set[int] = set()

    def visit(group: h5py.Group) -> None:
        seen.add(h5py.h5o.get_info(group.id).addr)
        for name in group:
            link = group.get(name, getlink=True)
            if isinstance(link, h5py.ExternalLink | h5py.SoftLink):
                refuse("a link", name)
            item = group[name]
            if isinstance(item, h5py.Group):
                if h5py.h5o.get_info(item.id).addr not in seen:
                    visit(item)
            elif isinstance(item, h5py.Dataset) and (item.external or item.is_virtual):
                refuse("externally stored", name)
            elif isinstance(item, h5py.Dataset) and item.ndim == 1 and item.size > MAX_NODES:
                raise OceanbenchError(
                    f"{file.name}: '{name}' declares {item.size} nodes, more than {MAX_NODES}; "
                    "submit the grid that the challenge describes"
                )

    try:
        with h5py.File(file, "r") as opened:
            visit(opened)
    except (OSError, RuntimeError, KeyError) as problem:
        reason = str(problem).splitlines()[0]
        raise OceanbenchError(
            f"{file}: cannot be read as NetCDF ({reason}); check that it is complete"
        ) from problem


def _refuse_symlinks(store: Path) -> None:
    for path in store.rglob("*"):
        if path.is_symlink():
            raise OceanbenchError(
                f"{store.name}: '{path.name}' is a symbolic link; copy the data into the store"
            )
