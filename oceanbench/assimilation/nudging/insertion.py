r"""States of the layered ocean from maps of its surface in coarser cells.

A map of height says what the upper streamfunction is, but for a constant; nothing that is seen says
what the lower layer does. An increment :math:`\psi` of mean zero over the sea, c on the coast, in
the upper layer, with a share :math:`\alpha` of it in the lower one, is

.. math:: \delta\psi_1 = \psi + a, \qquad \delta\psi_2 = \alpha \psi + a, \qquad
    a = - c \, \frac{H_1 + \alpha H_2}{H_1 + H_2}

so that no water crosses the coast and no layer gains volume. It is added as potential vorticity.
Repeated for what is still missing, it brings a state to the map, down to what cells can hold; where
days follow each other, the lower layer then comes from the model, which the maps have driven.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn.functional import pad

from oceanbench.arrays import FloatArray
from oceanbench.dynamics import water_columns
from oceanbench.dynamics.basin import coarse_means
from oceanbench.dynamics.layered_ocean import (
    LAYERS,
    Operators,
    potential_vorticity,
    sea_surface_height,
    streamfunction,
)


@dataclass(frozen=True)
class Surface:
    """The surface of a model in cells that are ``factor`` times as wide.

    Attributes
    ----------
    model : from :func:`oceanbench.dynamics.layered_ocean.operators`
    factor : cells of the model along a side of a cell of the maps
    lower_layer : share of an increment of the upper layer that the lower one gets
    below : share of a correction of the mixed layer that the water below it gets
    """

    model: Operators
    factor: int
    lower_layer: float = 0.25
    below: float = 1.0

    def fields(self, state: Tensor) -> dict[str, FloatArray]:
        """Maps of the surface of a state, NaN on land."""
        found = water_columns.fields(state, self.model)
        return {name: self._maps(field) for name, field in found.items()}

    def height(self, state: Tensor) -> FloatArray:
        """Map of the height of a state, m, NaN on land."""
        psi = streamfunction(state, self.model)
        return self._maps(sea_surface_height(psi, self.model))

    def inserted(self, state: Tensor, maps: Mapping[str, FloatArray], *, times: int = 1) -> Tensor:
        """State with the height, temperature and salinity of maps.

        Parameters
        ----------
        state : (6, rows, columns)
        maps : ``zos``, whose mean over the sea does not matter, ``thetao`` and ``so``
        times : how often what is missing in height is added: eight from rest, three from a state
            that is close
        """
        for _ in range(times):
            increment = self._vorticity(maps["zos"] - self.height(state))
            state = torch.cat([state[:LAYERS] + increment, state[LAYERS:]])
        found = self.fields(state)
        missing = torch.stack([self._cells(maps[n] - found[n]) for n in ("thetao", "so")])
        tracers = torch.cat([missing, self.below * missing]).to(state) * self.model.wet
        return torch.cat([state[:LAYERS], state[LAYERS:] + tracers])

    def _maps(self, field: Tensor) -> FloatArray:
        wet = self.model.wet
        means = coarse_means(field.reshape(1, *wet.shape), wet, self.factor)[0]
        return np.asarray(means.double().numpy())

    def _vorticity(self, height: FloatArray) -> Tensor:
        """Potential vorticity of both layers of an increment of height."""
        p = self.model.parameters
        height = height - np.nanmean(height)
        inside = pad(self.model.inversion.interior, (1, 1, 1, 1)).numpy() > 0
        sea = np.isfinite(height)
        coast = float(height[sea & ~ndimage.binary_erosion(sea)].mean())
        corners = np.where(inside, self._interpolated(height, order=3, corners=True), coast)
        upper = torch.from_numpy(corners).to(self.model.wet) * (p.gravity / self.model.coriolis)
        total = p.upper_depth + p.lower_depth
        share = (p.upper_depth + self.lower_layer * p.lower_depth) / total
        level = -coast * p.gravity / self.model.coriolis * share
        psi = torch.stack([upper + level, self.lower_layer * upper + level])
        return potential_vorticity(psi, self.model)

    def _cells(self, map_: FloatArray) -> Tensor:
        return torch.from_numpy(self._interpolated(map_, order=1, corners=False))

    def _interpolated(self, map_: FloatArray, *, order: Literal[1, 3], corners: bool) -> FloatArray:
        """Values in the model's cells, or at their corners; land continues the nearest sea."""
        nearest = ndimage.distance_transform_edt(
            np.isnan(map_), return_distances=False, return_indices=True
        )
        filled = map_[tuple(nearest)]
        middle = 0.0 if corners else 0.5
        axes = [(np.arange(n + corners) + middle) / self.factor - 0.5 for n in self.model.wet.shape]
        places = np.meshgrid(*axes, indexing="ij")
        found: FloatArray = ndimage.map_coordinates(filled, places, order=order, mode="nearest")
        return found
