"""First guesses of a scene: what a mapper may be handed, from well to badly fitted.

Interpolations have the covariance of the baseline ``duacs``, solved exactly. Their scales are those
that map one day of the scene best, which is what fitting to withheld altimeters finds on a sea of
its own, or wrong ones. The third is the baseline ``bfn``
(:mod:`oceanbench.assimilation.nudging.bfn_qg`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch

from oceanbench.arrays import BoolArray, FloatArray
from oceanbench.assimilation.fourdvarnet.maps.map_grid import MapGrid
from oceanbench.assimilation.gaussian.covariance import ZERO_CROSSING, Covariance
from oceanbench.assimilation.gaussian.optimal_interpolation import solve
from oceanbench.assimilation.gaussian.posterior_fields import maps
from oceanbench.assimilation.nudging.bfn_qg import Settings, mapped
from oceanbench.assimilation.observations.superobservations import Samples, kilometres
from oceanbench.errors import OceanbenchError

BLOCK = 13  # days that share a factorisation
REACH = 1.4  # scales of time within which observations are used
MOST, MOST_OF_A_DAY = 5000, 2000  # observations that are solved for at once, in a block; in a fit
E_FOLDING = 1.85 / ZERO_CROSSING  # of the correlation, in units of the first zero crossing
TRIALS = (  # factors of length, time and noise that are tried in turn
    ("length", (0.6, 1.6)),
    ("time", (0.6, 1.6)),
    ("noise", (0.4, 3.0)),
    ("length", (0.8, 1.25)),
    ("time", (0.8, 1.25)),
)
BFN_STEPS = (4.0, 2.0, 1.0)  # hours, of the baseline: the first that the flow bears


@dataclass(frozen=True)
class InterpolationScales:
    """Of an interpolation.

    Attributes
    ----------
    length : radius of the first zero crossing, km
    time : days
    noise, shared : variances of the white error and of that of a pass, relative to the signal's
    """

    length: float
    time: float
    noise: float
    shared: float

    def bounded(self) -> InterpolationScales:
        """Scales within what a mapper would have."""
        return replace(
            self,
            length=min(max(self.length, 45.0), 630.0),
            time=min(max(self.time, 2.0), 30.0),
            noise=min(max(self.noise, 0.004), 2.0),
        )

    def wrong(self, random: np.random.Generator, by: float) -> InterpolationScales:
        """Scales whose logarithms are off by so much, that of the noise by thrice as much."""
        length, time, noise = np.exp(by * np.array([1, 1, 3]) * random.standard_normal(3))
        return replace(
            self,
            length=self.length * length,
            time=self.time * time,
            noise=self.noise * noise,
        ).bounded()

    @property
    def covariance(self) -> Covariance:
        """In kilometres and days."""
        return Covariance(self.length, self.length, self.time, shape="arhan")


def interpolated(
    observed: Samples,
    grid: MapGrid,
    scales: InterpolationScales,
    days: FloatArray,
    *,
    most: int = MOST,
    every: int = 1,
    seed: int = 0,
) -> FloatArray:
    """Interpolation (days, rows, columns) of super-observations, of which a part may do.

    Parameters
    ----------
    observed : anomalies
    grid : rows and columns
    scales : of the covariance
    days : of the maps, in the samples' time
    most : observations in a block of days; if there are more, some are left out at random
    every : rows and columns of the grid that are mapped
    seed : of what is left out
    """
    window = REACH * scales.time
    reach = np.searchsorted(observed.time, np.stack([days - window, days + window + BLOCK]))
    share = most / max(int((reach[1] - reach[0]).max()), 1)
    if share < 1.0:
        random = np.random.default_rng(seed)
        observed = observed.take(random.random(observed.time.size) < share)
    place = (grid.centre, float(grid.latitude.mean()))
    deviation = observed.deviation(scales.noise + scales.shared)
    noise = np.full(len(observed.missions), scales.noise)
    observations = observed.observations(
        place, noise, correlated=scales.shared, deviation=deviation
    )
    nodes = kilometres(grid.longitude[::every], grid.latitude[::every], place)
    posteriors = solve(
        observations, days, scales.covariance, window=window, group=BLOCK, precision="single"
    )
    found = torch.cat([maps(posterior, *nodes)[:, 0] for posterior in posteriors])
    return deviation * found.numpy()


def fitted(
    observed: Samples,
    grid: MapGrid,
    truth: FloatArray,
    sea: BoolArray,
    *,
    noise: float,
    shared: float,
    day: int,
) -> InterpolationScales:
    """Scales that map one day best.

    Parameters
    ----------
    observed : anomalies
    grid : of the scene
    truth : (days, rows, columns) of the anomaly
    sea : (rows, columns), where maps count
    noise, shared : variances of the errors relative to the signal's, to begin with
    day : that is mapped
    """
    anomaly = truth - truth.mean()
    north, east = (e_folding(anomaly, axis) for axis in (1, 2))
    cell = float(np.ptp(kilometres(grid.longitude[:2], grid.latitude[:2], (0.0, 0.0))[1]))
    length = cell * (north + east) / 2.0 / E_FOLDING
    best = InterpolationScales(
        length, float(np.clip(e_folding(anomaly, 0), 3.0, 25.0)), noise, shared
    ).bounded()
    known = sea[::2, ::2]

    def error(trial: InterpolationScales) -> float:
        days = np.array([float(day)])
        found = interpolated(observed, grid, trial, days, most=MOST_OF_A_DAY, every=2)
        return float(((found[0] - truth[day, ::2, ::2])[known] ** 2).mean())

    least = error(best)
    for name, factors in TRIALS:
        begun = best
        for factor in factors:
            trial = replace(begun, **{name: factor * getattr(begun, name)}).bounded()
            if (found := error(trial)) < least:
                best, least = trial, found
    return best


def e_folding(anomaly: FloatArray, axis: int) -> float:
    """Steps along an axis in which the correlation falls by e, or as many as are looked at."""
    looked_at = anomaly.shape[axis] // 2
    values = np.moveaxis(anomaly, axis, 0)
    for lag in range(1, looked_at):
        if (values[lag:] * values[:-lag]).mean() < math.exp(-1.0) * (values**2).mean():
            return float(lag)
    return float(looked_at)


def nudged(observed: Samples, grid: MapGrid, mean: FloatArray) -> FloatArray | None:
    """Maps of the baseline ``bfn``; None where the flow is too fast for it, or blows up."""
    known = grid.field(np.broadcast_to(mean, grid.shape)).isel(time=0, drop=True)
    days = np.arange(float(grid.days.size))
    for hours in BFN_STEPS:
        settings = Settings(precision="single", step_hours=hours)
        try:
            return mapped(observed, known, days, grid.longitude, grid.latitude, settings)
        except OceanbenchError:  # a flow that this step is too long for
            continue
    return None


def first_guesses(
    random: np.random.Generator,
    observed: Samples,
    grid: MapGrid,
    mean: FloatArray,
    scales: InterpolationScales,
) -> Iterator[tuple[str, FloatArray]]:
    """First guesses (days, rows, columns) of a scene by their names.

    Names are those of :data:`oceanbench.assimilation.fourdvarnet.anywhere.configuration.GUESSES`.
    A flow that is too fast for the model has no ``bfn``.

    Parameters
    ----------
    random : of all that is drawn
    observed : anomalies
    grid : of the scene
    mean : (rows, columns) of which samples are anomalies
    scales : fitted to it
    """
    days = np.arange(float(grid.days.size))
    seed = int(random.integers(2**31))
    wrong = scales.wrong(random, 0.5)
    wrong = replace(wrong, shared=wrong.shared * random.choice([0.0, 1.0]))
    nearly = scales.wrong(random, 0.08)
    yield "fitted", interpolated(observed, grid, nearly, days, seed=seed)
    yield "wrong scales", interpolated(observed, grid, wrong, days, seed=seed)
    if (baseline := nudged(observed, grid, mean)) is not None:
        yield "bfn", baseline
