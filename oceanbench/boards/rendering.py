"""Boards as Markdown, as CSV, and as one HTML page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from oceanbench.boards.escaping import csv_cell, markdown, terminal
from oceanbench.boards.finding import load_results
from oceanbench.boards.ranking import SYMBOLS, Board, board
from oceanbench.challenge import Challenge
from oceanbench.kinds import CHALLENGE_KINDS
from oceanbench.metrics import METRICS


def _table(cells: pd.DataFrame) -> str:
    """Markdown table of texts that strangers wrote, heads too."""
    escaped = cells.map(markdown).rename(columns=markdown)
    return str(escaped.to_markdown(index=False, disable_numparse=True))


def to_markdown(shown: Board) -> str:
    """Board as Markdown."""
    challenge = shown.challenge
    lines = [f"# {markdown(challenge.title)}", ""]
    lines.append(
        f"`{challenge.name}`, version {challenge.version}; ranked by "
        f"{markdown(challenge.ranking.label)} (`{challenge.ranking.metric}`)."
    )
    if METRICS[challenge.ranking.metric].resampled:
        lines.append(
            f"Brackets hold 95 % intervals over {_sampling(challenge)}. Two submissions that share "
            "a letter of the column group cannot be told apart (all pairs, family-wise error "
            "5 %); a rank is one more than the number of submissions that are better."
        )
    lines.append("")
    if shown.computed.empty:
        lines.append("No submission has been computed yet.")
    else:
        for heading, rows in shown.parts:
            lines += ["", f"**{markdown(heading)}**", ""] if heading else []
            lines.append(_table(rows))
        lines += ["", shown.legend] if shown.legend else []
        lines += ["", "## How the rows were made", ""]
        lines.append(_table(shown.commands))
    if challenge.published is not None:
        lines += ["", "## Published", ""]
        lines.append(
            f"Scores as others published them ({markdown(challenge.published.source)}), not "
            "computed by OceanBench and not ranked with the rows above."
        )
        lines.append("")
        lines.append(_table(shown.published))
    return "\n".join(lines) + "\n"


def to_csv(shown: Board) -> str:
    """Board as CSV, for programs: value, bounds and flag of a score in columns of their own.

    The column ``apart`` says why a row is not ranked with the usual ones, and ``source`` tells
    computed from published rows; of these the texts stand as they were published, under the heading
    of the score if they name its unit.
    """
    rows = [_cells(row, shown) for row in shown.rows]
    for row in shown.published.to_dict("records"):
        rows.append({**{str(name): text for name, text in row.items()}, "source": "published"})
    if not rows:
        return "source\n"
    table = pd.DataFrame(rows).dropna(axis="columns", how="all")
    cells = table.astype(object).where(table.notna(), "").map(csv_cell).rename(columns=csv_cell)
    return str(cells.to_csv(index=False))


def _cells(row: Mapping[str, Any], shown: Board) -> dict[str, Any]:
    """Cells of a computed row, numbers in full."""
    cells = {name: row[name] for name in ("rank", "group", "submission", "observations")}
    cells["apart"] = row["apart"] or None
    for label, score in row["scores"].items():
        symbol = SYMBOLS.get(score["units"], score["units"])
        heading = f"{label} [{symbol}]" if symbol else label
        cells[heading] = score["value"]
        for part in ("low", "high", "flag"):
            cells[f"{heading} {part}"] = score[part]
    for name in ("cpu_seconds", "learned_from", "method", "reference", "command"):
        cells[name] = row[name]
    cells["seeds"] = " ".join(row["seeds"]) or None
    cells["identical_twin"] = row["identical_twin"] if shown.challenge.physics else None
    cells["source"] = "computed"
    return cells


PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>OceanBench leaderboards</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem;
      color: #14232e; background: #fff}
table {border-collapse: collapse; width: 100%; font-size: .9rem; margin: .5rem 0 1.5rem}
th, td {text-align: left; padding: .35rem .6rem; border-bottom: 1px solid #d5dee4;
        vertical-align: top; font-variant-numeric: tabular-nums}
th {border-bottom: 2px solid #14232e} .published td {color: #51626e; font-style: italic}
h2 {margin-top: 3rem} code {background: #eef3f6; padding: 0 .25rem} .wide {overflow-x: auto}
</style></head><body><h1>OceanBench leaderboards</h1>
{% for b in boards %}<h2 id="{{ b.challenge.name }}">{{ b.challenge.title }}</h2>
<p><code>{{ b.challenge.name }}</code>, version {{ b.challenge.version }}; ranked by
{{ b.challenge.ranking.label }}. Brackets: 95 % intervals over {{ sampling(b.challenge) }}. Two
submissions that share a letter of the column group cannot be told apart; a rank is one more than
the number of submissions that are better.</p>
{% if b.computed.empty %}<p>No submission has been computed yet.</p>{% else %}
<div class="wide"><table><thead><tr>{% for c in b.computed.columns %}<th>{{ c }}</th>{% endfor %}
</tr></thead>{% for heading, rows in b.parts %}<tbody>
{% if heading %}<tr><th colspan="{{ b.computed.columns | length }}">{{ heading }}</th></tr>
{% endif %}{% for row in rows.values.tolist() %}
<tr>{% for v in row %}<td>{{ v }}</td>{% endfor %}</tr>{% endfor %}</tbody>
{% endfor %}</table></div>
{% if b.legend %}<p>{{ b.legend }}</p>
{% endif %}<ul>{% for name, command, code, day in b.commands.values.tolist() %}
<li>{{ name }}: <code>{{ command }}</code> ({{ code }}, {{ day }})</li>{% endfor %}</ul>{% endif %}
{% if b.challenge.published %}<h3>Published, not computed here</h3>
<p>Source: {{ b.challenge.published.source }}</p>
<div class="wide"><table class="published"><thead><tr>{% for c in b.published.columns %}<th>{{ c }}
</th>{% endfor %}</tr></thead><tbody>{% for row in b.published.values.tolist() %}
<tr>{% for v in row %}<td>{{ v }}</td>{% endfor %}</tr>{% endfor %}</tbody></table></div>{% endif %}
{% endfor %}</body></html>
"""


def _sampling(challenge: Challenge) -> str:
    return CHALLENGE_KINDS[challenge.kind].cases.sampling


def to_html(boards: Sequence[Board]) -> str:
    """Render all boards on one page; names of submissions are untrusted and escaped."""
    environment = jinja2.Environment(autoescape=True, keep_trailing_newline=True, finalize=_shown)
    return environment.from_string(PAGE).render(boards=boards, sampling=_sampling)


def _shown(value: object) -> object:
    """What a template prints, without control characters."""
    return terminal(value) if isinstance(value, str) else value


def rendered(
    challenges: Sequence[Challenge], folder: Path, skipped: list[str] | None = None
) -> dict[Path, str]:
    """Every file that a folder of results should hold beside them, with its content.

    Parameters
    ----------
    challenges : whose boards
    folder : of results
    skipped : as of :func:`load_results`
    """
    boards = [board(c, load_results(c, [folder], skipped)) for c in challenges]
    files = {folder / f"{b.challenge.name}.md": to_markdown(b) for b in boards}
    return files | {folder / f"{b.challenge.name}.csv": to_csv(b) for b in boards}


def stale(files: dict[Path, str]) -> list[Path]:
    """List the files that are missing or differ from what the results say."""
    return [
        path
        for path, text in files.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
