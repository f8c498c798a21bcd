"""What a server sends: no more than it may, and not slower than anything arrives."""

from __future__ import annotations

import threading
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import requests
from pooch.downloaders import FTPDownloader

PROTOCOLS = ("https", "http", "ftp")
SILENT = 20.0  # seconds that a server may be silent
PIECE = 2**16  # bytes that are written at once
PATIENCE = 25.0  # seconds in which a piece must arrive
AS_IT_IS = {"Accept-Encoding": "identity"}  # nothing is inflated on the way


def check_address(url: str) -> None:
    """Refuse what is no address in the web, or holds what a terminal obeys."""
    if not url.isprintable() or urllib.parse.urlsplit(url).scheme.lower() not in PROTOCOLS:
        raise ValueError(f"it is no address that begins with {', '.join(PROTOCOLS)}")


def bounded(most: float, patience: float = PATIENCE) -> Callable[[str, str, Any], None]:
    """Downloader for pooch that stops what is too large, and what stands still or drips.

    Redirections lead to web addresses only, as `requests` follows no others.

    Parameters
    ----------
    most : bytes
    patience : seconds in which 64 KiB must arrive, or the end

    Returns
    -------
    function of an address, a path and what pooch gives; it raises ValueError
    """

    def download(url: str, place: str, _: Any) -> None:
        with Path(place).open("wb") as file:
            _Transfer(url, _Received(file, most)).watch(patience)

    return download


class _Received:
    """File that takes up to so many bytes, and none once it is closed to the sender."""

    def __init__(self, file: IO[bytes], most: float) -> None:
        self.file, self.most = file, most
        self.size, self.open = 0, True

    def write(self, piece: bytes) -> int:
        """Take what has come."""
        if not self.open:
            raise ValueError("nobody waits any more")
        self.size += len(piece)
        if self.size > self.most:
            raise ValueError(f"it has more than {self.most:.0f} bytes")
        return self.file.write(piece)


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
                FTPDownloader(timeout=SILENT)(self.url, self.received, None)
                return
            given: Any = {"stream": True, "timeout": SILENT, "headers": AS_IT_IS}
            with requests.get(self.url, **given) as response:
                response.raise_for_status()
                for piece in response.iter_content(PIECE):
                    self.received.write(piece)
        except Exception as problem:  # raised again where it is waited for
            self.problem = problem

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
