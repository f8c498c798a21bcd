r"""Iterated ensemble smoother: members of whole windows, moved until they fit what was observed.

What is unknown of a window, its first state and the noise that drives the model, is drawn from its
prior; regressions of what the members predict on what they are move all of them, again and again
from where they have gone (:mod:`oceanbench.assimilation.ensemble.iterated_smoother`). An ensemble
of 4DVars whose derivatives come from the members: no adjoint is needed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import xarray as xr

from oceanbench.assimilation.ensemble.iterated_smoother import DrivenRuns, iterated
from oceanbench.assimilation.ensemble.kept_members import as_estimate, check_count, kept
from oceanbench.assimilation.window_batches import (
    climatological_states,
    model_of,
    observations,
    process_noise,
)
from oceanbench.errors import OceanbenchError
from oceanbench.progress import progress

KINDS = ("windows",)
PHYSICS = "told"
REFERENCE = "Evensen et al. (2019) doi:10.3389/fams.2019.00047"


def estimate(
    inputs: Mapping[str, xr.Dataset],
    target: xr.Dataset,
    *,
    device: str,
    seed: int,
    members: int = 400,
    iterations: int = 10,
    step: float = 0.5,
    keep_members: int = 100,
) -> xr.Dataset:
    """Members of the posterior, whose mean and spread are those of the whole ensemble.

    The first states are states of the training data, drawn at random. Where there are none, they
    are Gaussian with the mean and variance of the training observations, and run the model until
    they are on its attractor. Where the challenge tells no process noise the model is taken to be
    perfect.

    Parameters
    ----------
    inputs : observations, and states or observations of role ``training``
    target : one variable ([sampling,] window, time, component) to fill
    device : of torch
    seed : of the members, their noise and that of the observations, which all windows share
    members : that run the model
    iterations : runs of all of them through a window, and one more
    step : how far each goes toward its minimum, 0 to 1
    keep_members : members to give; 0 for the mean and the standard deviation instead
    """
    if members < 2 or iterations < 1 or not 0.0 < step <= 1.0:
        raise OceanbenchError(
            f"iterated_smoother: members={members}, iterations={iterations}, step={step}; expected "
            "at least 2 members, at least 1 iteration, and a step above 0 and at most 1"
        )
    check_count(keep_members, "iterated_smoother")
    model, windows = model_of(inputs), observations(inputs, device=device)
    first = climatological_states(inputs, model, members, seed=seed, device=device)
    deviation = math.sqrt(process_noise(inputs) * model.interval)
    times, components = windows.values.shape[1:]
    runs = DrivenRuns(model.advance, deviation, times, components)
    prior = runs.prior(first, torch.Generator().manual_seed(seed + 1))
    found = []
    for part in progress(windows.split(1), "windows"):  # rounding that grows is each window's own
        random = torch.Generator().manual_seed(seed + 2)
        moved = iterated(part, prior, runs, iterations=iterations, step=step, random=random)
        if not bool(moved.isfinite().all()):
            raise OceanbenchError(
                "iterated_smoother: members have left what the model can run; lower step, "
                f"{step:g}, or give more members than {members}"
            )
        found.append(kept(moved, keep_members))
    return as_estimate(torch.cat(found), keep_members, target)
