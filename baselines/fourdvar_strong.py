r"""Strong-constraint 4DVar: trajectories of the model, fitted to segments that grow.

The model is taken to be perfect, and all that is sought is the state that a segment of a window
begins with (:mod:`oceanbench.assimilation.variational.strong_constraint`). Segments follow each
other and know nothing of each other: a first state determines a chaotic model until its errors have
grown by e a few times, which is 2.5 of the 10 units of a window of Lorenz-96, and all of one of the
overturning loop. The background is the climatology. The search goes from an optimal interpolation
and from the mean of an ensemble Kalman smoother, both of the whole window; in each segment the
lower cost decides.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import xarray as xr
from torch import Tensor

from oceanbench.assimilation.variational.first_guesses import Guesses, guesses
from oceanbench.assimilation.variational.levenberg_marquardt import deepest
from oceanbench.assimilation.variational.strong_constraint import deviation, grow, trajectory
from oceanbench.assimilation.variational.weak_constraint import WindowProblem
from oceanbench.assimilation.window_batches import (
    Windows,
    as_dataset,
    model_of,
    observations,
)
from oceanbench.errors import OceanbenchError
from oceanbench.progress import progress

KINDS = ("windows",)
PHYSICS = "told"
REFERENCE = "Pires et al. (1996) doi:10.3402/tellusa.v48i1.11634"
SEGMENT_ON_A_CIRCLE = 50  # times, of Lorenz-96: errors grow by e four times
ENTRIES_AT_ONCE = 2**23  # of the Jacobians of windows that are searched together, were all kept


def estimate(
    inputs: Mapping[str, xr.Dataset],
    target: xr.Dataset,
    *,
    device: str,
    seed: int,
    segment: int = 0,
    growth: int = 10,
    iterations: int = 10,
    members: int = 200,
) -> xr.Dataset:
    """Trajectories of the model, and their standard deviation by Laplace's approximation.

    Parameters
    ----------
    inputs : observations, and states or observations of role ``training``
    target : one variable ([sampling,] window, time, component) to fill
    device : of torch
    seed : of the smoother's members
    segment : times of a segment; 0 for 50 where the components lie on a circle, and for the whole
        window elsewhere
    growth : times by which a segment grows
    iterations : steps to try for each length, at most
    members : of the smoother that gives the second first guess; 0 for no such guess
    """
    if segment < 0 or growth < 1 or iterations < 1 or members < 0 or members == 1:
        raise OceanbenchError(
            f"fourdvar_strong: segment={segment}, growth={growth}, iterations={iterations}, "
            f"members={members}; expected no negative segment, at least 1 time and 1 iteration, "
            "and no member or at least 2"
        )
    model, windows = model_of(inputs), observations(inputs, device=device)
    times, size = windows.values.shape[1:]
    start = guesses(inputs, model, times, members=members, seed=seed, device=device)
    segment = segment or (SEGMENT_ON_A_CIRCLE if model.cyclic else times)
    parts = windows.split(ENTRIES_AT_ONCE // (times * size**2))
    found = torch.cat(
        [fitted(part, start, segment, growth, iterations) for part in progress(parts, "windows")],
        1,
    )
    result, error = (as_dataset(values, target) for values in found)
    return result.assign({f"{name}_std": error[name] for name in target.data_vars})


def fitted(windows: Windows, start: Guesses, segment: int, growth: int, iterations: int) -> Tensor:
    """States and standard deviations, (2, windows, times, components).

    Parameters
    ----------
    windows : what is observed
    start : the first guesses
    segment : times of a segment; the last one of a window may be shorter
    growth, iterations : as in :func:`oceanbench.assimilation.variational.strong_constraint.grow`
    """
    count, times, size = windows.values.shape
    values, observed = _cut(windows.values, segment), _cut(windows.observed, segment)
    problem = WindowProblem(Windows(values, observed, windows.variance), start.model, start.climate)
    first = deepest(
        [
            grow(problem, _cut(guess, segment)[:, 0], times=growth, iterations=iterations)
            for guess in start.of(windows)
        ]
    )
    both = torch.stack([trajectory(problem, first), deviation(problem, first)])
    return both.view(2, count, -1, size)[:, :, :times]


def _cut(values: Tensor, segment: int) -> Tensor:
    """Segments (windows and segments, times, components); zeros, or false, beyond the window."""
    missing = -values.shape[1] % segment
    padded = torch.nn.functional.pad(values, (0, 0, 0, missing))
    return padded.view(-1, segment, values.shape[2])
