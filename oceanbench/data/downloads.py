"""Files from elsewhere: downloaded beside where they go, checked, and only then moved there."""

from __future__ import annotations

import bz2
import errno
import fcntl
import glob
import gzip
import lzma
import shutil
import tarfile
import urllib.parse
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import IO, Any

from oceanbench.data.files import sha256, sha256_of_text
from oceanbench.data.transfer import check_address, download, version_of
from oceanbench.errors import OceanbenchError

WORK = ".fetch"  # folder, inside the user's, of what is not whole yet
MOST_RATIO = 100  # of an archive: fields compress to a tenth, bombs to a thousandth
SMALL = 2**30  # bytes that any archive may hold
MOST_MEMBERS = 100_000
MOST_AT_ONCE = 2**24  # bytes that are asked of an archive in one go: its headers are small
WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # file systems: nobody is kept out
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
    before the checksum was found right; a transfer that ended early goes on where it ended. Of an
    archive only regular files are taken. Files have the rights of any that the user writes.

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
    place = folder / WORK / sha256_of_text(url)[:16]
    try:
        check_address(url)
        name = None if archive else _path_of_one(url, patterns[0])
        with alone(place):
            got = place / "download"
            download(url, got, most)
            with _forgotten_if_damaged(got):
                _check_sum(got, known_hash)
                if name is not None:
                    keep(got, folder / name)
                    return
                unpacked = place / "unpacked"
                for inside in _unpacked(got, unpacked, patterns, most):
                    keep(unpacked / inside, folder / inside)
    except DAMAGED as problem:
        reason = (str(problem) or type(problem).__name__).splitlines()[0]
        kept = "what has come is kept: " if place.is_dir() else ""
        raise OceanbenchError(
            f"{url}: could not be fetched ({reason}); {kept}try again, or download it into {folder}"
        ) from problem


@contextmanager
def alone(place: Path) -> Iterator[Path]:
    """A folder of this process alone; of it stays what a later try can go on with."""
    place.mkdir(parents=True, exist_ok=True)
    with (place / "lock").open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as problem:
            raise OceanbenchError("another process fetches it just now; wait") from problem
        except OSError as problem:
            if problem.errno not in WITHOUT_LOCKS:
                raise
        shutil.rmtree(place / "unpacked", ignore_errors=True)
        try:
            yield place
        finally:
            shutil.rmtree(place / "unpacked", ignore_errors=True)
            if not version_of(place / "download").is_file():
                shutil.rmtree(place, ignore_errors=True)
                with suppress(OSError):  # others are being fetched
                    place.parent.rmdir()


@contextmanager
def _forgotten_if_damaged(got: Path) -> Iterator[None]:
    """Let go of a whole download once it was used or is at fault, not where the disk is full."""
    try:
        yield
    except DAMAGED as problem:
        if getattr(problem, "errno", None) is None:
            version_of(got).unlink(missing_ok=True)
        raise
    version_of(got).unlink(missing_ok=True)


def _check_sum(got: Path, known_hash: str | None) -> None:
    """Refuse a download that is not what the challenge says."""
    if known_hash is not None and (found := sha256(got)) != known_hash.lower():
        raise ValueError(f"it has sha256 {found[:12]}…, expected {known_hash[:12]}…")


def _path_of_one(url: str, pattern: str) -> str:
    """Where a single file goes, relative to the folder: to its path, or to a name that a glob has.

    The name is looked for in the path of the address, from its end, and then in its query.
    """
    if pattern == glob.escape(pattern):
        return pattern
    parts = urllib.parse.urlsplit(url)
    said = [v for _, v in urllib.parse.parse_qsl(parts.query)]
    given = [*reversed(urllib.parse.unquote(parts.path).split("/")), *said]
    wanted = PurePosixPath(pattern)
    for name in (PurePosixPath(text).name for text in given):
        if fnmatchcase(name, wanted.name) and name.isprintable():
            return str(wanted.parent / name)
    raise ValueError(
        f"it names no file like {wanted.name}: write a path without * in challenge.yaml"
    )


def keep(file: Path, place: Path) -> None:
    """Move a file to its place, unless there is one, with the rights of a new file."""
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        plain = file.with_name(f"{file.name}.plain")
        plain.touch()
        file.chmod(plain.stat().st_mode)
        plain.unlink()
        shutil.move(file, place)


def _unpacked(archive: Path, folder: Path, patterns: Sequence[str], most: float) -> list[str]:
    """Unpack what is wanted of an archive into an empty folder; the paths inside it."""
    most = min(most, SMALL + MOST_RATIO * archive.stat().st_size)
    wanted, total = [], 0
    for number, (name, size, stream) in enumerate(_members(archive)):
        total += size
        if size < 0:
            raise ValueError("the archive has a file of less than no bytes")
        if total > most or number > MOST_MEMBERS:
            raise ValueError(
                f"the archive holds more than {most:.0f} bytes or {MOST_MEMBERS} files"
            )
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name:
            raise ValueError(f"the archive writes outside of its folder: {name!r}")
        if not name.isprintable() or WORK in path.parts:
            raise ValueError(f"the archive has a name that no file may have: {name!r}")
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
        with archive.open("rb") as stream, zipfile.ZipFile(_Bounded(stream)) as opened:
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
        self.seek, self.tell, self.seekable = stream.seek, stream.tell, stream.seekable

    def read(self, size: int = -1) -> bytes:
        found: bytes = b""
        if size <= MOST_AT_ONCE:
            found = self.stream.read(MOST_AT_ONCE + 1 if size < 0 else size)
        if max(size, len(found)) > MOST_AT_ONCE:
            raise ValueError("the archive has a header that is too large")
        return found
