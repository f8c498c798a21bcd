r"""BFN-QG: back-and-forth nudging of a 1.5-layer quasi-geostrophic model.

.. math:: \partial_t q + J(\psi, q + \beta y) = K(x, t) \, (q_{obs} - q), \qquad
    q = \frac{g}{f} \nabla^2 h - \frac{g f}{c_1^2} h, \qquad \psi = \frac{g}{f} h

The first guess and the edges are an optimal interpolation of the same observations, with an error
that samples of one pass share. Near observations, in space and time, the model is drawn to the
potential vorticity of that interpolation; elsewhere it carries what it has seen, forward and
backward in time (:mod:`oceanbench.assimilation.nudging`,
:mod:`oceanbench.dynamics.reduced_gravity`). Windows of some days are run apart and blended.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
import xarray as xr
from scipy.interpolate import RectBivariateSpline
from torch import Tensor

from oceanbench.assimilation.covariance import Covariance
from oceanbench.assimilation.fields import maps
from oceanbench.assimilation.gaussian import Observations, solve
from oceanbench.assimilation.nudging import Nudging, back_and_forth, blend, sponge, window_starts
from oceanbench.assimilation.preparation import DAY, kilometres, mean_field, samples
from oceanbench.dynamics import reduced_gravity as qg
from oceanbench.errors import OceanbenchError
from oceanbench.grid import interpolate
from oceanbench.progress import progress

KINDS = ("maps", "tracks")
REFERENCE = "Le Guillou et al. (2021) doi:10.1175/JTECH-D-20-0104.1"
TOGETHER = 16  # windows that are integrated as one batch
GROWTH = 100.0  # of the largest vorticity of the first guess: more is no flow but a blow-up
PRECISIONS = {"double": torch.float64, "single": torch.float32}


def estimate(  # noqa: PLR0913  (every option is a keyword)
    inputs: Mapping[str, xr.Dataset],
    target: xr.Dataset,
    *,
    device: str,
    seed: int,
    length_km: float = 80.0,
    length_days: float = 7.0,
    noise: float = 0.032,
    correlated: float = 0.032,
    coarsen: int = 5,
    swath_km: float = 30.0,
    missions: str = "",
    wave_speed: float = 5.0,
    nudging_hours: float = 12.0,
    nudging_days: float = 1.0,
    nudging_km: float = 30.0,
    window_days: int = 9,
    stride_days: int = 3,
    iterations: int = 5,
    tolerance: float = 0.01,
    step_degrees: float = 0.2,
    step_hours: float = 2.0,
    margin: float = 1.0,
    sponge_km: float = 50.0,
    dissipation_days: float = 1.0,
    precision: str = "double",
) -> xr.Dataset:
    """Map the observations onto the target.

    Parameters
    ----------
    inputs : the datasets of layout ``track`` and ``swath`` are used, one variable each
    target : variables (time, latitude, longitude) to fill
    device : of torch
    seed : not used: the method is deterministic
    length_km, length_days : e-folding scales of the interpolation's covariance
    noise, correlated : variances of the white and of the pass error, relative to the signal's
    coarsen : consecutive samples of a track averaged into one
    swath_km : side of the cells in which the pixels of a swath are averaged
    missions : comma-separated names of the inputs to use, or ``all``; by default those that are
        not optional
    wave_speed : c1, m/s; larger than a gravity wave's where the deep ocean follows the surface
    nudging_hours : e-folding time of the relaxation amid observations
    nudging_days, nudging_km : e-folding distances in time and space from an observation at which
        it acts
    window_days, stride_days : length of the windows, and days from one to the next
    iterations, tolerance : at most so often forth and back, with 0 the first guess is the result;
        stop at this change, relative to the flow's vorticity
    step_degrees, step_hours : steps of the model
    margin : how far the model reaches beyond the target, degrees
    sponge_km : width of the zone in which the edges' first guess gains the upper hand
    dissipation_days : time in which the shortest wave of the grid decays by e; 0 for none
    precision : of the model, ``double`` or ``single``
    """
    if not 0 < step_hours <= 24 or 24 % step_hours or precision not in PRECISIONS:
        raise OceanbenchError(
            f"bfn: step_hours {step_hours:g} must divide 24, precision '{precision}' be double or "
            "single"
        )
    scheme = Nudging(nudging_hours, nudging_days, nudging_km, iterations, tolerance)
    longitude, latitude = target["longitude"].values, target["latitude"].values
    nodes = _nodes(longitude, margin, step_degrees), _nodes(latitude, margin, step_degrees)
    place = (float(nodes[0].mean()), float(nodes[1].mean()))
    plane = kilometres(*nodes, place)
    model = _model(plane, place[1], wave_speed, dissipation_days, PRECISIONS[precision], device)
    times = (target["time"].values - target["time"].values[0]) / DAY
    days = np.arange(math.floor(times.min()), math.floor(times.max()) + 2)
    starts = window_starts(days[0], days[-1], length=window_days, stride=stride_days)
    all_days = np.arange(starts[0], starts[-1] + window_days + 1)
    covariance = Covariance(length_km, length_km, length_days)
    result = target.copy(deep=True)
    for variable in map(str, target.data_vars):
        mean = mean_field(inputs, variable, place[0], of_training=True)
        observed = samples(
            inputs,
            variable,
            target["time"].values[0],
            place[0],
            missions=missions,
            coarsen=coarsen,
            swath_km=swath_km,
            mean=mean,
        ).within(*((axis[0] - margin, axis[-1] + margin) for axis in nodes))
        if not ((observed.time > all_days[0]) & (observed.time < all_days[-1])).any():
            raise OceanbenchError(
                f"bfn: no observation of '{variable}' in the box and period of the maps; expected "
                "some; check the dates and longitudes of the tracks"
            )
        observations = observed.observations(
            place, np.full(len(observed.missions), noise), correlated=correlated
        )
        options = {"window": 2.0 * length_days, "device": device}
        posteriors = solve(observations, all_days, covariance, **options)
        guess = torch.cat([maps(p, *plane)[:, 0] for p in posteriors]).cpu().numpy()
        background = 0.0 if mean is None else _extended(mean, *nodes)
        anomaly = guess[days - starts[0]]
        if iterations > 0:
            flow = Flow(model, guess + background, plane, sponge_km, step_hours)
            windows = flow.windows(starts, window_days, observations, scheme)
            anomaly = blend(windows, starts, days) - background
        fine = [RectBivariateSpline(nodes[1], nodes[0], m)(latitude, longitude) for m in anomaly]
        daily = xr.DataArray(np.stack(fine), {"time": days.astype(float)}, ("time", "y", "x"))
        result[variable].values[:] = daily.interp(time=times).values
        if mean is not None:
            result[variable] += interpolate(mean, target[variable])
    return result


class Flow:
    """The model with the daily first guess that holds its edges and that it is drawn to."""

    def __init__(
        self,
        model: qg.Operators,
        guess: np.ndarray,
        plane: tuple[np.ndarray, np.ndarray],
        sponge_km: float,
        step_hours: float,
    ) -> None:
        """Refuse a flow that the time step cannot follow."""
        self.model, self.plane, self.per_day = model, plane, round(24 / step_hours)
        self.height = torch.as_tensor(guess).to(model.inversion)
        self.vorticity = qg.potential_vorticity(self.height, model)
        self.sponge = sponge(*plane, sponge_km).to(model.inversion)
        crossed = qg.courant_number(self.height, model, 3600.0 * step_hours)
        if not crossed < qg.STABLE_COURANT:
            raise OceanbenchError(
                f"bfn: the first guess crosses {crossed:.2g} grid steps in step_hours "
                f"{step_hours:g}, expected less than {qg.STABLE_COURANT}; shorten step_hours, "
                "widen step_degrees, or check the observations"
            )

    def windows(
        self, starts: np.ndarray, length: int, observations: Observations, scheme: Nudging
    ) -> np.ndarray:
        """Daily heights (windows, length + 1, latitude, longitude); the guess begins with them."""
        batches = [starts[i : i + TOGETHER] for i in range(0, starts.size, TOGETHER)]
        found = []
        for batch in progress(batches, "back-and-forth nudging"):
            days = np.arange(self.per_day * (batch[-1] - batch[0] + length) + 1) / self.per_day
            weight = scheme.weight(observations, batch[0] + days, *self.plane)
            offset = torch.as_tensor((batch - starts[0]) * self.per_day)
            found.append(self._batch(offset, length, weight.to(self.height), scheme))
        return np.concatenate(found)

    def _batch(self, offset: Tensor, length: int, weight: Tensor, scheme: Nudging) -> np.ndarray:
        hours = 24 / self.per_day

        def step(state: Tensor, level: int, following: int) -> Tensor:
            edges = (self._at(self.height, offset + n) for n in (level, following))
            seconds = 3600.0 * hours * (following - level)
            state = qg.advance(state, tuple(edges), self.model, time_step=seconds)
            guess = self._at(self.vorticity, offset + following)
            state = scheme.nudged(state, guess, weight[offset - offset[0] + following], hours)
            return state + self.sponge * (guess - state)

        first, steps = self._at(self.vorticity, offset), length * self.per_day
        limit = GROWTH * float(self.vorticity.abs().max())
        found = back_and_forth(first, step, scheme, limit=limit, steps=steps, every=self.per_day)
        edges = [self._at(self.height, offset + day * self.per_day) for day in range(length + 1)]
        heights = qg.sea_surface_height(found.states, torch.stack(edges), self.model)
        return heights.transpose(0, 1).double().cpu().numpy()

    def _at(self, daily: Tensor, level: Tensor) -> Tensor:
        """Daily fields at one level of time per window, linearly interpolated."""
        day = (level // self.per_day).clamp(max=len(daily) - 2)
        part = ((level - day * self.per_day).to(daily) / self.per_day)[:, None, None]
        return torch.lerp(daily[day], daily[day + 1], part)


def _model(
    plane: tuple[np.ndarray, np.ndarray],
    latitude: float,
    wave_speed: float,
    dissipation_days: float,
    dtype: torch.dtype,
    device: str,
) -> qg.Operators:
    x, y = plane
    if not 5.0 <= abs(latitude) <= 85.0:
        raise OceanbenchError(
            f"bfn: the box is centred at latitude {latitude:g}; a geostrophic plane needs 5 to 85 "
            "degrees north or south; use another method, such as oi"
        )
    if wave_speed <= 0 or dissipation_days < 0:
        raise OceanbenchError(
            f"bfn: wave_speed {wave_speed} must be positive, dissipation_days {dissipation_days} "
            "not negative"
        )
    parameters = qg.Parameters(latitude, wave_speed, None, dissipation_days * qg.DAY or None)
    spacing = (1e3 * float(y[1] - y[0]), 1e3 * float(x[1] - x[0]))
    return qg.operators(parameters, y.size, x.size, spacing, dtype=dtype, device=device)


def _nodes(values: np.ndarray, margin: float, step: float) -> np.ndarray:
    """Equidistant nodes over the values and a margin on both sides, about ``step`` apart."""
    if margin <= 0 or step <= 0:
        raise OceanbenchError(f"bfn: margin {margin} and step_degrees {step} must be positive")
    first, last = float(values.min()) - margin, float(values.max()) + margin
    return np.linspace(first, last, max(round((last - first) / step), 4) + 1)


def _extended(mean: xr.DataArray, longitude: np.ndarray, latitude: np.ndarray) -> np.ndarray:
    """Mean field on the nodes, extrapolated as it was for the observations."""
    places = {"longitude": longitude, "latitude": latitude}
    field = mean.interp(places, kwargs={"fill_value": "extrapolate"})
    return field.transpose("latitude", "longitude").values
