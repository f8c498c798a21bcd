"""Quantities that are derived from the variables of forecasts, and the table that names them.

To add one, write a function of fields and axes and add a row to :data:`DERIVED`. It is then derived
in the same way from the forecast and from everything that the forecast is compared with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from oceanbench.arrays import FloatArray
from oceanbench.kinds.forecasts.derived import geostrophy, mixed_layer
from oceanbench.kinds.forecasts.derived.axes import Axes, Fields

__all__ = ["DERIVED", "Axes", "Fields", "Quantity"]


@dataclass(frozen=True)
class Quantity:
    """One row of the table.

    Attributes
    ----------
    function : ``(fields, axes)`` -> array (..., latitude, longitude), of fields (..., depth,
        latitude, longitude), NaN where the quantity is not known
    needs : variables, by the names of GLORYS12
    units : of the quantity
    deep : whether it takes the whole column, and not the surface alone
    """

    function: Callable[[Fields, Axes], FloatArray]
    needs: tuple[str, ...]
    units: str
    deep: bool = False


DERIVED: Mapping[str, Quantity] = MappingProxyType(
    {
        "geostrophic_eastward": Quantity(geostrophy.eastward, ("zos",), "m s-1"),
        "geostrophic_northward": Quantity(geostrophy.northward, ("zos",), "m s-1"),
        "mixed_layer_depth": Quantity(mixed_layer.depth, ("thetao", "so"), "m", deep=True),
    }
)
