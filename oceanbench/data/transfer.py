"""What a server sends: no more than it may, not slower than anything arrives, none of it twice."""

from __future__ import annotations

import threading
import urllib.parse
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    import requests

PROTOCOLS = ("https", "http", "ftp")
SILENT = 20.0  # seconds that a server may be silent
PIECE = 2**16  # bytes that are written at once
PATIENCE = 25.0  # seconds in which a piece must arrive
AS_IT_IS = {"Accept-Encoding": "identity"}  # nothing is inflated on the way
PART_OF_IT, NO_SUCH_PART = 206, 416  # answers to a question for the rest


def check_address(url: str) -> None:
    """Refuse what is no address in the web, or holds what a terminal obeys."""
    if not url.isprintable() or urllib.parse.urlsplit(url).scheme.lower() not in PROTOCOLS:
        raise ValueError(f"it is no address that begins with {', '.join(PROTOCOLS)}")


def download(url: str, place: Path, most: float, patience: float = PATIENCE) -> None:
    """Receive a file, going on where an earlier try ended if the server still has that version.

    A file whose transfer ended early stays where it is, with the version that the server named
    beside it; where it named none, nothing stays. Redirections lead to web addresses only, as
    `requests` follows no others.

    Parameters
    ----------
    url : http(s) or ftp address
    place : of the file
    most : bytes
    patience : seconds in which 64 KiB must arrive, or the end

    Raises
    ------
    ValueError, OSError
        where too much comes, or too little, or the server refuses
    """
    received = _Received(place, most)
    try:
        _Transfer(url, received).watch(patience)
    except BaseException:
        if not received.resumable:
            received.forget()
        raise


def version_of(place: Path) -> Path:
    """File beside a download with the version of it that the server named."""
    return place.with_name(f"{place.name}.version")


class _Received:
    """File that takes up to so many bytes, and none once it is closed to the sender."""

    def __init__(self, place: Path, most: float) -> None:
        self.place, self.version, self.most = place, version_of(place), most
        self.open = True
        self.size = place.stat().st_size if self.resumable else 0
        self.file: IO[bytes] | None = None

    @property
    def resumable(self) -> bool:
        """Whether what lies here is the beginning of a version that the server named."""
        return self.place.is_file() and self.version.is_file()

    @property
    def question(self) -> dict[str, str]:
        """Headers that ask for what is still missing."""
        if not self.size:
            return AS_IT_IS
        version = self.version.read_text(encoding="ascii")
        return {**AS_IT_IS, "Range": f"bytes={self.size}-", "If-Range": version}

    def begin(self, response: requests.Response | None = None) -> bool:
        """Take an answer, from its beginning or where the last one ended; whether more comes."""
        status = response.status_code if response is not None else None
        given = response.headers if response is not None else {}
        part = given.get("Content-Range", "")
        if status == NO_SUCH_PART and self.size and part == f"bytes */{self.size}":
            return False
        goes_on = status == PART_OF_IT and bool(self.size)
        if status == NO_SUCH_PART or (goes_on and not part.startswith(f"bytes {self.size}-")):
            self.forget()
            raise ValueError("it is no longer what was fetched in part")
        if response is not None:
            response.raise_for_status()
        if not goes_on:
            self.forget()
            if named := _version(given):
                self.version.write_text(named, encoding="ascii")
        self.file = self.place.open("ab" if goes_on else "wb", buffering=0)
        return True

    def write(self, piece: bytes) -> int:
        """Take what has come."""
        if not self.open or self.file is None:
            raise ValueError("nobody waits any more")
        self.size += len(piece)
        if self.size > self.most:
            self.version.unlink(missing_ok=True)  # to go on would be too much again
            raise ValueError(f"it has more than {self.most:.0f} bytes")
        return self.file.write(piece)

    def close(self) -> None:
        """End the file."""
        if self.file is not None:
            self.file.close()

    def forget(self) -> None:
        """Let go of what has come."""
        self.size = 0
        self.version.unlink(missing_ok=True)
        self.place.unlink(missing_ok=True)


def _version(headers: Any) -> str | None:
    """What a server calls this version of a file, so that it can be asked for the rest of it."""
    if headers.get("Content-Encoding", "identity") != "identity":
        return None  # its bytes are not those of the file
    tag: str | None = headers.get("ETag")
    named = tag if tag and not tag.startswith("W/") else headers.get("Last-Modified")
    return named if named and named.isascii() and named.isprintable() else None


class _Transfer(threading.Thread):
    """A download in a thread of its own: what waits for a server cannot look at the clock."""

    def __init__(self, url: str, received: _Received) -> None:
        super().__init__(daemon=True)
        self.url, self.received = url, received
        self.problem: Exception | None = None

    def run(self) -> None:
        """Receive the file, or keep what went wrong."""
        try:
            if self.url.lower().startswith("ftp:"):
                from pooch.downloaders import FTPDownloader  # noqa: PLC0415

                self.received.begin()
                FTPDownloader(timeout=SILENT)(self.url, self.received, None)
                return
            import requests  # noqa: PLC0415  (slow to import, and most commands fetch nothing)

            given: Any = {"stream": True, "timeout": SILENT, "headers": self.received.question}
            try:
                answer = requests.get(self.url, **given)
            except requests.ConnectionError as problem:
                host, why = urllib.parse.urlsplit(self.url).hostname, type(problem).__name__
                raise OSError(f"no connection to {host}: {why}") from problem
            with answer as response:
                if self.received.begin(response):
                    for piece in response.iter_content(PIECE):
                        self.received.write(piece)
        except Exception as problem:  # raised again where it is waited for
            self.problem = problem
        finally:
            self.received.close()

    def watch(self, patience: float) -> None:
        """Wait for the end, as long as pieces arrive."""
        self.start()
        try:
            while self.is_alive():
                before = self.received.size
                self.join(patience)
                if self.is_alive() and self.received.size == before:
                    raise ValueError(f"less than {PIECE // 2**10} KiB came in {patience:g} s")
        finally:
            self.received.open = False
        if self.problem is not None:
            raise self.problem
