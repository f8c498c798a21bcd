"""Results → ranked tables, as texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from oceanbench.boards.published import published_table
from oceanbench.challenge import Challenge
from oceanbench.errors import OceanbenchError
from oceanbench.kinds import CHALLENGE_KINDS
from oceanbench.metrics import METRICS, Sums
from oceanbench.result import Result, Score
from oceanbench.scoring.series import sums_of
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


def load_results(
    challenge: Challenge, folders: Sequence[Path], skipped: list[str] | None = None
) -> list[Result]:
    """Results of a challenge, of its present version; a later folder wins over an earlier one.

    Parameters
    ----------
    challenge : whose results
    folders : that hold a folder of its name
    skipped : gets what is wrong with each file that cannot be ranked; without it, the first of
        them is refused
    """
    found: dict[str, Result] = {}
    for folder in folders:
        for path in sorted((folder / challenge.name).glob("*.json")):
            try:
                result = _load(challenge, path)
            except OceanbenchError as problem:
                if skipped is None:
                    raise
                skipped.append(str(problem))
                continue
            if result.challenge["version"] == challenge.version:
                found[result.name] = result
    return list(found.values())


def _load(challenge: Challenge, path: Path) -> Result:
    """Result of a challenge that has the score that ranks."""
    result = Result.load(path)
    if result.challenge.get("name") != challenge.name:
        raise OceanbenchError(
            f"{path}: is a result of {result.challenge.get('name')}, expected "
            f"{challenge.name}; move it to its own folder"
        )
    label = challenge.ranking.label
    if result.challenge["version"] == challenge.version and label not in {
        score.label for score in result.scores
    }:
        raise OceanbenchError(f"{path}: has no score '{label}', which ranks; evaluate again")
    return result


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
    kind = CHALLENGE_KINDS[challenge.kind]
    rows_of = {row.label: row for row in challenge.scores}
    rows = []
    for result, rank in zip(ordered, ranks, strict=True):
        row = {"rank": rank, "submission": result.name + (f" {NEW}" if result.name in new else "")}
        for score in result.scores:
            declared = rows_of.get(score.label)
            if declared is None or declared.shown:
                row[_heading(score)] = _cell(score, declared.digits if declared else None)
        if (cost := kind.cost(challenge, result)) is not None:
            row[cost[0]] = cost[1]
        row["method"] = str(result.submission.get("method", ""))
        row["notes"] = _notes(result)
        rows.append(row)
    commands = pd.DataFrame([_made_by(r) for r in ordered])
    table = pd.DataFrame(rows).fillna("")
    flags = {s.flag for r in ordered for s in r.scores}
    legend = [text for flag, text in NO_SCORE.items() if flag in flags]
    legend += [LACKING] if flags & {"partial", "not_submitted"} else []
    return Board(challenge, table, commands, published_table(challenge), " ".join(legend))


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
