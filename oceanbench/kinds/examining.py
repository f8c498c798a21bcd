"""What kinds find in the data of a challenge, before anyone submits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import groupby

import numpy as np
import xarray as xr

from oceanbench.arrays import BoolArray, TimeArray
from oceanbench.data import opening
from oceanbench.declaration import Declaration, MetricRow
from oceanbench.errors import OceanbenchError
from oceanbench.grid import interpolate
from oceanbench.kinds.findings import Finding, Severity, named, refused
from oceanbench.metrics import METRICS
from oceanbench.scoring.collocation import Collocated
from oceanbench.scoring.matching import Matched, mask_and_weight
from oceanbench.scoring.points import Geometry, Shared, score

MARGIN_DAYS = 14  # of observations on both sides of what is scored: an altimeter's cycle is longer
GAP_DAYS = 3  # without a pass, one after another: of a region, any orbit may leave that many
MOST_TRUTH = 2**27  # values, which are held in memory several times
MOST_POINTS = 20_000  # at which observations are held against the truth
UNLIKE = 0.3  # correlation below which observations hardly show the truth
FEW = 30  # points, of which nothing is said
Why = tuple[Severity, str, str]
NOISE = 0.3  # of the truth's deviation: an estimate that no metric finds degenerate


def first_days(declaration: Declaration, count: int) -> Declaration:
    """The same challenge with its first scored days, through the first of its masks alone."""
    name, mask = next(iter(declaration.masks.items()))
    first, last = getattr(mask, "time", None) or declaration.scored.time
    days = (first, min(last, first + timedelta(days=count - 1)))
    rules, grid = declaration.submission, declaration.submission.grid
    if grid is not None and grid.days_after == 0:  # else tracks of the last day have no map
        rules = rules.model_copy(update={"grid": grid.model_copy(update={"days_after": 1})})
    return declaration.model_copy(
        update={
            "submission": rules,
            "domain": declaration.scored.model_copy(update={"time": days}),
            "masks": {name: mask},
            "scores": [row for row in declaration.scores if declaration.mask_of(row) == name],
        }
    )


def examined(
    declaration: Declaration, datasets: Mapping[str, xr.Dataset], geometry: Geometry
) -> Iterator[Finding]:
    """Masks and scores without values, and observations elsewhere, at other times, or unlike maps.

    Parameters
    ----------
    declaration : of a challenge with a domain
    datasets : those that could be opened
    geometry : of the kind, whose ``at_truth`` has nothing to do
    """
    truth = datasets.get(declaration.truth_name)
    large = [] if truth is None else list(too_large(declaration, truth))
    yield from large
    if truth is not None and not large:
        yield from scorable(declaration, truth, geometry)
        if truth.sizes.keys() >= {"time", "latitude", "longitude"}:  # maps, and no track
            yield from resembling(declaration, truth, datasets)
    yield from observed(declaration, datasets)


def too_large(declaration: Declaration, truth: xr.Dataset) -> Iterator[Finding]:
    """What is to be said of a truth that is not read as a whole; nothing of one that is."""
    count = max((array.size for array in truth.data_vars.values()), default=0)
    if count > MOST_TRUTH:
        yield Finding(
            "remark",
            declaration.truth_name,
            f"has {count:.2g} values: which scores have one, and whether observations show it, is "
            "not tried on so many",
            "evaluate a submission with 'oceanbench evaluate'",
        )


def scorable(declaration: Declaration, truth: xr.Dataset, geometry: Geometry) -> Iterator[Finding]:
    """Masks without truth, and scores that no submission has: the truth with noise is scored."""
    lost: dict[Why, list[str]] = defaultdict(list)
    shared: dict[tuple[str, str], Shared | None] = {}
    known: dict[str, xr.DataArray] = {}
    for row in declaration.scores:
        variable, mask = key = (declaration.variable_of(row), declaration.mask_of(row))
        try:
            if variable not in known:
                opened = opening.loaded(truth[[variable]], f"dataset '{declaration.truth_name}'")
                known[variable] = geometry.prepared(opened[variable].astype(np.float64))
            if key not in shared:
                matched = _noisy(declaration, known[variable], mask, geometry)
                shared[key] = None if matched is None else Shared(matched)
                if matched is None:
                    yield _empty(declaration, variable, mask)
        except OceanbenchError as problem:
            yield refused(f"mask {mask}", problem)
            shared[key] = None
        if variable not in known:
            return
        if (part := shared[key]) is not None and (why := _no_value(row, key, part)):
            lost[why].append(row.label)
    for (severity, text, cure), labels in lost.items():
        yield Finding(
            severity,
            f"score{'s' if len(labels) > 1 else ''} {named(labels)}",
            text,
            cure,
        )


def _noisy(
    declaration: Declaration, truth: xr.DataArray, mask: str, geometry: Geometry
) -> Matched | None:
    """The truth with noise through a mask; None where the mask has no truth."""
    seen = geometry.inside(truth, declaration.masks[mask]).broadcast_like(truth)
    if not bool((seen & truth.notnull()).any()):
        return None
    noise = np.random.default_rng(0).standard_normal(truth.shape) * NOISE * float(truth.std())
    estimate = truth + noise
    pair = Collocated(estimate, truth, estimate)
    return mask_and_weight(pair, declaration, mask, geometry.inside)


def _empty(declaration: Declaration, variable: str, mask: str) -> Finding:
    rows = [
        row.label
        for row in declaration.scores
        if (declaration.variable_of(row), declaration.mask_of(row)) == (variable, mask)
    ]
    return Finding(
        "stops",
        f"mask {mask}",
        f"no value of '{variable}' of the truth lies inside it: {named(rows)} cannot be computed",
        f"correct masks.{mask}, the domain or the truth's files",
    )


def _no_value(row: MetricRow, key: tuple[str, str], part: Shared) -> Why | None:
    """Why a score has no value, or no interval: severity, words, cure."""
    try:
        found, _ = score(row, key, part)
    except OceanbenchError as problem:
        one = refused(row.label, problem)
        return one.severity, one.text, one.cure
    if found.flag == "deterministic":
        text = "of distributions: only submissions with members, or with a _std, have them"
        return "remark", text, "say so on the card"
    if found.value is None and found.flag in (None, "no_data"):
        text = f"no value, of whatever submission, through mask '{key[1]}' ({found.flag or 'none'})"
        cure = "score a longer time or larger part, give the metric other options, or leave it out"
        return "stops", text, cure
    if found.interval is None and found.flag is None and METRICS[row.metric].resampled:
        text = "no interval, for want of cases: submissions cannot be told apart by it"
        return "misleads", text, "score a longer time, or more windows"
    return None


def observed(declaration: Declaration, datasets: Mapping[str, xr.Dataset]) -> Iterator[Finding]:
    """Observations that lie elsewhere or at other times than what is scored, or end with it."""
    box = declaration.scored.box
    assert box.time  # a domain has all its bounds
    first, last = (np.datetime64(day, "D") for day in declaration.scored.time)
    wanted = np.arange(first, last + 1)
    together: set[np.datetime64] = set()
    names = [name for name in declaration.of_role("observations") if name in datasets]
    for name in names:
        part = opening.select(
            datasets[name], box._replace(time=None), declaration.datasets[name].layout
        )
        days = np.unique(part["time"].values.astype("datetime64[D]"))
        together |= set(days)
        if not days.size:
            yield Finding(
                "misleads", name, "no observation lies in the domain", "correct its box or files"
            )
        elif not np.isin(days, wanted).any():
            yield Finding(
                "misleads",
                name,
                f"its observations, {days[0]} to {days[-1]}, are none of the scored days, {first} "
                f"to {last}",
                "correct domain.time, or give the files of those days",
            )
    if together & set(wanted):
        yield from _margins(min(together), max(together), first, last)
    passes = all(declaration.datasets[name].layout in ("track", "swath") for name in names)
    seen = np.isin(wanted, np.array(sorted(together), "datetime64[D]"))
    if names and not seen.all():
        yield _days_without(wanted, seen, passes=passes)


def _days_without(wanted: TimeArray, seen: BoolArray, *, passes: bool) -> Finding:
    """Scored days without observations; of passes, a few on end are the orbit's doing."""
    lost = [str(day) for day in wanted[~seen]]
    longest = max(len(list(run)) for has, run in groupby(seen) if not has)
    text = f"{len(lost)} of {wanted.size} scored days have none in the domain: {named(lost)}"
    if passes and longest <= GAP_DAYS:
        text += f"; no more than {longest} on end, as orbits leave them"
        return Finding("remark", "observations", text)
    cure = "give the missing files, or say so on the card"
    return Finding("misleads", "observations", f"{text}; {longest} on end", cure)


