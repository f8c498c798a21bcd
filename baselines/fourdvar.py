r"""Weak-constraint 4DVar: the most likely trajectory, given observations and an imperfect model.

The cost is that of :mod:`oceanbench.assimilation.variational.weak_constraint`, minimised by
Levenberg-Marquardt steps with exact solves
(:mod:`oceanbench.assimilation.variational.levenberg_marquardt`). The model error is annealed: from
0.1, relative to the climate's variance, down by factors of ten. The search goes from two first
guesses, an optimal interpolation and the mean of an ensemble Kalman smoother; in each window the
lower cost decides.

With ``perturbed`` members an ensemble of such analyses is given in place of the most likely
trajectory: each member has observations, first state and steps of the model drawn anew from their
errors, and its search begins with another member of the smoother. They are draws of the posterior
where the model is linear, and find its modes where it is not.

The last model error is that of the lowest error on the validation windows. Where their states are
not known, a tenth of their observations is left out and predicted. ``train`` finds it once, for all
estimates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
import xarray as xr
from torch import Tensor

from oceanbench.assimilation.variational.first_guesses import Guesses, guesses
from oceanbench.assimilation.variational.levenberg_marquardt import anneal, deepest, deviation
from oceanbench.assimilation.variational.weak_constraint import WindowProblem
from oceanbench.assimilation.window_batches import (
    Windows,
    as_dataset,
    model_of,
    observations,
    states,
)
from oceanbench.dynamics.models import Model
from oceanbench.dynamics.runge_kutta import Tendency
from oceanbench.errors import OceanbenchError
from oceanbench.progress import progress

KINDS = ("windows",)
PHYSICS = "told"
REFERENCE = "Trémolet (2006) doi:10.1256/qj.05.224"
LARGEST, SMALLEST = 0.1, 1e-6  # model errors, relative to the climate's variance
LEFT_OUT = 0.1  # of the validation observations, where nothing else is known
DRIFT_ROUNDS = 3  # each leaves about a fortieth of the drift, at Lorenz-96
ENTRIES_AT_ONCE = 2**22  # of the matrices of windows that are searched together: 32 MiB each


@dataclass(frozen=True)
class Search:
    """What the search in every window has in common."""

    model: Model
    start: Guesses
    iterations: int

    def down(self, windows: Windows, ladder: Sequence[float], *, what: str) -> Tensor:
        """States (rungs, windows, times, components) of the lowest cost on every rung."""
        found = []
        for some in progress(_parts(windows), what):
            problem = self.problem(some)
            minima = [
                anneal(problem, first, ladder, iterations=self.iterations)
                for first in self.start.of(some)
            ]
            found.append(deepest(minima))
        return torch.cat(found, 1)

    def perturbed(
        self, windows: Windows, ladder: Sequence[float], count: int, *, seed: int
    ) -> Tensor:
        """Minima of perturbed costs, (members, windows, times, components)."""
        random = torch.Generator().manual_seed(seed)
        shape = (2, count, *windows.values.shape[1:])  # the same for all windows
        noise, pushes = torch.randn(shape, generator=random, dtype=torch.float64).to(windows.values)
        found = []
        for some in progress(_parts(windows), "windows"):
            problem, firsts = self.problem(some), self.start.members_of(some, count)
            minima = [
                anneal(problem.perturbed(*drawn), first, ladder, iterations=self.iterations)
                for first, *drawn in zip(firsts, noise, pushes, strict=True)
            ]
            found.append(torch.stack([minimum.states[-1] for minimum in minima]))
        return torch.cat(found, 1)

    def deviation(self, windows: Windows, found: Tensor, model_error: float) -> Tensor:
        """Standard deviation of every window's posterior about the states that were found."""
        parts = zip(_parts(windows), found.split(_step(windows)), strict=True)
        errors = found.new_full((len(found),), model_error)
        return torch.cat([deviation(self.problem(w), x, errors[: len(x)]) for w, x in parts])

    def problem(self, windows: Windows) -> WindowProblem:
        """Cost of windows."""
        return WindowProblem(windows, self.model, self.start.climate)


def train(
    inputs: Mapping[str, xr.Dataset],
    *,
    device: str,
    seed: int,
    correct_drift: bool = False,
    members: int = 200,
    iterations: int = 20,
) -> dict[str, Tensor]:
    """Choose the model error on the validation windows.

    Parameters
    ----------
    inputs : states or observations of role ``training``, observations of role ``validation``
    device, seed, correct_drift, members, iterations : as for :func:`estimate`

    Returns
    -------
    ``model_error``, and whether it is that of the model whose drift is corrected
    """
    _check(0.0, members, iterations)
    model = _model(inputs, correct_drift=correct_drift, device=device)
    trial = observations(inputs, role="validation", device=device)
    times = trial.values.shape[1]
    start = guesses(inputs, model, times, members=members, seed=seed, device=device)
    known = states(inputs, role="validation", device=device)
    found = chosen(Search(model, start, iterations), trial, known, seed)
    return {"model_error": torch.tensor(found), "correct_drift": torch.tensor(correct_drift)}


