"""Files are written whole or not at all, and into folders that are made for them."""

from __future__ import annotations

import pytest

from oceanbench.data.files import read_text, write_text
from oceanbench.errors import OceanbenchError


def test_a_file_makes_the_folders_that_it_lies_in(tmp_path):
    place = tmp_path / "results" / "challenge" / "mine.json"
    for text in ("one", "another"):
        write_text(text, place)
        assert place.read_text() == text and list(place.parent.iterdir()) == [place]


def test_a_folder_is_not_replaced_by_a_file(tmp_path):
    (tmp_path / "mine.json").mkdir()
    with pytest.raises(OceanbenchError, match="it is a folder or a device"):
        write_text("one", tmp_path / "mine.json")


def test_a_text_has_no_more_bytes_than_it_may(tmp_path):
    (tmp_path / "a.txt").write_text("x" * 1024)
    assert len(read_text(tmp_path / "a.txt", 1024)) == 1024
    with pytest.raises(ValueError, match="more than 0 KiB"):
        read_text(tmp_path / "a.txt", 1023)
