r"""4DVarNet that forecasts: a variational analysis of the days before a start, and of those after.

The state is the sea of two weeks before the start and of every lead after it, where nothing is
observed. About a first guess, the best combination of runs of a quasi-geostrophic model that begin
with interpolated maps of different days
(:mod:`oceanbench.assimilation.fourdvarnet.forecasts.trajectories`), conjugate gradients descend

.. math:: J(v) = \tfrac12 \alpha_o^2 \, \| y - H x \|^2_{observed}
        + \tfrac12 \alpha_p^2 \, \| v - \Phi(v; x_b) \|^2, \qquad
    x = x_b + \mu(x_b) + a(x_b) \cdot S v

(:mod:`oceanbench.assimilation.fourdvarnet.solver`). What the runs tell of their errors, and how an
error of the past goes on, is learned through the iterations, on the world of training and on more
days of the same jet that are simulated. A first guess of the start may be handed in, of any level
of error: a network that was trained with all and with none of them reads it.
"""

from __future__ import annotations

from dataclasses import replace

from oceanbench.assimilation.fourdvarnet.forecasts.configuration import (
    BASIN,
    ForecastConfiguration,
)
from oceanbench.assimilation.fourdvarnet.forecasts.learned_forecast import LearnedForecast

KINDS = ("forecasts",)
PHYSICS = "quasi-geostrophic"
REFERENCE = (
    "Fablet et al. (2021) doi:10.1029/2021MS002572; "
    "Ubelmann, Klein and Fu (2015) doi:10.1175/JTECH-D-14-00152.1"
)
NAME = "fourdvarnet_forecast"
PRESETS = {
    "cpu": ForecastConfiguration(hidden=32, iterations=3, applied=6, steps=900),
    "basin": replace(BASIN, iterations=3, applied=6, steps=1200),
}
FORECAST = LearnedForecast(NAME, PRESETS)
train, estimate = FORECAST.train, FORECAST.estimate
