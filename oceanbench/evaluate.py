"""evaluate(challenge, submission) → Result: the only place where the parts come together."""

from __future__ import annotations

import datetime
import platform
import subprocess
import time
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import fields, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from oceanbench.challenge import Challenge
from oceanbench.data.shipped import PACKAGE
from oceanbench.declaration import MetricRow
from oceanbench.errors import OceanbenchError
from oceanbench.kinds.forecasts.scoring.scores import score_forecasts
from oceanbench.metrics import METRICS, Flagged, Sums
from oceanbench.metrics.aligned import FloatArray
from oceanbench.metrics.probabilistic.points import form_of
from oceanbench.metrics.sums import sums, term_of
from oceanbench.result import Interval, Result, Score
from oceanbench.scoring.collocation import Pair, pair
from oceanbench.scoring.matching import Matched, match
from oceanbench.scoring.statistics import interval
from oceanbench.submission import Submission

SUMMED = [f.name for f in fields(Sums) if f.name not in ("case", "term")]
PACKAGES = ("numpy", "scipy", "xarray", "pandas", "xrft", "contourpy", "h5netcdf", "torch")


def evaluate(
    challenge: Challenge,
    submission: Submission,
    *,
    data_dir: Path | None = None,
    options: Mapping[str, Any] | None = None,
    executor: Executor | None = None,
) -> Result:
    """Score a submission on a challenge.

    Parameters
    ----------
    challenge : from :meth:`Challenge.load`
    submission : the participant's file
    data_dir : folder of the challenge's files, where they are not beside challenge.yaml
    options : what to keep in the provenance: ``command``, ``device``, ``seed``, ``cpu_seconds`` and
        ``options`` of the method
    executor : whose workers share the starts of forecasts: a process pool, or that of a dask
        cluster (``client.get_executor()``); the scores are the same

    Returns
    -------
    Result, not yet written

    Raises
    ------
    OceanbenchError
        when the submission or the challenge's data are refused
    """
    begin = time.perf_counter()
    if challenge.kind == "forecasts":
        parts = _score_forecasts(challenge, submission, data_dir, executor)
    elif executor is None:
        parts = _score_points(challenge, submission, data_dir)
    else:
        raise OceanbenchError(
            f"{challenge.name}: workers share the starts of forecasts, and its kind is "
            f"'{challenge.kind}'; evaluate without them"
        )
    scores, coverage, series, warnings = parts
    return Result(
        challenge={
            "name": challenge.name,
            "version": challenge.version,
            "sha256": challenge.sha256,
        },
        submission={
            "name": submission.name,
            "sha256": submission.sha256,
            "method": submission.method,
            "authors": submission.authors,
            "reference": submission.reference,
            "notes": submission.notes,
        },
        scores=scores,
        coverage=coverage,
        series=series,
        provenance=provenance(time.perf_counter() - begin, options or {}),
        warnings=warnings,
    )


class Parts(NamedTuple):
    """What the kinds of challenge find out in their own ways."""

    scores: list[Score]
    coverage: list[dict[str, Any]]
    series: list[dict[str, Any]]
    warnings: list[str]


def _score_points(challenge: Challenge, submission: Submission, data_dir: Path | None) -> Parts:
    matched = matched_by_score(challenge, submission, data_dir=data_dir)
    shared = {key: Shared(m) for key, m in matched.items()}
    scores = []
    for row in challenge.metrics:
        key = (challenge.variable_of(row), challenge.mask_of(row))
        scores.append(score(row, key, shared[key]))
    coverage = [{"variable": v, "mask": k, **m.coverage.to_dict()} for (v, k), m in matched.items()]
    series = [
        {"variable": v, "mask": k, "daily": daily, **series_of(table, part.terms[daily])}
        for (v, k), part in shared.items()
        for daily, table in part.tables.items()
    ]
    return Parts(scores, coverage, series, [])


def _score_forecasts(
    challenge: Challenge, submission: Submission, data_dir: Path | None, executor: Executor | None
) -> Parts:
    found = score_forecasts(challenge, submission, data_dir=data_dir, executor=executor)
    series, row, table = [], challenge.ranking, found.ranking
    if table is not None:
        terms = {} if table.term is None else {row.label: table.term}
        key = {"variable": row.variable, "mask": row.mask, "daily": False}
        series = [{**key, **series_of(table, terms)}]
    return Parts(found.scores, found.coverage, series, found.warnings)


def matched_by_score(
    challenge: Challenge, submission: Submission, *, data_dir: Path | None = None
) -> dict[tuple[str, str], Matched]:
    """Match every (variable, mask) that the challenge scores."""
    truth = challenge.open(challenge.truth_name, data_dir)
    if 0 in truth.sizes.values():
        raise OceanbenchError(
            f"{challenge.name}: the truth has no value inside the domain "
            f"({dict(truth.sizes)}); check the files of dataset '{challenge.truth_name}'"
        )
    estimates = submission.open(challenge)
    pairs: dict[str, Pair] = {}
    matched: dict[tuple[str, str], Matched] = {}
    try:
        for row in challenge.metrics:
            variable, mask = challenge.variable_of(row), challenge.mask_of(row)
            if variable not in pairs:
                pairs[variable] = pair(challenge, estimates, truth, variable)
            if (variable, mask) not in matched:
                matched[variable, mask] = match(pairs[variable], challenge, mask, data_dir)
    except OceanbenchError as problem:
        raise OceanbenchError(f"{submission.path.name}: {problem}") from problem
    return matched


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


def series_of(table: Sums, terms: Mapping[str, FloatArray]) -> dict[str, Any]:
    """Write sums per case as lists, for the result file; terms by the labels of their scores."""
    columns = {name: getattr(table, name).tolist() for name in SUMMED}
    dated = table.case.dtype.kind == "M"
    cases = {"time": table.case.astype(str).tolist()} if dated else {"window": table.case.tolist()}
    written: dict[str, Any] = {**cases, **columns}
    if terms:
        written["terms"] = {label: column.tolist() for label, column in terms.items()}
    return written


def sums_of(series: Mapping[str, Any], label: str) -> Sums:
    """Sums that :func:`series_of` wrote, with the term of the score of that label if it has one."""
    columns = {name: series[name] for name in SUMMED}
    if label in series.get("terms", {}):
        columns["term"] = series["terms"][label]
    case = (
        np.array(series["time"], dtype="datetime64[ns]")
        if "time" in series
        else np.array(series["window"], dtype=np.int64)
    )
    return Sums(
        case=case,
        **{name: np.array(column, dtype=np.float64) for name, column in columns.items()},
    )


def provenance(seconds: float, options: Mapping[str, Any]) -> dict[str, Any]:
    """With what, when and how fast a result was computed."""
    packages = {}
    for name in PACKAGES:
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "oceanbench": version("oceanbench-challenges"),
        "commit": commit(),
        "python": platform.python_version(),
        "packages": packages,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 3),
        "device": options.get("device"),
        "seed": options.get("seed"),
        "cpu_seconds": options.get("cpu_seconds"),
        "options": dict(options.get("options", {})),
        "command": options.get("command"),
    }


def commit() -> str | None:
    """Commit of the checkout that runs, "+" if it has changes; None without a checkout or git."""
    if not (PACKAGE.parent / ".git").exists():
        return None
    describe = ["describe", "--always", "--exclude=*", "--abbrev=40", "--dirty=+"]  # a hash, no tag
    command = ["git", "-C", str(PACKAGE.parent), *describe]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() or None
