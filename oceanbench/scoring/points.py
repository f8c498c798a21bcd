"""Scores of estimates at points: nodes of maps, tracks, windows, whatever the truth lies at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr

from oceanbench.arrays import FloatArray
from oceanbench.data.opening import loaded
from oceanbench.declaration import Declaration, MetricRow
from oceanbench.errors import OceanbenchError
from oceanbench.metrics import METRICS, Flagged, Sums
from oceanbench.metrics.cases import Parts
from oceanbench.metrics.metric import Metric
from oceanbench.metrics.probabilistic.points import described, form_of
from oceanbench.metrics.sums import is_daily, sums, term_of
from oceanbench.result import Interval, Score
from oceanbench.scoring.collocation import AtTruth, Collocated, collocate
from oceanbench.scoring.matching import Inside, Matched, mask_and_weight
from oceanbench.scoring.sanity import warnings_of
from oceanbench.scoring.series import influence_series, series_of
from oceanbench.scoring.statistics import Influence, of_parts, of_sums

Pieces = Mapping[tuple[str, str], Matched]  # by variable and mask


@dataclass(frozen=True)
class Evaluated:
    """What a kind finds out of a submission.

    Attributes
    ----------
    scores, coverage, series, warnings : for the result
    material : what figures are drawn from, as the kind and its drawer know it
    """

    scores: list[Score]
    coverage: list[dict[str, Any]]
    series: list[dict[str, Any]]
    warnings: list[str]
    material: Any


@dataclass(frozen=True)
class Geometry:
    """How a kind brings estimates to its truth.

    Attributes
    ----------
    prepared : the truth of a variable, as it is scored
    at_truth : field and truth -> the field on the truth's points, NaN where it has no value
    inside : which of the truth's points a mask looks at
    posterior : members of the posterior on the points of a truth, where there are some
    """

    prepared: Callable[[xr.DataArray], xr.DataArray]
    at_truth: AtTruth
    inside: Inside
    posterior: Callable[[xr.DataArray], xr.DataArray | None] = lambda truth: None


def matched_by_score(
    declaration: Declaration,
    truth: xr.Dataset,
    estimates: xr.Dataset,
    geometry: Geometry,
    where: str,
) -> Pieces:
    """Match every (variable, mask) that the challenge scores.

    Parameters
    ----------
    declaration : of the challenge
    truth, estimates : canonical variables
    geometry : of the kind
    where : what messages call the submission
    """
    if 0 in truth.sizes.values():
        raise OceanbenchError(
            f"{declaration.name}: the truth has no value inside the domain "
            f"({dict(truth.sizes)}); check the files of dataset '{declaration.truth_name}'"
        )
    pairs: dict[str, Collocated] = {}
    posteriors: dict[str, xr.DataArray | None] = {}
    matched: dict[tuple[str, str], Matched] = {}
    fill = declaration.submission.missing == "fill"
    try:
        for row in declaration.scores:
            variable, mask = declaration.variable_of(row), declaration.mask_of(row)
            if variable not in pairs:
                known = loaded(truth[[variable]], f"{declaration.name}: the truth")[variable]
                known = geometry.prepared(known.astype(np.float64))
                pairs[variable] = collocate(estimates, known, geometry.at_truth, fill=fill)
                posteriors[variable] = geometry.posterior(known)
            if (variable, mask) not in matched:
                found = mask_and_weight(pairs[variable], declaration, mask, geometry.inside)
                matched[variable, mask] = replace(found, posterior=posteriors[variable])
    except OceanbenchError as problem:
        raise OceanbenchError(f"{where}: {problem}") from problem
    return matched


def score_points(declaration: Declaration, matched: Pieces) -> Evaluated:
    """Every score of a challenge, of estimates that are matched with the truth."""
    shared = {key: Shared(m) for key, m in matched.items()}
    scores, influences = [], []
    for row in declaration.scores:
        key = (declaration.variable_of(row), declaration.mask_of(row))
        found, influence = score(row, key, shared[key])
        scores.append(found)
        parts = shared[key].parts(row) if influence is not None else None
        if parts is not None and influence is not None:
            written = influence_series(row.label, parts.case, influence)
            influences.append({"variable": key[0], "mask": key[1], **written})
    series = [
        {"variable": v, "mask": k, "daily": daily, **series_of(table, part.terms[daily])}
        for (v, k), part in shared.items()
        for daily, table in part.tables.items()
    ]
    warnings = warnings_of(matched)
    return Evaluated(scores, coverage_of(matched), series + influences, warnings, matched)


def coverage_of(matched: Pieces) -> list[dict[str, Any]]:
    """How many points of each variable and mask there are, and how many are scored."""
    return [
        {"variable": v, "mask": k, **m.coverage.to_dict(), **_members(m)}
        for (v, k), m in matched.items()
    ]


def _members(matched: Matched) -> dict[str, int]:
    """Count of members, of which scores of single values take the mean; nothing without any."""
    count = matched.distribution.sizes.get("member")
    return {} if count is None else {"members": count}


def in_words(matched: Pieces) -> list[str]:
    """How much of a submission can be scored, a line for each variable and mask."""
    return [
        f"{variable}, mask {mask}: {part.coverage.scored} of {part.coverage.points} points can be "
        f"scored, {described(part.distribution)}"
        for (variable, mask), part in matched.items()
    ]


class Shared:
    """Sums of statistics of one variable and mask, each computed once for all scores of them."""

    def __init__(self, matched: Matched) -> None:
        self.matched = matched
        self.arrays = (matched.estimate, matched.truth, matched.weights)
        self.distribution = (matched.distribution, matched.truth, matched.weights)
        self.tables: dict[bool, Sums] = {}
        self.terms: dict[bool, dict[str, FloatArray]] = {}
        self._statistics: dict[tuple[str, str], Any] = {}
        self._parts: dict[tuple[str, str], Parts | None] = {}

    def statistic(self, row: MetricRow) -> Any:
        """Sums that the value of a score is a function of: per case, or of all cases together."""
        metric = METRICS[row.metric]
        if metric.summed == "points":
            return self._sums(row)
        key = metric.key(row.options)
        if key not in self._statistics:
            self._statistics[key] = self._computed(row)
        return self._statistics[key]

    def parts(self, row: MetricRow) -> Parts | None:
        """Parts of a statistic that is not one of sums; None where it has none to resample."""
        metric = METRICS[row.metric]
        if metric.summed == "points":
            return None
        key = metric.key(row.options)
        if key not in self._parts:
            self._parts[key] = metric.parts_of(*self._arrays(metric), row.options)
        return self._parts[key]

    def _computed(self, row: MetricRow) -> Any:
        metric = METRICS[row.metric]
        if metric.parts is not None:
            parts = self.parts(row)
            return parts and parts.whole(np.ones(len(parts.case)))
        return metric.statistic_of(*self._arrays(metric), row.options)

    def _arrays(self, metric: Metric) -> tuple[xr.DataArray, xr.DataArray, xr.DataArray]:
        if metric.of_posterior:
            posterior = self.matched.posterior
            assert posterior is not None  # a declaration is refused where there is none
            return self.matched.distribution, posterior, self.matched.weights
        return self.distribution if metric.probabilistic else self.arrays

    def _sums(self, row: MetricRow) -> Sums:
        """Sums per map, pass, UTC day or window, with the term of the score."""
        metric = METRICS[row.metric]
        daily = metric.daily or is_daily(self.matched.truth)
        if daily not in self.tables:
            self.tables[daily], self.terms[daily] = sums(*self.arrays, daily=daily), {}
        if metric.statistic is None:
            return self.tables[daily]
        terms = self.terms[daily]
        if row.label not in terms:
            found = sums(*self.arrays, daily=daily, term=self._computed(row))
            terms[row.label] = term_of(found)
        return replace(self.tables[daily], term=terms[row.label])


def score(row: MetricRow, key: tuple[str, str], shared: Shared) -> tuple[Score, Influence | None]:
    """One score of the challenge with its flag and interval, and what that comes from."""
    metric, matched = METRICS[row.metric], shared.matched
    found: float | Flagged | None = metric.flagged(
        form_of(matched.distribution), matched.distribution.sizes.get("member", 1)
    )
    influence: Influence | None = None
    if found is None:
        statistic = shared.statistic(row)
        found = metric.score(statistic, row.options)
        if not isinstance(found, Flagged):
            influence = _influence(row, shared, statistic)
    spread = None if influence is None else influence.interval()
    units, n = metric.unit_for(matched.truth, row.options), matched.coverage.scored
    return score_of(row, key, found, units=units, n=n, interval=spread), influence


def score_of(
    row: MetricRow,
    key: tuple[str, str],
    found: float | Flagged,
    *,
    units: str,
    n: int,
    interval: Interval | None = None,
) -> Score:
    """Write what a metric found as a score, for every kind.

    Parameters
    ----------
    row : of the challenge's metrics
    key : variable and mask
    found : number, or the flag that says why there is none
    units : of the number
    n : points that were scored
    interval : of the number, which is kept within what the metric can be
    """
    metric = METRICS[row.metric]
    value = float(found.value if isinstance(found, Flagged) else found)
    ideal = metric.ideal_of(row.options)
    return Score(
        metric=row.metric,
        label=row.label,
        variable=key[0],
        mask=key[1],
        value=value if np.isfinite(value) else None,
        units=units,
        better=metric.better,
        ideal=(ideal or None) if metric.better is None else None,
        flag=found.flag if isinstance(found, Flagged) else None,
        n=n,
        interval=interval and interval.within(*metric.limits),
    )


def _influence(row: MetricRow, shared: Shared, statistic: Any) -> Influence | None:
    """Influence of the cases on a score, of sums or of parts; None where it has none."""
    metric = METRICS[row.metric]
    resampled = metric.of_sums(row.options)
    if resampled is not None:
        return of_sums(statistic, resampled, metric.limits)
    parts = shared.parts(row)
    if parts is None:
        return None

    def number(whole: Any) -> float:
        found = metric.score(whole, row.options)
        return float(found.value if isinstance(found, Flagged) else found)

    return of_parts(parts, number, metric.limits)
