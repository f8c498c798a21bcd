"""Kind ``cycles``: a method is driven through cycles by the model, and sees each as it comes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from oceanbench.arrays import AnyFloatArray, FloatArray
from oceanbench.data import opening
from oceanbench.data.checks.files import check_size
from oceanbench.declaration import Declaration, std_name
from oceanbench.errors import OceanbenchError
from oceanbench.kinds import state_files
from oceanbench.kinds.cycles import models
from oceanbench.kinds.cycles.driving import MOST_STEPS, each_world
from oceanbench.kinds.cycles.opening import (
    ComponentMask,
    CycleKeys,
    climate_of,
    defaults,
    is_of_states,
    keys,
    masks_of,
    model_of,
    open_worlds,
    shortened,
    target,
    variable_of,
)
from oceanbench.kinds.cycles.pieces import Worlds, blown_up, names_of, part_of
from oceanbench.kinds.expected import check_units
from oceanbench.kinds.findings import Finding
from oceanbench.kinds.kind import Cases, Kind, Resources, Submitted
from oceanbench.kinds.state_observations import unlike_observations
from oceanbench.kinds.submitted import check_values, only_file, open_variables
from oceanbench.metrics.probabilistic.points import described
from oceanbench.result import Result
from oceanbench.scoring.matching import Matched
from oceanbench.scoring.points import Evaluated, score_points

STEPS = "model_steps"
CONTRACT = {
    "start": "start(problem, *, device, seed)",
    "analyse": "analyse(background, observations, memory)",
}
LOST = "diverged"


def check(declaration: Declaration) -> None:
    """Refuse places and dates, several variables, and schedules that do not go together."""
    if declaration.domain is not None or declaration.periods:
        raise ValueError("kind 'cycles' has neither domain nor periods; remove them")
    check_units(declaration)
    if len(declaration.submission.variables) > 1:
        raise ValueError("submission.variables: kind 'cycles' has one, the state; keep one")
    for role, wanted in (("observations", "one"), ("training", "states of other worlds")):
        found = declaration.of_role(role)
        if not found or (role == "observations" and len(found) > 1):
            raise ValueError(f"datasets: {len(found)} have role '{role}', expected {wanted}")
    own = keys(declaration)
    try:
        models.model(own.model.name, 1.0, own.model.parameters)
    except OceanbenchError as problem:
        raise ValueError(f"model: {problem}") from problem
    if own.block % own.every:
        raise ValueError(
            f"every: {own.every} cycles do not divide block, {own.block}; write a divisor"
        )
    if sorted(set(own.leads)) != own.leads:
        raise ValueError(f"leads: {own.leads} do not increase; sort them, each once")
    for label, mask in masks_of(declaration).items():
        if mask.components is not None and mask.components[0] > mask.components[1]:
            raise ValueError(
                f"masks.{label}.components: {list(mask.components)} are none; write the first "
                "number, then the last"
            )


def variables(declaration: Declaration) -> list[str]:
    """The state, its background, and the others of :mod:`oceanbench.kinds.cycles.pieces`."""
    return names_of(variable_of(declaration), keys(declaration).leads)


def read(
    declaration: Declaration, submitted: Submitted, data_dir: Path | None = None
) -> xr.Dataset:
    """Analyses of a submission (window, time, component[, member]), in memory."""
    file, name = only_file(submitted.files, submitted.name), variable_of(declaration)
    dims = state_files.DIMENSIONS
    whole = open_variables(file, declaration, state_files.canonical, dims, ("component",))
    if std_name(name) in whole:
        raise OceanbenchError(
            f"{file.name}: has '{std_name(name)}', and a deviation cannot be advanced by a model; "
            "give members, or the mean alone"
        )
    check_size([whole], submitted.name, declaration.budget)
    whole = opening.loaded(whole, submitted.name)
    check_values(whole, declaration, submitted.name)
    return whole


def worlds_of(
    declaration: Declaration, submitted: Submitted, data_dir: Path | None
) -> tuple[Worlds, list[str], int | None]:
    """Analyses with their truth; worlds that blew up, in words; the steps of the model if told.

    The rest of a world that blew up is filled with states of the climate.
    """
    name, own = variable_of(declaration), keys(declaration)
    truth = open_worlds(declaration, declaration.truth_name, data_dir)
    if truth.sizes["time"] < own.spin_up + own.block:
        raise OceanbenchError(
            f"{declaration.name}: worlds have {truth.sizes['time']} cycles, fewer than spin_up and "
            f"one block, {own.spin_up + own.block}; give longer ones"
        )
    whole = read(declaration, submitted)
    known = truth[name].transpose(*state_files.DIMENSIONS).astype(np.float64)
    like = known
    if "member" in whole[name].dims:
        like = known.expand_dims(member=whole["member"].values, axis=-1)
    found = state_files.same_windows(whole[name], like, declaration.name)
    members = found.values.reshape(*known.shape, -1)
    try:
        ends = list(blown_up(members))
    except OceanbenchError as problem:
        raise OceanbenchError(f"{submitted.name}: {problem}") from problem
    ended = np.isin(np.arange(len(members)), [world for world, _ in ends])
    known = known.assign_coords(ended=("window", ended))
    if ends:
        members = _with_climate(members, ends, climate(declaration, data_dir))
    words = [
        f"blew up at cycle {first} of a world: its rest is scored as the climate; inflate more, "
        "or localise more"
        for _, first in ends
    ]
    observations = declaration.of_role("observations")[0]
    observed = open_worlds(declaration, observations, data_dir)[[name]]
    state_files.check_alike(observed, truth, f"{declaration.name}: dataset '{observations}'")
    seen = observed[name].transpose(*state_files.DIMENSIONS).values.astype(np.float64)
    steps = _steps_of(whole[STEPS], submitted.name) if STEPS in whole.coords else None
    return Worlds(known, seen, members, model_of(truth), own), words, steps


def _steps_of(told: xr.DataArray, where: str) -> int:
    """Steps of the model that a submission says it took."""
    counts = told.values
    fine = told.dims == ("window",) and counts.dtype.kind in "fiu"
    if not (fine and ((counts >= 0) & (counts < MOST_STEPS) & (counts % 1 == 0)).all()):
        raise OceanbenchError(
            f"{where}: '{STEPS}' has dimensions {told.dims} and values "
            f"{', '.join(map(str, counts.ravel()[:3]))}, expected a count for each window; correct "
            "it, or leave it out"
        )
    return int(counts.sum())


def climate(declaration: Declaration, data_dir: Path | None) -> FloatArray:
    """States (states, components) of the training runs."""
    training = [open_worlds(declaration, n, data_dir) for n in declaration.of_role("training")]
    name = variable_of(declaration)
    return np.concatenate([climate_of(d, name) for d in training if is_of_states(d)])


def _with_climate(
    members: AnyFloatArray, ends: list[tuple[int, int]], states: FloatArray
) -> AnyFloatArray:
    """Members whose worlds go on as the climate: as many of its states, or of one its mean."""
    filled, count = members.copy(), members.shape[-1]
    chosen = states[np.linspace(0, len(states) - 1, count).astype(int)]
    for world, first in ends:
        filled[world, first:] = chosen.T if count > 1 else states.mean(0)[:, None]
    return filled


def score(
    declaration: Declaration, submitted: Submitted, data_dir: Path | None, resources: Resources
) -> Evaluated:
    """Scores of analyses, of the backgrounds and forecasts made of them, and of innovations."""
    worlds, lost, steps = worlds_of(declaration, submitted, data_dir)
    name = variable_of(declaration)
    whole: dict[str, Matched] = {}
    pieces: dict[tuple[str, str], Matched] = {}
    for row in declaration.scores:
        variable, mask = declaration.variable_of(row), declaration.mask_of(row)
        if variable not in whole:
            whole[variable] = worlds.piece(variable.removeprefix(name).removeprefix("_"))
        if (variable, mask) not in pieces:
            pieces[variable, mask] = part_of(whole[variable], masks_of(declaration)[mask], mask)
    found = score_points(declaration, pieces)
    cycles = worlds.members.shape[0] * worlds.members.shape[1]
    told = {"cycles": cycles} if steps is None else {"cycles": cycles, STEPS: steps}
    coverage = [{**row, **told} for row in found.coverage]
    return replace(found, coverage=coverage, warnings=found.warnings + lost)


def validate(declaration: Declaration, submitted: Submitted, data_dir: Path | None) -> list[str]:
    """How many cycles can be scored."""
    worlds, lost, _ = worlds_of(declaration, submitted, data_dir)
    count = worlds.blocks * worlds.keys.block
    return [
        f"{variable_of(declaration)}: {len(worlds.members)} worlds of {count} scored cycles, "
        f"{described(worlds.piece('').distribution)}",
        *lost,
    ]


def examined(
    declaration: Declaration, data_dir: Path | None, datasets: Mapping[str, xr.Dataset]
) -> Iterator[Finding]:
    """Observations that are not of the truth's worlds."""
    truth = datasets.get(declaration.truth_name)
    for name in declaration.of_role("observations"):
        if truth is not None and name in datasets:
            yield from unlike_observations(name, datasets[name], truth)


