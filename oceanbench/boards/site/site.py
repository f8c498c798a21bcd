"""A site of boards: an index, a page a challenge, a row, a method, and one to compare rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from oceanbench.boards.site.board_pages import Files, Pages, method_address, method_run
from oceanbench.boards.site.gathering import Documentation, SiteBoard, gathered_board
from oceanbench.boards.site.templates import environment
from oceanbench.challenge import Challenge
from oceanbench.data.files import write_bytes, write_text

ASSETS = Path(__file__).parent / "assets"


def write_site(
    challenges: Sequence[Challenge],
    folders: Sequence[Path],
    destination: Path,
    *,
    documentation: Documentation | None = None,
    skipped: list[str] | None = None,
) -> int:
    """Write the site of boards into a folder; every file appears whole.

    Parameters
    ----------
    challenges, folders, documentation, skipped : as of :func:`site_files`
    destination : made if it is not there; files of the same names are replaced

    Returns
    -------
    number of files
    """
    count = 0
    for name, content in site_files(
        challenges, folders, documentation=documentation, skipped=skipped
    ):
        if isinstance(content, str):
            write_text(content, destination / name)
        else:
            write_bytes(content, destination / name)
        count += 1
    return count


def site_files(
    challenges: Sequence[Challenge],
    folders: Sequence[Path],
    *,
    documentation: Documentation | None = None,
    skipped: list[str] | None = None,
) -> Files:
    """Every file of a site of boards: its path from the site's home, and its content.

    The same challenges and results give the same files.

    Parameters
    ----------
    challenges : whose boards
    folders : of results; a later one wins over an earlier. PNG files in ``CHALLENGE/NAME/``, where
        ``--figures`` puts them, are on the page of row NAME
    documentation : that the site is part of
    skipped : gets what is wrong with each file that cannot be ranked; without it, the first of
        them is refused
    """
    names = [challenge.name for challenge in challenges]
    boards = [
        gathered_board(challenge, folders, names, documentation, skipped)
        for challenge in challenges
    ]
    boards.sort(key=lambda board: (board.kind_order, not board.table.rows, board.challenge.name))
    pages = Pages(environment(), documentation)
    for asset in sorted(ASSETS.iterdir()):
        yield f"assets/{asset.name}", asset.read_bytes()
    yield "index.html", pages.page("index.html", "", boards=boards)
    for board in boards:
        yield from pages.of_board(board)
    for address, method in _methods(boards).items():
        known = (page for name in method["names"] if (page := pages.of_method(name)))
        yield address, pages.page("method.html", "../", method=method, page=next(known, None))


def _methods(boards: Sequence[SiteBoard]) -> dict[str, dict[str, Any]]:
    """Methods by the address of their page: name in words, references, rows on all boards."""
    found: dict[str, dict[str, Any]] = {}
    for board in boards:
        for row in board.table.rows:
            if (address := method_address(row)) is None:
                continue
            said = row.result.submission
            method = found.setdefault(
                address, {"text": said["method"], "references": [], "rows": [], "names": []}
            )
            method["rows"].append((board, row))
            for key, value in (("references", said.get("reference")), ("names", method_run(row))):
                if value and value not in method[key]:
                    method[key].append(value)
    return found
