"""Files of strangers neither read elsewhere, nor crash or hang, nor ask for more than a budget."""

from __future__ import annotations

import os
import re
import signal
import struct
import time
import zlib
from pathlib import Path

import builders
import h5py
import numpy as np
import pytest
import xarray as xr
from rows import every

from oceanbench.boards.published import published_table
from oceanbench.challenge import Challenge
from oceanbench.data import shipped
from oceanbench.data.attributes import check_attributes
from oceanbench.data.checks import preflight
from oceanbench.data.checks.budget import Budget
from oceanbench.data.checks.files import check_files
from oceanbench.errors import OceanbenchError

pytestmark = pytest.mark.usefixtures("unsound_headers")


def refusal(path: Path, budget: Budget | None = None) -> str:
    with pytest.raises(OceanbenchError) as caught:
        check_files([path], budget or Budget(), path.name)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    return builders.write(builders.maps(), tmp_path / "mine.nc")


def filtered(path: Path, *numbers: int) -> Path:
    """A file with an array behind these HDF5 filters."""
    with h5py.File(path, "w") as file:
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_chunk((64,))
        for number in numbers:
            plan.set_filter(number, h5py.h5z.FLAG_OPTIONAL, (1,))
        space = h5py.h5s.create_simple((64,))
        h5py.h5d.create(file.id, b"ssh", h5py.h5t.IEEE_F64LE, space, plan)
    return path


def test_a_filter_that_is_not_read_is_named(tmp_path):
    assert "filter 32015 (zstd)" in refusal(filtered(tmp_path / "a.nc", 32015))
    assert "compressed twice" in refusal(filtered(tmp_path / "b.nc", 1, 1))


def test_what_a_chunk_is_inflated_to_is_bounded(tmp_path):
    bomb = zlib.compress(bytes(2**28), 9)
    with h5py.File(tmp_path / "a.nc", "w") as file:
        array = file.create_dataset("ssh", (64,), "f8", chunks=(64,), compression="gzip")
        array.id.write_direct_chunk((0,), bomb)
    assert "decoded to more than 512 bytes" in refusal(tmp_path / "a.nc")


def test_what_is_read_when_a_file_is_opened_is_bounded(tmp_path, unsound_headers):
    """Attributes, axes and texts: of each of many axes the nodes cost nothing on disk."""
    paths = {name: tmp_path / f"{name}.nc" for name in ("said", "axes", "texts")}
    with h5py.File(paths["said"], "w", libver="latest") as file:
        file.create_dataset("ssh", (4,), "f8").attrs["notes"] = np.zeros(2**20)
    assert "8388608 bytes of attributes" in refusal(paths["said"])
    with h5py.File(paths["axes"], "w") as file:
        for name in "abcdefg":
            file.create_dataset(name, (10**7,), "f8").make_scale(name)
    assert "0.52 GiB in axes, more than 0.5 GiB" in refusal(paths["axes"])
    with h5py.File(paths["texts"], "w") as file:
        one = file.create_dataset("one", (1,), h5py.string_dtype(), chunks=(1,))
        one[0] = "a" * 2**22
        file.flush()
        text = one.id.read_direct_chunk((0,))[1]
        many = file.create_dataset("names", (2**12,), h5py.string_dtype(), chunks=(2**12,))
        many.id.write_direct_chunk((0,), text * 2**12)
    assert re.search("take more than|takes forever|crashes", refusal(paths["texts"]))


def test_no_chunk_is_stored_in_more_bytes_than_it_needs(tmp_path):
    with h5py.File(tmp_path / "a.nc", "w") as file:
        array = file.create_dataset("ssh", (64,), "f8", chunks=(64,), compression="gzip")
        array.id.write_direct_chunk((0,), bytes(2**21))
    assert "is stored in 2097152 bytes" in refusal(tmp_path / "a.nc")


@every(
    "filters, content, mask",
    [
        ({"compression": "gzip"}, zlib.compress(bytes(100)), 0),
        ({"compression": "gzip"}, bytes(100), 1),
        ({"shuffle": True}, bytes(100), 0),
        ({"fletcher32": True}, bytes(3), 0),
        ({"compression": "gzip", "fletcher32": True}, zlib.compress(bytes(100)) + bytes(4), 0),
    ],
)
def test_no_chunk_is_decoded_to_less_than_it_holds(filters, content, mask, tmp_path):
    """The library would take the rest from memory: of another file, perhaps the truth."""
    for whole in (False, True):
        path = tmp_path / f"{whole}.nc"
        with h5py.File(path, "w") as file:
            array = file.create_dataset("ssh", (64,), "f8", chunks=(64,), **filters)
            if whole:
                array[:] = np.arange(64.0)
            else:
                array.id.write_direct_chunk((0,), content, mask)
        if whole:
            assert check_files([path], Budget(), "a.nc") == 512
            with h5py.File(path, "a") as file:  # which a file may have beside it
                kept = {key: filters[key] for key in filters if key != "fletcher32"}
                names = file.create_dataset("names", (2,), h5py.string_dtype(), chunks=(2,), **kept)
                names[:] = ["a", "bc"]
            check_files([path], Budget(), "a.nc")
        else:
            assert "has a chunk that " in refusal(path)