def facts(declaration: Declaration) -> list[tuple[str, str]]:
    """Model, spin-up, blocks and forecasts."""
    own = keys(declaration)
    numbers = ", ".join(f"{k} = {v:g}" for k, v in own.model.parameters.items())
    found = [
        ("model", f"{own.model.name}{f' ({numbers})' if numbers else ''}"),
        ("spin-up", f"{own.spin_up} cycles"),
        ("blocks", f"of {own.block} cycles"),
    ]
    if own.leads:
        leads = ", ".join(map(str, own.leads))
        found.append(("forecasts", f"of {leads} cycles, from every {own.every}th analysis"))
    return found


def cost(declaration: Declaration, result: Result) -> tuple[str, str]:
    """CPU time of the method, and steps of the model, for one cycle of one world."""
    seconds: Any = result.provenance.get("cpu_seconds")
    part: Mapping[str, Any] = result.coverage[0] if result.coverage else {}
    cycles, steps = part.get("cycles"), part.get(STEPS)
    heading = "cost of a cycle [CPU ms, model steps]"
    if not isinstance(cycles, int) or cycles < 1:
        return heading, "–"
    time = f"{1e3 * seconds / cycles:.2g}" if isinstance(seconds, int | float) else "–"
    return heading, f"{time}, {steps / cycles:.0f}" if isinstance(steps, int) else f"{time}, –"


def lost(declaration: Declaration, result: Result) -> str:
    """Why a row is ranked apart: it lost the truth, and that is worse than any error."""
    found = [s for s in result.scores if s.metric == "divergences" and s.value is not None]
    return LOST if any(s.value for s in found) else ""


CYCLES = Kind(
    truth_layout="windows",
    roles=dict.fromkeys(("truth", "observations", "training", "validation"), "windows"),
    layouts=("windows",),
    cases=Cases("blocks of cycles", dated=False),
    check=check,
    open=open_worlds,
    target=target,
    read=read,
    score=score,
    validate=validate,
    keys=CycleKeys,
    mask_keys=ComponentMask,
    hidden_in_training=("observations",),
    defaults=defaults,
    contract=CONTRACT,
    drive=each_world,
    variables=variables,
    facts=facts,
    cost=cost,
    examined=examined,
    shortened=shortened,
    lost=lost,
)
