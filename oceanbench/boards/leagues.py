"""What a result is ranked with: those that saw and learned alike, and one of all seeds of a method.

A method that was trained from several seeds has one row, which shows how far they are apart; what
the others reached is in result files that name it (``seed_of``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from oceanbench.boards.checking import TRUTH
from oceanbench.challenge import Challenge
from oceanbench.kinds import CHALLENGE_KINDS
from oceanbench.result import Result
from oceanbench.submission import LEARNED_FROM

OF_A_METHOD = (  # what those of one method say alike: nobody stands in the row of others
    "method", "authors", "reference", "members", "observations", "learned_from", "physics",
)  # fmt: skip
NOT_RANKED = "made from the truth itself"
BROKEN = "learned from the truth of this world, which the challenge does not give"
APART = (
    "Rows that learned from the truth of the same world, of which this challenge gives no maps, "
    "are ranked apart."
)
TWINS = (
    "Rows with physics of the truth's family know the equations that the truth was made by: what "
    "they gain by it may not be gained on another ocean."
)
SEEDS = "Column seeds: how many trainings of a method, and their range of the score that ranks."


def observations(result: Result) -> str:
    """Observations that a submission declares beside the usual ones; "" where there are none."""
    return _said(result, "observations")


def learned_from(result: Result) -> str:
    """What a method learned from, in words; a dash where it is not said, and for the truth."""
    said = _said(result, "learned_from")
    return "–" if observations(result) == TRUTH else LEARNED_FROM.get(said, "–")


def is_twin(challenge: Challenge, result: Result) -> bool:
    """Whether a method has a model of the family that the truth is of, or learned from one."""
    return challenge.physics in {name.strip() for name in _said(result, "physics").split(",")}


def league(challenge: Challenge, result: Result) -> tuple[str, bool, str]:
    """What a result is ranked with: those of the same observations and rules, and as fortunate."""
    return observations(result), breaks_a_rule(challenge, result), why_lost(challenge, result)


def why_lost(challenge: Challenge, result: Result) -> str:
    """Why the kind of the challenge ranks a result apart, in a word; "" if it does not."""
    return CHALLENGE_KINDS[challenge.kind].lost(challenge, result)


def why_apart(challenge: Challenge, result: Result) -> str:
    """Why a result is not ranked with the usual rows, in words; "" where it is."""
    seen = observations(result)
    if seen == TRUTH:
        return NOT_RANKED
    parts = [f"used {seen.replace(',', ', ')} too"] if seen else []
    parts += [BROKEN] if breaks_a_rule(challenge, result) else []
    lost = why_lost(challenge, result)
    return "; ".join([*parts, *([lost] if lost else [])])


def league_heading(challenge: Challenge, result: Result) -> str:
    """What stands above those that a result is ranked with; "" above the usual rows."""
    why = why_apart(challenge, result)
    if why == NOT_RANKED:
        return f"{why[0].upper()}{why[1:]}: not ranked"
    return f"Ranked apart: {why}" if why else ""


def breaks_a_rule(challenge: Challenge, result: Result) -> bool:
    """Whether a method learned from the truth's world where the challenge gives no full field."""
    given = challenge.of_role("training")
    return not given and _said(result, "learned_from") == "truth"


def sentences(
    challenge: Challenge, results: Sequence[Result], *, several_seeds: bool
) -> Iterator[str]:
    """What a board says below itself of who is ranked with whom.

    Parameters
    ----------
    challenge : whose board
    results : one of each of its rows
    several_seeds : whether a method has more results than its row
    """
    if any(breaks_a_rule(challenge, r) for r in results):
        yield APART
    for why in sorted({why_lost(challenge, r) for r in results} - {""}):
        yield f"Rows that {why}, if only once, are ranked apart, below those that never did."
    if any(is_twin(challenge, r) for r in results):
        yield TWINS
    if several_seeds:
        yield SEEDS


def gathered(results: Sequence[Result]) -> dict[str, list[Result]]:
    """Results by the name of their row, that of the row first, then those of its other seeds.

    A result has a row of its own unless it says that it is another seed of one that is there, is
    none itself, and says the same of itself: method and authors, what it used and learned from.
    """
    rows = {r.name: [r] for r in results}
    for result in results:
        named = rows.get(_said(result, "seed_of"), [result])[0]
        if named is not result and not _said(named, "seed_of") and _alike(named, result):
            rows[named.name].append(rows.pop(result.name)[0])
    return rows


def _alike(one: Result, other: Result) -> bool:
    return all(_said(one, key) == _said(other, key) for key in OF_A_METHOD)


def _said(result: Result, key: str) -> str:
    return str(result.submission.get(key) or "")
