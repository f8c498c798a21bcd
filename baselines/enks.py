r"""Ensemble Kalman smoother: members that run the model, drawn to the observations as they come.

Each analysis is an ensemble transform, of the members at its time and of the same members at the
``lag`` times before (:mod:`oceanbench.assimilation.ensemble.kalman`), so that a state is known from
the observations before, at and after it. Where the components lie on a circle, each is analysed
with observations near it only, weighted by a taper: the covariances of some hundred members with
what is far away are chance.

All windows start from the same members, states of the climatology, so that no window's estimate
depends on the others. Where the challenge tells that noise drives the truth, it drives the members
too, each in its own way. Otherwise the model is taken to be perfect; ``inflation`` pays for what is
wrong in it, and for what sampling underestimates.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import xarray as xr
from torch import Tensor

from oceanbench.assimilation.ensemble.kalman import (
    Advance,
    cyclic_distance,
    gaspari_cohn,
    smooth,
)
from oceanbench.assimilation.ensemble.kept_members import as_estimate, check_count, kept
from oceanbench.assimilation.window_batches import (
    Windows,
    climatological_states,
    model_of,
    observations,
    process_noise,
)
from oceanbench.dynamics.models import Model
from oceanbench.errors import OceanbenchError
from oceanbench.progress import progress

KINDS = ("windows",)
PHYSICS = "told"
REFERENCE = "Evensen and van Leeuwen (2000) doi:10.1175/1520-0493(2000)128<1852:AEKSFN>2.0.CO;2"
VALUES_AT_ONCE = 2**22  # of the members of windows that are smoothed together: a cache's worth


def estimate(  # noqa: PLR0913  (every option is a keyword)
    inputs: Mapping[str, xr.Dataset],
    target: xr.Dataset,
    *,
    device: str,
    seed: int,
    members: int = 200,
    inflation: float = 1.03,
    lag: int = 40,
    localisation: float = 20.0,
    keep_members: int = 20,
    stochastic: bool = True,
) -> xr.Dataset:
    """Members of the posterior, whose mean and spread are those of the whole ensemble.

    The first members are states of the training data, drawn at random. Where there are none, they
    are Gaussian with the mean and variance of the training observations, and run the model until
    they are on its attractor.

    Parameters
    ----------
    inputs : observations, and states or observations of role ``training``
    target : one variable ([sampling,] window, time, component) to fill
    device : of torch
    seed : of the first members, and of the noise that drives them
    members : that run the model
    inflation : factor of their deviations from the mean, before each analysis
    lag : earlier times that an analysis changes too
    localisation : steps along the circle from which on observations have no weight; 0 for no such
        end, and without effect where components lie on no circle
    keep_members : members to give; 0 for the mean and the standard deviation instead
    stochastic : drive the members by the process noise that a challenge tells, if it does
    """
    _check(members, inflation, lag, localisation, keep_members)
    model, windows = model_of(inputs), observations(inputs, device=device)
    first = climatological_states(inputs, model, members, seed=seed, device=device)
    taper = None
    if model.cyclic and localisation > 0:
        taper = gaspari_cohn(cyclic_distance(first.shape[-1]).to(device) / localisation)
    parts = windows.split(VALUES_AT_ONCE // (members * windows.values[0].numel()))
    deviation = math.sqrt(process_noise(inputs) * model.interval) if stochastic else 0.0
    found = []
    for part in progress(parts, "windows"):
        start, advance = first.expand(len(part), -1, -1), _driven(model, deviation, seed + 1)
        history = _smoothed(part, start, advance, inflation=inflation, lag=lag, taper=taper)
        found.append(kept(history, keep_members))
    return as_estimate(torch.cat(found), keep_members, target)


def _driven(model: Model, deviation: float, seed: int) -> Advance:
    """Advance members (windows, members, components), with noise that all windows share."""
    if not deviation:
        return model.advance
    random = torch.Generator().manual_seed(seed)

    def advance(state: Tensor) -> Tensor:
        noise = torch.randn(state.shape[-2:], generator=random, dtype=state.dtype)
        return model.advance(state) + deviation * noise.to(state.device)

    return advance


def _smoothed(
    windows: Windows,
    first: Tensor,
    advance: Advance,
    *,
    inflation: float,
    lag: int,
    taper: Tensor | None,
) -> Tensor:
    """Members at all times; refused if they have left what the model can run."""
    try:
        found = smooth(windows, first, advance, inflation=inflation, lag=lag, taper=taper)
        finite = bool(found.isfinite().all())
    except torch.linalg.LinAlgError:  # what some devices say of members that are not finite
        finite = False
    if not finite:
        raise OceanbenchError(
            f"enks: members have left what the model can run; lower inflation, {inflation}"
        )
    return found


def _check(
    members: int, inflation: float, lag: int, localisation: float, keep_members: int
) -> None:
    """Refuse options without a meaning."""
    if members < 2 or inflation <= 0 or lag < 0 or localisation < 0:
        raise OceanbenchError(
            f"enks: members={members}, inflation={inflation}, lag={lag}, "
            f"localisation={localisation}; expected at least 2 members, a positive inflation, and "
            "a lag and a localisation that are not negative"
        )
    check_count(keep_members, "enks")
