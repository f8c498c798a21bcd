"""Kind ``windows``: states of a small system, in windows that are independent of each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import xarray as xr

from oceanbench.data import opening
from oceanbench.data.checks.files import check_size
from oceanbench.declaration import Declaration
from oceanbench.errors import did_you_mean
from oceanbench.kinds import state_files
from oceanbench.kinds.examining import scorable
from oceanbench.kinds.expected import check_units
from oceanbench.kinds.findings import Finding
from oceanbench.kinds.kind import Cases, Kind, Submitted
from oceanbench.kinds.places import agreeing
from oceanbench.kinds.points import score_by, validate_by
from oceanbench.kinds.state_observations import unlike_observations
from oceanbench.kinds.submitted import check_values, only_file, open_variables
from oceanbench.kinds.windows.driving import each_sampling
from oceanbench.kinds.windows.masks import WindowMask, inside_windows, masks_of
from oceanbench.kinds.windows.opening import (
    WindowKeys,
    defaults,
    keys,
    open_windows,
    posterior_of,
    shortened,
    target,
)
from oceanbench.metrics import METRICS
from oceanbench.result import Result
from oceanbench.scoring.collocation import AtTruth
from oceanbench.scoring.points import Geometry, Pieces, matched_by_score

TEXTS = ("component", "sampling")  # the only ones that are read


def check(declaration: Declaration) -> None:
    """Refuse places and dates, which windows do not have, and masks of what there is not."""
    if declaration.domain is not None or declaration.periods:
        raise ValueError("kind 'windows' has neither domain nor periods; remove them")
    check_units(declaration)
    if keys(declaration).model is not None and keys(declaration).cyclic:
        raise ValueError("'cyclic' is what the model says where one is told; remove it")
    samplings, observations = keys(declaration).samplings, declaration.of_role("observations")
    for name, mask in masks_of(declaration).items():
        if mask.sampling is not None and mask.sampling not in samplings:
            hint = did_you_mean(mask.sampling, samplings)
            raise ValueError(f"masks.{name}.sampling: unknown '{mask.sampling}'; {hint}")
        for chosen in (mask.observed_in, mask.unobserved_in):
            if chosen is not None and chosen not in observations:
                hint = did_you_mean(chosen, observations)
                raise ValueError(f"masks.{name}: no observations '{chosen}'; {hint}")
    known = declaration.of_role("posterior")
    if len(known) > 1:
        raise ValueError(f"datasets: {' and '.join(known)} have role 'posterior'; keep one")
    against = [row.metric for row in declaration.metrics if METRICS[row.metric].of_posterior]
    if against and not known:
        raise ValueError(
            f"metrics: '{against[0]}' needs a dataset of role 'posterior'; declare it, or remove "
            "the row"
        )


def read(
    declaration: Declaration, submitted: Submitted, data_dir: Path | None = None
) -> xr.Dataset:
    """Windows of a submission ([sampling,] window, time, component[, member]), in memory."""
    file = only_file(submitted.files, submitted.name)
    sampled = ["sampling"] if keys(declaration).samplings else []
    dims = [*sampled, *state_files.DIMENSIONS]
    whole = open_variables(file, declaration, state_files.canonical, dims, TEXTS)
    check_size([whole], submitted.name, declaration.budget)
    whole = opening.loaded(whole, submitted.name)
    check_values(whole, declaration, submitted.name)
    return whole


def matched(
    declaration: Declaration, submitted: Submitted, data_dir: Path | None, against: str
) -> Pieces:
    """Estimate and truth of every variable and mask."""

    def at_truth(field: xr.DataArray, truth: xr.DataArray) -> xr.DataArray:
        return state_files.same_windows(field, truth, declaration.name)

    truth = open_windows(declaration, against, data_dir)
    estimates = read(declaration, submitted)
    geometry = geometry_of(declaration, data_dir, against, at_truth)
    return matched_by_score(declaration, truth, estimates, geometry, submitted.name)


def validate(declaration: Declaration, submitted: Submitted, data_dir: Path | None) -> list[str]:
    """How many points of each mask can be scored; flags in the truth's file may not be here."""
    if declaration.scored_at(data_dir) == declaration.truth_name:
        return validate_by(matched, declaration, submitted, data_dir)
    flagged = [name for name, mask in masks_of(declaration).items() if mask.flags]
    rows = [row for row in declaration.scores if declaration.mask_of(row) not in flagged]
    known = declaration.model_copy(update={"scores": rows})
    lines = [f"mask {name}: looks through a flag of the truth, not here" for name in flagged]
    return [*validate_by(matched, known, submitted, data_dir), *lines]


