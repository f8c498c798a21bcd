"""From the datasets of a challenge of windows to tensors, and back."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from oceanbench.dynamics.models import Model, model_of_attributes
from oceanbench.errors import OceanbenchError

SPIN_UP = 1000  # intervals until states of any start are on the attractor


@dataclass(frozen=True)
class Windows:
    """Observations of windows that are independent of each other.

    Attributes
    ----------
    values : (windows, times, components), zero where nothing is observed
    observed : bool, of the same shape
    variance : (components,), of the noise
    """

    values: Tensor
    observed: Tensor
    variance: Tensor

    def __len__(self) -> int:
        """Count of the windows."""
        return int(self.values.shape[0])

    def take(self, index: Any) -> Windows:
        """Return some of the windows, by slice or by their numbers."""
        return Windows(self.values[index], self.observed[index], self.variance)

    def split(self, most: int) -> list[Windows]:
        """Windows that follow each other, at most so many together, and at least one."""
        step = max(1, most)
        return [self.take(slice(first, first + step)) for first in range(0, len(self), step)]

    def to(self, *args: Any) -> Windows:
        """Return the windows on another device, or with values of another type."""
        return Windows(
            self.values.to(*args),
            self.observed.to(self.values.to(*args).device),
            self.variance.to(*args),
        )


def observations(
    inputs: Mapping[str, xr.Dataset], *, role: str = "observations", device: str = "cpu"
) -> Windows:
    """Observations of a role: ``observations`` (to be assimilated), ``training``, ``validation``.

    Where a challenge has several samplings of the same windows, they follow each other: all windows
    of the first sampling, then all of the second.

    Raises
    ------
    OceanbenchError
        if there are none
    """
    for dataset in _of_role(inputs, role):
        if "noise_variance" in dataset.coords:
            values = torch.as_tensor(_values(dataset), device=device)
            observed = ~values.isnan()
            variance = torch.as_tensor(dataset["noise_variance"].values, device=device)
            return Windows(values.nan_to_num(0.0), observed, variance.to(torch.float64))
    raise OceanbenchError(f"this challenge has no observations of role '{role}'")


def states(
    inputs: Mapping[str, xr.Dataset], *, role: str = "training", device: str = "cpu"
) -> Tensor | None:
    """Known states of a role, (runs, times, components) in float64; None where there are none."""
    for dataset in _of_role(inputs, role):
        if "noise_variance" not in dataset.coords:
            return torch.as_tensor(_values(dataset), device=device)
    return None


def model_of(inputs: Mapping[str, xr.Dataset]) -> Model:
    """Model that the challenge tells its methods, between the times of a window."""
    for dataset in inputs.values():
        if dataset.attrs.get("layout") == "windows":
            time = dataset["time"].values
            return model_of_attributes(dataset.attrs, float(time[1] - time[0]))
    raise OceanbenchError("this method is for challenges of windows, and there is no window")


def is_cyclic(inputs: Mapping[str, xr.Dataset]) -> bool:
    """Whether components lie on a circle and are all alike, as the model or the challenge says."""
    datasets = [d for d in inputs.values() if d.attrs.get("layout") == "windows"]
    if any("model" in d.attrs for d in datasets):
        return model_of(inputs).cyclic
    return any(bool(d.attrs.get("cyclic")) for d in datasets)


def process_noise(inputs: Mapping[str, xr.Dataset]) -> float:
    """Variance per unit of time of the noise that drives the truth; 0 where none is told."""
    told_of = (dataset.attrs.get("process_noise", 0.0) for dataset in inputs.values())
    return max(map(float, told_of), default=0.0)


def as_dataset(values: Tensor, target: xr.Dataset) -> xr.Dataset:
    """Estimates on the coordinates of the target.

    Parameters
    ----------
    values : (windows, times, components), with the members of an ensemble as a first dimension
    target : one variable ([sampling,] window, time, component)
    """
    (name, wanted), *_ = target.data_vars.items()
    ensemble = values.ndim == 4
    leading = ("member",) if ensemble else ()
    shape = (values.shape[0], *wanted.shape) if ensemble else wanted.shape
    filled = values.detach().cpu().numpy().reshape(shape)
    return target.assign({str(name): ((*leading, *wanted.dims), filled, wanted.attrs)})


@dataclass(frozen=True)
class Climatology:
    """Mean and variance of every component over the training data."""

    mean: Tensor
    variance: Tensor


def climatology(
    inputs: Mapping[str, xr.Dataset], *, cyclic: bool, device: str = "cpu"
) -> Climatology:
    """Mean and variance of the components: of known states, or else of noisy observations.

    Parameters
    ----------
    inputs : with known states or observations of role ``training``
    cyclic : whether all components are alike, and share one mean and variance
    device : of torch
    """
    known = states(inputs, device=device)
    if known is not None:
        values, seen = known, torch.ones_like(known, dtype=torch.bool)
        noise = torch.zeros(known.shape[-1], dtype=known.dtype, device=known.device)
    else:
        noisy = observations(inputs, role="training", device=device)
        values, seen, noise = noisy.values, noisy.observed, noisy.variance
    axes = (0, 1, 2) if cyclic else (0, 1)
    count = seen.sum(axes, keepdim=True)
    mean = torch.where(seen, values, 0.0).sum(axes, keepdim=True) / count
    square = torch.where(seen, (values - mean) ** 2, 0.0).sum(axes, keepdim=True) / count
    size = values.shape[-1]
    variance = (square.flatten().expand(size) - noise).clamp_min(1e-3 * noise)
    return Climatology(mean.flatten().expand(size).clone(), variance.clone())


def climatological_states(
    inputs: Mapping[str, xr.Dataset], model: Model, count: int, *, seed: int, device: str = "cpu"
) -> Tensor:
    """States of the climate to begin ensembles with, (count, components).

    They are drawn from the known training states. Where there are none, they are Gaussian with the
    mean and variance of the training observations, and run the model until they are on its
    attractor.

    Parameters
    ----------
    inputs : with known states or observations of role ``training``
    model : that the states may have to run
    count : how many
    seed : of the draws
    device : of torch
    """
    random = torch.Generator().manual_seed(seed)
    known = states(inputs, device=device)
    if known is not None:
        every = known.flatten(0, 1)
        if len(every) < count:
            raise OceanbenchError(
                f"members={count}, but the training data have {len(every)} states; take fewer"
            )
        return every[torch.randperm(len(every), generator=random)[:count].to(device)]
    climate = climatology(inputs, cyclic=model.cyclic, device=device)
    draws = torch.randn(count, len(climate.mean), generator=random, dtype=torch.float64)
    mean, variance = (value.nan_to_num(0.0) for value in (climate.mean, climate.variance))
    state = mean + variance.sqrt() * draws.to(device)  # what is never observed starts from zero
    for _ in range(SPIN_UP):
        state = model.advance(state)
    return state


def linear_interpolation(windows: Windows, mean: Tensor) -> Tensor:
    """Each component interpolated between its observations in time, constant beyond the ends.

    Parameters
    ----------
    windows : what is observed
    mean : (components,), the value of components that are never observed in a window

    Returns
    -------
    (windows, times, components)
    """
    values, seen = windows.values.cpu().numpy(), windows.observed.cpu().numpy()
    result = np.broadcast_to(mean.cpu().numpy(), values.shape).copy()
    times = np.arange(values.shape[1])
    for window in range(values.shape[0]):
        for component in range(values.shape[2]):
            at = np.flatnonzero(seen[window, :, component])
            if at.size:
                result[window, :, component] = np.interp(times, at, values[window, at, component])
    return torch.as_tensor(result, device=windows.values.device, dtype=windows.values.dtype)


def _of_role(inputs: Mapping[str, xr.Dataset], role: str) -> list[xr.Dataset]:
    return [dataset for dataset in inputs.values() if dataset.attrs.get("role") == role]


def _values(dataset: xr.Dataset) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Values of the one variable, with samplings and windows along one axis."""
    names: list[Hashable] = list(dataset.data_vars)
    array = dataset[names[0]]
    order = [d for d in ("sampling", "window", "time", "component") if d in array.dims]
    ordered = array.transpose(*order).values.astype(np.float64)
    return ordered.reshape(math.prod(ordered.shape[:-2]), *ordered.shape[-2:])
