"""U-Net that forecasts: one pass from the runs of a model and the observations' misfits to them.

The control of fourdvarnet_forecast: the same first guess, scenes, loss and inputs, and no cost that
is descended.
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
REFERENCE = "Ronneberger et al. (2015) doi:10.48550/arXiv.1505.04597"
NAME = "unet_forecast"
PRESETS = {
    "cpu": ForecastConfiguration(update="unet", steps=2000),
    "basin": replace(BASIN, update="unet", steps=2000),
}
FORECAST = LearnedForecast(NAME, PRESETS)
train, estimate = FORECAST.train, FORECAST.estimate
