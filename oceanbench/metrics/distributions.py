"""The part of the table of metrics that is of distributions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

from oceanbench.metrics.metric import Metric
from oceanbench.metrics.probabilistic import calibration, energy, joint_posterior, posterior, scores
from oceanbench.metrics.spectral import small_scales

POSITIVE = (0.0, math.inf)
ANY = (-math.inf, math.inf)

DISTRIBUTIONS: Mapping[str, Metric] = MappingProxyType(
    {
        "crps": Metric(
            statistic=scores.crps,
            units=None,
            better="lower",
            ideal=0.0,
            probabilistic=True,
            of_single=True,
        ),
        "fair_crps": Metric(
            statistic=scores.fair_crps,
            units=None,
            better="lower",
            ideal=0.0,
            bounds=ANY,
            probabilistic=True,
            of_draws=True,
        ),
        "spread_skill": Metric(
            statistic=scores.expected_squared_error,
            value=scores.spread_skill,
            units="1",
            better=None,
            ideal=1.0,
            bounds=POSITIVE,
            probabilistic=True,
        ),
        "spread_error_correlation": Metric(
            statistic=calibration.spread_error_correlation,
            of_case=True,
            units="1",
            better=None,
            ideal=1.0,
            bounds=(-1.0, 1.0),
            probabilistic=True,
        ),
        "coverage": Metric(
            statistic=scores.coverage,
            units="1",
            better=None,
            ideal="level",
            bounds=(0.0, 1.0),
            probabilistic=True,
        ),
        "interval_score": Metric(
            statistic=scores.interval_score,
            units=None,
            better="lower",
            ideal=0.0,
            probabilistic=True,
        ),
        "reliability_index": Metric(
            statistic=calibration.pit_table,
            value=scores.reliability_index,
            summed="tables",
            interval=False,
            units="1",
            better="lower",
            ideal=0.0,
            probabilistic=True,
            ranks=False,
        ),
        "energy_score": Metric(
            statistic=energy.energy_score,
            of_case=True,
            units=None,
            better="lower",
            ideal=0.0,
            probabilistic=True,
            joint=True,
        ),
        "fair_energy_score": Metric(
            statistic=energy.fair_energy_score,
            of_case=True,
            units=None,
            better="lower",
            ideal=0.0,
            bounds=ANY,
            probabilistic=True,
            joint=True,
            of_draws=True,
        ),
        "small_scale_variance": Metric(
            statistic=small_scales.small_scale_variance,
            summed=None,
            units="1",
            better=None,
            ideal=1.0,
            bounds=POSITIVE,
            needs="grid",
            probabilistic=True,
            joint=True,
        ),
        # against a posterior that is known
        "posterior_bias": Metric(
            statistic=posterior.standardised_squared_bias,
            value=posterior.posterior_bias,
            units="1",
            better="lower",
            ideal=0.0,
            needs="windows",
            probabilistic=True,
            of_single=True,
            of_posterior=True,
        ),
        "posterior_spread": Metric(
            statistic=posterior.variance_ratio,
            value=posterior.posterior_spread,
            units="1",
            better=None,
            ideal=1.0,
            bounds=POSITIVE,
            needs="windows",
            probabilistic=True,
            of_posterior=True,
        ),
        "posterior_divergence": Metric(
            statistic=posterior.posterior_divergence,
            units="1",
            better="lower",
            ideal=0.0,
            needs="windows",
            probabilistic=True,
            of_posterior=True,
        ),
        "posterior_crps": Metric(
            statistic=posterior.posterior_crps,
            units=None,
            better="lower",
            ideal=0.0,
            needs="windows",
            probabilistic=True,
            of_single=True,
            of_posterior=True,
        ),
        "posterior_energy_distance": Metric(
            statistic=joint_posterior.posterior_energy_distance,
            units=None,
            better="lower",
            ideal=0.0,
            needs="windows",
            probabilistic=True,
            joint=True,
            of_case=True,
            of_posterior=True,
        ),
        "posterior_sliced_wasserstein": Metric(
            statistic=joint_posterior.posterior_sliced_wasserstein,
            units=None,
            better="lower",
            ideal=0.0,
            needs="windows",
            probabilistic=True,
            joint=True,
            of_case=True,
            of_posterior=True,
        ),
        "mode_error": Metric(
            statistic=joint_posterior.errors_of_modes,
            value=joint_posterior.mode_error,
            summed=None,
            parts=joint_posterior.parts_of_modes,
            units="1",
            better="lower",
            ideal=0.0,
            needs="windows",
            probabilistic=True,
            joint=True,
            of_posterior=True,
        ),
    }
)
