"""Pages of what lies beside the documentation: changelog, contributing and cards of challenges."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

CARDS = "cards"
PAGES = {"CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"}
BOARD = re.compile(r"leaderboards/([^/]+)\.md")
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)#\s:]+)(#[^)\s]*)?\)")
NAME = re.compile(r"challenges/([^/]+)/README\.md")


def on_files(files: Any, config: Any, **_: Any) -> Any:
    """Add the pages."""
    root = Path(config["docs_dir"]).parent
    cards = sorted((root / "challenges").glob("*/README.md"))
    places = {name: root / name for name in PAGES}
    places |= {card.relative_to(root).as_posix(): card for card in cards}
    for source, path in places.items():
        text = page_of(path.read_text(encoding="utf-8"), source)
        files.append(File.generated(config, page_name(source), content=text))
    lines = [f"- [`{card.parent.name}`]({card.parent.name}.md){_title(card)}" for card in cards]
    index = "# Challenge cards\n\nWhat each challenge asks, what its scores mean, and what is wrong"
    index = f"{index} with them.\n\n" + "\n".join(lines) + "\n"
    files.append(File.generated(config, f"{CARDS}/index.md", content=index))
    return files


def page_of(text: str, source: str) -> str:
    """Text of a file of the repository, whose links lead to pages; what has no page is no link.

    Parameters
    ----------
    text : in Markdown
    source : path from the root of the repository
    """
    here = posixpath.dirname(page_name(source))

    def link(found: re.Match[str]) -> str:
        words, target, anchor = found[1], found[2], found[3] or ""
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        page = page_name(path)
        if not page:
            return words
        return f"[{words}]({posixpath.relpath(page, here or '.')}{anchor})"

    return LINK.sub(link, text)


def page_name(path: str) -> str:
    """Page that a file of the repository has in the site; "" where it has none."""
    if path.startswith("docs/") and path.endswith(".md"):
        return path.removeprefix("docs/")
    if card := NAME.fullmatch(path):
        return f"{CARDS}/{card[1]}.md"
    if board := BOARD.fullmatch(path):
        return f"leaderboards/challenges/{board[1]}/index.html"
    return PAGES.get(path, "")


def _title(card: Path) -> str:
    first = card.read_text(encoding="utf-8").split("\n", 1)[0].lstrip("# ")
    words = first.split(":", 1)[-1].strip() if ":" in first else first
    return f": {words}"
