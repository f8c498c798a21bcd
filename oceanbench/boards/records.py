"""Boards as records, for programs: every number in full, with its interval and flag."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from oceanbench.boards.leagues import (
    breaks_a_rule,
    gathered,
    is_twin,
    observations,
    why_apart,
)
from oceanbench.boards.placing import placed_results
from oceanbench.boards.published import published_table
from oceanbench.challenge import Challenge
from oceanbench.result import Result, Score


def board_record(challenge: Challenge, results: Sequence[Result]) -> dict[str, Any]:
    """A board: its rows in order, the published ones apart.

    Parameters
    ----------
    challenge : whose board
    results : of its present version
    """
    seeds = gathered(results)
    ordered, placed = placed_results(challenge, [alike[0] for alike in seeds.values()])
    return {
        "challenge": challenge.name,
        "version": challenge.version,
        "title": challenge.title,
        "ranked_by": challenge.ranking.label,
        "rows": row_records(challenge, ordered, placed, seeds),
        "published": published_table(challenge).to_dict("records"),
    }


def row_records(
    challenge: Challenge,
    ordered: Sequence[Result],
    placed: Sequence[tuple[str, str]],
    seeds: Mapping[str, Sequence[Result]],
) -> list[dict[str, Any]]:
    """Rows of a board.

    Parameters
    ----------
    challenge : whose board
    ordered, placed : from :func:`oceanbench.boards.placing.placed_results`
    seeds : from :func:`oceanbench.boards.leagues.gathered`
    """
    return [
        {
            "rank": rank,
            "group": group,
            "apart": why_apart(challenge, result),
            **_row(challenge, result),
            "seeds": [alike.name for alike in seeds[result.name][1:]],
        }
        for result, (rank, group) in zip(ordered, placed, strict=True)
    ]


def _row(challenge: Challenge, result: Result) -> dict[str, Any]:
    shown = {row.label for row in challenge.scores if row.shown}
    said = result.submission
    return {
        "submission": result.name,
        "method": said.get("method", ""),
        "authors": said.get("authors", ""),
        "reference": said.get("reference", ""),
        "observations": observations(result),
        "learned_from": said.get("learned_from") or "",
        "identical_twin": is_twin(challenge, result),
        "breaks_a_rule": breaks_a_rule(challenge, result),
        "cpu_seconds": result.provenance.get("cpu_seconds"),
        "command": result.provenance.get("command"),
        "created": result.provenance.get("created"),
        "warnings": result.warnings,
        "scores": {s.label: score_record(s) for s in result.scores if s.label in shown},
    }


def score_record(score: Score) -> dict[str, Any]:
    """A score: value, interval, flag, whether that is all but unknown, unit and direction."""
    return {
        "value": score.value,
        "low": score.interval.low if score.interval else None,
        "high": score.interval.high if score.interval else None,
        "flag": score.flag,
        "vague": score.is_vague,
        "units": score.units,
        "better": score.better,
    }
