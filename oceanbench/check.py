"""Guard scores: compare a result with a reference result, and say what got worse."""

from __future__ import annotations

from dataclasses import dataclass

from oceanbench.errors import OceanbenchError
from oceanbench.result import Result, Score


@dataclass(frozen=True)
class Comparison:
    """One score beside its reference."""

    label: str
    units: str
    reference: float | None
    found: float | None
    worse_by: float | None
    tolerance: float
    verdict: str

    @property
    def failed(self) -> bool:
        """Whether the score got worse by more than the tolerance, or was lost."""
        return self.verdict in ("worse", "lost")


def compare(
    result: Result, reference: Result, *, tolerance: float = 0.0, absolute: float = 1e-9
) -> list[Comparison]:
    """Compare every score of a reference with that of a result.

    A score fails when it is worse than the reference by more than
    ``tolerance × |reference| + absolute``, or when it became a flag without a number. Being better
    never fails. Signed scores (bias) are compared by their distance from zero.

    Parameters
    ----------
    result, reference : of the same challenge and version
    tolerance : relative
    absolute : in the unit of the score; the default forgives rounding only

    Raises
    ------
    OceanbenchError
        if the two are not comparable
    """
    for key in ("name", "version"):
        if result.challenge[key] != reference.challenge[key]:
            raise OceanbenchError(
                f"result is of challenge {key} {result.challenge[key]}, reference of "
                f"{reference.challenge[key]}; compare results of one challenge and version"
            )
    found = {score.label: score for score in result.scores}
    return [
        _compare(score, found.get(score.label), tolerance, absolute) for score in reference.scores
    ]


def _compare(
    reference: Score, found: Score | None, tolerance: float, absolute: float
) -> Comparison:
    value = found.value if found else None
    margin = absolute + tolerance * abs(reference.value or 0.0)
    worse_by: float | None = None
    if reference.value is None:
        verdict = "no reference"
    elif value is None:
        verdict = "lost"
    else:
        worse_by = _badness(value, reference.better) - _badness(reference.value, reference.better)
        verdict = "worse" if worse_by > margin else "better" if worse_by < -margin else "same"
    return Comparison(
        reference.label, reference.units, reference.value, value, worse_by, margin, verdict
    )


def _badness(value: float, better: str | None) -> float:
    return {"higher": -value, "lower": value}.get(better or "", abs(value))
