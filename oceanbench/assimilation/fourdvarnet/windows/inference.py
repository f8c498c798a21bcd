"""Estimates of windows by trained 4DVarNets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import xarray as xr
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.gauss_newton import GaussNewton
from oceanbench.assimilation.fourdvarnet.windows.configuration import (
    Solver,
    WindowConfiguration,
    network,
)
from oceanbench.assimilation.fourdvarnet.windows.training_windows import Scales, first_guess
from oceanbench.assimilation.gaussian import window_interpolation
from oceanbench.assimilation.variational.first_guesses import guesses
from oceanbench.assimilation.window_batches import (
    Climatology,
    Windows,
    model_of,
    observations,
)
from oceanbench.errors import OceanbenchError
from oceanbench.learning import ensembles

WINDOWS_AT_ONCE = 16


def estimate_members(
    inputs: Mapping[str, xr.Dataset],
    weights: Mapping[str, Tensor],
    *,
    name: str,
    member: int = -1,
    smoother: int = 0,
    device: str = "cpu",
) -> Tensor:
    """Estimates of the windows of a challenge, in double precision.

    In single precision the rounding of a window would depend on the others of its batch.

    Parameters
    ----------
    inputs : observations, and the training data that the first guess has its covariance from
    weights : from :func:`train_members`
    name : of the method, for messages
    member : the number of one member, or -1 for all
    smoother : members of a Kalman smoother whose mean is a second first guess: the estimate of the
        lower cost is taken in each window; 0 for none
    device : of torch

    Returns
    -------
    (windows, times, components), with the members as a first dimension if all are asked for
    """
    windows = observations(inputs)
    trained = TrainedWindows.of(inputs, weights, windows, name=name, member=member, device=device)
    others = [_smoothed(inputs, windows, smoother)] if smoother else []
    found = trained.estimates(windows, *others)
    return found if member < 0 else found[0]


@dataclass(frozen=True)
class TrainedWindows:
    """Trained networks, and what they begin with.

    Attributes
    ----------
    solvers : the networks
    scales : of the normalised variables
    climate, covariance : of the first guess
    device : of torch
    """

    solvers: list[Solver]
    scales: Scales
    climate: Climatology
    covariance: window_interpolation.WindowCovariance
    device: str

    @classmethod
    def of(
        cls,
        inputs: Mapping[str, xr.Dataset],
        weights: Mapping[str, Tensor],
        windows: Windows,
        *,
        name: str,
        member: int = -1,
        device: str = "cpu",
    ) -> TrainedWindows:
        """Networks for windows of a challenge; the parameters are those of the function above."""
        cyclic, times = model_of(inputs).cyclic, windows.values.shape[1]
        solvers, scales = _solvers(
            inputs, weights, windows, name=name, member=member, device=device
        )
        climate, covariance = window_interpolation.learned(inputs, times, cyclic=cyclic)
        return cls(solvers, scales, climate, covariance, device)

    def estimates(self, windows: Windows, *others: Tensor) -> Tensor:
        """Estimates by every network, (networks, windows, times, components).

        Parameters
        ----------
        windows : what is observed
        others : first guesses (windows, times, components) beside optimal interpolation
        """
        begun = [first_guess(windows, self.climate, self.covariance), *others]
        given = (
            self.scales.maps(windows.values).double().to(self.device),
            self.scales.layout(windows.observed).to(self.device),
            *(self.scales.maps(states).double().to(self.device) for states in begun),
        )
        found: list[Tensor] = []
        for solver in self.solvers:
            with torch.no_grad():
                parts = [_deepest(solver.double(), *some) for some in _parts(*given)]
            found.append(self.scales.states(torch.cat(parts).cpu()))
        return torch.stack(found)


def _deepest(solver: Solver, values: Tensor, observed: Tensor, *guesses: Tensor) -> Tensor:
    """Estimate of the lowest cost in each window, of those from several first guesses."""
    found: list[Tensor] = [solver(values, observed, guess) for guess in guesses]
    if len(found) == 1 or not isinstance(solver, GaussNewton):
        return found[0]
    cost = torch.stack([solver.cost_of(values, observed, estimate) for estimate in found])
    best = cost.nan_to_num(torch.inf).argmin(0)
    return torch.stack(found)[best, torch.arange(len(best), device=best.device)]


def _smoothed(inputs: Mapping[str, xr.Dataset], windows: Windows, members: int) -> Tensor:
    """Mean of an ensemble Kalman smoother of the model told, a first guess."""
    model, times = model_of(inputs), windows.values.shape[1]
    known = guesses(inputs, model, times, members=members, seed=0, device="cpu")
    return known.smoothed(windows)


def formal_error(
    inputs: Mapping[str, xr.Dataset],
    weights: Mapping[str, Tensor],
    states: Tensor,
    *,
    name: str,
    device: str = "cpu",
) -> Tensor:
    """Standard deviation of the posterior about the estimate of a dynamical network.

    Parameters
    ----------
    inputs, weights, name, device : as for :func:`estimate_members`
    states : (windows, times, components), its estimate

    Returns
    -------
    (windows, times, components)
    """
    windows = observations(inputs)
    (solver,), scales = _solvers(inputs, weights, windows, name=name, member=0, device=device)
    if not isinstance(solver, GaussNewton):
        raise OceanbenchError(f"{name}: its weights are of no model, which has no formal error")
    given = (
        scales.maps(windows.values).double().to(device),
        scales.layout(windows.observed).to(device),
        scales.maps(states).double().to(device),
    )
    with torch.no_grad():
        return torch.cat([solver.deviation(*some) for some in _parts(*given)]).cpu()


def _solvers(
    inputs: Mapping[str, xr.Dataset],
    weights: Mapping[str, Tensor],
    windows: Windows,
    *,
    name: str,
    member: int,
    device: str,
) -> tuple[list[Solver], Scales]:
    """Trained networks for windows, and how they are normalised."""
    model = model_of(inputs)
    if not {"mean", "deviation"} <= weights.keys():
        raise OceanbenchError(f"{name}: these are not its weights; train it")
    configuration = ensembles.configuration_of(WindowConfiguration, weights, name)
    scales = Scales(weights["mean"].cpu(), weights["deviation"].cpu(), model.cyclic)
    if len(scales.mean) != windows.values.shape[2]:
        raise OceanbenchError(
            f"{name}: weights for {len(scales.mean)} components, and the windows have "
            f"{windows.values.shape[2]}; train on this challenge"
        )
    solvers = ensembles.load_networks(
        lambda: network(configuration, model, scales, windows.variance),
        weights,
        name=name,
        member=member,
        device=device,
    )
    return solvers, scales


def _parts(*given: Tensor) -> list[tuple[Tensor, ...]]:
    """Windows, a few at once."""
    starts = range(0, len(given[0]), WINDOWS_AT_ONCE)
    return [tuple(tensor[at : at + WINDOWS_AT_ONCE] for tensor in given) for at in starts]
