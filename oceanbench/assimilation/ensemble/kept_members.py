"""Some members that stand for all of an ensemble."""

from __future__ import annotations

import torch
from torch import Tensor


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
