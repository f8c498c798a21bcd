"""U-Net that forecasts: one pass from the runs of a model and the observations' misfits to them.

The control of fourdvarnet_forecast: the same first guess, scenes, loss and inputs, and no cost that
is descended.
"""

from __future__ import annotations

from oceanbench.assimilation.fourdvarnet.forecasts.configuration import ForecastConfiguration
from oceanbench.assimilation.fourdvarnet.forecasts.learned_forecast import LearnedForecast

KINDS = ("forecasts",)
PHYSICS = "quasi-geostrophic"
REFERENCE = "Ronneberger et al. (2015) doi:10.48550/arXiv.1505.04597"
NAME = "unet_forecast"
PRESETS = {
    "cpu": ForecastConfiguration(update="unet", steps=2000),
    "basin": ForecastConfiguration(
        update="unet",
        hidden=32,
        steps=2000,
        lags="0 2",
        world="basin",
        simulated_days=2192,
        again=2,
        own_stride=4,
        coarsen=3,
        white=0.0173,
        wave_speed=5.0,
        step_hours=4.0,
        guided=0.0,
        mirrored=False,
        coast=True,
        temperatures=0.75,
    ),
}
FORECAST = LearnedForecast(NAME, PRESETS)
train, estimate = FORECAST.train, FORECAST.estimate
