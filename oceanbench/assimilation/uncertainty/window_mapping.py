"""A window of a system as the ways to uncertainty take it: observed values in, states out."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.uncertainty.error_samples import MappingMethod, white
from oceanbench.assimilation.window_batches import Windows


def mapping_of(window: Windows, solve: Callable[[Windows], Tensor]) -> MappingMethod:
    """Mapping of one window, whose observations are drawn anew where and as exactly as they were.

    Parameters
    ----------
    window : a single one
    solve : windows -> their estimates (windows, times, components), each on its own
    """
    seen, like = window.observed[0], window.values

    @torch.no_grad()
    def solved(values: FloatArray) -> FloatArray:
        filled = like.new_zeros(len(values), *seen.shape)
        filled[:, seen] = torch.as_tensor(values).to(like)
        return as_array(solve(Windows(filled, seen.expand_as(filled), window.variance)))

    return MappingMethod(
        solved,
        as_array(like[0][seen]),
        observe=lambda fields: fields[:, seen.cpu().numpy()],
        error=white(as_array(window.variance.expand(seen.shape)[seen])),
    )


def as_array(values: Tensor) -> FloatArray:
    """Values in double precision, as the ways to uncertainty take them."""
    found: FloatArray = values.detach().cpu().double().numpy()
    return found
