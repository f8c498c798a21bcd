"""A site of boards: an index, a page a challenge, a row, a method, and one to compare rows."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from importlib.resources import files as package_files
from itertools import chain
from pathlib import Path
from typing import Any

import jinja2

from oceanbench.boards.site.charts import charts, influences, record
from oceanbench.boards.site.comparisons import comparisons
from oceanbench.boards.site.gathering import Documentation, SiteBoard, gathered_board
from oceanbench.boards.site.pages import environment, row_address
from oceanbench.boards.site.tables import League, Row, score_cell, shown_scores
from oceanbench.challenge import Challenge
from oceanbench.data import files as disk
from oceanbench.kinds import CHALLENGE_KINDS
from oceanbench.metrics import METRICS

RAN = re.compile(r"\boceanbench run ([A-Za-z0-9_]+)(?: |$)")
MOST_SCORES = 3000  # of one result that its page lists
Content = str | bytes
Files = Iterator[tuple[str, Content]]


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
        write = disk.write_text if isinstance(content, str) else disk.write_bytes
        write(content, destination / name)  # type: ignore[operator]
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
    rendered = _Pages(environment(), documentation, _methods(boards))
    for one in sorted(package_files(__package__).joinpath("assets").iterdir(), key=lambda f: f.name):
        if one.is_file():
            yield f"assets/{one.name}", one.read_bytes()
    yield "index.html", rendered.page("index.html", "", boards=boards)
    for board in boards:
        yield from rendered.of_board(board)
    for address, method in rendered.methods.items():
        text = rendered.page("method.html", "../", method=method, page=method["page"])
        yield address, text


def _methods(boards: Sequence[SiteBoard]) -> dict[str, dict[str, Any]]:
    """Methods by the address of their page: name in words, references, rows on all boards."""
    found: dict[str, dict[str, Any]] = {}
    for board in boards:
        for row in board.table.rows:
            if (address := _method_address(row)) is None:
                continue
            said = row.result.submission
            method = found.setdefault(
                address, {"text": said["method"], "references": [], "rows": [], "names": []}
            )
            method["rows"].append((board, row))
            for key, value in (("references", said.get("reference")), ("names", _ran(row))):
                if value and value not in method[key]:
                    method[key].append(value)
    return found


def _method_address(row: Row) -> str | None:
    """Address of the page of a row's method, from the site's home; None where none is named."""
    text = str(row.result.submission.get("method") or "")
    if not text:
        return None
    words = re.sub(r"[^a-z0-9]+", "-", text.lower())[:40].strip("-")
    return f"methods/{words}-{hashlib.sha256(text.encode()).hexdigest()[:8]}.html"


def _ran(row: Row) -> str | None:
    """Name of the method that the row's command ran."""
    found = RAN.search(str(row.result.provenance.get("command") or ""))
    return found[1] if found else None


class _Pages:
    """Pages of a site, which know what is common to all of them."""

    def __init__(
        self,
        templates: jinja2.Environment,
        documentation: Documentation | None,
        methods: dict[str, dict[str, Any]],
    ) -> None:
        self.templates, self.documentation, self.methods = templates, documentation, methods
        for method in methods.values():
            pages = (self._page_of(name) for name in method["names"])
            method["page"] = next((page for page in pages if page), None)

    def page(self, template: str, root: str, **content: Any) -> str:
        """Page of a template; root is the site's home from there."""
        common = {"root": root, "documentation": self.documentation}
        return self.templates.get_template(template).render(**common, **content)

    def _page_of(self, method: str | None) -> str | None:
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
            "called": challenge.called,
            "scores": len(shown_scores(challenge, [row.result for row in rows])),
            "intervals": METRICS[challenge.ranking.metric].resampled,
            "sampling": CHALLENGE_KINDS[challenge.kind].cases.sampling,
        }
        yield f"{folder}/index.html", self.page("challenge.html", "../../", **content)
        if board.thumbnail:
            yield f"{folder}/{board.thumbnail}", (challenge.path.parent / board.thumbnail).read_bytes()
        if rows:
            found = comparisons(challenge, [row.result for row in rows])
            text = self.page("compare.html", "../../", comparisons=found, **content)
            yield f"{folder}/compare.html", text
        for league in board.table.leagues:
            for row in league.rows:
                yield from self._of_row(board, league, row)
        for one in board.older:
            yield f"{folder}/rows/{one.name}.json", one.path.read_bytes()

    def _of_row(self, board: SiteBoard, league: League, row: Row) -> Files:
        """Page of a submission, its result files and its figures."""
        challenge, result = board.challenge, row.result
        folder = f"challenges/{challenge.name}/rows"
        for one in (row.result, *row.seeds):
            yield f"{folder}/{one.name}.json", board.files[one.name].read_bytes()
        pictures = sorted(board.files[row.name].with_suffix("").glob("*.png"))
        for picture in pictures:
            yield f"{folder}/{row.name}/{picture.name}", picture.read_bytes()
        declared = {one.label: one for one in challenge.scores}
        labels = shown_scores(challenge, [result])
        columns = dict(
            zip(shown_scores(challenge, _results(board)), board.table.columns, strict=False)
        )
        cells = dict(zip(columns, row.cells, strict=False))
        digits = {label: declared[label].digits for label in declared}
        every = result.scores if len(result.scores) > len(labels) else []
        text = self.page(
            "row.html",
            "../../../",
            board=board,
            league=league,
            row=row,
            others=_others(board, league, row),
            method=_method_address(row),
            page=self._page_of(_ran(row)),
            shown=[(columns[label], cells[label]) for label in labels],
            more=[(s, score_cell(s, digits.get(s.label))) for s in every[:MOST_SCORES]],
            charts=[
                record(chart)
                for chart in chain(charts(challenge, [result]), influences(challenge, result))
            ],
            figures=[
                (p.stem.replace("_", " "), row_address(f"{row.name}/{p.name}", "")[len("rows/") :])
                for p in pictures
            ],
            facts=list(_facts(row)),
        )
        yield f"{folder}/{row.name}.html", text


def _results(board: SiteBoard) -> list[Any]:
    return [row.result for row in board.table.rows]


def _others(board: SiteBoard, league: League, row: Row) -> list[str]:
    """Rows that one wants to compare with: the leader of the league, and the reference."""
    leader = next((one.name for one in league.rows if one.is_ranked), None)
    names = {one.name for one in board.table.rows} - {row.name}
    wanted = dict.fromkeys([leader, board.challenge.reference_method])
    return [name for name in wanted if name in names]


def _facts(row: Row) -> Iterator[tuple[str, str]]:
    """Where a row is from, in lines."""
    said, made = row.result.submission, row.result.provenance
    for key in ("authors", "reference", "notes"):
        yield key, str(said.get(key) or "")
    for cell, heading in zip(row.cells[-3:-2], ["learned from"], strict=True):
        yield heading, cell.text.replace("–", "")
    yield "observations", str(said.get("observations") or "")
    yield "physics of the model", str(said.get("physics") or "")
    yield "options", _in_words(made.get("options"))
    for part in row.result.coverage:
        heading = f"coverage, {part['variable']}, {part['mask']}"
        yield heading, f"{part['scored']} of {part['points']} points scored, {part['filled']} filled"
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