def geometry_of(
    declaration: Declaration, data_dir: Path | None, against: str, at_truth: AtTruth
) -> Geometry:
    """Truth, or target, in every sampling, and the points of each mask."""

    def prepared(truth: xr.DataArray) -> xr.DataArray:
        return state_files.in_samplings(truth, keys(declaration).samplings)

    def within(points: xr.DataArray, mask: WindowMask) -> xr.DataArray:
        return inside_windows(points, mask, declaration, data_dir)

    def posterior(truth: xr.DataArray) -> xr.DataArray | None:
        of_truth = against == declaration.truth_name  # a posterior is kept with it
        return posterior_of(truth, declaration, data_dir) if of_truth else None

    as_scored = agreeing(declaration, data_dir, against, open_windows, prepared)
    return Geometry(as_scored, at_truth, within, posterior)


def examined(
    declaration: Declaration, data_dir: Path | None, datasets: Mapping[str, xr.Dataset]
) -> Iterator[Finding]:
    """Masks and scores without values, and observations that are not of the truth's windows."""
    truth = datasets.get(declaration.truth_name)
    if truth is not None:
        name = declaration.truth_name
        geometry = geometry_of(declaration, data_dir, name, lambda field, _: field)
        yield from scorable(declaration, truth, geometry)
        for name in declaration.of_role("observations"):
            if name in datasets:
                yield from unlike_observations(name, datasets[name], truth)


def facts(declaration: Declaration) -> list[tuple[str, str]]:
    """Model that methods are told of, and samplings."""
    own, found = keys(declaration), []
    if own.model is not None:
        numbers = ", ".join(f"{k} = {v:g}" for k, v in own.model.parameters.items())
        found.append(("model", f"{own.model.name}{f' ({numbers})' if numbers else ''}"))
    if own.cyclic:
        found.append(("components", "on a circle, all alike"))
    if own.process_noise:
        found.append(("process noise", f"{own.process_noise:g} of variance per unit of time"))
    if own.samplings:
        found.append(("samplings", ", ".join(own.samplings)))
    return found


def cost(declaration: Declaration, result: Result) -> tuple[str, str]:
    """CPU time of the method for one window of one sampling."""
    seconds: Any = result.provenance.get("cpu_seconds")
    count = max((len(s.get("window", ())) for s in result.series), default=0)
    count *= max(1, len(keys(declaration).samplings))
    known = isinstance(seconds, int | float) and count > 0
    return "CPU [s/window]", f"{seconds / count:.2g}" if known else "–"


WINDOWS = Kind(
    truth_layout="windows",
    roles=dict.fromkeys(
        ("truth", "target", "posterior", "observations", "training", "validation"), "windows"
    ),
    layouts=("windows",),
    cases=Cases("windows", dated=False),
    check=check,
    open=open_windows,
    target=target,
    read=read,
    score=partial(score_by, matched),
    validate=validate,
    keys=WindowKeys,
    mask_keys=WindowMask,
    hidden_in_training=("observations",),
    defaults=defaults,
    drive=each_sampling,
    facts=facts,
    cost=cost,
    examined=examined,
    shortened=shortened,
)
