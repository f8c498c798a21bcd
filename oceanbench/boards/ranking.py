"""Results → ranked tables, as texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd

from oceanbench.boards.checking import is_truth
from oceanbench.boards.finding import as_folders, load_results
from oceanbench.boards.leagues import (
    gathered,
    is_twin,
    league_heading,
    learned_from,
    observations,
    sentences,
)
from oceanbench.boards.placing import placed_results
from oceanbench.boards.published import published_table
from oceanbench.boards.records import row_records
from oceanbench.challenge import Challenge
from oceanbench.data import shipped
from oceanbench.errors import typed
from oceanbench.evaluate import as_challenge
from oceanbench.kinds import CHALLENGE_KINDS
from oceanbench.result import Result, Score

DIGITS = {"1": 3, "m": 4, "degrees_east": 2, "days": 1, "km": 0}
SYMBOLS = {"degrees_east": "°", "days": "d", "1": ""}
NEW = "◀ new"
VAGUE = "~"
IS_VAGUE = (
    f"{VAGUE}: the interval is wider than the score is large; for want of independent cases, it is "
    "hardly known."
)
NO_SCORE = {
    "deterministic": "–: a score of distributions; the submission gives one value at each point.",
    "not_draws": "–: a score of eight or more members that are declared as independent draws.",
    "marginal": "–: a score of members; the submission gives a mean and a standard deviation.",
}
IS_TRUTH = "is the truth itself: not ranked"
SAME_PHYSICS = "of the truth's family"
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
    rows : the computed rows as :func:`oceanbench.boards.records.row_records` has them
    headings : of every computed row, what those that it is ranked with stand under
    """

    challenge: Challenge
    computed: pd.DataFrame
    commands: pd.DataFrame
    published: pd.DataFrame
    legend: str = ""
    rows: Sequence[dict[str, Any]] = ()
    headings: Sequence[str] = ()

    @property
    def parts(self) -> list[tuple[str, pd.DataFrame]]:
        """Computed rows by what they are ranked with: a heading, empty of the usual ones, each."""
        return [
            (heading, self.computed.iloc[[number for number, _ in found]])
            for heading, found in groupby(enumerate(self.headings), lambda one: one[1])
        ]

    def __repr__(self) -> str:
        names = ", ".join(str(row["submission"]) for row in self.rows)
        return f"Board({self.challenge.name!r}: {names})"

    def to_dataframe(self) -> pd.DataFrame:
        """Rows by submission: rank, group, why it is ranked apart, the scores that are shown."""
        columns = ["submission", "rank", "group", "apart"]
        table = [
            {name: row[name] for name in columns}
            | {label: score["value"] for label, score in row["scores"].items()}
            for row in self.rows
        ]
        return pd.DataFrame(table, columns=None if table else columns).set_index("submission")

    def _repr_html_(self) -> str:
        challenge = self.challenge
        heading = f"{challenge.title} ({challenge.name}), by {challenge.ranking.label}"
        tables = [f"<p>{escape(heading)}</p>"]
        for words, rows in self.parts:
            tables += [f"<p>{escape(words)}</p>"] if words else []
            tables.append(rows.to_html(index=False, escape=True))
        return "".join(tables)


@typed
def leaderboard(
    challenge: Challenge | Path | str,
    *,
    results: Path | str | Sequence[Path | str] = (),
    rank_by: str | None = None,
) -> Board:
    """Board of a challenge: the shipped rows, and those of folders of results.

    Parameters
    ----------
    challenge : loaded, its name, or the path of a challenge.yaml
    results : folder or folders whose rows stand with the shipped ones, and in place of those of the
        same name
    rank_by : label of the score that ranks, in place of the challenge's
    """
    loaded = as_challenge(challenge)
    loaded = loaded if rank_by is None else loaded.ranked_by(rank_by)
    own = as_folders(results)
    return board(loaded, load_results(loaded, [shipped.folder("leaderboards"), *own]))


