"""The table of metrics: the function that each is, and what that does not say of itself."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from oceanbench.metrics import (
    anomalies,
    cycling,
    events,
    geostrophic,
    horizons,
    innovations,
    pointwise,
    relative,
)
from oceanbench.metrics.distributions import DISTRIBUTIONS
from oceanbench.metrics.metric import Metric
from oceanbench.metrics.spectral import along_track, isotropic, space_time, zonal

POSITIVE = (0.0, math.inf)
ANY = (-math.inf, math.inf)


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        # errors, point by point
        "rmse": Metric(value=pointwise.rmse, units=None, better="lower", ideal=0.0),
        "mean_rmse": Metric(value=pointwise.mean_rmse, units=None, better="lower", ideal=0.0),
        "mse": Metric(value=pointwise.mse, units="squared", better="lower", ideal=0.0),
        "median_mse": Metric(
            value=pointwise.median_mse, units="squared", better="lower", ideal=0.0
        ),
        "bias": Metric(value=pointwise.bias, units=None, better=None, ideal=0.0),
        "rmse_score": Metric(value=relative.rmse_score, units="1", better="higher", ideal=1.0),
        "rmse_score_mean": Metric(
            value=relative.rmse_score_mean, units="1", better="higher", ideal=1.0
        ),
        "rmse_score_std": Metric(
            value=relative.rmse_score_std,
            interval=False,
            units="1",
            better="lower",
            ideal=0.0,
            ranks=False,
        ),
        "nmse": Metric(value=relative.nmse, units="1", better="lower", ideal=0.0),
        "component_nmse": Metric(
            statistic=relative.component_nmse,
            units="1",
            better="lower",
            ideal=0.0,
            needs="windows",
        ),
        "explained_variance": Metric(
            value=relative.explained_variance, units="1", better="higher", ideal=1.0
        ),
        "error_variance": Metric(
            value=pointwise.error_variance, units="squared", better="lower", ideal=0.0
        ),
        # of anomalies from a reference
        "skill": Metric(
            value=anomalies.skill, units="1", better="higher", ideal=1.0, of_references=True
        ),
        "anomaly_correlation": Metric(
            statistic=anomalies.product,
            of_arrays=np.multiply,
            value=anomalies.anomaly_correlation,
            units="1",
            better="higher",
            ideal=1.0,
            of_anomalies=True,
        ),
        "activity": Metric(
            statistic=anomalies.product,
            of_arrays=np.multiply,
            value=anomalies.activity,
            units="1",
            better=None,
            ideal=1.0,
            bounds=POSITIVE,
            of_anomalies=True,
        ),
        # of skill by lead
        "horizon": Metric(
            value=horizons.horizon,
            summed="leads",
            interval=False,
            units="days",
            better="higher",
            ideal=None,
            bounds=POSITIVE,
            needs="leads",
        ),
        "horizon_at": Metric(
            value=horizons.horizon_at,
            summed="leads",
            interval=False,
            units="days",
            better="higher",
            ideal=None,
            bounds=POSITIVE,
            needs="leads",
        ),
        # by UTC day
        "daily_rmse_score": Metric(
            value=relative.daily_rmse_score, units="1", better="higher", ideal=1.0, daily=True
        ),
        "daily_rmse_score_std": Metric(
            value=relative.daily_rmse_score_std,
            interval=False,
            units="1",
            better="lower",
            ideal=0.0,
            daily=True,
            ranks=False,
        ),
        # of maps and their spectra
        "geostrophic_rmse": Metric(
            statistic=geostrophic.squared_current_error,
            value=geostrophic.geostrophic_rmse,
            units="m s-1",
            better="lower",
            ideal=0.0,
            needs="grid",
        ),
        "resolved_wavelength": Metric(
            statistic=space_time.psd_score,
            value=space_time.resolved_wavelength,
            summed=None,
            parts=space_time.psd_parts,
            units="degrees_east",
            better="lower",
            ideal=None,
            bounds=POSITIVE,
            needs="grid",
        ),
        "resolved_period": Metric(
            statistic=space_time.psd_score,
            value=space_time.resolved_period,
            summed=None,
            parts=space_time.psd_parts,
            units="days",
            better="lower",
            ideal=None,
            bounds=POSITIVE,
            needs="grid",
        ),
        "isotropic_wavelength": Metric(
            statistic=isotropic.isotropic_spectra,
            value=isotropic.isotropic_wavelength,
            summed="tables",
            units="km",
            better="lower",
            ideal=None,
            bounds=POSITIVE,
            needs="grid",
            additive=True,
        ),
        "zonal_wavelength": Metric(
            statistic=zonal.zonal_spectra,
            value=zonal.zonal_wavelength,
            summed="tables",
            units="km",
            better="lower",
            ideal=None,
            bounds=POSITIVE,
            needs="grid",
            probabilistic=True,
            joint=True,
            additive=True,
        ),
        "zonal_energy_ratio": Metric(
            statistic=zonal.zonal_spectra,
            value=zonal.zonal_energy_ratio,
            summed="tables",
            units="1",
            better=None,
            ideal=1.0,
            bounds=POSITIVE,
            needs="grid",
            probabilistic=True,
            joint=True,
            additive=True,
        ),
        "along_track_wavelength": Metric(
            statistic=along_track.along_track_spectra,
            value=along_track.along_track_wavelength,
            summed=None,
            parts=along_track.along_track_parts,
            units="km",
            better="lower",
            ideal=None,
            bounds=POSITIVE,
            needs="track",
        ),
        "along_track_explained_variance": Metric(
            statistic=along_track.along_track_spectra,
            value=along_track.along_track_explained_variance,
            summed=None,
            parts=along_track.along_track_parts,
            units="1",
            better="higher",
            ideal=1.0,
            needs="track",
        ),
        **DISTRIBUTIONS,
        # of events in windows
        "onset_error": Metric(
            statistic=events.onset_error,
            summed=None,
            units="time",
            better="lower",
            ideal=0.0,
            needs="windows",
        ),
        "missed_events": Metric(
            statistic=events.missed_events,
            summed=None,
            units="1",
            better="lower",
            ideal=0.0,
            needs="windows",
            ranks=False,
        ),
        "false_events": Metric(
            statistic=events.false_events,
            summed=None,
            units="1",
            better="lower",
            ideal=0.0,
            needs="windows",
            ranks=False,
        ),
        # of states that a method is driven through
        "state_rmse": Metric(
            statistic=cycling.state_rmse, units=None, better="lower", ideal=0.0, needs="windows"
        ),
        "lost_times": Metric(
            statistic=cycling.lost_times,
            units="1",
            better="lower",
            ideal=0.0,
            bounds=(0.0, 1.0),
            needs="windows",
        ),
        "divergences": Metric(
            statistic=cycling.divergences,
            summed=None,
            units="1",
            better="lower",
            ideal=0.0,
            needs="windows",
        ),
        "convergence_time": Metric(
            statistic=cycling.convergence_time,
            summed=None,
            units="time",
            better="lower",
            ideal=0.0,
            needs="windows",
        ),
        "innovation_chi_square": Metric(
            statistic=innovations.innovation_chi_square,
            units="1",
            better=None,
            ideal=1.0,
            bounds=POSITIVE,
            needs="windows",
            probabilistic=True,
        ),
        "innovation_autocorrelation": Metric(
            statistic=innovations.successive_products,
            value=innovations.innovation_autocorrelation,
            units="1",
            better=None,
            ideal=0.0,
            bounds=ANY,
            needs="windows",
        ),
        "background_variance_ratio": Metric(
            statistic=anomalies.product,
            value=innovations.background_variance_ratio,
            units="1",
            better=None,
            ideal=1.0,
            bounds=ANY,
            needs="windows",
        ),
    }
)
