"""What is fetched stays in its folder, without rights, links or more than an archive can hold."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import os
import shutil
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from builders import MAPS, load_challenge
from rows import every

from oceanbench.data import downloads
from oceanbench.errors import OceanbenchError

MOST = 2**40
SUM = hashlib.sha256(b"values").hexdigest()


def tar(path: Path, *members: tuple[str, bytes | None, dict[str, object]]) -> Path:
    """Archive of members: name, content, and what else its header says."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content, given in members:
            member = tarfile.TarInfo(name)
            member.size = len(content or b"")
            for key, value in given.items():
                setattr(member, key, value)
            archive.addfile(member, io.BytesIO(content or b""))
    return path


@pytest.fixture
def fetched(tmp_path, monkeypatch):
    """Fetch an archive, or a file, from an address that gives it."""
    folder = tmp_path / "outer" / "data"

    def fetch(
        file: Path,
        *patterns: str,
        archive: bool = True,
        url: str = "http://x/y",
        known: str | None = None,
    ) -> Path:
        def download(url: str, place: Path, most: float) -> None:
            shutil.copyfile(file, place)

        monkeypatch.setattr(downloads, "download", download)
        downloads.fetch(
            url, folder, patterns or ("*.nc",), known_hash=known, archive=archive, most=MOST
        )
        return folder

    return fetch


def inside(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


LEAVING = ["../up.nc", "a/../../up.nc", "/oceanbench_up.nc", "..\\up.nc"]


@every("name", LEAVING)
def test_no_member_leaves_the_folder(name, fetched, tmp_path):
    for archive in ("tar", "zip"):
        path = tmp_path / f"a.{archive}"
        if archive == "tar":
            tar(path, (name, b"x", {}))
        else:
            with zipfile.ZipFile(path, "w") as opened:
                opened.writestr(name, b"x")
        with pytest.raises(OceanbenchError, match="writes outside"):
            fetched(path, "*")
        assert inside(tmp_path / "outer") == set()
        assert not Path("/oceanbench_up.nc").exists()


@every(
    "name, size, words",
    [
        ("a\x1b[31m.nc", 0, "no file may have"),
        (".fetch/other/download.nc", 0, "no file may have"),
        ("a.nc", -512, "less than no bytes"),
    ],
)
def test_no_member_has_a_name_or_size_that_no_file_has(name, size, words, fetched, tmp_path):
    member, path = tarfile.TarInfo(name), tmp_path / "a.tar.gz"
    member.size = size
    path.write_bytes(gzip.compress(member.tobuf() + bytes(1024)))
    with pytest.raises(OceanbenchError, match=words):
        fetched(path, "*")
    assert inside(tmp_path / "outer") == set()


def test_the_directory_of_an_archive_is_bounded(fetched, tmp_path, monkeypatch):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as opened:
        for number in range(400):
            opened.writestr(f"{number}.nc", b"")
    monkeypatch.setattr(downloads, "MOST_AT_ONCE", 2**14)
    with pytest.raises(OceanbenchError, match="header that is too large"):
        fetched(path, "*")


def test_only_regular_files_that_are_declared_are_kept(fetched, tmp_path):
    path = tar(
        tmp_path / "a.tar.gz",
        ("ref/truth.nc", b"truth", {"mode": 0o6777}),
        ("method.py", b"evil", {}),
        ("link.nc", None, {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}),
        ("hard.nc", None, {"type": tarfile.LNKTYPE, "linkname": "ref/truth.nc"}),
        ("pipe.nc", None, {"type": tarfile.FIFOTYPE}),
    )
    folder = fetched(path, "ref/*.nc", "*.nc")
    assert inside(folder) == {"ref/truth.nc"}
    assert (folder / "ref" / "truth.nc").stat().st_mode & 0o7111 == 0
    assert [p.name for p in folder.glob(".*")] == []


@every("how", ["w:", "w:gz", "w:bz2", "zip"])
def test_archives_of_every_form_are_unpacked(how, fetched, tmp_path):
    path = tmp_path / "archive"
    (tmp_path / "truth.nc").write_bytes(b"truth" * 200)
    if how == "zip":
        with zipfile.ZipFile(path, "w") as opened:
            opened.mkdir("ref")
            opened.write(tmp_path / "truth.nc", "ref/truth.nc")
    else:
        with tarfile.open(path, how) as archive:
            archive.add(tmp_path / "truth.nc", "ref/truth.nc")
    folder = fetched(path, "ref/*.nc")
    assert (folder / "ref" / "truth.nc").read_bytes() == b"truth" * 200


def test_what_is_there_is_not_overwritten(fetched, tmp_path):
    place = tmp_path / "outer" / "data" / "truth.nc"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"mine")
    fetched(tar(tmp_path / "a.tar.gz", ("truth.nc", b"theirs", {})))
    assert place.read_bytes() == b"mine"


def test_an_archive_holds_no_more_than_archives_do(fetched, tmp_path, monkeypatch):
    monkeypatch.setattr(downloads, "SMALL", 2**20)
    bomb = tar(tmp_path / "a.tar.gz", ("truth.nc", bytes(2**25), {}))
    with pytest.raises(OceanbenchError, match="the archive holds more than"):
        fetched(bomb)


