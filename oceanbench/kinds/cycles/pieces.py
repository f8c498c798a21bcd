"""What analyses are compared with: truths, observations, and forecasts made of them.

A variable ``state`` of a challenge has companions, which scores may be of: ``state_background``,
``state_innovation`` (the background at the observations), ``state_increment`` (what the analysis
adds there, beside the innovation), ``state_start`` (from the first cycle on) and ``state_lead_12``
(forecasts of 12 cycles from every so many analyses). All but the last but one are in blocks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr

from oceanbench.arrays import AnyFloatArray, FloatArray
from oceanbench.errors import OceanbenchError
from oceanbench.kinds.cycles.models import CycleModel
from oceanbench.kinds.cycles.opening import ComponentMask, CycleKeys
from oceanbench.scoring.matching import Coverage, Matched

COMPANIONS = ("background", "innovation", "increment", "start")
LEAD = re.compile(r"lead_(\d+)")
VALUES_AT_ONCE = 2**20  # of members that are advanced together: a cache's worth


def names_of(variable: str, leads: list[int]) -> list[str]:
    """Names that scores may be of."""
    return [variable, *(f"{variable}_{n}" for n in (*COMPANIONS, *(f"lead_{k}" for k in leads)))]


@dataclass(frozen=True)
class Worlds:
    """Analyses of all worlds, and what they are of.

    Attributes
    ----------
    truth : (window, time, component), with a coordinate ``ended`` along its windows: whether the
        analyses of the world end early
    observed : (worlds, cycles, components), NaN where nothing is observed
    members : (worlds, cycles, components, members)
    model : that makes backgrounds and forecasts of them
    keys : spin-up, blocks, leads
    """

    truth: xr.DataArray
    observed: FloatArray
    members: AnyFloatArray
    model: CycleModel
    keys: CycleKeys

    @property
    def blocks(self) -> int:
        """Blocks of one world."""
        return (self.truth.sizes["time"] - self.keys.spin_up) // self.keys.block

    @property
    def scored(self) -> slice:
        """Cycles that are in blocks."""
        return slice(self.keys.spin_up, self.keys.spin_up + self.blocks * self.keys.block)

    @cached_property
    def background(self) -> AnyFloatArray:
        """Members before the observations of the scored cycles, like :attr:`members`."""
        before = slice(self.scored.start - 1, self.scored.stop - 1)
        return self._advanced(self.members[:, before], [1])[1]

    @cached_property
    def forecasts(self) -> dict[int, AnyFloatArray]:
        """Members of the forecasts at each lead, made of every so many analyses."""
        starts = slice(self.scored.start, self.scored.stop, self.keys.every)
        return self._advanced(self.members[:, starts], sorted(self.keys.leads))

    def piece(self, companion: str) -> Matched:
        """Estimate and truth of the variable ("" for the analyses), or of a companion of it."""
        if companion == "start":
            return self._matched(self.members, self.truth.values, self.truth)
        if lead := LEAD.fullmatch(companion):
            return self._forecast(int(lead.group(1)))
        within, seen = self.scored, self.observed[:, self.scored]
        analysis, truth = self.members[:, within], self.truth.values[:, within]
        if companion == "":
            return self._in_blocks(analysis, truth)
        if companion == "background":
            return self._in_blocks(self.background, truth)
        if companion == "innovation":
            return self._in_blocks(self.background, seen)
        before = self.background.mean(-1, dtype=np.float64)
        added = analysis.mean(-1, dtype=np.float64) - before
        return self._in_blocks(added[..., None], seen - before)

    def _forecast(self, lead: int) -> Matched:
        """Forecasts from every so many analyses, at those whose truth is known."""
        starts = np.arange(self.scored.start, self.scored.stop, self.keys.every)
        known = starts + lead < self.truth.sizes["time"]
        truth = np.full((*self.members.shape[:1], starts.size, self.members.shape[2]), np.nan)
        truth[:, known] = self.truth.values[:, starts[known] + lead]
        return self._in_blocks(self.forecasts[lead], truth, self.keys.every)

    def _advanced(self, members: AnyFloatArray, leads: Sequence[int]) -> dict[int, AnyFloatArray]:
        """Members (worlds, times, components, members) at increasing counts of cycles later."""
        flat = np.ascontiguousarray(np.moveaxis(members, -1, -2)).reshape(-1, members.shape[2])
        found = {lead: np.empty_like(flat) for lead in leads}
        step = max(1, VALUES_AT_ONCE // flat.shape[1])
        for part in (slice(start, start + step) for start in range(0, len(flat), step)):
            states, done = flat[part].astype(np.float64), 0
            for lead in leads:
                for _ in range(done, lead):
                    states = self._within(self.model.advance(states))
                found[lead][part], done = states, lead
        shape = (*members.shape[:2], members.shape[3], members.shape[2])
        return {lead: np.moveaxis(v.reshape(shape), -2, -1) for lead, v in found.items()}

    def _within(self, states: FloatArray) -> FloatArray:
        """States at the bound where the model has taken them beyond it, or nowhere."""
        bound = self.keys.bound
        found: FloatArray = np.nan_to_num(np.clip(states, -bound, bound), copy=False, nan=bound)
        return found

    def _in_blocks(self, members: AnyFloatArray, truth: FloatArray, every: int = 1) -> Matched:
        """Matched in blocks, of times ``every`` cycles apart."""
        length = self.keys.block // every
        worlds, _, size, count = members.shape
        blocks = worlds * self.blocks
        time = self.truth["time"].values[: self.keys.block : every][:length]
        coords = {
            "window": np.arange(blocks),
            "time": ("time", time - time[0], self.truth["time"].attrs),
            "component": self.truth["component"].values,
            "world": ("window", np.repeat(np.arange(worlds), self.blocks)),
            "ended": ("window", np.repeat(self.truth["ended"].values, self.blocks)),
        }
        known = truth.reshape(blocks, length, size)
        like = xr.DataArray(known, coords, ("window", "time", "component"), attrs=self.truth.attrs)
        return self._matched(members.reshape(blocks, length, size, count), known, like)

    def _matched(self, members: AnyFloatArray, truth: FloatArray, like: xr.DataArray) -> Matched:
        """Estimate, truth and weights; zero weight where there is no truth."""
        there = np.isfinite(truth)
        if not there.any():
            raise OceanbenchError(
                "no cycle has both a truth and what is scored; shorten spin_up, block or leads"
            )
        mean = members.mean(-1, dtype=np.float64)
        estimate = like.copy(data=np.where(there, mean, 0.0))
        distribution = estimate
        if members.shape[-1] > 1:
            dims = (*like.dims, "member")
            distribution = xr.DataArray(members, like.coords, dims, attrs=like.attrs)
        count = int(there.sum())
        return Matched(
            estimate,
            like.copy(data=np.where(there, truth, 0.0)),
            like.copy(data=there.astype(np.float64)),
            Coverage(count, count),
            distribution,
        )


def part_of(whole: Matched, mask: ComponentMask, label: str) -> Matched:
    """What a mask looks at of the whole state.

    Raises
    ------
    OceanbenchError
        if the state has no such component, or none whose truth is known
    """
    if mask.components is None:
        return whole
    size, last = whole.truth.sizes["component"], mask.components[1]
    if last >= size:
        raise OceanbenchError(
            f"masks.{label}.components: {last} is none of the {size} components; the last is "
            f"{size - 1}"
        )
    parts = (whole.estimate, whole.truth, whole.weights, whole.distribution)
    estimate, truth, weights, distribution = (a.isel(component=mask.inside) for a in parts)
    if not (count := int((weights > 0).sum())):
        raise OceanbenchError(
            f"masks.{label}: no component of it has a truth in what is scored; score another part"
        )
    return Matched(estimate, truth, weights, Coverage(count, count), distribution)


def blown_up(members: AnyFloatArray) -> Iterator[tuple[int, int]]:
    """Worlds of (worlds, cycles, components, members) that end early, and their first lost cycle.

    Raises
    ------
    OceanbenchError
        if a value is missing that is not of such an end
    """
    finite = np.isfinite(members)
    for world in range(len(members)):
        whole = finite[world].all((1, 2))
        first = len(whole) if whole.all() else int(np.argmin(whole))
        if finite[world, first:].any() or first == 0:
            raise OceanbenchError(
                f"values are missing at cycle {first} of world {world}; fill them, or end the "
                "world there: a score cannot skip them"
            )
        if first < len(finite[world]):
            yield world, first
