"""Some members that stand for all of an ensemble, or its mean and deviation."""

from __future__ import annotations

import torch
import xarray as xr
from torch import Tensor

from oceanbench.assimilation.window_batches import as_dataset
from oceanbench.errors import OceanbenchError


def check_count(count: int, name: str) -> None:
    """Refuse a number of members to give that tells no spread.

    Parameters
    ----------
    count : 0 for the mean and the standard deviation
    name : of the method, for messages
    """
    if count < 0 or count == 1:
        raise OceanbenchError(
            f"{name}: keep_members={count}: give 0 for the mean, or at least 2 for the spread"
        )


def as_estimate(found: Tensor, count: int, target: xr.Dataset) -> xr.Dataset:
    """Estimate of all windows, of what :func:`kept` gave of each.

    Parameters
    ----------
    found : (windows, members, times, components), or (windows, 2, times, components)
    count : that was kept; of 0 the two are the mean and the standard deviation
    target : one variable to fill
    """
    if count:
        return as_dataset(found.movedim(1, 0), target)
    mean, error = (as_dataset(values, target) for values in found.unbind(1))
    return mean.assign({f"{name}_std": error[name] for name in target.data_vars})


def kept(members: Tensor, count: int) -> Tensor:
    """Some members, moved and stretched so that their mean and standard deviation are those of all.

    Without this, a mean over few members would be worse than the method. Values are stretched one
    by one: a member that is kept is a likely value everywhere, but no trajectory of the model.

    Parameters
    ----------
    members : (windows, members, times, components)
    count : to keep; for 0 the mean and the standard deviation are given

    Returns
    -------
    (windows, count, times, components), or (windows, 2, times, components)
    """
    mean, deviation = members.mean(1, keepdim=True), members.std(1, keepdim=True)
    if not count:
        return torch.cat([mean, deviation], 1)
    if count >= members.shape[1]:
        return members
    some = members[:, :count]
    some = some - some.mean(1, keepdim=True)
    tiny = torch.finfo(members.dtype).tiny
    return mean + some * (deviation / some.std(1, keepdim=True).clamp_min(tiny))
