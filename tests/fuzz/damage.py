"""Damaged inputs of every format that OceanBench reads, from seeds: cut, flipped, and rewritten."""

from __future__ import annotations

import copy
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import builders
import forecast_worlds
import h5py
import numpy as np
import processes
import xarray as xr
import yaml
import zarr
from numcodecs import LZ4, Blosc, GZip, Zstd

from oceanbench.cli.commands import main

METHOD = """\"A level that was learned.\"
def train(inputs, *, device, seed):
    return {}
def estimate(inputs, target, *, device, seed, weights):
    return target.fillna(0.0 * float(next(iter(weights.values())).sum()))
"""
MOST_MEMORY = 2**31
NASTY: list[Any] = [
    None, True, "", "x", "\x1b[31m", "é\n# fake", "../../x", "/etc/passwd", "NaN", "=1+1",
    0, -1, 1, 2**31, 2**63, 10**30, 1e308, 0.5, [], {}, [[]], [None], ["x"], {"x": 1},
    [1, 2, 3], "pickle", "<f4", "|O", "int8", "1e3", "days since 0001-01-01", "999 since never",
]  # fmt: skip
COMPRESSORS = [Blosc(), Blosc(cname="zstd", shuffle=2), GZip(), Zstd(), LZ4(), None]
WHOLE = [f"{name}-{n}" for name in ("zarr2", "zarr3") for n in range(4)]
FORMATS = (
    "netcdf4", "netcdf3", *WHOLE, "yaml", "json", "weights",
    "truth", "windows", "forecasts", "forecasts.yaml",
)  # fmt: skip
WINDOWS: dict[str, Any] = {
    "name": "toy_windows",
    "version": 1,
    "title": "Toy windows",
    "kind": "windows",
    "datasets": {"truth": {"role": "truth", "path": "truth.nc", "variables": {"state": "state"}}},
    "submission": {"variables": {"state": {"units": "1"}}},
    "masks": {"all": {}, "late": {"elapsed": [1.0, 3.0]}},
    "metrics": [{"metric": "rmse", "label": "RMSE"}],
    "rank_by": "RMSE",
}


def make(folder: Path) -> None:
    """A small challenge with good files of every format."""
    toy = builders.write_challenge(folder, builders.MAPS, {})
    builders.write(builders.maps(), folder / "truth.nc")
    mine = builders.maps(noise=0.05).astype("f4")
    mine.to_netcdf(folder / "mine.netcdf4", engine="h5netcdf", encoding={"ssh": {"zlib": True}})
    mine.to_netcdf(folder / "mine.netcdf3", engine="scipy", format="NETCDF3_64BIT")
    chunks = {"chunks": (5, 4, 9)}
    for n in range(4):
        coded = {"compressors": (COMPRESSORS[n] if COMPRESSORS[n] else None,), **chunks}
        _store(mine, folder / f"mine.zarr2-{n}", 2, coded)
    codecs = zarr.codecs
    pipes: list[dict[str, Any]] = [
        {"compressors": (codecs.BloscCodec(),)},
        {"compressors": (codecs.GzipCodec(),)},
        {"compressors": (codecs.ZstdCodec(), codecs.Crc32cCodec())},
        {"compressors": (codecs.BloscCodec(),), "shards": (5, 4, 9), "chunks": (5, 2, 3)},
    ]
    for n, pipe in enumerate(pipes):
        _store(mine, folder / f"mine.zarr3-{n}", 3, chunks | pipe)
    shutil.copy(toy, folder / "mine.yaml")
    shutil.copy(folder / "truth.nc", folder / "mine.truth")
    _windows(folder / "windows", folder / "mine.windows")
    forecasts = forecast_worlds.declare(folder / "forecasts")
    builders.write(forecast_worlds.persistence(), folder / "mine.forecasts")
    shutil.copy(forecasts, folder / "mine.forecasts.yaml")
    sys.argv = ["oceanbench", "evaluate", str(toy), str(folder / "mine.netcdf4")]
    sys.argv += ["--output", str(folder / "results")]
    main()
    shutil.copy(folder / "results" / "toy_maps" / "mine.json", folder)
    (folder / "again").mkdir()
    shutil.copy(toy, folder / "again")
    (folder / "learned.py").write_text(METHOD)
    _weights(folder / "mine.weights")


