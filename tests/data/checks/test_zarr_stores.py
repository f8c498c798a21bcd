"""Stores of Zarr 2 and 3 are read by the codecs listed, and only where every chunk is whole."""

from __future__ import annotations

import bz2
import gzip
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr
from numcodecs import BZ2, LZ4, Blosc, Delta, GZip, Shuffle, Zlib, Zstd
from rows import every

from oceanbench.data.checks.budget import Budget
from oceanbench.data.checks.files import check_files, open_untrusted
from oceanbench.errors import OceanbenchError

VALUES = np.random.default_rng(0).standard_normal((6, 5)).astype("f4")
CODECS = zarr.codecs
HONEST: dict[str, tuple[int, dict[str, Any]]] = {
    "2 plain": (2, {"compressors": None}),
    "2 blosc": (2, {"compressors": Blosc()}),
    "2 blosc, copied": (2, {"compressors": Blosc(clevel=0)}),
    "2 zlib": (2, {"compressors": Zlib()}),
    "2 gzip": (2, {"compressors": GZip()}),
    "2 zstd": (2, {"compressors": Zstd()}),
    "2 lz4": (2, {"compressors": LZ4()}),
    "2 bz2": (2, {"compressors": BZ2()}),
    "2 filters": (2, {"filters": [Shuffle(4)], "compressors": Zstd()}),
    "3 plain": (3, {"compressors": ()}),
    "3 blosc": (3, {"compressors": (CODECS.BloscCodec(),)}),
    "3 gzip": (3, {"compressors": (CODECS.GzipCodec(),)}),
    "3 zstd": (3, {"compressors": (CODECS.ZstdCodec(),)}),
    "3 sums": (3, {"compressors": (CODECS.ZstdCodec(), CODECS.Crc32cCodec())}),
    "3 sums alone": (3, {"compressors": (CODECS.Crc32cCodec(),)}),
    "3 shards": (3, {"shards": (6, 5), "compressors": (CODECS.BloscCodec(),)}),
    "3 shards, plain": (3, {"shards": (6, 5), "compressors": ()}),
}


def store(place: Path, name: str = "2 blosc") -> Path:
    """An honest store of one variable in chunks of (3, 5)."""
    version, encoding = HONEST[name]
    texts = {"name": ("x", list("abcde"))} if version == 2 else {}  # of version 3: warned of
    maps = xr.Dataset({"ssh": (("y", "x"), VALUES)}, texts)
    encoded = {"ssh": {"chunks": (3, 5), **encoding}}
    maps.to_zarr(place / "mine.zarr", zarr_format=version, consolidated=False, encoding=encoded)
    return place / "mine.zarr"


def refusal(path: Path, budget: Budget | None = None) -> str:
    with pytest.raises(OceanbenchError) as caught:
        check_files([path], budget or Budget(), "mine.zarr")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def rewrite(path: Path, **changes: Any) -> Path:
    """Change the metadata of the variable."""
    file = path / "ssh" / ".zarray"
    file = file if file.exists() else path / "ssh" / "zarr.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))
    return path


@every("name", HONEST)
@pytest.mark.filterwarnings("ignore:Numcodecs codecs are not")
def test_honest_stores_are_read(name, tmp_path):
    opened = open_untrusted(store(tmp_path, name))
    np.testing.assert_array_equal(opened["ssh"].values, VALUES)


