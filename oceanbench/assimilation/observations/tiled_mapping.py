r"""Mapping tile by tile, with scales that depend on latitude: what a DUACS-like analysis does.

The covariance is that of Arhan and Colin de Verdière, which propagates westward. Its scales are
closed forms of our own, which follow the published ranges; they are **not** the operational
system's tables:

.. math:: L(\phi) = 50 + 250 \, \frac{900}{\phi^2 + 900} \text{ km}, \quad
          L_x = L \max(1, 1.6 - |\phi| / 25), \quad L_y = L

with a time scale of 15 days (10 at the equator) and the speed of long Rossby waves
:math:`-\min(\beta R_d^2, 0.35 \text{ m/s})`, all of them times factors. Each tile is solved exactly
with the scales of its centre, and the tiles are blended. The signal has one standard deviation in a
tile, or one that varies in space (:mod:`oceanbench.assimilation.observations.signal_variance`).

References
----------
Arhan and Colin de Verdière (1985), doi:10.1175/1520-0485(1985)015<0153:DOEMIT>2.0.CO;2;
Le Traon et al. (1998), doi:10.1175/1520-0426(1998)015<0522:AIMMOM>2.0.CO;2
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.gaussian.covariance import Covariance
from oceanbench.assimilation.gaussian.mapping import MappingProblem, estimate_all
from oceanbench.assimilation.gaussian.tiles import Tile, tiles
from oceanbench.assimilation.observations.signal_variance import MeanSquares
from oceanbench.assimilation.observations.superobservations import Samples, kilometres
from oceanbench.dynamics.rotation import coriolis, planetary_gradient
from oceanbench.errors import OceanbenchError
from oceanbench.grid import KM_PER_DEGREE

SCALES = ("length_factor", "time_factor", "speed_factor", "noise", "correlated")
DEFAULTS = (1.0, 0.7, 0.0, 0.03, 0.02)  # 10 days, as in energetic regions, and no propagation
FURTHER = {"zonal_factor": 1.0, "deviation_km": 0.0, "sharpness": 1.0}  # scales that may be absent
REACH = 3.0  # widths of the kernel within which samples tell the signal's deviation
MOST = 12_000  # observations in a window that are still solved at once: 2 GiB
GRAVITY_WAVE_SPEED = 2.7  # m/s, of the first baroclinic mode
FASTEST = 0.35  # m/s


@dataclass(frozen=True)
class TiledMapping:
    """How anomalies are mapped.

    Attributes
    ----------
    scales : the factors of the closed forms, and variances of the white and of the pass error,
        relative to the signal's, by the names :data:`SCALES`; perhaps those of :data:`FURTHER`, a
        factor of :math:`L_x` alone, the width over which the signal's variance is smoothed (0 for
        one a tile), and the power of the formal error variance that calibrates it
    noise : variance of the white error of every mission, relative to the signal's
    tile, halo : side of the tiles, and how far around one observations are used and its
        neighbours blended, degrees
    settings : of :class:`oceanbench.assimilation.gaussian.mapping.MappingProblem`
    """

    scales: Mapping[str, float]
    noise: FloatArray
    tile: float = 10.0
    halo: float = 2.5
    settings: Mapping[str, Any] = field(default_factory=dict)

    def maps(
        self,
        observed: Samples,
        days: FloatArray,
        longitude: FloatArray,
        latitude: FloatArray,
        *,
        workers: int = 1,
        checkpoint: Path | None = None,
    ) -> dict[str, FloatArray]:
        """Blended maps (days, latitude, longitude): ``mean``, and ``variance`` if it is asked for.

        Parameters
        ----------
        observed : anomalies
        days : of the maps, in the samples' time
        longitude, latitude : nodes
        workers : processes that solve tiles
        checkpoint : folder that keeps every solved tile
        """
        parts = tiles(longitude, latitude, size=self.tile, overlap=min(self.halo, 0.9 * self.tile))
        problems, deviations = [], []
        for part in parts:
            problem, deviation = self._problem(observed.around(part.centre), part, days)
            problems.append(problem)
            deviations.append(deviation)
        sharpness = self.scales.get("sharpness", FURTHER["sharpness"])
        blended: dict[str, FloatArray] = {}
        solved = estimate_all(problems, workers=workers, checkpoint=checkpoint)
        for part, deviation, maps in zip(parts, deviations, solved, strict=True):
            factors = {"mean": deviation, "variance": deviation**2}
            for name, relative in maps.items():
                values = relative**sharpness if name == "variance" else relative
                shape = (days.size, latitude.size, longitude.size)
                whole = blended.setdefault(name, np.zeros(shape))
                whole[np.ix_(np.arange(days.size), part.rows, part.columns)] += (
                    factors[name] * part.weight * values
                )
        return blended

    def _problem(
        self, observed: Samples, part: Tile, days: FloatArray
    ) -> tuple[MappingProblem, float | FloatArray]:
        """Problem of one tile, in kilometres about its centre, and its signal's deviation."""
        covariance = covariance_at(part.centre[1], self.scales)
        window = 2.0 * covariance.length_time
        near = observed.within(*part.reach(self.halo))
        used = near.take((near.time > days[0] - window) & (near.time < days[-1] + window))
        most = max(
            np.searchsorted(used.time, days + window) - np.searchsorted(used.time, days - window)
        )
        if most > MOST:
            raise OceanbenchError(
                f"duacs: {most} observations in a window of the tile at {part.centre[0]:g} E, "
                f"{part.centre[1]:g} N, at most {MOST} can be solved at once; raise coarsen and "
                "swath_km, or lower tile"
            )
        white, correlated = self.scales["noise"], self.scales["correlated"]
        deviation: float | FloatArray = used.deviation(white + correlated)
        seen, loading = deviation, None
        km = self.scales.get("deviation_km", FURTHER["deviation_km"])
        around = observed.within(*part.reach(self.halo + REACH * km / KM_PER_DEGREE))
        around = around.take((around.time > days[0] - window) & (around.time < days[-1] + window))
        if km > 0 and around.value.size:
            squares = MeanSquares.of(around, km, covariance.length_time)
            error = {"noise": white, "correlated": correlated}
            seen, loading = squares.deviation(used.longitude, used.latitude, **error)
            y, x = (
                axis.ravel() for axis in np.meshgrid(part.latitude, part.longitude, indexing="ij")
            )
            deviation = squares.deviation(x, y, **error)[0].reshape(part.weight.shape)
        x, y = kilometres(part.longitude, part.latitude, part.centre)
        observations = used.observations(
            part.centre, self.noise, correlated=correlated, deviation=seen, loading=loading
        )
        problem = MappingProblem(observations, days, covariance, x, y, window, **self.settings)
        return problem, deviation


