"""Croissant metadata of a challenge, by the validator of the standard where it is installed."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys
from pathlib import Path

import builders
import pytest
from command import Command
from rows import every

from oceanbench.boards.exports.croissant import croissant, problems, to_json
from oceanbench.challenge import Challenge
from oceanbench.errors import OceanbenchError

ARCHIVED = {
    "role": "training",
    "path": "old/*.nc",
    "variables": {"ssh": "ssh"},
    "source": {"archive": "https://a.b/old.tar.gz", "sha256": "0" * 64},
}


@pytest.fixture
def toy(tmp_path: Path) -> Challenge:
    changes = {"datasets__old": ARCHIVED, "periods": {"training": ["2010-01-01", "2010-02-01"]}}
    return builders.maps_challenge(tmp_path / "toy", licence="CC-BY-4.0", **changes)


def test_files_here_have_their_checksums_and_others_their_archive(toy: Challenge) -> None:
    content = croissant(toy, base="https://c.d")
    truth, archive, inside = content["distribution"]
    assert truth["contentUrl"] == "https://c.d/truth.nc"
    there = (toy.path.parent / "truth.nc").read_bytes()
    assert truth["sha256"] == hashlib.sha256(there).hexdigest()
    assert archive["contentUrl"] == "https://a.b/old.tar.gz"
    assert inside["containedIn"] == {"@id": archive["@id"]} and inside["includes"] == "old/*.nc"
    assert content["variableMeasured"][0]["unitText"] == "m"
    assert content["spatialCoverage"]["geo"]["box"] == "33 -65 36 -61"


@every("base", ["not a url", "ftp://a.b/", "https://", "https://a b/"])
def test_a_base_is_an_address(toy: Challenge, base: str) -> None:
    with pytest.raises(OceanbenchError, match="expected an address"):
        croissant(toy, base=base)


def test_nothing_to_describe_is_refused(toy: Challenge, tmp_path: Path) -> None:
    (toy.path.parent / "truth.nc").unlink()
    only = Challenge.load(builders.write_challenge(tmp_path / "toy", builders.MAPS, {}))
    with pytest.raises(OceanbenchError, match="no file"):
        croissant(only)


@pytest.mark.slow  # .ci/run has the validator for the slow tests
def test_the_validator_agrees(oceanbench: Command, toy: Challenge, tmp_path: Path) -> None:
    pytest.importorskip("mlcroissant", reason="mlcroissant is not installed")
    words = ["export", "croissant", toy.path, "toy.json", "--validate", "--published", "2026-01-31"]
    code, out, err = oceanbench(*words)
    assert code == 0, out
    assert "WARNING:absl" not in err
    assert all(line.startswith("warning: [Metadata(") for line in err.splitlines())
    assert "3 files and archives of toy_maps" in out
    content = json.loads((tmp_path / "toy.json").read_text(encoding="utf-8"))
    assert content["datePublished"] == "2026-01-31"
    del content["distribution"][0]["sha256"]
    (tmp_path / "wrong.json").write_text(to_json(content), encoding="utf-8")
    said, _ = problems(tmp_path / "wrong.json")
    assert any("sha256" in line for line in said)


def test_without_the_validator_it_says_what_to_install(
    oceanbench: Command, toy: Challenge, monkeypatch: pytest.MonkeyPatch
) -> None:
    if importlib.util.find_spec("mlcroissant"):
        monkeypatch.setitem(sys.modules, "mlcroissant", None)
    code, _, err = oceanbench("export", "croissant", toy.path, "toy.json", "--validate")
    assert code == 2 and "oceanbench-challenges[croissant]" in err
