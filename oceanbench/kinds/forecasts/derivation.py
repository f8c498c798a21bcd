"""Derived quantities of a challenge, made from the fields of forecasts and from maps alike."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import numpy as np

from oceanbench.arrays import AnyFloatArray
from oceanbench.errors import did_you_mean
from oceanbench.kinds.forecasts.derived import DERIVED, Axes
from oceanbench.kinds.forecasts.grid import Grid

Column = tuple[float | None, ...]


@dataclass(frozen=True)
class Derivation:
    """What is derived, and where.

    Attributes
    ----------
    quantities : name of a variable of the challenge -> row of ``DERIVED``
    grid : nodes
    depths : of a column
    """

    quantities: Mapping[str, str]
    grid: Grid
    depths: tuple[float, ...]

    def inputs(self, name: str) -> dict[str, Column]:
        """Variables that a derived one is made of, and the depths of each."""
        quantity = DERIVED[self.quantities[name]]
        column: Column = self.depths if quantity.deep else (None,)
        return dict.fromkeys(quantity.needs, column)

    def available(self, variables: Mapping[str, Collection[float | None]]) -> dict[str, Column]:
        """Derived variables whose inputs are all there, on the surface.

        Parameters
        ----------
        variables : that are there, and the depths of each
        """
        return {
            name: (None,)
            for name in self.quantities
            if all(
                needed in variables and (column == (None,) or set(column) <= set(variables[needed]))
                for needed, column in self.inputs(name).items()
            )
        }

    def read(
        self, name: str, read: Callable[[str, Column], AnyFloatArray], *, axis: int
    ) -> AnyFloatArray:
        """Derived fields, of one depth, with the axes of their inputs.

        Parameters
        ----------
        name : of the derived variable
        read : fields of a variable on some depths, (..., latitude, longitude)
        axis : of depth in what ``read`` returns
        """
        axes = Axes(self.grid.latitude, self.grid.longitude, np.array(self.depths))
        fields = {
            needed: np.moveaxis(read(needed, column), axis, -3)
            for needed, column in self.inputs(name).items()
        }
        found = DERIVED[self.quantities[name]].function(fields, axes)
        return np.expand_dims(found, axis)


def check_derived(
    derived: Mapping[str, str], variables: Collection[str], depths: Collection[float]
) -> None:
    """Refuse derived variables that are unknown, or of which an input is not declared."""
    for name, quantity in derived.items():
        if quantity not in DERIVED:
            raise ValueError(
                f"derived.{name}: unknown '{quantity}'; {did_you_mean(quantity, DERIVED)}"
            )
        if name in variables:
            raise ValueError(
                f"derived.{name}: is a variable of submission too; choose another name"
            )
        row = DERIVED[quantity]
        for needed in row.needs:
            if needed not in variables:
                raise ValueError(
                    f"derived.{name}: {quantity} is made of '{needed}', which is no variable of "
                    "submission; add it"
                )
        if row.deep and len(depths) < 2:
            raise ValueError(f"derived.{name}: {quantity} needs two depths or more; add them")
