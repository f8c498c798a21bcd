"""Sanity checks of errors: what they say of a submission when all of it has been scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

DATUM = 0.05  # metres
GROWTH = 1.2  # of the error, from the first lead to the last: less is none
FALL = 0.05  # of an error or a wavelength, from one lead to the next
UNCHANGED = 0.5  # of the ocean's own change: a larger error tells nothing
LOST_SURFACE = 3.0  # more than a forecast that knows nothing has: twice the variance


def leads(errors: Mapping[str, Sequence[float]], days: Sequence[int]) -> list[str]:
    """Warn where the error falls at the last lead: it is then valid on another day.

    Parameters
    ----------
    errors : of each variable, its RMSE by lead
    days : leads
    """
    if len(days) < 2:
        return []
    falls = [name for name, rmse in errors.items() if rmse[-1] < 0.9 * rmse[-2]]
    if not falls or 2 * len(falls) < len(errors):
        return []
    return [
        f"the error of {', '.join(falls)} falls from lead {days[-2]} to lead {days[-1]}, by more "
        "than a tenth: check that the last lead holds the day it should"
    ]


def growth(
    errors: Mapping[str, Sequence[float]], changes: Mapping[str, float], days: Sequence[int]
) -> list[str]:
    """Warn where the error does not grow, though the ocean changes by far more meanwhile.

    A climatology's error does not grow either, but it is of the size of the changes.

    Parameters
    ----------
    errors : of each variable, its RMSE by lead
    changes : of each variable, rms difference of the truth of the last lead from that of the first
    days : leads
    """
    still = [
        name
        for name, rmse in errors.items()
        if rmse[-1] < GROWTH * rmse[0] + 1e-12 and rmse[-1] < UNCHANGED * changes[name]
    ]
    if not still or len(days) < 2:
        return []
    return [
        f"the error of {', '.join(still)} does not grow from lead {days[0]} to lead {days[-1]}, in "
        "which the ocean changes more than twice as much: check that no forecast knows what came "
        "after its start"
    ]


def hindsight(
    errors: Mapping[str, Mapping[int, float]],
    wavelengths: Mapping[str, Mapping[int, float]],
    centred: float | None,
) -> list[str]:
    """Warn of forecasts from observations that are better than what was known allows.

    Parameters
    ----------
    errors : of each variable, its RMSE by lead
    wavelengths : of each variable, the resolved wavelength by lead; NaN where nothing is resolved
    centred : error of maps that know the future too; None where the challenge does not say it
    """
    warnings = []
    for what, found in (("error", errors), ("resolved wavelength", wavelengths)):
        for name, by_lead in found.items():
            for before, after in pairwise(by_lead):
                if by_lead[after] < (1.0 - FALL) * by_lead[before]:
                    warnings.append(
                        f"the {what} of {name} falls from lead {before} to lead {after}, by more "
                        f"than {FALL:.0%}: check that no forecast knows what came after its start"
                    )
                    break
    for name, by_lead in errors.items():
        for lead, rmse in by_lead.items():
            if lead > 0 and centred is not None and rmse < centred:
                warnings.append(
                    f"the error of {name} at lead {lead} is below that of maps which know the "
                    f"future too, {centred:g}: check that no forecast does"
                )
                break
    return warnings


class Discrepancy(NamedTuple):
    """How forecasts of a height differ from observations, and how those vary, in metres."""

    offset: float
    variance_of_errors: float
    variance_of_observations: float


def heights(found: Mapping[str, Discrepancy]) -> list[str]:
    """Warn where heights are on another level than observations, or above another surface.

    Parameters
    ----------
    found : of each dataset of observations, at the shortest lead
    """
    warnings = []
    for name, (offset, error, spread) in found.items():
        if error > LOST_SURFACE * spread:
            warnings.append(
                f"errors of {name} have {error / spread:.1f} times the variance of the "
                "observations: one of the two lacks the mean dynamic topography, or the sign is "
                "turned; see mdt in challenge.yaml, and forecast heights above the geoid, upward"
            )
        elif abs(offset) > DATUM and offset**2 > error:
            warnings.append(
                f"{name} is {offset:+.2f} m from the observations in the mean: another datum; "
                f"correct the forecast by {-offset:.2f} m, or datum in challenge.yaml if it is "
                "wrong there"
            )
    return warnings
