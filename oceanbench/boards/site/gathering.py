"""What the pages of one challenge are made of, gathered from its folder and its results."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from oceanbench.boards.finding import load_results
from oceanbench.boards.published import published_table
from oceanbench.boards.ranking import board, cell_of
from oceanbench.boards.site.axes import MARGIN, WIDTH, Bar
from oceanbench.boards.site.beside import CARD, card_of, is_picture
from oceanbench.boards.site.cards import card_html, task_of
from oceanbench.boards.site.rules import declared_scores, rules_of
from oceanbench.boards.site.tables import Table, board_table
from oceanbench.challenge import Challenge
from oceanbench.errors import OceanbenchError
from oceanbench.kinds import CHALLENGE_KINDS
from oceanbench.result import Result

THUMBNAILS = ("thumbnail.webp", "thumbnail.png", "thumbnail.jpg")
IN_PICTURE = 8  # rows of a board that its picture has room for


@dataclass(frozen=True)
class Documentation:
    """Pages of a documentation that the site is part of.

    Attributes
    ----------
    root : address of its home from the site's, as ``../``
    pages : address of the page of a file (``docs/baselines/oi.md``), from the documentation's home
    """

    root: str
    pages: dict[str, str] = field(default_factory=dict)

    def address(self, file: str) -> str | None:
        """Address of the page of a file from the site's home; None where there is none."""
        page = self.pages.get(file)
        return None if page is None else f"{self.root}{page}"


@dataclass(frozen=True)
class PublishedTable:
    """Rows that others published: heads, and texts of each row."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class OlderResult:
    """A result of another version of its challenge: what can be said of it in one line."""

    name: str
    version: int
    score: str
    scored: str
    path: Path


@dataclass(frozen=True)
class SiteBoard:
    """A challenge, its board, and what its pages say.

    Attributes
    ----------
    challenge, table : of one another
    published, older : rows that are not ranked
    legend : what signs in the cells mean
    task : of the challenge, in a sentence
    card : HTML of its card; empty without one
    rules, scores : what is asked for
    files : JSON file of every result, by its name
    """

    challenge: Challenge
    table: Table
    published: PublishedTable
    older: Sequence[OlderResult]
    legend: str
    task: str
    card: Markup
    rules: Sequence[tuple[str, str]]
    scores: Sequence[dict[str, str]]
    files: dict[str, Path]

    @property
    def address(self) -> str:
        """Folder of its pages, from the site's home."""
        return address_of(self.challenge.name)

    @property
    def kind_order(self) -> tuple[int, str]:
        """Place of its kind among all kinds, and the kind."""
        return list(CHALLENGE_KINDS).index(self.challenge.kind), self.challenge.kind

    @property
    def thumbnail(self) -> str | None:
        """Name of the picture in the challenge's folder; None without one."""
        folder = self.challenge.path.parent
        return next((name for name in THUMBNAILS if is_picture(folder / name)), None)

    @property
    def picture(self) -> list[Bar]:
        """First rows of the board in small, by the score that ranks."""
        rows = [row for row in self.table.rows if row.is_ranked][:IN_PICTURE]
        bars = [bar for row in rows if (bar := row.cells[0].bar) is not None]
        return [bar for bar in bars if MARGIN <= bar.value <= WIDTH - MARGIN]


def address_of(challenge: str) -> str:
    """Folder of the pages of a challenge, from the site's home."""
    return f"challenges/{quote(challenge)}/"


def gathered_board(
    challenge: Challenge,
    folders: Sequence[Path],
    challenges: Sequence[str],
    documentation: Documentation | None = None,
    skipped: list[str] | None = None,
) -> SiteBoard:
    """Gather what the pages of a challenge are made of.

    Parameters
    ----------
    challenge : whose pages
    folders : of results; a later one wins over an earlier
    challenges : names of all that are on the site
    documentation : that the site is part of
    skipped : as of :func:`oceanbench.boards.finding.load_results`
    """
    results = load_results(challenge, folders, skipped)
    published = published_table(challenge)
    card = card_of(challenge)
    files: dict[str, Path] = {}
    for folder in folders:
        files |= {path.stem: path for path in sorted((folder / challenge.name).glob("*.json"))}

    def address(relative: str) -> str | None:
        return _address(relative, challenge, challenges, documentation)

    return SiteBoard(
        challenge,
        board_table(challenge, results),
        PublishedTable(list(map(str, published.columns)), published.to_numpy().tolist()),
        _older(challenge, files),
        board(challenge, results).legend,
        task_of(card),
        card_html(card, address),
        list(rules_of(challenge)),
        list(declared_scores(challenge)),
        files,
    )


def _address(
    relative: str,
    challenge: Challenge,
    challenges: Sequence[str],
    documentation: Documentation | None,
) -> str | None:
    """Address, from the page of a challenge, of what its card names relative to itself."""
    path, _, part = relative.partition("#")
    anchor = f"#{quote(part)}" if part else ""
    if not path:
        return anchor.replace("#", "#card-") or None
    file = posixpath.normpath(posixpath.join("challenges", challenge.name, path))
    parts = file.split("/")
    of_card = parts[0] == "challenges" and parts[2:] == [CARD]
    of_board = parts[0] == "leaderboards" and parts[1:2] and parts[1].endswith(".md")
    if of_card or of_board:
        name = parts[1].removesuffix(".md")
        part_of_card = anchor.replace("#", "#card-")
        return f"../{quote(name)}/index.html{part_of_card}" if name in challenges else None
    found = documentation.address(file) if documentation else None
    return f"../../{found}{anchor}" if found is not None else None


def _older(challenge: Challenge, files: dict[str, Path]) -> list[OlderResult]:
    """Results of other versions of a challenge."""
    found = []
    for name, path in sorted(files.items()):
        try:
            result = Result.load(path)
        except OceanbenchError:
            continue  # said where results are loaded for the board
        known = result.challenge
        if known["name"] == challenge.name and known["version"] != challenge.version:
            found.append(_in_one_line(challenge, result, name, path))
    return found


def _in_one_line(challenge: Challenge, result: Result, name: str, path: Path) -> OlderResult:
    row = challenge.ranking
    scores: dict[str, Any] = {score.label: score for score in result.scores}
    text = cell_of(scores[row.label], row.digits) if row.label in scores else "–"
    scored = str(result.provenance.get("created", ""))[:10]
    return OlderResult(name, result.challenge["version"], text, scored, path)
