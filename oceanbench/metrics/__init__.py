"""Scores: pure functions of (estimate, truth, weights), and the table that names them.

To add a metric, write one function and add one row to :data:`METRICS`; the contract tests, the
documentation and the challenges find it there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

from oceanbench.metrics import anomalies, events, geostrophic, pointwise, sums
from oceanbench.metrics.aligned import Flag, Flagged
from oceanbench.metrics.metric import Metric
from oceanbench.metrics.probabilistic import calibration, energy, scores
from oceanbench.metrics.probabilistic.points import at_points
from oceanbench.metrics.spectral import along_track, isotropic, small_scales, space_time, zonal
from oceanbench.metrics.sums import Sums

__all__ = ["METRICS", "Flag", "Flagged", "Metric", "Sums"]


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
            space_time.resolved_wavelength,
            "degrees_east",
            "lower",
            None,
            needs="grid",
            of_psd=space_time.wavelength_of,
        ),
        "resolved_period": Metric(
            space_time.resolved_period,
            "days",
            "lower",
            None,
            needs="grid",
            of_psd=space_time.period_of,
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
            scores.crps,
            None,
            "lower",
            0.0,
            probabilistic=True,
            of_single=True,
            of_sums=sums.mean_term_of,
            term=partial(at_points, scores.crps_at),
        ),
        "spread_skill": Metric(
            scores.spread_skill,
            "1",
            None,
            1.0,
            probabilistic=True,
            of_sums=sums.spread_skill_of,
            term=partial(at_points, scores.expected_squared_error_at),
            bounds=(0.0, math.inf),
        ),
        "coverage": Metric(
            scores.coverage,
            "1",
            None,
            "level",
            probabilistic=True,
            of_sums=sums.mean_term_of,
            term=partial(at_points, calibration.share_inside),
            bounds=(0.0, 1.0),
        ),
        "interval_score": Metric(
            scores.interval_score,
            None,
            "lower",
            0.0,
            probabilistic=True,
            of_sums=sums.mean_term_of,
            term=partial(at_points, scores.interval_score_at),
        ),
        "reliability_index": Metric(
            scores.reliability_index,
            "1",
            "lower",
            0.0,
            probabilistic=True,
            by_case=calibration.pit_table,
            of_cases=scores.reliability_index_of,
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
