"""Scores of estimates at points: nodes of maps, tracks, windows, whatever the truth lies at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr

from oceanbench.data.opening import loaded
from oceanbench.declaration import Declaration, MetricRow
from oceanbench.errors import OceanbenchError
from oceanbench.metrics import METRICS, Flagged, Sums
from oceanbench.metrics.aligned import FloatArray
from oceanbench.metrics.probabilistic.points import described, form_of
from oceanbench.metrics.sums import sums, term_of
from oceanbench.result import Interval, Score
from oceanbench.scoring.collocation import AtTruth, Collocated, collocate
from oceanbench.scoring.matching import Inside, Matched, mask_and_weight
from oceanbench.scoring.series import series_of
from oceanbench.scoring.statistics import interval

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
    """

    prepared: Callable[[xr.DataArray], xr.DataArray]
    at_truth: AtTruth
    inside: Inside


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
    matched: dict[tuple[str, str], Matched] = {}
    fill = declaration.submission.missing == "fill"
    try:
        for row in declaration.scores:
            variable, mask = declaration.variable_of(row), declaration.mask_of(row)
            if variable not in pairs:
                known = loaded(truth[[variable]], f"{declaration.name}: the truth")[variable]
                known = geometry.prepared(known.astype(np.float64))
                pairs[variable] = collocate(estimates, known, geometry.at_truth, fill=fill)
            if (variable, mask) not in matched:
                matched[variable, mask] = mask_and_weight(
                    pairs[variable], declaration, mask, geometry.inside
                )
    except OceanbenchError as problem:
        raise OceanbenchError(f"{where}: {problem}") from problem
    return matched


def score_points(declaration: Declaration, matched: Pieces) -> Evaluated:
    """Every score of a challenge, of estimates that are matched with the truth."""
    shared = {key: Shared(m) for key, m in matched.items()}
    scores = []
    for row in declaration.scores:
        key = (declaration.variable_of(row), declaration.mask_of(row))
        scores.append(score(row, key, shared[key]))
    coverage = [{"variable": v, "mask": k, **m.coverage.to_dict()} for (v, k), m in matched.items()]
    series = [
        {"variable": v, "mask": k, "daily": daily, **series_of(table, part.terms[daily])}
        for (v, k), part in shared.items()
        for daily, table in part.tables.items()
    ]
    return Evaluated(scores, coverage, series, [], matched)


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

    def statistic(self, row: MetricRow) -> Any:
        """Sums that the value of a score is a function of: per case, or of all cases together."""
        metric = METRICS[row.metric]
        if metric.summed == "points":
            return self._sums(row)
        key = metric.key(row.options)
        if key not in self._statistics:
            self._statistics[key] = self._computed(row)
        return self._statistics[key]

    def _computed(self, row: MetricRow) -> Any:
        metric = METRICS[row.metric]
        arrays = self.distribution if metric.probabilistic else self.arrays
        return metric.statistic_of(*arrays, row.options)

    def _sums(self, row: MetricRow) -> Sums:
        """Sums per map, UTC day (always so for tracks) or window, with the term of the score."""
        metric = METRICS[row.metric]
        daily = metric.daily or self.matched.truth.ndim == 1
        if daily not in self.tables:
            self.tables[daily], self.terms[daily] = sums(*self.arrays, daily=daily), {}
        if metric.statistic is None:
            return self.tables[daily]
        terms = self.terms[daily]
        if row.label not in terms:
            found = sums(*self.arrays, daily=daily, term=self._computed(row))
            terms[row.label] = term_of(found)
        return replace(self.tables[daily], term=terms[row.label])


def score(row: MetricRow, key: tuple[str, str], shared: Shared) -> Score:
    """One score of the challenge, with its flag and interval."""
    metric, matched = METRICS[row.metric], shared.matched
    found: float | Flagged | None = metric.flagged(form_of(matched.distribution))
    spread: Interval | None = None
    if found is None:
        statistic = shared.statistic(row)
        found = metric.score(statistic, row.options)
        of_sums = metric.of_sums(row.options)
        if of_sums is not None and not isinstance(found, Flagged):
            spread = interval(statistic, of_sums)
    value = float(found.value if isinstance(found, Flagged) else found)
    ideal = metric.ideal_of(row.options)
    return Score(
        metric=row.metric,
        label=row.label,
        variable=key[0],
        mask=key[1],
        value=value if np.isfinite(value) else None,
        units=metric.unit_for(matched.truth, row.options),
        better=metric.better,
        ideal=(ideal or None) if metric.better is None else None,
        flag=found.flag if isinstance(found, Flagged) else None,
        n=matched.coverage.scored,
        interval=spread and spread.within(*metric.limits),
    )