def _windows(folder: Path, mine: Path) -> None:
    builders.write_challenge(folder, WINDOWS, {})
    axes = {"window": np.arange(4), "time": np.arange(5.0), "component": list("abc")}
    values = np.random.default_rng(1).standard_normal((2, 4, 5, 3))
    for path, state in zip((folder / "truth.nc", mine), values, strict=True):
        builders.write(xr.Dataset({"state": (tuple(axes), state, {"units": "1"})}, axes), path)


def _weights(path: Path) -> None:
    """A safetensors file (https://huggingface.co/docs/safetensors), written by hand."""
    parts = {
        "method": {"name": "learned", "sha256": "0"},
        "challenge": {"name": "toy_maps", "version": 1, "sha256": "0"},
        "training": {"period": [], "files": {}},
        "provenance": {"seed": 0, "options": {}},
    }
    texts = {"schema": "1"} | {name: json.dumps(part) for name, part in parts.items()}
    tensor = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
    header = json.dumps({"__metadata__": texts, "level": tensor}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))


def finding(good: Path, name: str, seed: int) -> str | None:
    """Damage an input, run the command that reads it, and say what is wrong with its ending."""
    random = Random(seed)
    place = good / "work"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    files = good / "forecasts" if name.startswith("forecasts") else good
    for file in files.glob("*.nc"):
        shutil.copy(file, place)
    bad = place / f"bad.{name}"
    done = damaged(good / f"mine.{name}", bad, random)
    ending = processes.command(words(good, name, bad), place)
    wrong = ending.fault
    if ending.memory > MOST_MEMORY:
        wrong = f"{ending.memory} bytes of memory"
    return f"{name}, seed {seed}: {done}: {wrong}: {ending.errors[-300:]}" if wrong else None


def words(good: Path, name: str, file: Path) -> list[str]:
    """Command that reads a file of a format."""
    challenge, mine = str(good / "challenge.yaml"), str(good / "mine.netcdf4")
    if name == "truth":
        shutil.copy(file, good / "again" / "truth.nc")
    others = {
        "yaml": ["evaluate", str(file), mine],
        "forecasts.yaml": ["evaluate", str(file), str(good / "mine.forecasts")],
        "truth": ["evaluate", str(good / "again" / "challenge.yaml"), mine],
        "windows": ["evaluate", str(good / "windows" / "challenge.yaml"), str(file)],
        "forecasts": ["evaluate", str(good / "forecasts" / "challenge.yaml"), str(file)],
        "json": ["check", challenge, str(file), "--reference", str(good / "mine.json")],
        "weights": ["run", str(good / "learned.py"), challenge, "--weights", str(file)],
    }
    return others.get(name, ["evaluate", challenge, str(file)])


def _store(maps: xr.Dataset, path: Path, version: int, encoding: dict[str, Any]) -> None:
    maps.to_zarr(path, zarr_format=version, consolidated=False, encoding={"ssh": encoding})


def damaged(good: Path, place: Path, random: Random) -> str:
    """Write a damaged copy of a file or store; what was done to it."""
    if good.is_dir():
        shutil.copytree(good, place)
        file = random.choice(sorted(p for p in place.rglob("*") if p.is_file()))
        said = f"{file.relative_to(place)}: "
    else:
        shutil.copy(good, place)
        file, said = place, ""
    changes: list[Callable[[Path, Random], str]] = [_cut, _flipped, _zeroed, _repeated]
    if good.suffix in (".yaml",):
        changes += 4 * [_another_yaml]
    elif file.suffix == ".json" or file.name.startswith(".z"):
        changes += 4 * [_another_json]
    elif good.suffix in (".netcdf4", ".truth", ".windows", ".forecasts"):
        changes += 4 * [_another_attribute]
    return said + random.choice(changes)(file, random)


