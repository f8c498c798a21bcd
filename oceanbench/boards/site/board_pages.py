"""Pages of one challenge: its board, its comparisons, and one for each of its rows."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Iterator
from itertools import chain
from typing import Any

import jinja2

from oceanbench.boards.leagues import learned_from
from oceanbench.boards.site.beside import is_picture
from oceanbench.boards.site.cells import score_cell
from oceanbench.boards.site.charts import charts, influences, record
from oceanbench.boards.site.comparisons import comparisons
from oceanbench.boards.site.gathering import Documentation, SiteBoard
from oceanbench.boards.site.tables import BoardRow, League
from oceanbench.boards.site.templates import file_address
from oceanbench.challenge import Challenge
from oceanbench.kinds import CHALLENGE_KINDS
from oceanbench.metrics import METRICS

RAN = re.compile(r"\boceanbench run ([A-Za-z0-9_]+)(?: |$)")
MOST_SCORES = 3000  # of one result that its page lists
Files = Iterator[tuple[str, str | bytes]]


def method_address(row: BoardRow) -> str | None:
    """Address of the page of a row's method, from the site's home; None where none is named."""
    text = str(row.result.submission.get("method") or "")
    if not text:
        return None
    words = re.sub(r"[^a-z0-9]+", "-", text.lower())[:40].strip("-")
    return f"methods/{words}-{hashlib.sha256(text.encode()).hexdigest()[:8]}.html"


def method_run(row: BoardRow) -> str | None:
    """Name of the method that the row's command ran."""
    found = RAN.search(str(row.result.provenance.get("command") or ""))
    return found[1] if found else None


class Pages:
    """Pages of a site, which know what is common to all of them."""

    def __init__(self, templates: jinja2.Environment, documentation: Documentation | None) -> None:
        self.templates, self.documentation = templates, documentation

    def page(self, template: str, root: str, **content: Any) -> str:
        """Page of a template; root is the site's home from there."""
        common = {"root": root, "documentation": self.documentation}
        return self.templates.get_template(template).render(**common, **content)

    def of_method(self, method: str | None) -> str | None:
        """Address of the documentation of a method, from the site's home."""
        if method is None or self.documentation is None:
            return None
        return self.documentation.address(f"docs/baselines/{method}.md")

    def of_board(self, board: SiteBoard) -> Files:
        """Pages and files of a challenge."""
        challenge, folder = board.challenge, f"challenges/{board.challenge.name}"
        rows = board.table.rows
        content = {
            "board": board,
            "called": _called(challenge),
            "contract": CHALLENGE_KINDS[challenge.kind].contract.values(),
            "intervals": METRICS[challenge.ranking.metric].resampled,
            "sampling": CHALLENGE_KINDS[challenge.kind].cases.sampling,
        }
        yield f"{folder}/index.html", self.page("challenge.html", "../../", **content)
        if board.thumbnail:
            picture = challenge.path.parent / board.thumbnail
            yield f"{folder}/{picture.name}", picture.read_bytes()
        if rows:
            found = comparisons(challenge, [row.result for row in rows])
            text = self.page("compare.html", "../../", comparisons=found, **content)
            yield f"{folder}/compare.html", text
        for league in board.table.leagues:
            for row in league.rows:
                yield from self._of_row(board, league, row)
        for one in board.older:
            yield f"{folder}/rows/{one.name}.json", one.path.read_bytes()

    def _of_row(self, board: SiteBoard, league: League, row: BoardRow) -> Files:
        """Page of a submission, its result files and its figures."""
        challenge, result = board.challenge, row.result
        folder = f"challenges/{challenge.name}/rows"
        for one in (row.result, *row.seeds):
            yield f"{folder}/{one.name}.json", board.files[one.name].read_bytes()
        there = sorted(board.files[row.name].with_suffix("").glob("*.png"))
        pictures = [picture for picture in there if is_picture(picture)]
        for picture in pictures:
            yield f"{folder}/{row.name}/{picture.name}", picture.read_bytes()
        digits = {one.label: one.digits for one in challenge.scores}
        labels = board.table.labels
        shown = zip(labels, board.table.columns, row.cells, strict=False)
        every = result.scores if len(result.scores) > len(labels) else []
        text = self.page(
            "row.html",
            "../../../",
            board=board,
            league=league,
            row=row,
            others=_others(board, league, row),
            method=method_address(row),
            page=self.of_method(method_run(row)),
            shown=[(column, cell) for label, column, cell in shown if label in result.labels],
            more=[(s, score_cell(s, digits.get(s.label))) for s in every[:MOST_SCORES]],
            charts=[
                record(chart)
                for chart in chain(charts(challenge, [result]), influences(challenge, result))
            ],
            figures=[
                (p.stem.replace("_", " "), f"{file_address(row.name)}/{file_address(p.name)}")
                for p in pictures
            ],
            facts=list(_facts(row)),
        )
        yield f"{folder}/{row.name}.html", text


def _others(board: SiteBoard, league: League, row: BoardRow) -> list[str]:
    """Rows that one wants to compare with: the leader of the league, and the reference."""
    leader = next((one.name for one in league.rows if one.is_ranked), None)
    names = {one.name for one in board.table.rows} - {row.name}
    wanted = dict.fromkeys([leader, board.challenge.reference_method])
    return [name for name in wanted if name in names]


def _facts(row: BoardRow) -> Iterator[tuple[str, str]]:
    """Where a row is from, in lines."""
    said, made = row.result.submission, row.result.provenance
    for key in ("authors", "reference", "notes"):
        yield key, str(said.get(key) or "")
    yield "learned from", learned_from(row.result).replace("–", "")
    yield "observations", str(said.get("observations") or "")
    yield "physics of the model", str(said.get("physics") or "")
    yield "options", _in_words(made.get("options"))
    for part in row.result.coverage:
        told = f"{part['scored']} of {part['points']} points scored, {part['filled']} filled"
        yield f"coverage, {part['variable']}, {part['mask']}", told
    yield "warnings", "; ".join(row.result.warnings)
    for key in ("cpu_seconds", "device", "seed", "created", "python"):
        value = made.get(key)
        yield key.replace("cpu_seconds", "CPU seconds"), "" if value is None else str(value)
    code = f"{made.get('oceanbench') or ''} {str(made.get('commit') or '')[:10]}"
    yield "oceanbench", code.strip()
    yield "packages", _in_words(made.get("packages"))
    yield "sha256 of the submission", str(said.get("sha256") or "")


def _in_words(options: Any) -> str:
    if not isinstance(options, dict):
        return ""
    words = (
        f"{name} ({_in_words(value)})" if isinstance(value, dict) else f"{name}: {value}"
        for name, value in options.items()
    )
    return ", ".join(words)


def _called(challenge: Challenge) -> str:
    """Word that names a challenge in a command of its reader's, who has its folder somewhere."""
    folder, file = challenge.path.absolute().parts[-2:]
    return challenge.name if challenge.is_shipped else shlex.quote(f"{folder}/{file}")
