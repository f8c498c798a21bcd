"""A server that sends too much, or next to nothing, is left; one that is slow to begin is not."""

from __future__ import annotations

import gzip
import http.server
import itertools
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rows import every

from oceanbench.data import downloads
from oceanbench.data.transfer import bounded
from oceanbench.errors import OceanbenchError

PAUSE = 0.05
ENDLESS = itertools.repeat(bytes(2**16))


def drip() -> Iterator[bytes]:
    for _ in range(200):
        time.sleep(PAUSE)
        yield b"x"


class Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        name = self.path.strip("/")
        if name in ("file", "loop", "inside"):
            to = {"file": "file:///etc/hostname", "loop": "/loop", "inside": "/good"}[name]
            self.send_response(302)
            self.send_header("Location", to)
            self.end_headers()
            return
        if name == "headers":
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            self._send(b"X: y\r\n" for _ in drip())
            return
        self.send_response(200)
        if name == "bomb":
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        said = {
            "good": iter([b"val", b"ues"]),
            "late": (
                p for n, p in enumerate([b"val", b"ues"]) if time.sleep(3 * PAUSE * n) is None
            ),
            "endless": ENDLESS,
            "drip": drip(),
            "bomb": iter([gzip.compress(bytes(2**24))]),
        }
        self._send(said[name])

    def _send(self, pieces: Iterator[bytes]) -> None:
        try:
            for piece in pieces:
                self.wfile.write(piece)
                self.wfile.flush()
        except OSError:
            return

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def fetch(url: str, folder: Path, monkeypatch: pytest.MonkeyPatch, patience: float = 20.0) -> None:
    monkeypatch.setattr(downloads, "bounded", lambda most: bounded(most, patience))
    downloads.fetch(url, folder, ["x.nc"], known_hash=None, archive=False, most=2**20)


@every("name", ["good", "late", "inside"])
def test_an_honest_server_is_heard_to_the_end(name, address, tmp_path, monkeypatch):
    fetch(f"{address}/{name}", tmp_path, monkeypatch)
    assert (tmp_path / "x.nc").read_bytes() == b"values"


@every(
    "name, patience, words",
    [
        ("endless", 20.0, "more than 1048576 bytes"),
        ("bomb", 20.0, "more than 1048576 bytes"),
        ("drip", 8 * PAUSE, "less than 64 KiB came"),
        ("headers", 8 * PAUSE, "less than 64 KiB came"),
        ("file", 20.0, "could not be fetched"),
        ("loop", 20.0, "30 redirects"),
    ],
)
def test_another_is_left(name, patience, words, address, tmp_path, monkeypatch):
    began = time.perf_counter()
    with pytest.raises(OceanbenchError, match=words):
        fetch(f"{address}/{name}", tmp_path, monkeypatch, patience)
    assert list(tmp_path.iterdir()) == []
    assert time.perf_counter() - began < 10.0


@every(
    "url", ["file:///etc/hostname", "doi:10.5281/zenodo.1/x", "sftp://h/x", "x", "http://h/\x1b[2J"]
)
def test_no_other_address_is_opened(url, tmp_path, monkeypatch):
    with pytest.raises(OceanbenchError, match="could not be fetched"):
        fetch(url, tmp_path, monkeypatch)
    assert list(tmp_path.iterdir()) == []