def index_entry(size: int, place: int, address: int) -> bytes:
    """Entry of an index of chunks of a row each: bytes, no mask, place, and where it lies."""
    return struct.pack("<2I3Q", size, 0, place, 0, 0) + address.to_bytes(8, "little")


@every("other, words", [(8, "has 8 bytes"), (99999, "has 99999 bytes"), (None, "on each other")])
def test_an_index_of_chunks_says_where_each_lies_and_how_long_it_is(other, words, tmp_path):
    """What is shorter than its chunk would be read from memory; chunks of one place, for ever."""
    path = tmp_path / "a.nc"
    packed = {"compression": "gzip"} if other is None else {}
    with h5py.File(path, "w", libver="earliest") as file:
        array = file.create_dataset("ssh", (40, 4000), "f8", chunks=(1, 4000), **packed)
        array[0] = np.random.default_rng(0).standard_normal(4000)
        array[1:] = 1.0
        first, *others = [array.id.get_chunk_info(n) for n in range(40)]
    assert check_files([path], Budget(), "a.nc") == 40 * 32000
    content = path.read_bytes()
    for one in others:
        entry = (one.size, one.chunk_offset[0], one.byte_offset)
        assert content.count(index_entry(*entry)) == 1
        size, address = (first.size, first.byte_offset) if other is None else (other, entry[2])
        content = content.replace(index_entry(*entry), index_entry(size, entry[1], address))
    path.write_bytes(content)
    assert words in refusal(path)


@every("stored", [256, 1])
def test_an_array_has_the_bytes_that_it_declares(stored, tmp_path):
    path = tmp_path / "a.nc"
    with h5py.File(path, "w", libver="earliest") as file:
        file["ssh"] = np.arange(67.0)
    whole = path.read_bytes()
    size = (67 * 8).to_bytes(8, "little")
    assert whole.count(size) == 1
    path.write_bytes(whole.replace(size, stored.to_bytes(8, "little")))
    assert f"has {stored} bytes, expected 536" in refusal(path)


@every(
    "part, change, words",
    [
        ("values", {"values": 1000}, None),
        ("chunk", {"chunk": 100}, "in one chunk"),
        ("chunks", {"chunks": 1}, "chunks"),
        ("nodes", {"nodes": 3}, "nodes of one axis"),
        ("objects", {"objects": 3}, "arrays and groups"),
        ("files", {"files": 0}, "files"),
        ("stored", {"stored": 10}, "on disk"),
    ],
)
def test_no_file_asks_for_more_than_the_budget(part, change, words, tmp_path):
    path = tmp_path / "mine.nc"
    encoding = {"ssh": {"chunksizes": (5, 7, 9)}}
    builders.maps().to_netcdf(path, engine="h5netcdf", encoding=encoding)
    check_files([path], Budget(), "mine.nc")
    if words is None:  # counted after the domain is cut out; of a truth, all
        assert check_files([path], Budget(**change), "mine.nc") > 1000
        return
    assert f"{words}; give" in refusal(path, Budget(**change))
    check_files([path], Budget(**change).times(1e6), "mine.nc") if part != "files" else None


def test_a_truth_of_a_stranger_is_within_the_budget_too(tmp_path):
    path = builders.write_challenge(tmp_path, builders.MAPS, {})
    builders.write(builders.maps(), tmp_path / "truth.nc")
    Challenge.load(path).files("truth")
    with pytest.raises(OceanbenchError, match="of values, more than"):
        Challenge.load(path, Budget(values=1000)).files("truth")


@pytest.mark.parametrize("how", ["crash", "spin", "wait"])
def test_a_library_that_crashes_or_hangs_does_so_elsewhere(how, mine, monkeypatch):
    def fails(*_: object) -> None:
        if how == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        while how == "spin":
            pass
        time.sleep(30)

    monkeypatch.setattr(preflight, "SECONDS", 1)
    monkeypatch.setattr(preflight, "PATIENCE", 2)
    monkeypatch.setattr(preflight, "_read", fails)
    said = refusal(mine)
    assert ("SIGSEGV" if how == "crash" else "takes forever") in said


def test_headers_are_read_elsewhere_once_and_again_when_the_file_has_changed(mine, monkeypatch):
    def crash(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGSEGV)

    read: set[tuple[int, ...]] = set()
    with monkeypatch.context() as patch, pytest.raises(OceanbenchError, match="2 arrays"):
        patch.setattr(preflight, "_READ", read)
        check_files([mine], Budget(objects=1), "mine.nc")
    assert not read  # not to the end
    check_files([mine], Budget(), "mine.nc")
    monkeypatch.setattr(preflight, "_read", crash)
    check_files([mine], Budget(), "mine.nc")
    mine.write_bytes(mine.read_bytes())
    assert "SIGSEGV" in refusal(mine)