def _cut(file: Path, random: Random) -> str:
    content = file.read_bytes()
    length = random.choice([0, 1, random.randrange(len(content) + 1), max(0, len(content) - 1)])
    file.write_bytes(content[:length])
    return f"cut at {length} of {len(content)}"


def _flipped(file: Path, random: Random) -> str:
    content = bytearray(file.read_bytes())
    places = [random.randrange(len(content) or 1) for _ in range(random.choice([1, 1, 3, 30]))]
    for at in places if content else []:
        content[at] ^= 1 << random.randrange(8)
    file.write_bytes(content)
    return f"flipped at {places}"


def _zeroed(file: Path, random: Random) -> str:
    content = bytearray(file.read_bytes())
    at, byte = random.randrange(len(content) or 1), random.choice([0, 255])
    length = min(random.choice([1, 4, 8, 64]), len(content) - at)
    content[at : at + length] = bytes([byte]) * length
    file.write_bytes(content)
    return f"{length} bytes of {byte} at {at}"


def _repeated(file: Path, random: Random) -> str:
    content = file.read_bytes()
    at = random.randrange(len(content) or 1)
    file.write_bytes(content[:at] + content[at // 2 : at] + content[at:])
    return f"repeated at {at}"


def rewritten(tree: Any, random: Random) -> tuple[Any, str]:
    """Copy of a tree with one value replaced, removed or said twice."""
    tree = copy.deepcopy(tree)
    places: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            places.append((node, key))
            if isinstance(node[key], dict | list):
                walk(node[key])

    walk(tree)
    if not places:
        return random.choice(NASTY), "another whole"
    node, key = random.choice(places)
    act = random.randrange(5)
    value = random.choice(NASTY)
    if act == 0:
        del node[key]
    elif act == 1 and isinstance(node, dict):
        node[str(value)] = node[key]
    else:
        node[key] = value
    return tree, f"{key!r} {('removed', 'twice')[act] if act < 2 else f'= {value!r}'}"


def _another_json(file: Path, random: Random) -> str:
    tree, said = rewritten(json.loads(file.read_text()), random)
    file.write_text(json.dumps(tree))
    return said


def _another_yaml(file: Path, random: Random) -> str:
    tree, said = rewritten(yaml.safe_load(file.read_text()), random)
    file.write_text(yaml.safe_dump(tree, allow_unicode=True))
    return said


def _another_attribute(file: Path, random: Random) -> str:
    values: list[Any] = [
        "x", "", 0.0, -1, np.nan, np.inf, 1 + 2j, [1.0, 2.0], np.zeros(0), b"\xff\xfe", "\x1b[2J",
        np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]), np.array(["a", "b"], dtype="S1"),
        h5py.Empty("f4"), "1e400 since x", "days since 9999-99-99", "fortnights since 2012-01-01",
    ]  # fmt: skip
    names = ["scale_factor", "add_offset", "_FillValue", "missing_value", "units", "calendar",
             "valid_min", "valid_range", "coordinates", "standard_name", "DIMENSION_LIST", "CLASS",
             "NAME", "_Unsigned", "grid_mapping", "dtype"]  # fmt: skip
    with h5py.File(file, "a") as opened:
        on = random.choice([opened, *opened.values()])
        name, value = random.choice(names), random.choice(values)
        act = random.randrange(6)
        if act == 0 and isinstance(on, h5py.Dataset) and on.name not in ("/ssh", "/state"):
            kind = random.choice(["c16", "i1", "S3", [("a", "i4")], "M8[ns]", "f2", "u8", "O"])
            shape, label = on.shape, on.name
            del opened[label]
            try:
                opened.create_dataset(label, shape, h5py.string_dtype() if kind == "O" else kind)
            except TypeError:
                opened.create_dataset(label, shape, "u1")
            return f"{label} of type {kind}"
        if act == 1:
            opened.create_dataset(random.choice([b"\xff\xfe", b"\x1b[2J", b"a" * 300]), (3,), "f4")
            return "a strange name"
        on.attrs[name] = value
        return f"{on.name}.{name} = {value!r}"
