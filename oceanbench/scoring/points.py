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
from oceanbench.metrics.aligned import FloatArray, number
from oceanbench.metrics.probabilistic.points import described, form_of
from oceanbench.metrics.spectral.space_time import psd_score
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
    """What several scores of one variable and mask read, computed once."""

    def __init__(self, matched: Matched) -> None:
        self.matched = matched
        self.arrays = (matched.estimate, matched.truth, matched.weights)
        self.distribution = (matched.distribution, matched.truth, matched.weights)
        self.tables: dict[bool, Sums] = {}
        self.terms: dict[bool, dict[str, FloatArray]] = {}
        self._planes: dict[tuple[Any, ...], xr.DataArray | None] = {}

    def sums(self, row: MetricRow) -> Sums:
        """Sums per map, UTC day (always so for tracks) or window, with the term of the score."""
        metric = METRICS[row.metric]
        daily = metric.daily or self.matched.truth.ndim == 1
        if daily not in self.tables:
            self.tables[daily], self.terms[daily] = sums(*self.arrays, daily=daily), {}
        if metric.term is None:
            return self.tables[daily]
        terms = self.terms[daily]
        if row.label not in terms:
            arrays = self.distribution if metric.probabilistic else self.arrays
            field = metric.term(*arrays, **row.options)
            terms[row.label] = term_of(sums(*self.arrays, daily=daily, term=field))
        return replace(self.tables[daily], term=terms[row.label])

    def value(self, row: MetricRow) -> float | Flagged:
        """Value of one score of the challenge."""
        metric = METRICS[row.metric]
        of_sums = metric.score_of_sums(row.options)
        whole = "gaussian" if metric.joint else "deterministic"  # the form that it may flag
        flagged = metric.probabilistic and form_of(self.matched.distribution) == whole
        if of_sums is not None and metric.term and not flagged:
            return number(of_sums(self.sums(row)))
        if metric.probabilistic:
            return metric.function(*self.distribution, **row.options)
        if metric.of_psd is None:
            return metric.function(*self.arrays, **row.options)
        spectrum = {n: v for n, v in row.options.items() if n in ("window", "propagation")}
        others = {n: v for n, v in row.options.items() if n not in spectrum}
        plane = tuple(sorted(spectrum.items()))
        if plane not in self._planes:
            self._planes[plane] = psd_score(*self.arrays, **spectrum)
        return metric.of_psd(self._planes[plane], **others)


def score(row: MetricRow, key: tuple[str, str], shared: Shared) -> Score:
    """One score of the challenge, with its flag and interval."""
    metric, matched = METRICS[row.metric], shared.matched
    found = shared.value(row)
    flagged = isinstance(found, Flagged)
    value = float(found.value if isinstance(found, Flagged) else found)
    spread: Interval | None = None
    of_sums, ideal = metric.score_of_sums(row.options), metric.ideal_of(row.options)
    if of_sums is not None and not flagged:
        spread = interval(shared.sums(row), of_sums)
    if spread is not None:
        spread = spread.within(*metric.limits)
    return Score(
        metric=row.metric,
        label=row.label,
        variable=key[0],
        mask=key[1],
        value=value if np.isfinite(value) else None,
        units=str(row.options.get("units") or metric.unit_for(matched.truth)),
        better=metric.better,
        ideal=(ideal or None) if metric.better is None else None,
        flag=found.flag if isinstance(found, Flagged) else None,
        n=matched.coverage.scored,
        interval=spread,
    )