def test_a_damaged_archive_is_refused_in_one_line(fetched, tmp_path):
    values = np.random.default_rng(0).bytes(3000)
    whole = {"gz": tar(tmp_path / "a.tar.gz", ("truth.nc", values, {})).read_bytes()}
    plain = gzip.decompress(whole["gz"])
    whole |= {"bz2": bz2.compress(plain), "tar": plain[: 512 + 3072]}
    for kind, compression in (("zip", zipfile.ZIP_DEFLATED), ("lzma", zipfile.ZIP_LZMA)):
        with zipfile.ZipFile(tmp_path / "a.zip", "w", compression) as opened:
            opened.writestr("truth.nc", values)
        whole[kind] = (tmp_path / "a.zip").read_bytes()
    for content in whole.values():
        middle = len(content) // 2
        for bad in (
            b"",
            content[:9],
            content[:middle],
            content[:60] + b"\xff" * 40 + content[100:],
        ):
            (tmp_path / "bad").write_bytes(bad)
            with pytest.raises(OceanbenchError, match="could not be fetched"):
                fetched(tmp_path / "bad", "truth.nc")
            assert inside(tmp_path / "outer") == set()


def test_an_archive_may_hold_exactly_what_archives_do(fetched, tmp_path, monkeypatch):
    path = tar(tmp_path / "a.tar.gz", ("a.nc", bytes(300), {}), ("b.nc", bytes(700), {}))
    monkeypatch.setattr(downloads, "MOST_RATIO", 0)
    monkeypatch.setattr(downloads, "SMALL", 999)
    with pytest.raises(OceanbenchError, match="the archive holds more than 999 bytes"):
        fetched(path)
    monkeypatch.setattr(downloads, "SMALL", 1000)
    assert inside(fetched(path)) == {"a.nc", "b.nc"}


def test_a_header_that_declares_gigabytes_is_not_read(fetched, tmp_path):
    header = tarfile.TarInfo("x")
    header.size, header.type = 2**28, tarfile.XHDTYPE
    path = tmp_path / "a.tar.gz"
    path.write_bytes(gzip.compress(header.tobuf() + bytes(2**28), 1))
    with pytest.raises(OceanbenchError, match="header that is too large"):
        fetched(path)


def test_a_single_file_gets_the_declared_path(fetched, tmp_path):
    (tmp_path / "f").write_bytes(b"values")
    assert inside(fetched(tmp_path / "f", "dir/truth.nc", archive=False)) == {"dir/truth.nc"}
    named = {
        "http://host/a/%2e%2e%2fx.nc?name=/etc/passwd": "x.nc",
        "http://host/get?file=/a/b.nc&key=c.nc": "b.nc",
        "http://host/get?file=..%2F..%2Fup.nc": "up.nc",
        "https://host/records/1/files/d.nc/content?download=1": "d.nc",
    }
    for address, name in named.items():
        folder = fetched(tmp_path / "f", "many/*.nc", archive=False, url=address)
        assert (folder / "many" / name).read_bytes() == b"values", address
    assert inside(tmp_path) == {
        "f", "outer/data/dir/truth.nc", *(f"outer/data/many/{n}" for n in named.values())
    }  # fmt: skip
    with pytest.raises(OceanbenchError, match=r"names no file like \*\.nc"):
        fetched(tmp_path / "f", "many/*.nc", archive=False, url="http://host/get?id=7")


@every("archive", [False, True])
def test_others_may_read_what_was_fetched(archive, fetched, tmp_path):
    given = tar(tmp_path / "a.tar.gz", ("x.nc", b"values", {"mode": 0o600})) if archive else None
    (tmp_path / "f").write_bytes(b"values")
    (tmp_path / "f").chmod(0o600)
    for mask, rights in ((0o022, 0o644), (0o027, 0o640)):
        before = os.umask(mask)
        try:
            folder = fetched(given or tmp_path / "f", f"{mask}/x.nc", "x.nc", archive=archive)
        finally:
            os.umask(before)
        place = folder / ("x.nc" if archive else f"{mask}/x.nc")
        assert place.stat().st_mode & 0o777 == rights
        place.unlink()


def test_a_sum_that_differs_brings_nothing(fetched, tmp_path):
    (tmp_path / "f").write_bytes(b"values")
    with pytest.raises(OceanbenchError, match="it has sha256 89445ea08b55…, expected 000000000000"):
        fetched(tmp_path / "f", "x.nc", archive=False, known="0" * 64)
    assert list((tmp_path / "outer" / "data").iterdir()) == []
    fetched(tmp_path / "f", "x.nc", archive=False, known=SUM.upper())
    assert inside(tmp_path / "outer") == {"data/x.nc"}


@every("path", ["../../x.nc", "/etc/hostname", "data/../../x.nc", "*/../../x"])
def test_a_path_of_a_declaration_stays_in_its_folder(path, tmp_path, monkeypatch):
    source = {"url": "http://127.0.0.1:9/x"}
    challenge = load_challenge(
        tmp_path / "c", MAPS, datasets__truth__path=path, datasets__truth__source=source
    )
    monkeypatch.setattr(downloads, "download", None)
    for data_dir in (None, tmp_path):
        with pytest.raises(OceanbenchError, match=r"leads out of the folder of challenge\.yaml"):
            challenge.fetch("truth", data_dir)
