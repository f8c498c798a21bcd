"""A file of weights gives back what was saved, or is refused in one line; it is never a pickle."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from rows import every

from oceanbench.errors import OceanbenchError
from oceanbench.methods.weights import Weights

PARTS: dict[str, dict[str, Any]] = {
    "method": {"name": "learns", "sha256": "a" * 64},
    "challenge": {"name": "toy_maps", "version": 1, "sha256": "b" * 64},
    "training": {"period": ["2013-02-03", "2013-02-10"], "files": {"µ": []}},
    "provenance": {"seed": 0, "options": {"step": 0.1}},
}
TENSORS = {
    "kernel": torch.arange(6.0).reshape(2, 3),
    "count": torch.tensor(3),
    "half": torch.ones(2, dtype=torch.bfloat16),
    "none": torch.zeros(0, 4),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "learns.safetensors"
    Weights(TENSORS, **PARTS).save(path)
    return path


def metadata(file: Path) -> dict[str, str]:
    """Header of a file, as any reader of safetensors gives it."""
    with safetensors.safe_open(file, framework="pt") as opened:
        return dict(opened.metadata())


def test_weights_come_back_as_they_were(file: Path) -> None:
    found = Weights.load(file)
    assert found.tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert found.tensors[name].dtype == tensor.dtype
        assert torch.equal(found.tensors[name], tensor)
    assert {part: getattr(found, part) for part in PARTS} == PARTS
    assert [p.name for p in file.parent.iterdir()] == [file.name]
    found.tensors["kernel"][:] = 0  # the method's own copy: neither mapped nor read-only
    assert torch.equal(Weights.load(file).tensors["kernel"], TENSORS["kernel"])


def test_the_header_is_text_that_others_can_read(file: Path) -> None:
    assert metadata(file)["schema"] == "1"
    assert metadata(file)["method"] == '{"name": "learns", "sha256": "' + "a" * 64 + '"}'


def test_weights_go_to_the_device(file: Path) -> None:
    assert {t.device.type for t in Weights.load(file, "meta").tensors.values()} == {"meta"}


@every(
    "content, words",
    [
        (b"", "not a whole safetensors file"),
        (b"some text, and then some more of it", "not a whole safetensors file"),
        (safetensors.torch.save(TENSORS)[:-1], "not a whole safetensors file"),
        (safetensors.torch.save(TENSORS)[:30], "not a whole safetensors file"),
        (safetensors.torch.save(TENSORS), "does not say which method"),
        (safetensors.torch.save(TENSORS, {"format": "pt"}), "does not say which method"),
        (safetensors.torch.save(TENSORS, {"schema": "2"}), "weights of schema 2, expected 1"),
        (safetensors.torch.save(TENSORS, {"schema": "1"}), "'method.name' of its header"),
        (safetensors.torch.save({"a": torch.tensor([0.0, -math.inf])}), "'a' has values that are"),
        (safetensors.torch.save({"a": torch.tensor(math.nan).half()}), "'a' has values that are"),
    ],
)
def test_other_files_are_refused(file: Path, content: bytes, words: str) -> None:
    file.write_bytes(content)
    with pytest.raises(OceanbenchError, match=words) as refused:
        Weights.load(file)
    assert str(refused.value).startswith(str(file))
    assert "\n" not in str(refused.value)


@every(
    "part, text",
    [
        ("challenge", '{"name": "toy_maps", "version": "1", "sha256": ""}'),
        ("training", "[1, 2]"),
        ("provenance", "{not JSON"),
        ("method", "[" * 100_000),
        *(
            ("provenance", '{"seed": 0, "options": {}, ' + odd + "}")
            for odd in (
                '"init": "others"',
                '"init": {"options": {}}',
                '"init": {"options": 3, "challenge": ""}',
                '"init": {"options": {}, "challenge": "", "init": [1]}',
                '"cpu_seconds": "few"',
                '"cpu_seconds": -1',
                '"resumed": "yes"',
            )
        ),
    ],
)
def test_a_damaged_header_is_refused(file: Path, part: str, text: str) -> None:
    Weights(TENSORS, **PARTS).save(file)
    header = metadata(file) | {part: text}
    file.write_bytes(safetensors.torch.save(TENSORS, header))
    with pytest.raises(OceanbenchError, match=f"'{part}[a-z_.]+' of its header"):
        Weights.load(file)


def test_a_pickle_a_folder_and_no_file_are_never_opened(file: Path) -> None:
    torch.save(TENSORS, file)
    with pytest.raises(OceanbenchError, match="not a whole safetensors file"):
        Weights.load(file)
    for path in (file.with_name("nowhere.safetensors"), file.parent):
        with pytest.raises(OceanbenchError, match="cannot be read"):
            Weights.load(path)


def test_a_file_and_its_header_have_no_more_than_weights_have(tmp_path: Path) -> None:
    path = tmp_path / "sparse.safetensors"
    with path.open("wb") as stream:
        stream.truncate(2**40)
    with pytest.raises(OceanbenchError, match="more than 1 GiB"):
        Weights.load(path)
    path = tmp_path / "weights.safetensors"
    one = b'"%07d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
    header = b"{" + b",".join(one % number for number in range(80_000)) + b"}"
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(OceanbenchError, match="its header has more than 4 MiB"):
        Weights.load(path)


def test_without_safetensors_the_cure_is_said(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    with pytest.raises(OceanbenchError, match=r"pip install 'oceanbench-challenges\[torch\]'"):
        Weights.load(file)


def test_what_cannot_be_stored_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    one = torch.ones(4)
    for tensors in (
        {"a": torch.ones(2, dtype=torch.complex128)},
        {"a": torch.ones(2).to_sparse()},
        {"a": one[:2], "b": one},
    ):
        with pytest.raises(OceanbenchError, match="cannot be stored"):
            Weights(tensors, **PARTS).save(path)
    for kind in (torch.float64, torch.bfloat16, torch.float8_e5m2, torch.complex64):
        for value in (float("inf"), float("nan")):
            wrong = {"a": one, "b": torch.tensor([0.0, value]).to(kind)}
            with pytest.raises(OceanbenchError, match="'b' has values that are not finite: the tr"):
                Weights(wrong, **PARTS).save(path)
    assert list(tmp_path.iterdir()) == []
