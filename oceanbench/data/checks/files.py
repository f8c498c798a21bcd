"""Files that someone else made: opened without trusting them."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Sequence
from pathlib import Path

import h5py
import xarray as xr

from oceanbench.data import opening
from oceanbench.data.checks.budget import Budget
from oceanbench.data.checks.hdf5_files import check_hdf5
from oceanbench.data.checks.netcdf3_files import check_netcdf3
from oceanbench.data.checks.preflight import preflight
from oceanbench.data.checks.zarr_stores import check_store
from oceanbench.data.files import is_netcdf3
from oceanbench.errors import OceanbenchError


def check_files(
    files: Sequence[Path], budget: Budget, where: str, *, at_first: bool = True
) -> float:
    """Refuse files that read elsewhere, run code or ask for too much, before a value is read.

    Parameters
    ----------
    files : NetCDF files or Zarr stores, of one dataset or one submission
    budget : for all of them together
    where : for messages
    at_first : whether a child process has to read the headers first, as whoever opens them again
        need not

    Returns
    -------
    bytes of all their values, decoded
    """
    budget.check("files", len(files), where)
    stored, values = 0, 0.0
    for file in files:
        found = _status(file)
        if stat.S_ISDIR(found.st_mode):
            values += check_store(file, budget)
        elif not stat.S_ISREG(found.st_mode):
            raise OceanbenchError(f"{file}: is no regular file; give a NetCDF file or Zarr store")
        elif h5py.is_hdf5(file):
            sound = preflight(file, budget) if at_first else True
            values += check_hdf5(file, budget, decoded=not sound)  # to tell what is wrong
        elif is_netcdf3(file):
            values += check_netcdf3(file, budget)
        else:
            raise OceanbenchError(
                f"{file}: cannot be read as NetCDF or Zarr (it begins as neither); write it with "
                "xarray's to_netcdf() or to_zarr(), and check that it is complete"
            )
        stored += found.st_size
        budget.check("stored", stored, where)
    return values


def _status(file: Path) -> os.stat_result:
    try:
        return file.stat()
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        raise OceanbenchError(f"{file}: cannot be read ({reason}); check the path") from problem


def open_untrusted(
    file: Path, texts: Collection[str] = (), budget: Budget | None = None
) -> xr.Dataset:
    """Open a file or Zarr store that reads from nowhere else; of texts only those named."""
    budget = budget or Budget()
    check_files([file], budget, file.name, at_first=False)
    opened = opening.open_file(file, chunks=None)
    budget.check("members", opened.sizes.get("member", 0), file.name)
    objects = [v for v in opened.variables if opened[v].dtype == object and v not in texts]
    return opened.drop_vars(objects)


def check_size(parts: Sequence[xr.Dataset], where: str, budget: Budget | None = None) -> None:
    """Refuse what would not fit into memory; nothing has been read yet."""
    (budget or Budget()).check("values", sum(part.nbytes for part in parts), where)
