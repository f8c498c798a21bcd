"""Results → ranked tables: Markdown, CSV and one HTML page."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
import numpy as np
import pandas as pd

from oceanbench.challenge import Challenge
from oceanbench.errors import OceanbenchError
from oceanbench.evaluate import sums_of
from oceanbench.metrics import METRICS, Sums
from oceanbench.result import Result, Score
from oceanbench.scoring.statistics import paired_difference

DIGITS = {"1": 3, "m": 4, "degrees_east": 2, "days": 1, "km": 0}
SYMBOLS = {"degrees_east": "°", "days": "d", "1": ""}
NEW = "◀ new"
NO_SCORE = {
    "deterministic": "–: a score of distributions; the submission gives one value at each point.",
    "marginal": "–: a score of members; the submission gives a mean and a standard deviation.",
}
LACKING = "A rank of – is of a partial submission, and a score of – of what it does not hold."


@dataclass(frozen=True)
class Board:
    """The leaderboard of one challenge: computed rows ranked, published rows apart.

    Attributes
    ----------
    challenge : whose board
    computed : ranked rows, as text: rank, submission, one column per score, notes
    commands : submission, and the command and code that made its row
    published : rows that others published, as text; empty where there are none
    legend : what a sign in the cells means; empty where there is none to explain
    """

    challenge: Challenge
    computed: pd.DataFrame
    commands: pd.DataFrame
    published: pd.DataFrame
    legend: str = ""


def load_results(challenge: Challenge, folders: Sequence[Path]) -> list[Result]:
    """Results of a challenge, of its present version; a later folder wins over an earlier one."""
    found: dict[str, Result] = {}
    for folder in folders:
        for path in sorted((folder / challenge.name).glob("*.json")):
            result = Result.load(path)
            if result.challenge.get("name") != challenge.name:
                raise OceanbenchError(
                    f"{path}: is a result of {result.challenge.get('name')}, expected "
                    f"{challenge.name}; move it to its own folder"
                )
            if result.challenge["version"] == challenge.version:
                found[result.name] = result
    return list(found.values())


def board(challenge: Challenge, results: Sequence[Result], *, new: Sequence[str] = ()) -> Board:
    """Rank results; submissions that a paired test cannot tell from a better one share its rank.

    Parameters
    ----------
    challenge : its ``rank_by`` score and its labels are the columns
    results : of this challenge and version
    new : names of the submissions to mark
    """
    label = challenge.ranking.label
    ordered = sorted(
        results, key=lambda r: (not _ranked(r.score(label)), _order(r.score(label)), r.name)
    )
    ranks = _ranks(challenge, ordered)
    rows_of = {row.label: row for row in challenge.scores}
    rows = []
    for result, rank in zip(ordered, ranks, strict=True):
        row = {"rank": rank, "submission": result.name + (f" {NEW}" if result.name in new else "")}
        for score in result.scores:
            declared = rows_of.get(score.label)
            if declared is None or declared.shown:
                row[_heading(score)] = _cell(score, declared.digits if declared else None)
        if challenge.kind == "windows":
            row["CPU [s/window]"] = _cost(challenge, result)
        row["method"] = str(result.submission.get("method", ""))
        row["notes"] = _notes(result)
        rows.append(row)
    commands = pd.DataFrame([_made_by(r) for r in ordered])
    table = pd.DataFrame(rows).fillna("")
    flags = {s.flag for r in ordered for s in r.scores}
    legend = [text for flag, text in NO_SCORE.items() if flag in flags]
    legend += [LACKING] if flags & {"partial", "not_submitted"} else []
    return Board(challenge, table, commands, _published(challenge), " ".join(legend))


def _made_by(result: Result) -> dict[str, str]:
    made = result.provenance
    code = f"{made.get('oceanbench')} {str(made.get('commit') or '')[:10]}".strip()
    return {
        "submission": result.name,
        "command": str(made.get("command") or ""),
        "oceanbench": code,
        "scored": str(made.get("created", ""))[:10],
    }


def _ranked(score: Score) -> bool:
    """Whether a score can have a rank: it has a value, of a submission that lacks nothing of it."""
    return score.value is not None and score.flag != "partial"


def _order(score: Score) -> float:
    if score.value is None:
        return float("inf")
    return -score.value if score.better == "higher" else score.value


def _ranks(challenge: Challenge, ordered: Sequence[Result]) -> list[str]:
    """Competition ranks: whom the paired test cannot tell from the best of a rank shares it."""
    row = challenge.ranking
    of_sums = METRICS[row.metric].of_sums(row.options)
    ranks: list[str] = []
    leader = 0
    for i, result in enumerate(ordered):
        if not _ranked(result.score(row.label)):
            ranks.append("–")
            continue
        tied = i > 0 and _order(result.score(row.label)) == _order(ordered[leader].score(row.label))
        if i > 0 and of_sums is not None and not tied:
            first, second = (_table(r, challenge) for r in (ordered[leader], result))
            if first is not None and second is not None and _same_points(first, second):
                spread = paired_difference(first, second, of_sums)
                tied = spread is not None and spread.low <= 0.0 <= spread.high
        if not tied:
            leader = i
        ranks.append(str(leader + 1))
    return [f"{r}=" if r != "–" and ranks.count(r) > 1 else r for r in ranks]


def _same_points(first: Sums, second: Sums) -> bool:
    """Whether two submissions were scored on the same number of points at every time."""
    return np.array_equal(first.count, second.count)


def _table(result: Result, challenge: Challenge) -> Sums | None:
    row = challenge.ranking
    metric = METRICS[row.metric]
    for series in result.series:
        wanted = (challenge.variable_of(row), challenge.mask_of(row))
        same_points = (series["variable"], series["mask"]) == wanted
        if same_points and (series["daily"] or not metric.daily):
            table = sums_of(series, row.label)
            if metric.statistic is None or table.term is not None:
                return table
    return None


def _heading(score: Score) -> str:
    symbol = SYMBOLS.get(score.units, score.units)
    return f"{score.label} [{symbol}]" if symbol else score.label


def _cost(challenge: Challenge, result: Result) -> str:
    """CPU time of the method for one window of one sampling."""
    seconds = result.provenance.get("cpu_seconds")
    windows = max((len(s.get("window", ())) for s in result.series), default=0)
    if not isinstance(seconds, int | float) or windows == 0:
        return "–"
    return f"{seconds / windows / max(1, len(challenge.samplings)):.2g}"


def _cell(score: Score, digits: int | None) -> str:
    if digits is None:
        digits = DIGITS.get(score.units, 3)
    if score.value is None:
        return "–" if score.flag in (*NO_SCORE, "not_submitted") else score.flag or "–"
    text = f"{score.value:.{digits}f}"
    if score.flag == "resolved_below_grid":
        return f"≤ {text}"
    if score.interval:
        text = f"{text} [{score.interval.low:.{digits}f}, {score.interval.high:.{digits}f}]"
    return f"{text} (partial)" if score.flag == "partial" else text


def _notes(result: Result) -> str:
    notes = [str(result.submission.get("notes", ""))]
    for name, value in result.provenance.get("options", {}).items():
        trained = isinstance(value, dict) and name == "weights"
        notes.append(f"{name}={value.get('file')}" if trained else f"{name}={value}")
    for part in result.coverage:
        if part["scored"] < part["points"]:
            at = f" at {part['against']}" if part.get("against") else ""
            notes.append(f"{part['scored']} of {part['points']} points{at} scored ({part['mask']})")
        if part["filled"]:
            notes.append(f"{part['filled']} of {part['points']} points filled ({part['mask']})")
        if part.get("missing"):
            notes.append(f"partial: {', '.join(part['missing'])}")
    notes += [f"warning: {warning}" for warning in result.warnings]
    return "; ".join(dict.fromkeys(n for n in notes if n))


def _published(challenge: Challenge) -> pd.DataFrame:
    if challenge.published is None:
        return pd.DataFrame()
    path = challenge.path.parent / challenge.published.path
    if not path.is_file():
        raise OceanbenchError(f"{challenge.path}: published.path: no file {path}; add it")
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False)
    except (ValueError, OSError) as problem:
        raise OceanbenchError(f"{path}: cannot be read as CSV ({problem}); correct it") from problem


def _bootstrap(challenge: Challenge) -> str:
    over = {"windows": "bootstrap over windows", "forecasts": "block bootstrap over starts"}
    return over.get(challenge.kind, "block bootstrap over time")


def _escape(table: pd.DataFrame) -> pd.DataFrame:
    return table.map(lambda text: html.escape(str(text), quote=False).replace("|", "\\|"))


def to_markdown(shown: Board) -> str:
    """Board as Markdown."""
    challenge = shown.challenge
    lines = [f"# {challenge.title}", ""]
    lines.append(
        f"`{challenge.name}`, version {challenge.version}; ranked by "
        f"{challenge.ranking.label} (`{challenge.ranking.metric}`)."
    )
    if METRICS[challenge.ranking.metric].resampled:
        lines.append(
            f"Brackets hold 95 % intervals of a {_bootstrap(challenge)}; submissions that a paired "
            "bootstrap cannot tell from the best of a rank share it (=)."
        )
    lines.append("")
    if shown.computed.empty:
        lines.append("No submission has been computed yet.")
    else:
        lines.append(_escape(shown.computed).to_markdown(index=False, disable_numparse=True))
        lines += ["", shown.legend] if shown.legend else []
        lines += ["", "## How the rows were made", ""]
        lines.append(_escape(shown.commands).to_markdown(index=False, disable_numparse=True))
    if challenge.published is not None:
        lines += ["", "## Published", ""]
        lines.append(
            f"Scores as others published them ({challenge.published.source}), not computed by "
            "OceanBench and not ranked with the rows above."
        )
        lines.append("")
        lines.append(_escape(shown.published).to_markdown(index=False, disable_numparse=True))
    return "\n".join(lines) + "\n"


def to_csv(shown: Board) -> str:
    """Board as CSV; the column ``source`` tells computed from published rows."""
    parts = []
    if not shown.computed.empty:
        parts.append(shown.computed.assign(source="computed"))
    if not shown.published.empty:
        parts.append(shown.published.assign(source="published"))
    return str(pd.concat(parts).fillna("").to_csv(index=False)) if parts else "source\n"


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
{{ b.challenge.ranking.label }}. Brackets: 95 % intervals of a {{ bootstrap(b.challenge) }}; “=”:
not told apart by a paired bootstrap.</p>
{% if b.computed.empty %}<p>No submission has been computed yet.</p>{% else %}
<div class="wide"><table><thead><tr>{% for c in b.computed.columns %}<th>{{ c }}</th>{% endfor %}
</tr></thead><tbody>{% for row in b.computed.values.tolist() %}
<tr>{% for v in row %}<td>{{ v }}</td>{% endfor %}</tr>{% endfor %}</tbody></table></div>
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


def to_html(boards: Sequence[Board]) -> str:
    """Render all boards on one page; names of submissions are untrusted and escaped."""
    environment = jinja2.Environment(autoescape=True, keep_trailing_newline=True)
    return environment.from_string(PAGE).render(boards=boards, bootstrap=_bootstrap)


def rendered(challenges: Sequence[Challenge], folder: Path) -> dict[Path, str]:
    """Every file that a folder of results should hold beside them, with its content."""
    boards = [board(c, load_results(c, [folder])) for c in challenges]
    files = {folder / f"{b.challenge.name}.md": to_markdown(b) for b in boards}
    files |= {folder / f"{b.challenge.name}.csv": to_csv(b) for b in boards}
    files[folder / "index.html"] = to_html(boards)
    return files


def stale(files: dict[Path, str]) -> list[Path]:
    """List the files that are missing or differ from what the results say."""
    return [
        path
        for path, text in files.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