@every("name", [n for n in HONEST if "plain" not in n and "sums alone" not in n])
@pytest.mark.filterwarnings("ignore:Numcodecs codecs are not")
def test_a_cut_chunk_is_never_read(name, tmp_path):
    """Blosc decodes what is left of a chunk, and takes the rest from anywhere."""
    path = store(tmp_path, name)
    shards = {"c/0/0": 1} if "shards" in name else {}
    keys = shards or {"c/1/0": 1, "1.0": 1}
    file = next(path / "ssh" / key for key in keys if (path / "ssh" / key).exists())
    whole = file.read_bytes()
    for length in range(1, len(whole), max(1, len(whole) // 12)):
        file.write_bytes(whole[:length])
        with pytest.raises(Exception, match=r"."):  # the store's, or the decoder's own
            open_untrusted(path).load()
    if "blosc" in name or "shards" in name:
        assert "damaged, or lies" in refusal(path)


CODED = {
    "pickle": {"dtype": "|O", "filters": [{"id": "pickle", "protocol": 5}]},
    "json": {"dtype": "|O", "filters": [{"id": "json2"}]},
    "objects": {"dtype": "|O", "filters": None},
    "records": {"dtype": [["a", "<f4"]]},
    "voids": {"dtype": "|V4"},
    "complex": {"dtype": "<c16"},
    "compressed twice": {"filters": [{"id": "zlib", "level": 1}]},
    "python objects": {"compressor": {"id": "msgpack2"}},
    "a codec of objects": {"compressor": {"id": "blosc", "cname": {"a": 1}}},
    "another type in a filter": {"filters": [{"id": "delta", "dtype": "|O"}]},
    "negative": {"chunks": [-3, 5]},
    "fractions": {"chunks": [3.0, 5]},
    "too few": {"chunks": [3]},
    "no list": {"shape": "x"},
}
CODED_3 = {
    "pickle": {"codecs": [{"name": "bytes"}, {"name": "numcodecs.pickle", "configuration": {}}]},
    "twice": {"codecs": [{"name": "bytes"}, {"name": "gzip"}, {"name": "zstd"}]},
    "unknown": {"codecs": [{"name": "bytes"}, {"name": "evil"}]},
    "texts as codecs": {"codecs": ["bytes"]},
    "bytes of any length": {"data_type": "variable_length_bytes"},
    "transformers": {"storage_transformers": [{"name": "x"}]},
    "another grid": {"chunk_grid": {"name": "rectangular", "configuration": {}}},
}


@every("name", CODED)
def test_codecs_and_types_are_those_listed(name, tmp_path):
    assert "'ssh" in refusal(rewrite(store(tmp_path), **CODED[name]))


@every("name", CODED_3)
def test_codecs_and_types_of_version_3_are_those_listed(name, tmp_path):
    assert "'ssh" in refusal(rewrite(store(tmp_path, "3 zstd"), **CODED_3[name]))


def test_a_filter_codes_the_type_that_its_array_holds(tmp_path):
    counts = xr.Dataset({"ssh": ("x", np.arange(6, dtype="i4"))})
    encoded = {"ssh": {"filters": [Delta("<i4")], "compressors": None}}
    counts.to_zarr(tmp_path / "a.zarr", zarr_format=2, consolidated=False, encoding=encoded)
    np.testing.assert_array_equal(open_untrusted(tmp_path / "a.zarr")["ssh"], counts["ssh"])
    same = rewrite(tmp_path / "a.zarr", filters=[{"id": "delta", "dtype": "<i4"}])
    check_files([same], Budget(), "a.zarr")
    other = rewrite(tmp_path / "a.zarr", filters=[{"id": "delta", "dtype": "<i8"}])
    assert "codes <i8 and holds <i4" in refusal(other)


def test_an_empty_chunk_of_a_shard_is_missing(tmp_path):
    values = VALUES.copy()
    values[:3] = np.nan
    encoded = {"ssh": {"chunks": (3, 5), **HONEST["3 shards"][1]}}
    maps = xr.Dataset({"ssh": (("y", "x"), values)})
    maps.to_zarr(tmp_path / "a.zarr", zarr_format=3, consolidated=False, encoding=encoded)
    index = (tmp_path / "a.zarr" / "ssh" / "c" / "0" / "0").read_bytes()
    assert b"\xff" * 16 in index
    np.testing.assert_array_equal(open_untrusted(tmp_path / "a.zarr")["ssh"].values, values)


@every("name, chunk", [("2 zstd", "0.0"), ("3 zstd", "c/0/0")])
def test_a_chunk_is_of_its_own_compressor(name, chunk, tmp_path):
    path = store(tmp_path, name)
    whole = (path / "ssh" / chunk).read_bytes()
    (path / "ssh" / chunk).write_bytes(bytes(4) + whole[4:])
    assert "is no Zstandard frame" in refusal(path)


def test_no_header_is_believed(tmp_path):
    path = store(tmp_path)
    file = path / "ssh" / "0.0"
    whole = file.read_bytes()
    for place, number in ((4, 2**30), (4, 61), (8, 2**31), (8, 0), (12, 16), (12, 2**30)):
        forged = bytearray(whole)
        forged[place : place + 4] = number.to_bytes(4, "little")
        file.write_bytes(forged)
        assert "'ssh/0.0'" in refusal(path), (place, number)


def test_what_a_chunk_is_decoded_to_is_bounded(tmp_path):
    """A few kilobytes of gzip and bzip2 hold as many gigabytes as one likes."""
    zeros = bytes(2**27)
    for name, bomb in (("2 gzip", gzip.compress(zeros)), ("2 bz2", bz2.compress(zeros))):
        path = store(tmp_path, name)
        (path / "ssh" / "0.0").write_bytes(bomb)
        assert "decoded to more than 60 bytes" in refusal(path)
        shutil.rmtree(path)


@every("name", ["2 plain", "2 zlib", "2 zstd", "2 bz2", "2 lz4", "3 gzip", "3 shards"])
def test_no_chunk_is_stored_in_more_bytes_than_it_needs(name, tmp_path):
    """Its decoder would read them all; a hole in a file costs nothing."""
    path = store(tmp_path, name)
    chunk = path / "ssh" / ("0.0" if name[0] == "2" else "c/0/0")
    os.truncate(chunk, 2**32)
    assert "is stored in 4294967296 bytes" in refusal(path, Budget())


def test_stores_hold_regular_files_within_the_budget(tmp_path):
    path = store(tmp_path)
    texts = sum(file.name.startswith(".z") for file in path.rglob("*"))
    enough = Budget(chunks=3, files=texts, nodes=6, objects=2, chunk=60)
    check_files([path], enough, "mine.zarr")
    assert "chunks, more than" in refusal(path, Budget(chunks=1))
    assert "on disk" in refusal(path, Budget(stored=100))
    assert "in one chunk" in refusal(path, Budget(chunk=50))
    assert "nodes of one axis" in refusal(path, Budget(nodes=4))
    (path / "ssh" / "0.0").unlink()
    os.mkfifo(path / "ssh" / "0.0")
    assert "no regular file" in refusal(path)
    (path / "ssh" / "0.0").unlink()
    (path / "ssh" / "0.0").symlink_to("/etc/hostname")
    assert "symbolic link" in refusal(path)