@every(
    "version, unlimited",
    [("NETCDF3_64BIT", []), ("NETCDF3_CLASSIC", []), ("NETCDF3_CLASSIC", ["time"])],
)
def test_a_classic_file_holds_what_its_header_says(version, unlimited, tmp_path):
    path = tmp_path / "mine.nc"
    maps = builders.maps(east=-65.0, west=-65.0)  # a column, which is no record
    maps["depth"] = 0.0
    maps.to_netcdf(path, engine="scipy", format=version, unlimited_dims=unlimited)
    check_files([path], Budget(), "mine.nc")
    whole = path.read_bytes()
    for length in (3, 4, 20, 100, len(whole) // 2, len(whole) - 8):
        path.write_bytes(whole[:length])
        assert "cut off" in refusal(path), length


def test_only_regular_files_are_read(tmp_path, mine):
    path = builders.write_challenge(tmp_path, builders.MAPS, {"datasets.truth.sha256": "0" * 64})
    os.mkfifo(tmp_path / "truth.nc")
    with pytest.raises(OceanbenchError, match="no regular file"):
        Challenge.load(path).files("truth")
    (tmp_path / "truth.nc").unlink()
    (tmp_path / "truth.nc").symlink_to("/etc/hostname")
    with pytest.raises(OceanbenchError, match="is a link out of the folder"):
        Challenge.load(path).files("truth")


def test_a_truth_reads_from_nowhere_else(tmp_path):
    path = builders.write_challenge(tmp_path, builders.MAPS, {})
    builders.write(builders.maps(), tmp_path / "truth.nc")
    with h5py.File(tmp_path / "truth.nc", "a") as file:
        del file["ssh"]
        file.create_dataset("ssh", (15, 7, 9), "f8", external=[("/etc/passwd", 0, 7560)])
    with pytest.raises(OceanbenchError, match="externally stored"):
        Challenge.load(path).open("truth")


def test_a_declaration_runs_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evil.py").write_text("raise SystemExit('ran')")
    for name in ("evil.py", "./evil.py", "evil"):
        with pytest.raises(OceanbenchError, match="reference_method"):
            builders.load_challenge(tmp_path / "c", builders.MAPS, reference_method=name)
    (tmp_path / "oi").write_text("raise SystemExit('ran')")
    (tmp_path / "amoc").mkdir()
    (tmp_path / "amoc" / "challenge.yaml").write_text("name: other")
    assert shipped.find("baselines", "oi", "{name}.py").parent == shipped.folder("baselines")
    assert Challenge.load("amoc").is_shipped


@every("path", ["/etc/passwd", "../../../etc/passwd", "link.csv", "wrong.csv", "binary.csv"])
def test_a_published_table_shows_nothing_of_other_files(path, tmp_path):
    given = {"path": path, "source": "somebody"}
    challenge = builders.load_challenge(tmp_path, builders.MAPS, published=given)
    (tmp_path / "link.csv").symlink_to("/etc/passwd")
    (tmp_path / "wrong.csv").write_text("root:x:0:0\nsecret:y\n")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00root")
    with pytest.raises(OceanbenchError, match="published") as caught:
        published_table(challenge)
    assert "x:0" not in str(caught.value) and "secret" not in str(caught.value)


@every(
    "text, words",
    [
        ("name: !!python/name:os.system x", "a tag"),
        ("name: !!int ''", "a tag"),
        ("[" * 5000, "nested more than 16 deep"),
        ("name: " + "x" * 2**18, "more than 256 KiB"),
        ("name: &a x\ntitle: *a", "an alias"),
        ("name: a\nname: b", "given twice"),
    ],
)
def test_yaml_is_plain_and_short(text, words, tmp_path):
    path = tmp_path / "challenge.yaml"
    path.write_text(text)
    with pytest.raises(OceanbenchError, match="not valid YAML") as caught:
        Challenge.load(path)
    assert words in str(caught.value)


@every(
    "changes",
    [
        {"datasets__truth__variables": {"ssh": " + ".join(["ssh"] * 40)}},
        {"metrics": [{"metric": "rmse", "label": f"RMSE {n}"} for n in range(501)]},
        {"masks": {f"m{n}": {} for n in range(501)}},
        {"submission__grid": {"step_degrees": 1e-6}},
        {"domain__time": ["0001-01-01", "9999-12-31"]},
        {"domain__longitude": [-1e300, 1e300]},
        {"name": "x" * 300},
    ],
)
def test_a_declaration_asks_for_no_more_than_there_is(changes, tmp_path):
    with pytest.raises(OceanbenchError, match=r"challenge\.yaml: ") as caught:
        builders.load_challenge(tmp_path, builders.MAPS, **changes)
    assert len(str(caught.value)) < 500


@every(
    "key, value",
    [("units", 5), ("units", np.zeros(0)), ("scale_factor", "x"), ("scale_factor", 1 + 2j),
     ("add_offset", np.nan), ("valid_range", [1.0]), ("standard_name", np.zeros(2))],
)  # fmt: skip
def test_attributes_have_their_types(key, value):
    dataset = xr.Dataset({"ssh": ("x", np.zeros(3), {key: value})})
    with pytest.raises(OceanbenchError, match=f"'{key}' of 'ssh'"):
        check_attributes(dataset, "mine.nc")