def _margins(
    begin: np.datetime64, end: np.datetime64, first: np.datetime64, last: np.datetime64
) -> Iterator[Finding]:
    """Observations that begin with the scored days, or end with them; a day less will do."""
    for side, margin in (("before", first - begin), ("after", end - last)):
        days = max(int(margin.astype(int)), 0)
        if days < MARGIN_DAYS - 1:
            other = "later" if side == "before" else "earlier"
            effect = (
                f"maps near that end rest more on {other} ones"
                if days
                else f"there, maps are extrapolated in time, from {other} observations only"
            )
            yield Finding(
                "misleads",
                "observations",
                f"reach {days} days {side} what is scored, fewer than {MARGIN_DAYS}: {effect}",
                f"give {MARGIN_DAYS} days in all on that side, or score fewer days",
            )


def resembling(
    declaration: Declaration, truth: xr.Dataset, datasets: Mapping[str, xr.Dataset]
) -> Iterator[Finding]:
    """Observations that hardly show the truth maps at their places and times."""
    for name in declaration.of_role("observations"):
        layout = declaration.datasets[name].layout
        if name not in datasets or layout not in ("track", "swath"):
            continue
        inside = opening.select(datasets[name], declaration.scored.box, layout)
        for variable in inside.data_vars:
            alike = None
            if variable in truth:
                alike = _correlation(inside[variable], truth[variable].transpose("time", ...))
            if alike is None or alike >= UNLIKE:
                continue
            yield Finding(
                "misleads",
                name,
                f"'{variable}' has a correlation of {alike:.2f} with the truth at the same places "
                "and times",
                "turn its sign"
                if alike < -UNLIKE
                else "check its times, longitudes and variable, unless it is so noisy",
            )


def _correlation(observed: xr.DataArray, truth: xr.DataArray) -> float | None:
    """Correlation of observations with maps between which they lie; None of few."""
    axes = ("time", "latitude", "longitude")
    values, *places = xr.broadcast(observed, *(observed[axis] for axis in axes))
    found = np.flatnonzero(np.isfinite(values.values).ravel())
    found = found[:: max(1, -(-found.size // MOST_POINTS))]
    points = xr.DataArray(
        values.values.ravel()[found],
        dims="point",
        coords={
            axis: ("point", place.transpose(*values.dims).values.ravel()[found])
            for axis, place in zip(axes, places, strict=True)
        },
    )
    there = interpolate(truth.astype(np.float64), points).values
    both = np.isfinite(there)
    pair = there[both], points.values[both]
    if both.sum() < FEW or not all(float(np.std(one)) > 0 for one in pair):
        return None
    return float(np.corrcoef(*pair)[0, 1])
