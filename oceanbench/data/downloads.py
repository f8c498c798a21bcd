"""Files from elsewhere: downloaded beside where they go, checked, and only then moved there."""

from __future__ import annotations

import bz2
import glob
import gzip
import lzma
import shutil
import tarfile
import tempfile
import urllib.parse
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import IO, Any

import pooch

from oceanbench.data.transfer import bounded, check_address
from oceanbench.errors import OceanbenchError

MOST_RATIO = 100  # of an archive: fields compress to a tenth, bombs to a thousandth
SMALL = 2**30  # bytes that any archive may hold
MOST_MEMBERS = 100_000
MOST_AT_ONCE = 2**24  # bytes that are asked of an archive in one go: its headers are small
DAMAGED = (  # what servers and archives end in
    OSError, ValueError, RuntimeError, EOFError, zlib.error, lzma.LZMAError, tarfile.TarError,
    zipfile.BadZipFile,
)  # fmt: skip


def fetch(
    url: str,
    folder: Path,
    patterns: Sequence[str],
    *,
    known_hash: str | None,
    archive: bool,
    most: float,
) -> None:
    """Download a file, or an archive and what a challenge declares of it, into a folder.

    Nothing is written outside the folder, nothing there is overwritten, and nothing appears in it
    before the checksum was found right. Of an archive only regular files are taken, without the
    rights they had.

    Parameters
    ----------
    url : http(s) or ftp address
    folder : created when needed
    patterns : paths or globs, relative to the folder, of what is wanted; for a single file the one
        path that it gets
    known_hash : sha256 of what is downloaded, or None where the source gives none
    archive : unpack the (zip, tar, tar.gz or tar.bz2) archive
    most : bytes that may be downloaded, and unpacked
    """
    try:
        check_address(url)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch.", dir=folder) as place:
            known = f"sha256:{known_hash}" if known_hash else None
            got = Path(
                pooch.retrieve(url, known, fname="download", path=place, downloader=bounded(most))
            )
            if not archive:
                _keep(got, folder / _path_of_one(url, patterns[0]))
                return
            unpacked = Path(place, "unpacked")
            for inside in _unpacked(got, unpacked, patterns, most):
                _keep(unpacked / inside, folder / inside)
    except DAMAGED as problem:
        reason = (str(problem) or type(problem).__name__).splitlines()[0]
        raise OceanbenchError(
            f"{url}: could not be fetched ({reason}); try again, or download it into {folder}"
        ) from problem


def _path_of_one(url: str, pattern: str) -> str:
    """Where a single file goes, relative to the folder."""
    if pattern == glob.escape(pattern):
        return pattern
    name = PurePosixPath(urllib.parse.unquote(urllib.parse.urlsplit(url).path)).name
    return str(PurePosixPath(pattern).parent / name)


def _keep(file: Path, place: Path) -> None:
    """Move a file to its place, unless there is one."""
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(file, place)


def _unpacked(archive: Path, folder: Path, patterns: Sequence[str], most: float) -> list[str]:
    """Unpack what is wanted of an archive into an empty folder; the paths inside it."""
    most = min(most, SMALL + MOST_RATIO * archive.stat().st_size)
    wanted, total = [], 0
    for number, (name, size, stream) in enumerate(_members(archive)):
        total += size
        if total > most or number > MOST_MEMBERS:
            raise ValueError(
                f"the archive holds more than {most:.0f} bytes or {MOST_MEMBERS} files"
            )
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name:
            raise ValueError(f"the archive writes outside of its folder: {name!r}")
        if stream is None or not any(fnmatchcase(path.as_posix(), p) for p in patterns):
            continue
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        with stream, place.open("xb") as written:
            shutil.copyfileobj(stream, written, MOST_AT_ONCE)
        wanted.append(path.as_posix())
    return wanted


def _members(archive: Path) -> Iterator[tuple[str, int, IO[bytes] | None]]:
    """Name, size and content of what an archive holds; no content where it is no regular file."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            for entry in opened.infolist():
                yield (
                    entry.filename,
                    entry.file_size,
                    None if entry.is_dir() else opened.open(entry),
                )
        return
    with archive.open("rb") as stream:
        magic = stream.read(3)
    opener: Any = gzip.open if magic[:2] == b"\x1f\x8b" else bz2.open if magic == b"BZh" else open
    with opener(archive, "rb") as content:
        bounded: Any = _Bounded(content)
        with tarfile.open(fileobj=bounded, mode="r:") as tar:
            for member in tar:
                yield member.name, member.size, tar.extractfile(member) if member.isreg() else None


class _Bounded:
    """A stream that refuses to be read in large pieces: a header may declare gigabytes."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.seek, self.tell = stream.seek, stream.tell

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= MOST_AT_ONCE:
            raise ValueError("the archive has a header that is too large")
        found: bytes = self.stream.read(size)
        return found
