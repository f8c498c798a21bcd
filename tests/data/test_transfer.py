"""A server that sends too much, or next to nothing, is left; one that is slow to begin is not."""

from __future__ import annotations

import gzip
import http.server
import itertools
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import ClassVar

import pytest
from rows import every

from oceanbench.data import downloads
from oceanbench.data.transfer import download, version_of
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
    monkeypatch.setattr(downloads, "download", partial(download, patience=patience))
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


WHOLE = bytes(range(256)) * 2**10


class Breaking(http.server.BaseHTTPRequestHandler):
    """A server whose first answers end early, and that knows how to go on.

    Every address is asked with what it does after the break, and answers are noted.
    """

    asked: ClassVar[list[tuple[str, str | None]]] = []
    broken: ClassVar[set[str]] = set()

    def do_GET(self) -> None:
        how, wanted = self.path.split("/")[1].split("?")[0], self.headers.get("Range")
        self.asked.append((how, wanted))
        first = how not in self.broken
        self.broken.add(how)
        tag = f'"{len(self.broken) if how != "changed" or first else 0}"'
        if how == "gone" and not first:
            self.send_error(503)
            return
        begin = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        goes_on = wanted and how not in ("deaf", "changed")
        if how == "whole" and begin == len(WHOLE):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(WHOLE)}")
            self.end_headers()
            return
        self.send_response(206 if goes_on else 200)
        if goes_on:
            shifted = begin + (how == "elsewhere")
            self.send_header("Content-Range", f"bytes {shifted}-{len(WHOLE) - 1}/{len(WHOLE)}")
        if how != "unnamed":
            self.send_header("ETag" if how != "dated" else "Last-Modified", tag)
        rest = WHOLE[begin if goes_on else 0 :]
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest[: len(WHOLE) // 2] if first else rest)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def breaking() -> Iterator[str]:
    Breaking.asked.clear()
    Breaking.broken.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Breaking) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@every("how", ["tagged", "dated", "tagged?file=y"])
def test_a_transfer_goes_on_where_it_ended(how, breaking, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Breaking.asked.clear()
    Breaking.broken.clear()
    folder = Path("data", how)  # as --data-dir may be given
    with pytest.raises(OceanbenchError, match=r"could not be fetched .*what has come is kept"):
        fetch(f"{breaking}/{how}", folder, monkeypatch)
    assert list(folder.glob("*.nc")) == []
    fetch(f"{breaking}/{how}", folder, monkeypatch)
    assert [wanted for _, wanted in Breaking.asked] == [None, f"bytes={len(WHOLE) // 2}-"]
    assert [p.relative_to(folder).as_posix() for p in folder.rglob("*")] == ["x.nc"]
    assert (folder / "x.nc").read_bytes() == WHOLE


@every("how", ["deaf", "changed", "unnamed"])
def test_it_begins_anew_where_it_cannot_go_on(how, breaking, tmp_path, monkeypatch):
    with pytest.raises(OceanbenchError, match="could not be fetched"):
        fetch(f"{breaking}/{how}", tmp_path / how, monkeypatch)
    fetch(f"{breaking}/{how}", tmp_path / how, monkeypatch)
    assert (tmp_path / how / "x.nc").read_bytes() == WHOLE
    assert [p.name for p in (tmp_path / how).iterdir()] == ["x.nc"]


def test_what_came_outlives_a_refusal_and_not_a_wrong_part(breaking, tmp_path, monkeypatch):
    for how, kept in (("gone", True), ("elsewhere", False)):
        for _ in range(2):
            with pytest.raises(OceanbenchError, match="could not be fetched"):
                fetch(f"{breaking}/{how}", tmp_path / how, monkeypatch)
        assert bool(list((tmp_path / how).rglob("download"))) is kept


def test_a_whole_download_is_used(breaking, tmp_path):
    place = tmp_path / "x"
    place.write_bytes(WHOLE)
    version_of(place).write_text('"1"')
    download(f"{breaking}/whole", place, 2**20)
    assert place.read_bytes() == WHOLE


def test_two_at_once_do_not_write_one_file(breaking, tmp_path, monkeypatch):
    url = f"{breaking}/whole"
    place = tmp_path / downloads.WORK / downloads.sha256_of_text(url)[:16]
    with downloads.alone(place), pytest.raises(OceanbenchError, match="another process"):
        fetch(url, tmp_path, monkeypatch)
    assert list(tmp_path.iterdir()) == []


def test_a_host_that_is_not_there_is_named_in_few_words(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"^no connection to 127\.0\.0\.1: ConnectionError$"):
        download("http://127.0.0.1:9/file", tmp_path / "file", 1e6)
