"""Parts: what a method is given for one of them, and its estimates put together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import xarray as xr

from oceanbench.errors import OceanbenchError
from oceanbench.kinds.room import MemoryRoom, Place, Room, shape_of


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


def put_together(
    target: xr.Dataset, parts: Iterable[tuple[Place, xr.Dataset]], room: Room | None = None
) -> xr.Dataset:
    """Whole of the estimates of parts of a target, each with what a method adds to all of them.

    Parameters
    ----------
    target : variables on the coordinates of the whole
    parts : places in dimensions of the target, and the estimate there
    room : where they are put; the memory by default

    Raises
    ------
    OceanbenchError
        if the parts have not the same variables, dimensions and members
    """
    room = room or MemoryRoom()
    wanted: dict[str, dict[str, int]] = {}  # sizes of the whole of each variable
    for place, part in parts:
        if not wanted:
            room.make(target, part)
            for name, array in part.data_vars.items():
                sizes = zip(array.dims, shape_of(array.variable, target), strict=True)
                wanted[str(name)] = {str(dim): size for dim, size in sizes}
        if set(wanted) != set(map(str, part.data_vars)):
            raise OceanbenchError(
                f"the method returned {sorted(wanted)} once and {sorted(map(str, part))} for "
                "another part; return the same variables each time"
            )
        for name, sizes_of in wanted.items():
            found = part[name].variable
            shape = [place[d].size if d in place else size for d, size in sizes_of.items()]
            if found.dims != tuple(sizes_of) or list(found.shape) != shape:
                raise OceanbenchError(
                    f"the method returned '{name}' with {dict(found.sizes)} for a part, expected "
                    f"the dimensions {tuple(sizes_of)} and as many members as for the others"
                )
        room.put(place, part)
    return room.whole() if wanted else target
