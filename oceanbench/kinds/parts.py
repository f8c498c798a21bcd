"""Parts: what a method is given for one of them, and its estimates put together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import xarray as xr

from oceanbench.arrays import IndexArray
from oceanbench.errors import OceanbenchError

Place = Mapping[str, IndexArray]


class CutInputs(Mapping[str, xr.Dataset]):
    """Inputs of a method, each cut when it is opened: what a part may not know is not there."""

    def __init__(
        self, inputs: Mapping[str, xr.Dataset], cut: Callable[[xr.Dataset], xr.Dataset]
    ) -> None:
        self._inputs, self._cut = inputs, cut

    def __getitem__(self, name: str) -> xr.Dataset:
        """Open an input, and cut it."""
        return self._cut(self._inputs[name])

    def __iter__(self) -> Iterator[str]:
        """Names of the inputs."""
        return iter(self._inputs)

    def __len__(self) -> int:
        """Count of the inputs."""
        return len(self._inputs)


def part_of(whole: xr.Dataset, place: Place) -> xr.Dataset:
    """Part of a dataset; a dimension that it does not have is no matter."""
    return whole.isel({dim: at for dim, at in place.items() if dim in whole.dims})


def put_together(target: xr.Dataset, parts: Iterable[tuple[Place, xr.Dataset]]) -> xr.Dataset:
    """Whole of the estimates of parts of a target, each with what a method adds to all of them.

    Parameters
    ----------
    target : variables on the coordinates of the whole
    parts : places in dimensions of the target, and the estimate there

    Raises
    ------
    OceanbenchError
        if the parts have not the same variables, dimensions and members
    """
    filled: dict[str, xr.Variable] = {}
    for place, part in parts:
        if not filled:
            filled = {str(n): _like(part[n].variable, target) for n in part.data_vars}
        if set(filled) != set(map(str, part.data_vars)):
            raise OceanbenchError(
                f"the method returned {sorted(filled)} once and {sorted(map(str, part))} for "
                "another part; return the same variables each time"
            )
        for name, values in filled.items():
            found = part[name].variable
            index = tuple(place.get(str(dim), slice(None)) for dim in values.dims)
            at: Any = np.ix_(*(np.arange(n)[i] for i, n in zip(index, values.shape, strict=True)))
            if found.dims != values.dims or found.shape != values.values[at].shape:
                raise OceanbenchError(
                    f"the method returned '{name}' with {dict(found.sizes)} for a part, expected "
                    f"the dimensions {values.dims} and as many members as for the others"
                )
            values.values[at] = found.values
    return target.assign(filled)


def _like(part: xr.Variable, target: xr.Dataset) -> xr.Variable:
    """Room for the whole of a variable."""
    shape = [target.sizes.get(dim, size) for dim, size in part.sizes.items()]
    return xr.Variable(part.dims, np.empty(shape, part.dtype), part.attrs)
