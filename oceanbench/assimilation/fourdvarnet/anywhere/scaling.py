r"""Windows of any sea, in units in which all seas are alike.

A network is told nothing of place or amplitude but how fast currents carry what they carry. With
the innovations d, less what is taken for errors of passes, and n samples in a cell, the first guess
h, its anomaly to the mean of the middle day, their root mean squares s and :math:`\sigma`, the
Coriolis parameter f, the innovations' fraction :math:`\rho` that passes have each for itself, and
the deviation b of the Gaussian weights by which the sea is smoother than seas are, it is given maps
and numbers

.. math:: \mathrm{sgn}(f) \frac{d}{s}, \quad \frac{n}{n + 3}, \quad
    \mathrm{sgn}(f) \frac{h - \bar h}{\sigma}, \quad \mathrm{sea}; \qquad
    \tfrac12 \log \frac{s}{\sigma}, \quad \log \frac{\Delta x}{18 \text{ km}}, \quad
    \tfrac12 \log \frac{g \, \sigma \, \mathrm{day}}{|f| \, \Delta x^2}, \quad 4 \rho, \quad
    \frac{b}{40 \text{ km}}

and what it answers is in units of sgn(f) s. With the sign of f a sea level is a streamfunction
about which currents go the same way in both hemispheres. The same currents have the same increments
in any unit, and without an innovation there is none. How smooth a sea is no sample tells: in
training it is known, and for an estimate it is tried.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.maps.window_estimates import every_window
from oceanbench.dynamics.quasigeostrophic import DAY
from oceanbench.dynamics.rotation import coriolis
from oceanbench.grid import GRAVITY

LEAST_LATITUDE = 5.0  # degrees, nearer to the equator a streamfunction sweeps as there
FRACTIONS = (-0.3, 0.7)  # that passes share, within which all are told
SAMPLES = 3.0  # in a cell that weigh half of what any number does
USUAL_KM = 18.0  # side of a cell
SMOOTH_UNIT_KM = 40.0
SWEEPS = (1e-3, 1e3)  # cells squared a day, that are told apart
LEAST = 1e-3  # of either root mean square, in units of the other
DAY_WEIGHTS = (0.6, 0.9, 1.0, 0.9, 0.6)  # of the answered days: the middle is known best


@dataclass(frozen=True)
class InnovationWindows:
    r"""Windows of some days, in any unit.

    Attributes
    ----------
    first_guess : (batch, days, rows, columns), anomaly to a mean field if there is one
    innovation, count : of the same shape; zero where nothing is observed
    passes : of the same shape, the number of the nadir pass that saw a cell; zero for none
    sea : (batch, rows, columns), one or zero
    cell_km : (batch,) side of a cell
    fraction : (batch,) of the innovations' variance, that passes have each for itself
    sweep : (batch,) cells squared that a streamfunction sweeps in a day, for a unit of the first
        guess: :math:`g / f \cdot \mathrm{day} / \Delta x^2`, negative in the south
    shared : of the shape of the innovations, what of them is taken away before they are read
    smooth_km : (batch,) deviation of the Gaussian weights by which the sea that is looked for is
        smoother than seas are
    """

    first_guess: Tensor
    innovation: Tensor
    count: Tensor
    passes: Tensor
    sea: Tensor
    cell_km: Tensor
    fraction: Tensor
    sweep: Tensor
    shared: Tensor
    smooth_km: Tensor

    def each(self, found: Callable[[Tensor], Tensor]) -> InnovationWindows:
        """Windows with every part changed alike."""
        parts: dict[str, Any] = {f.name: found(getattr(self, f.name)) for f in fields(self)}
        return InnovationWindows(**parts)

    def windows(self, days: int, some: slice) -> InnovationWindows:
        """Some of the windows of so many days of the first one, a series of days.

        Parameters
        ----------
        days : of a window
        some : of all windows, one a day
        """

        def part(values: Tensor) -> Tensor:
            if values.ndim == 4:
                return every_window(values[0], days)[some]
            return values.expand(count, *values.shape[1:])

        count = len(range(self.first_guess.shape[1] - days + 1)[some])
        return self.each(part)

    def scaled(self) -> Scaled:
        """What a network is given."""
        sea = self.sea[:, None]
        seen = (self.count > 0).to(sea.dtype) * sea
        innovation, middle = self.innovation * seen, self.first_guess.shape[1] // 2
        read = innovation - self.shared * seen
        unit = root_mean_square(read, seen)
        today = self.first_guess[:, middle : middle + 1]
        level = (today * sea).sum((1, 2, 3), keepdim=True) / _total(sea)
        anomaly = (self.first_guess - level) * sea
        size = root_mean_square(anomaly, sea.expand_as(anomaly))
        safe_unit = torch.maximum(unit, LEAST * size)
        safe_unit = torch.where(safe_unit > 0, safe_unit, 1.0)
        safe_size = torch.maximum(size, LEAST * safe_unit)
        sweep = self.sweep[:, None, None, None]
        sign = torch.where(sweep < 0.0, -1.0, 1.0)
        weight = seen * self.count / (self.count + SAMPLES)
        maps = [sign * read / safe_unit, weight, sign * anomaly / safe_size, sea]
        numbers = [
            0.5 * torch.log(safe_unit / safe_size),
            torch.log(self.cell_km / USUAL_KM)[:, None, None, None],
            0.5 * torch.log((sweep.abs() * safe_size).clamp(*SWEEPS)),
            4.0 * self.fraction[:, None, None, None],
            self.smooth_km[:, None, None, None] / SMOOTH_UNIT_KM,
        ]
        context = torch.cat([*maps, *(number * torch.ones_like(sea) for number in numbers)], 1)
        scaled = sign * innovation / safe_unit
        return Scaled(scaled, weight, self.passes, context, sea, sign * unit)


@dataclass(frozen=True)
class Scaled:
    """Windows as a network gets them.

    Attributes
    ----------
    innovation : (batch, days, rows, columns), in units of their root mean square
    weight : of the same shape, 0 to 1
    passes : of the same shape, numbers
    context : (batch, channels, rows, columns): both, and all else that is told
    sea : (batch, 1, rows, columns), one or zero
    unit : (batch, 1, 1, 1) of what the network answers
    """

    innovation: Tensor
    weight: Tensor
    passes: Tensor
    context: Tensor
    sea: Tensor
    unit: Tensor


def sweep_of(latitude: float, cell_km: float) -> float:
    """Cells squared that a streamfunction sweeps in a day for a metre of sea level.

    Parameters
    ----------
    latitude : degrees
    cell_km : side of a cell

    Returns
    -------
    1/(m day), negative in the south
    """
    away = math.copysign(max(abs(latitude), LEAST_LATITUDE), latitude)
    return GRAVITY / coriolis(away) * DAY / (1e3 * cell_km) ** 2


def channels(days: int) -> int:
    """Channels of a context."""
    return 3 * days + 6


def root_mean_square(values: Tensor, weight: Tensor) -> Tensor:
    """Of every sample, (batch, 1, 1, 1); zero without weight."""
    total = (weight * values.square()).sum((1, 2, 3), keepdim=True)
    return (total / _total(weight)).sqrt()


def _total(weight: Tensor) -> Tensor:
    return weight.sum((1, 2, 3), keepdim=True).clamp_min(1.0)
