"""What lies beside a challenge or its results: cards and pictures, which may be a stranger's."""

from __future__ import annotations

import re
from pathlib import Path

from oceanbench.challenge import Challenge
from oceanbench.data.files import check_no_link_out, read_text
from oceanbench.errors import OceanbenchError

CARD = "README.md"
MOST_CARD = 2**16  # bytes of a card
MOST_BLOCK = 2**13  # characters without an empty line: Markdown takes their square in time
MOST_BRACKETS = 256  # of such a block
MOST_PICTURE = 2**20  # bytes of a picture


def card_of(challenge: Challenge) -> str:
    """Text of a challenge's card; "" without one.

    Raises
    ------
    OceanbenchError
        if it is no text of the challenge's folder, or more than a page shows
    """
    path = challenge.path.parent / CARD
    if not path.is_file():
        return ""
    check_no_link_out([path], [challenge.path.parent], str(path))
    try:
        text = read_text(path, MOST_CARD)
    except (OSError, ValueError) as problem:
        raise OceanbenchError(f"{path}: cannot be read as a card ({problem}); correct it") from None
    for block in re.split(r"\n[ \t\r]*(?=\n)", text):
        if len(block) > MOST_BLOCK or block.count("[") > MOST_BRACKETS:
            raise OceanbenchError(
                f"{path}: a paragraph or table has {len(block)} characters and {block.count('[')} "
                f"brackets, at most {MOST_BLOCK} and {MOST_BRACKETS}; add empty lines"
            )
    return text


def is_picture(path: Path) -> bool:
    """Whether a picture is a regular file of its folder, of no more bytes than a page has."""
    inside = path.resolve().is_relative_to(path.parent.resolve())
    return path.is_file() and inside and path.stat().st_size <= MOST_PICTURE
