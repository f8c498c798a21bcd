"""Guard scores: compare a result with a reference result, and say what got worse."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from oceanbench.errors import OceanbenchError
from oceanbench.result import Result, Score
from oceanbench.scoring.series import is_of_sums


@dataclass(frozen=True)
class Regression:
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


def regressions(
    result: Result, reference: Result, *, tolerance: float = 0.0, absolute: float = 1e-9
) -> list[Regression]:
    """Compare every score of a reference with that of a result.

    A score fails when it is worse than the reference by more than
    ``tolerance × |reference| + absolute``, or when it became a flag without a number. Being better
    never fails. Signed scores (bias, coverage) are compared by their distance from the ideal.

    Parameters
    ----------
    result, reference : of the same challenge and version, scored on the same declaration
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
    if result.challenge["sha256"] != reference.challenge["sha256"]:
        raise OceanbenchError(
            "result and reference were scored on two declarations of one version; evaluate the "
            "older again"
        )
    if not reference.scores:
        raise OceanbenchError("the reference has no scores; give a result of 'oceanbench evaluate'")
    found = {score.label: score for score in result.scores}
    for score in reference.scores:
        other = found.get(score.label, score)
        for key in ("metric", "variable", "mask", "units", "better", "ideal"):
            if getattr(other, key) != getattr(score, key):
                raise OceanbenchError(
                    f"'{score.label}' has {key} {getattr(other, key)} in the result and "
                    f"{getattr(score, key)} in the reference; compare results of one challenge"
                )
    return [
        _regression(score, found.get(score.label), tolerance, absolute)
        for score in reference.scores
    ]


def _regression(
    reference: Score, found: Score | None, tolerance: float, absolute: float
) -> Regression:
    value = found.value if found and found.value is not None else None
    if value is not None and not math.isfinite(value):
        value = None
    margin = absolute + tolerance * abs(reference.value or 0.0)
    worse_by: float | None = None
    if reference.value is None:
        verdict = "no reference"
    elif value is None:
        verdict = "lost"
    else:
        worse_by = _badness(value, reference) - _badness(reference.value, reference)
        verdict = "worse" if worse_by > margin else "better" if worse_by < -margin else "same"
    return Regression(
        reference.label, reference.units, reference.value, value, worse_by, margin, verdict
    )


def _badness(value: float, score: Score) -> float:
    if score.better is None:
        return abs(value - (score.ideal or 0.0))
    return -value if score.better == "higher" else value


VERIFIED = ("challenge", "scores", "coverage", "series", "warnings")


def differences(claimed: Result, found: Result, tolerance: float = 1e-9) -> list[str]:
    """What a result file says otherwise than a new evaluation: everything but its provenance.

    Influences of cases that a file does not hold, as an older one may not, are no difference.

    Parameters
    ----------
    claimed, found : results of one submission
    tolerance : relative, for numbers

    Returns
    -------
    list of 'place: claimed, found'
    """
    held = {series["label"] for series in claimed.series if not is_of_sums(series)}
    kept = [series for series in found.series if is_of_sums(series) or series["label"] in held]
    first, second = (
        {k: v for k, v in asdict(r).items() if k in VERIFIED}
        for r in (claimed, replace(found, series=kept))
    )
    return list(_differences("", first, second, tolerance))


def _differences(place: str, a: Any, b: Any, tolerance: float) -> Iterator[str]:
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        for key in a:
            yield from _differences(f"{place}.{key}".lstrip("."), a[key], b[key], tolerance)
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            yield from _differences(f"{place}[{i}]", x, y, tolerance)
    elif isinstance(a, float) and isinstance(b, float):
        if not math.isclose(a, b, rel_tol=tolerance, abs_tol=1e-12):
            yield f"{place}: {a!r}, found {b!r}"
    elif a != b:
        yield f"{place}: {a!r}, found {b!r}"