def estimate(  # noqa: PLR0913  (every option is a keyword)
    inputs: Mapping[str, xr.Dataset],
    target: xr.Dataset,
    *,
    device: str,
    seed: int,
    weights: Mapping[str, Tensor] | None = None,
    model_error: float = 0.0,
    correct_drift: bool = False,
    members: int = 200,
    iterations: int = 20,
    perturbed: int = 0,
    formal_error: bool = True,
) -> xr.Dataset:
    """Maximum of the posterior, and its standard deviation by Laplace's approximation.

    Parameters
    ----------
    inputs : observations, states or observations of role ``training`` and, where the model error
        is not known, observations of role ``validation``
    target : one variable ([sampling,] window, time, component) to fill
    device : of torch
    seed : of the smoother's members and the observations to leave out
    weights : of :func:`train`; of no use for the model that they were not found with
    model_error : variance of the model's errors in one interval, relative to the climate's; 0 for
        that of the weights, or to choose it on the validation windows
    correct_drift : add to the model the mean tendency that it lacks along the training states
    members : of the smoother that gives the second first guess; 0 for no such guess
    iterations : steps to try for each model error, at most
    perturbed : members of an ensemble of analyses of perturbed observations and models, in place of
        the maximum; as many as the smoother's at most
    formal_error : give the posterior's standard deviation too; not with members
    """
    _check(model_error, members, iterations, perturbed)
    model = _model(inputs, correct_drift=correct_drift, device=device)
    if weights is not None and bool(weights["correct_drift"]) == correct_drift:
        model_error = model_error or float(weights["model_error"])
    windows = observations(inputs, device=device)
    trial = windows if model_error else observations(inputs, role="validation", device=device)
    times = max(windows.values.shape[1], trial.values.shape[1])
    start = guesses(inputs, model, times, members=members, seed=seed, device=device)
    search = Search(model, start, iterations)
    known = states(inputs, role="validation", device=device)
    last = model_error or chosen(search, trial, known, seed)
    if perturbed:
        return as_dataset(search.perturbed(windows, ladder(last), perturbed, seed=seed), target)
    states_found = search.down(windows, ladder(last), what="windows")[-1]
    result = as_dataset(states_found, target)
    if formal_error:
        error = as_dataset(search.deviation(windows, states_found, last), target)
        result = result.assign({f"{name}_std": error[name] for name in target.data_vars})
    return result


def ladder(last: float) -> list[float]:
    """Model errors from the largest down to the last, by factors of ten."""
    rungs = [LARGEST]
    while rungs[-1] > 10.001 * last:
        rungs.append(rungs[-1] / 10.0)
    return [rung for rung in rungs if rung > 1.001 * last] + [last]


def chosen(search: Search, windows: Windows, known: Tensor | None, seed: int) -> float:
    """Model error of the lowest mean square error on the validation windows.

    Parameters
    ----------
    search : in every window
    windows : what is observed; all windows of one sampling, then all of the next
    known : (windows of one sampling, times, components), their states; None to leave out some
        observations and predict those
    seed : of the observations to leave out
    """
    rungs = ladder(SMALLEST)
    if known is not None:
        truth = known.repeat(len(windows) // len(known), 1, 1)
        weight = (1.0 / search.start.climate.variance).expand_as(truth)
        assimilated = windows
    else:
        random = torch.Generator().manual_seed(seed)
        drawn = torch.rand(windows.values.shape, generator=random).to(windows.values) < LEFT_OUT
        left = windows.observed & drawn
        truth, weight = windows.values, left / windows.variance
        assimilated = replace(windows, observed=windows.observed & ~left)
    found = search.down(assimilated, rungs, what="validation windows")
    error = (weight * (found - truth) ** 2).sum((1, 2, 3)).nan_to_num(torch.inf)
    return rungs[int(error.argmin())]


def _model(inputs: Mapping[str, xr.Dataset], *, correct_drift: bool, device: str) -> Model:
    """Model that the challenge tells, or the same without its drift."""
    told = model_of(inputs)
    return corrected(told, states(inputs, device=device)) if correct_drift else told


def corrected(model: Model, known: Tensor | None) -> Model:
    """Model with the mean tendency that it lacks along known states (runs, times, components)."""
    if known is None:
        raise OceanbenchError(
            "fourdvar: correct_drift=true, but there are no known training states to see a drift in"
        )
    axes = (0, 1, 2) if model.cyclic else (0, 1)
    for _ in range(DRIFT_ROUNDS):
        lacking = (known[:, 1:] - model.advance(known[:, :-1])).mean(axes) / model.interval
        model = replace(model, tendency=partial(_drifting, model.tendency, lacking))
    return model


def _drifting(tendency: Tendency, drift: Tensor, state: Tensor) -> Tensor:
    """Tendency and a constant."""
    return tendency(state) + drift


def _parts(windows: Windows) -> list[Windows]:
    """Windows, as many together as memory is granted for."""
    return windows.split(_step(windows))


def _step(windows: Windows) -> int:
    times, size = windows.values.shape[1:]
    return max(1, ENTRIES_AT_ONCE // (times * size**2))


def _check(model_error: float, members: int, iterations: int, perturbed: int = 0) -> None:
    """Refuse options without a meaning."""
    if not 0 <= model_error <= LARGEST:
        raise OceanbenchError(
            f"fourdvar: model_error={model_error}; expected 0, to choose it, or a variance "
            f"relative to the climate's of at most {LARGEST}"
        )
    if members < 0 or members == 1 or iterations < 1:
        raise OceanbenchError(
            f"fourdvar: members={members}, iterations={iterations}; expected no member or at least "
            "2, and at least 1 iteration"
        )
    if not 0 <= perturbed <= members or perturbed == 1:
        raise OceanbenchError(
            f"fourdvar: perturbed={perturbed}; expected 0 for the maximum alone, or 2 to "
            f"members={members}, since each search begins with a member of the smoother"
        )
