"""Files: found, checksummed, fetched, and written whole or not at all."""

from __future__ import annotations

import errno
import glob
import hashlib
import io
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path

import pooch
import xarray as xr

from oceanbench.errors import OceanbenchError

MOST_FILES = 100_000  # that a glob is followed to


def expand(pattern: str, folders: Sequence[Path]) -> list[Path]:
    """Files that a path or glob names, from the first folder that has any.

    Parameters
    ----------
    pattern : absolute, or relative to each of ``folders`` in turn
    folders : where to look, in this order

    Returns
    -------
    list of paths, sorted by name; empty when there is none
    """
    for folder in folders:
        whole = str(Path(glob.escape(str(folder))) / pattern)  # an absolute pattern replaces it
        if not folder.is_dir():  # ../NEIGHBOUR/data is there all the same
            whole = os.path.normpath(whole)
        found = sorted(islice(glob.iglob(whole), MOST_FILES))  # noqa: PTH207
        if found:
            return [Path(f) for f in found]
    return []


def path_as_written(path: Path) -> str:
    """A path as it is written into commands and results: from where one stands, never the root.

    A path from the root that does not lie below the present folder is its last name alone: where a
    user's files lie is none of what is shared.
    """
    if not path.is_absolute():
        return path.as_posix()
    here = Path.cwd()
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else path.name


def check_inside(path: str, where: str) -> None:
    """Refuse a path that leads out of the folder it is relative to."""
    if Path(path).is_absolute() or Path(os.path.normpath(path)).parts[:1] == ("..",):
        raise OceanbenchError(
            f"{where}: '{path}' leads out of the folder of challenge.yaml; write it relative to "
            "that folder, or to one that holds all files and is given with --data-dir"
        )


def check_no_link_out(found: Sequence[Path], folders: Sequence[Path], where: str) -> None:
    """Refuse files that are links to somewhere else."""
    roots = [folder.resolve() for folder in folders]
    for file in found:
        if not any(file.resolve().is_relative_to(root) for root in roots):
            raise OceanbenchError(
                f"{where}: {file.name} is a link out of the folder of challenge.yaml; put the file "
                "there, or pass --data-dir with the folder that holds it"
            )


def read_text(path: Path, most: int) -> str:
    """Text of a regular file of at most so many bytes.

    Raises
    ------
    OSError, ValueError
        if it is none, cannot be read, or is not UTF-8
    """
    if not path.is_file():
        raise OSError("there is no regular file of this name")
    with path.open("rb") as stream:
        content = stream.read(most + 1)
    if len(content) > most:
        raise ValueError(f"it has more than {most // 2**10} KiB")
    return content.decode("utf-8")


def sha256(path: Path) -> str:
    """SHA-256 of a file, or of the names and contents of all files below a folder (Zarr)."""
    digest = hashlib.sha256()
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    for file in files:
        if path.is_dir():
            digest.update(file.relative_to(path).as_posix().encode())
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def sha256_of_text(text: str) -> str:
    """SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def check_sha256(path: Path, expected: str, where: str) -> None:
    """Refuse a file whose checksum is not the declared one."""
    found = sha256(path)
    if found != expected.lower():
        raise OceanbenchError(
            f"{where}: {path.name} has sha256 {found[:12]}…, expected {expected[:12]}…; the file "
            "is damaged or another version: fetch it again, or correct sha256 in challenge.yaml"
        )


def write_netcdf(dataset: xr.Dataset, path: Path) -> None:
    """Write a compressed NetCDF4 file, whole or not at all."""
    encoding = {name: {"zlib": True, "complevel": 4} for name in dataset.data_vars}
    content = io.BytesIO()  # HDF5 cannot close a file on a full disk, and takes the process along
    dataset.to_netcdf(content, engine="h5netcdf", encoding=encoding)
    with whole(path) as temporary:
        temporary.write_bytes(content.getbuffer())


def write_text(text: str, path: Path) -> None:
    """Write a text file, whole or not at all."""
    with whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_bytes(content: bytes, path: Path) -> None:
    """Write a binary file, whole or not at all."""
    with whole(path) as temporary:
        temporary.write_bytes(content)


def check_writable(path: Path) -> None:
    """Refuse a file that could not be written, before the long work that makes it."""
    if not path.name:
        raise OceanbenchError(f"{path}: is a folder; give the name of a file")
    try:
        _temporary(path).lstat()
    except FileNotFoundError:
        pass
    except OSError as problem:
        raise _unwritable(path, problem) from problem
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    try:
        _check_regular(path)
        with tempfile.TemporaryFile(dir=folder) as stream:
            stream.write(b"0")
    except OSError as problem:
        raise _unwritable(path, problem) from problem


def _check_regular(path: Path) -> None:
    """Refuse to put a file in place of a folder, a device or a pipe."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EEXIST, "it is a folder or a device")


def _unwritable(path: Path, problem: OSError) -> OceanbenchError:
    reason = problem.strerror or problem
    return OceanbenchError(f"{path}: cannot be written ({reason}); choose another folder or name")


def _temporary(path: Path) -> Path:
    """Name beside a file, of this process: others may write there too."""
    return path.with_name(f".{path.name}.{os.getpid()}.part")


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Temporary name beside a file, which takes the file's name once it is written."""
    temporary = _temporary(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _check_regular(path)
        yield temporary
        temporary.replace(path)
    except OSError as problem:
        raise _unwritable(path, problem) from problem
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def cache_folder() -> Path:
    """Folder of this user's downloads, a folder a challenge, and of what is kept for later."""
    return Path(pooch.os_cache("oceanbench"))


def is_netcdf3(path: Path) -> bool:
    """Whether a file is of the classic format."""
    with path.open("rb") as stream:
        return stream.read(3) == b"CDF"
