"""Files: found, checksummed, fetched, and written whole or not at all."""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pooch
import xarray as xr

from oceanbench.errors import OceanbenchError


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
        found = sorted(glob.glob(whole))  # noqa: PTH207
        if found:
            return [Path(f) for f in found]
    return []


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
    with _whole(path) as temporary:
        dataset.to_netcdf(temporary, engine="h5netcdf", encoding=encoding)


def write_text(text: str, path: Path) -> None:
    """Write a text file, whole or not at all."""
    with _whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_bytes(content: bytes, path: Path) -> None:
    """Write a binary file, whole or not at all."""
    with _whole(path) as temporary:
        temporary.write_bytes(content)


def check_writable(path: Path) -> None:
    """Refuse a file that could not be written, before the long work that makes it."""
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if path.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise OceanbenchError(f"{path}: cannot be written; choose another folder")


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """Temporary name beside a file, which takes the file's name once it is written."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")  # processes may share a folder
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except OSError as problem:
        raise OceanbenchError(
            f"{path}: cannot be written ({problem.strerror or problem}); choose another folder"
        ) from problem
    finally:
        if temporary.exists():
            temporary.unlink()


def fetch(url: str, folder: Path, *, known_hash: str | None, archive: bool) -> None:
    """Download a file, or an archive and unpack it, into a folder; refuse a wrong checksum.

    Parameters
    ----------
    url : http(s) or ftp address
    folder : created when needed
    known_hash : sha256 of what is downloaded, or None where the source gives none
    archive : unpack the (zip or tar) archive into the folder
    """
    processor = None
    if archive:
        unpack = pooch.Unzip if url.endswith(".zip") else pooch.Untar
        processor = unpack(extract_dir=str(folder))
    name = url.rsplit("/", 1)[-1]
    known = f"sha256:{known_hash}" if known_hash else None
    try:
        pooch.retrieve(url, known, fname=name, path=folder, processor=processor)
    except (OSError, ValueError) as problem:
        reason = str(problem).splitlines()[0]
        raise OceanbenchError(
            f"{url}: could not be fetched ({reason}); try again, or download it into {folder}"
        ) from problem