def board(challenge: Challenge, results: Sequence[Result], *, new: Sequence[str] = ()) -> Board:
    """Rank results: one more than the number of submissions that are better, as far as can be told.

    Two that share a letter of the column ``group`` cannot be told apart. Those that used other
    observations than the challenge's usual ones, or learned from what it does not give, are ranked
    apart, below; the truth itself, without its noise, has no rank.

    Parameters
    ----------
    challenge : its ``rank_by`` score and its labels are the columns
    results : of this challenge and version
    new : names of the submissions to mark
    """
    seeds = gathered(results)
    ordered, placed = placed_results(challenge, [alike[0] for alike in seeds.values()])
    apart = len({observations(r) for r in ordered}) > 1
    kind = CHALLENGE_KINDS[challenge.kind]
    rows_of = {row.label: row for row in challenge.scores}
    rows = []
    for result, (rank, group) in zip(ordered, placed, strict=True):
        marked = any(alike.name in new for alike in seeds[result.name])
        name = f"{result.name} {NEW}" if marked else result.name
        row = {"rank": rank, "group": group, "submission": name}
        if len(seeds) < len(results):
            row["seeds"] = _spread(challenge, seeds[result.name])
        if apart:
            row["observations"] = observations(result) or "usual"
        for score in result.scores:
            declared = rows_of.get(score.label)
            if declared is None or declared.shown:
                row[heading_of(score)] = cell_of(score, declared.digits if declared else None)
        if (cost := kind.cost(challenge, result)) is not None:
            row[cost[0]] = cost[1]
        row["learned from"] = learned_from(result)
        if challenge.physics is not None:
            row["physics"] = SAME_PHYSICS if is_twin(challenge, result) else "–"
        row["method"] = str(result.submission.get("method", ""))
        row["notes"] = notes_of(result)
        if is_truth(challenge, result):
            row["notes"] = f"{IS_TRUTH}; {row['notes']}".rstrip("; ")
        rows.append(row)
    commands = pd.DataFrame([_made_by(r) for r in ordered])
    table = pd.DataFrame(rows).fillna("")
    flags = {s.flag for r in ordered for s in r.scores}
    legend = [text for flag, text in NO_SCORE.items() if flag in flags]
    shown = {label for label, row in rows_of.items() if row.shown}
    vague = any(s.is_vague for r in ordered for s in r.scores if s.label in shown)
    legend += [IS_VAGUE] if vague else []
    legend += sentences(challenge, ordered, several_seeds=len(seeds) < len(results))
    legend += [LACKING] if flags & {"partial", "not_submitted"} else []
    records = row_records(challenge, ordered, placed, seeds)
    headings = [league_heading(challenge, result) for result in ordered]
    published = published_table(challenge)
    return Board(challenge, table, commands, published, " ".join(legend), records, headings)


def _made_by(result: Result) -> dict[str, str]:
    made = result.provenance
    code = f"{made.get('oceanbench')} {str(made.get('commit') or '')[:10]}".strip()
    return {
        "submission": result.name,
        "command": str(made.get("command") or ""),
        "oceanbench": code,
        "scored": str(made.get("created", ""))[:10],
    }


def _spread(challenge: Challenge, alike: Sequence[Result]) -> str:
    """How many seeds a method was trained from, and the range of the score that ranks."""
    row = challenge.ranking
    scores = [result.score(row.label) for result in alike]
    values = [score.value for score in scores if score.value is not None]
    if len(values) < 2:
        return "–"
    digits = digits_of(scores[0], row.digits)
    return f"{len(values)}: {min(values):.{digits}f}–{max(values):.{digits}f}"


def heading_of(score: Score) -> str:
    """Label of a score with its unit."""
    symbol = SYMBOLS.get(score.units, score.units)
    return f"{score.label} [{symbol}]" if symbol else score.label


def digits_of(score: Score, declared: int | None) -> int:
    """Digits after the point: those that the challenge declares, or those of the unit."""
    return DIGITS.get(score.units, 3) if declared is None else declared


def cell_of(score: Score, digits: int | None = None) -> str:
    """Score and its interval as text, or why there is no number.

    Parameters
    ----------
    score : of a result
    digits : declared in the challenge; by default those of the unit
    """
    if score.value is None:
        return "–" if score.flag in (*NO_SCORE, "not_submitted") else score.flag or "–"
    digits = digits_of(score, digits)
    text = f"{score.value:.{digits}f}"
    if score.flag == "resolved_below_grid":
        return f"≤ {text}"
    if score.flag == "beyond_last_lead":
        text = f"≥ {text}"
    if score.interval:
        text = f"{text} [{score.interval.low:.{digits}f}, {score.interval.high:.{digits}f}]"
        text += f" {VAGUE}" if score.is_vague else ""
    return f"{text} (partial)" if score.flag == "partial" else text


def coverage_notes(result: Result) -> list[str]:
    """What of the truth was not scored, or only where values were filled."""
    notes = []
    for part in result.coverage:
        if part["scored"] < part["points"]:
            at = f" at {part['against']}" if part.get("against") else ""
            notes.append(f"{part['scored']} of {part['points']} points{at} scored ({part['mask']})")
        if part["filled"]:
            notes.append(f"{part['filled']} of {part['points']} points filled ({part['mask']})")
        if part.get("missing"):
            notes.append(f"partial: {', '.join(part['missing'])}")
    return list(dict.fromkeys(notes))


def notes_of(result: Result) -> str:
    """What is to be known of a row: its notes, options, coverage and warnings."""
    notes = [str(result.submission.get("notes", ""))]
    for name, value in (result.provenance.get("options") or {}).items():
        trained = isinstance(value, dict) and name == "weights"
        notes.append(f"{name}={value.get('file')}" if trained else f"{name}={value}")
    notes += coverage_notes(result)
    notes += [f"warning: {warning}" for warning in result.warnings]
    return "; ".join(dict.fromkeys(n for n in notes if n))