def chosen_scales(
    given: Mapping[str, float | None], fitted: Mapping[str, Any] | None
) -> dict[str, float]:
    """Scales by the names :data:`SCALES` and :data:`FURTHER`.

    Parameters
    ----------
    given : those that are not None go before all others
    fitted : numbers or tensors of one number; what neither has is the default
    """
    result = dict(zip(SCALES, DEFAULTS, strict=True)) | FURTHER
    for name in result:
        value = given.get(name)
        if value is not None:
            result[name] = float(value)
        elif fitted is not None and name in fitted:
            result[name] = float(fitted[name])
    if min(result["length_factor"], result["time_factor"], result["noise"]) <= 0:
        raise OceanbenchError(f"duacs: length_factor, time_factor and noise must be > 0: {result}")
    if min(result["zonal_factor"], result["sharpness"]) <= 0:
        raise OceanbenchError(f"duacs: zonal_factor and sharpness must be > 0: {result}")
    for name in ("correlated", "deviation_km"):
        if result[name] < 0:
            raise OceanbenchError(f"duacs: {name} {result[name]} must not be negative")
    return result


def covariance_at(latitude: float, scales: Mapping[str, float]) -> Covariance:
    """Covariance of a tile, in kilometres and days, from the closed forms at its centre."""
    length = (50.0 + 250.0 * 900.0 / (latitude**2 + 900.0)) * scales["length_factor"]
    time = (10.0 + 5.0 * min(abs(latitude) / 15.0, 1.0)) * scales["time_factor"]
    stretch = scales.get("zonal_factor", FURTHER["zonal_factor"])
    return Covariance(
        length * max(1.0, 1.6 - abs(latitude) / 25.0) * stretch,
        length,
        time,
        speed_x=-scales["speed_factor"] * _rossby_speed(latitude),
        shape="arhan",
    )


def _rossby_speed(latitude: float) -> float:
    """Speed of long Rossby waves, at most 0.35 m/s, in km per day."""
    square = max(coriolis(latitude) ** 2, 1e-20)  # of no effect but at the equator
    return min(planetary_gradient(latitude) * GRAVITY_WAVE_SPEED**2 / square, FASTEST) * 86.4
