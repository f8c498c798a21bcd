"""What lies beside a challenge or its results is a stranger's: it neither leaks nor takes long."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import builders
import pytest
from rows import every

from oceanbench.boards.exports.competition_pages import pages
from oceanbench.boards.exports.croissant import croissant
from oceanbench.boards.site.beside import MOST_PICTURE, card_of, is_picture
from oceanbench.boards.site.cards import card_html
from oceanbench.challenge import load_all
from oceanbench.errors import OceanbenchError


def link(path: Path) -> None:
    secret = path.parent.parent / "secret.txt"
    secret.write_text("of another folder")
    path.symlink_to(secret)


def huge(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(2**33)


def written(content: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(content) and None


@every(
    "make, words",
    [
        (link, "is a link out of the folder"),
        (huge, "more than 64 KiB"),
        (written(b"# \xe9\xff"), "cannot be read as a card"),
        (written(b"[" * 20_000), "at most 8192 and 256"),
        (written(b"[a](b " * 300), "at most 8192 and 256"),
        (written(b"a" + b" " * 20_000 + b"b"), "at most 8192 and 256"),
    ],
)
def test_a_card_that_is_none_is_refused(
    make: Callable[[Path], None], words: str, tmp_path: Path
) -> None:
    challenge = builders.maps_challenge(tmp_path / "toy")
    make(tmp_path / "toy" / "README.md")
    for read in (card_of, lambda c: list(pages(c)), croissant):
        with pytest.raises(OceanbenchError, match=words):
            read(challenge)


def test_lists_within_lists_end_somewhere() -> None:
    text = "".join(f"{'    ' * depth}- x\n" for depth in range(300))
    with pytest.raises(OceanbenchError, match="too deep"):
        card_html(text, lambda _: None)


def test_shipped_cards_are_read() -> None:
    assert all(card_of(challenge) for challenge in load_all(None).values())


@every("make", [link, huge, os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_a_picture_is_a_file_of_its_folder(make: Callable[[Path], None], tmp_path: Path) -> None:
    folder = tmp_path / "toy"
    folder.mkdir()
    make(folder / "thumbnail.png")
    assert not is_picture(folder / "thumbnail.png")
    (folder / "good.png").write_bytes(bytes(MOST_PICTURE))
    assert is_picture(folder / "good.png")
