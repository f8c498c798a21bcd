"""Scores: pure functions of (estimate, truth, weights), and the table that names them.

To add a metric, write one function and add one row to :data:`METRICS`; the contract tests, the
documentation and the challenges find it there.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, Literal

import xarray as xr

from oceanbench.metrics import (
    along_track,
    anomalies,
    calibration,
    energy,
    events,
    geostrophic,
    isotropic,
    pointwise,
    probabilistic,
    small_scales,
    spectral,
    sums,
    zonal,
)
from oceanbench.metrics.aligned import Flag, Flagged, FloatArray
from oceanbench.metrics.points import at_points
from oceanbench.metrics.sums import Sums

__all__ = ["METRICS", "Flag", "Flagged", "Metric", "Sums"]


@dataclass(frozen=True)
class Metric:
    """One row of the table.

    Attributes
    ----------
    function : ``(estimate, truth, weights, **options) -> float | Flagged``
    units : unit of the value; None for the unit of the variable, ``squared`` for its square,
        ``time`` for the unit of time of windows
    better : ``"lower"`` or ``"higher"``; None for a signed value that should be near ``ideal``
    ideal : value of a perfect estimate, or the name of the option that is it
    needs : ``"grid"``, ``"track"``, ``"windows"`` or ``"any"``
    probabilistic : whether the estimate is a distribution, with a dimension ``member`` or
        ``moment``, where the submission gives one; otherwise it is always its mean
    joint : whether that has to be the joint distribution of all points: members, or a single value
    of_single : whether a probabilistic score has a number for a single value too
    of_sums : the same score as a function of :class:`Sums` and the options, for the metrics that
        have a confidence interval; None for the others
    term : of a metric with ``of_sums`` that reads sums of a quantity of its own, that quantity at
        every point: a function like ``function`` that returns a DataArray on the truth's points;
        ``of_sums`` then takes no options
    bounds : smallest and largest value of a score that has no ``better``
    daily : whether those sums go over UTC days for maps too
    by_case : of a metric without ``of_sums`` that can be summed over cases all the same: the table
        (:mod:`oceanbench.metrics.cases`) that it reads, as a function like ``function``
    of_cases : the score as a function of the total of such tables and the other options
    additive : whether the tables of two variables of one unit may be added, as energies are
    of_psd : the same score as a function of :func:`spectral.psd_score` and the other options, so
        that scores of one spectrum compute it once; None for the others
    """

    function: Callable[..., float | Flagged]
    units: str | None
    better: Literal["lower", "higher"] | None
    ideal: float | str | None
    needs: Literal["grid", "track", "windows", "any"] = "any"
    probabilistic: bool = False
    joint: bool = False
    of_single: bool = False
    of_sums: Callable[..., Any] | None = None
    term: Callable[..., xr.DataArray] | None = None
    bounds: tuple[float, float] | None = None
    daily: bool = False
    by_case: Callable[..., FloatArray] | None = None
    of_cases: Callable[..., float | Flagged] | None = None
    additive: bool = False
    of_psd: Callable[..., float | Flagged] | None = None

    @property
    def options(self) -> dict[str, inspect.Parameter]:
        """Keyword options of the function, by name."""
        parameters = inspect.signature(self.function, eval_str=True).parameters
        return {n: p for n, p in parameters.items() if p.kind is p.KEYWORD_ONLY}

    @property
    def limits(self) -> tuple[float, float]:
        """Values between which the score lies, as far as they are known."""
        if self.bounds is not None:
            return self.bounds
        ideal = self.ideal if isinstance(self.ideal, float) else None
        low = ideal if self.better == "lower" else None
        high = ideal if self.better == "higher" else None
        return -math.inf if low is None else low, math.inf if high is None else high

    def unit_for(self, truth: xr.DataArray) -> str:
        """Unit of the value for a truth."""
        if self.units == "time":
            return str(truth["time"].attrs.get("units", "1"))
        return self.unit_of(str(truth.attrs.get("units", "")))

    def unit_of(self, variable: str) -> str:
        """Unit of the value for a variable of some unit; not for a unit of ``time``."""
        if self.units == "squared":
            return variable if variable in ("", "1") else f"({variable})2"
        return self.units or variable

    def ideal_of(self, options: Mapping[str, Any]) -> float | None:
        """Value of a perfect estimate with these options."""
        if isinstance(self.ideal, str):
            return float(options.get(self.ideal, self.options[self.ideal].default))
        return self.ideal

    def score_of_sums(self, options: Mapping[str, Any]) -> Callable[[Sums], Any] | None:
        """Score as a function of sums alone, for the metrics that have one."""
        if self.of_sums is None or self.term is not None:
            return self.of_sums
        return partial(self.of_sums, **options)

    def of_case(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Those of the options that the table of a case depends on."""
        if self.by_case is None:
            return {}
        known = inspect.signature(self.by_case).parameters
        return {name: value for name, value in options.items() if name in known}

    def of_total(self, table: FloatArray, options: Mapping[str, Any]) -> float | Flagged:
        """Score of a total of tables."""
        assert self.of_cases is not None  # callers have asked for by_case
        others = {n: v for n, v in options.items() if n not in self.of_case(options)}
        return self.of_cases(table, **others)

    def takes(self, members: int) -> bool:
        """Whether it has a number for an estimate of so many members at each point."""
        return members > 1 or not self.probabilistic or self.of_single or self.joint

    @property
    def claim(self) -> str:
        """First sentence of the function's docstring."""
        return (inspect.getdoc(self.function) or "").split("\n")[0]


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        "rmse": Metric(pointwise.rmse, None, "lower", 0.0, of_sums=sums.rmse_of),
        "mean_rmse": Metric(pointwise.mean_rmse, None, "lower", 0.0, of_sums=sums.mean_rmse_of),
        "mse": Metric(pointwise.mse, "squared", "lower", 0.0, of_sums=sums.mse_of),
        "median_mse": Metric(
            pointwise.median_mse, "squared", "lower", 0.0, of_sums=sums.median_mse_of
        ),
        "bias": Metric(pointwise.bias, None, None, 0.0, of_sums=sums.bias_of),
        "rmse_score": Metric(pointwise.rmse_score, "1", "higher", 1.0, of_sums=sums.rmse_score_of),
        "rmse_score_mean": Metric(
            pointwise.rmse_score_mean, "1", "higher", 1.0, of_sums=sums.rmse_score_mean_of
        ),
        "rmse_score_std": Metric(
            pointwise.rmse_score_std, "1", "lower", 0.0, of_sums=sums.rmse_score_std_of
        ),
        "nmse": Metric(pointwise.nmse, "1", "lower", 0.0, of_sums=sums.nmse_of),
        "component_nmse": Metric(
            pointwise.component_nmse,
            "1",
            "lower",
            0.0,
            needs="windows",
            of_sums=sums.mean_term_of,
            term=pointwise.component_nmse_field,
        ),
        "explained_variance": Metric(
            pointwise.explained_variance,
            "1",
            "higher",
            1.0,
            of_sums=sums.explained_variance_of,
        ),
        "skill": Metric(anomalies.skill, "1", "higher", 1.0, of_sums=sums.skill_of),
        "anomaly_correlation": Metric(
            anomalies.anomaly_correlation,
            "1",
            "higher",
            1.0,
            of_sums=sums.anomaly_correlation_of,
            term=anomalies.product_field,
        ),
        "activity": Metric(
            anomalies.activity,
            "1",
            None,
            1.0,
            of_sums=sums.activity_of,
            term=anomalies.product_field,
            bounds=(0.0, math.inf),
        ),
        "daily_rmse_score": Metric(
            pointwise.daily_rmse_score,
            "1",
            "higher",
            1.0,
            of_sums=sums.daily_rmse_score_of,
            daily=True,
        ),
        "daily_rmse_score_std": Metric(
            pointwise.daily_rmse_score_std,
            "1",
            "lower",
            0.0,
            of_sums=sums.daily_rmse_score_std_of,
            daily=True,
        ),
        "geostrophic_rmse": Metric(
            geostrophic.geostrophic_rmse,
            "m s-1",
            "lower",
            0.0,
            needs="grid",
            of_sums=sums.root_mean_term_of,
            term=geostrophic.squared_current_error,
        ),
        "resolved_wavelength": Metric(
            spectral.resolved_wavelength,
            "degrees_east",
            "lower",
            None,
            needs="grid",
            of_psd=spectral.wavelength_of,
        ),
        "resolved_period": Metric(
            spectral.resolved_period,
            "days",
            "lower",
            None,
            needs="grid",
            of_psd=spectral.period_of,
        ),
        "isotropic_wavelength": Metric(
            isotropic.isotropic_wavelength,
            "km",
            "lower",
            None,
            needs="grid",
            by_case=isotropic.isotropic_spectra,
            of_cases=isotropic.isotropic_wavelength_of,
            additive=True,
        ),
        "zonal_wavelength": Metric(
            zonal.zonal_wavelength,
            "km",
            "lower",
            None,
            needs="grid",
            probabilistic=True,
            joint=True,
            by_case=zonal.zonal_spectra,
            of_cases=zonal.zonal_wavelength_of,
            additive=True,
        ),
        "zonal_energy_ratio": Metric(
            zonal.zonal_energy_ratio,
            "1",
            None,
            1.0,
            needs="grid",
            probabilistic=True,
            joint=True,
            bounds=(0.0, math.inf),
            by_case=zonal.zonal_spectra,
            of_cases=zonal.energy_ratio_of,
            additive=True,
        ),
        "along_track_wavelength": Metric(
            along_track.along_track_wavelength, "km", "lower", None, needs="track"
        ),
        "crps": Metric(
            probabilistic.crps,
            None,
            "lower",
            0.0,
            probabilistic=True,
            of_single=True,
            of_sums=sums.mean_term_of,
            term=partial(at_points, probabilistic.crps_at),
        ),
        "spread_skill": Metric(
            probabilistic.spread_skill,
            "1",
            None,
            1.0,
            probabilistic=True,
            of_sums=sums.spread_skill_of,
            term=partial(at_points, probabilistic.expected_squared_error_at),
            bounds=(0.0, math.inf),
        ),
        "coverage": Metric(
            probabilistic.coverage,
            "1",
            None,
            "level",
            probabilistic=True,
            of_sums=sums.mean_term_of,
            term=partial(at_points, calibration.share_inside),
            bounds=(0.0, 1.0),
        ),
        "interval_score": Metric(
            probabilistic.interval_score,
            None,
            "lower",
            0.0,
            probabilistic=True,
            of_sums=sums.mean_term_of,
            term=partial(at_points, probabilistic.interval_score_at),
        ),
        "reliability_index": Metric(
            probabilistic.reliability_index,
            "1",
            "lower",
            0.0,
            probabilistic=True,
            by_case=calibration.pit_table,
            of_cases=probabilistic.reliability_index_of,
        ),
        "energy_score": Metric(
            energy.energy_score,
            None,
            "lower",
            0.0,
            probabilistic=True,
            joint=True,
            of_sums=sums.mean_term_of,
            term=energy.energy_field,
        ),
        "small_scale_variance": Metric(
            small_scales.small_scale_variance,
            "1",
            None,
            1.0,
            needs="grid",
            probabilistic=True,
            joint=True,
            bounds=(0.0, math.inf),
        ),
        "onset_error": Metric(events.onset_error, "time", "lower", 0.0, needs="windows"),
        "missed_events": Metric(events.missed_events, "1", "lower", 0.0, needs="windows"),
        "false_events": Metric(events.false_events, "1", "lower", 0.0, needs="windows"),
    }
)
