"""What a learned forecast is made of, in numbers and words, and the network that they make."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from oceanbench.arrays import IntArray
from oceanbench.assimilation.fourdvarnet.bumps import GaussianBumps
from oceanbench.assimilation.fourdvarnet.forecasts.direct_forecast import DirectForecast
from oceanbench.assimilation.fourdvarnet.solver import FourDVarNet
from oceanbench.errors import OceanbenchError

UPDATES = ("conjugate", "unet")
WORLDS = ("jet", "basin")
STILL = 2  # maps of the coast: where the sea is, and its mean height
TOLD = 2  # maps of a first guess that is handed in: what it adds, and how large its error is


@dataclass(frozen=True)
class ForecastConfiguration:
    """Sizes of a learned forecast, and how it is trained.

    Attributes
    ----------
    update : ``conjugate`` (conjugate gradients of a quadratic cost), or ``unet``, in one pass
    past_days : before the start, whose observations the network sees
    leads : days after the start, the first of them 0, separated by spaces
    lags : days before the start at which the runs of the model begin, separated by spaces
    step_degrees, margin : of the grid that it works on, and how far it reaches beyond the target
    length_km, memory_days, coarsen : scales of the interpolation that the runs begin with, and
        samples that it averages into one
    white : standard deviation of the error of a sample, m
    wave_speed, step_hours : of the model, m/s and hours
    hidden, prior_hidden : channels of the network that reads the runs, and of the prior
    coarsen_controls : rows and columns from one control variable to the next
    reach_days, reach_cells : half width of the narrower control variables, before training
    iterations, applied : of the solver in training, and of a forecast
    world : what further worlds are simulated of: ``jet``, or ``basin``
    simulated_days : of further worlds that are simulated to learn from
    again : how often the period of training is observed by altimeters on other days
    own_stride, stride : days from one start to the next, in the world of training and in others
    mirrored : whether half of the scenes of a step are turned north to south
    coast : whether the network is told where the sea is, and its mean height
    temperatures : part of the scenes of a step that are handed temperatures; 0 for a network
        without any
    guided : part of the scenes of a step that are handed a first guess
    batch, steps, rate, average : of the training
    error_size : of the forecast that the network corrects, relative to the anomaly's deviation; 0
        for that of the training
    reduced : convolutions in bfloat16
    """

    update: str = "conjugate"
    past_days: int = 14
    leads: str = "0 1 2 3 5 7 10 14"
    lags: str = "0 2 4"
    step_degrees: float = 0.2
    margin: float = 1.0
    length_km: float = 180.0
    memory_days: float = 7.0
    coarsen: int = 10
    white: float = 0.03
    wave_speed: float = 10.0
    step_hours: float = 6.0
    hidden: int = 40
    prior_hidden: int = 48
    coarsen_controls: int = 2
    reach_days: float = 2.0
    reach_cells: float = 1.5
    iterations: int = 4
    applied: int = 8
    world: str = "jet"
    simulated_days: int = 2200
    again: int = 1
    own_stride: int = 2
    stride: int = 7
    mirrored: bool = True
    coast: bool = False
    temperatures: float = 0.0
    guided: float = 0.4
    batch: int = 4
    steps: int = 1000
    rate: float = 2e-3
    average: float = 0.998
    error_size: float = 0.0
    reduced: bool = True

    def __post_init__(self) -> None:
        """Refuse unknown updates and worlds, and leads that do not begin with the start."""
        leads = self.ahead
        if self.update not in UPDATES:
            raise OceanbenchError(f"update={self.update}: expected one of {', '.join(UPDATES)}")
        if self.world not in WORLDS:
            raise OceanbenchError(f"world={self.world}: expected one of {', '.join(WORLDS)}")
        if leads.size < 2 or leads[0] != 0 or (np.diff(leads) <= 0).any():
            raise OceanbenchError(
                f"leads={self.leads}: expected whole days that increase from 0; put them in order"
            )

    @property
    def ahead(self) -> IntArray:
        """Leads, days."""
        return np.array(self.leads.split(), dtype=np.int64)

    @property
    def begun(self) -> IntArray:
        """Days before the start at which runs of the model begin."""
        return np.array(self.lags.split(), dtype=np.int64)

    @property
    def slots(self) -> IntArray:
        """Days of the state, counted from the start: those before it, and the leads."""
        return np.concatenate([np.arange(-self.past_days, 0), self.ahead])

    @property
    def context(self) -> int:
        """Maps of the context: trajectory, what runs differ from it by, others, a first guess."""
        return self.slots.size + self.begun.size * self.ahead.size + self.beside + TOLD

    @property
    def beside(self) -> int:
        """Maps of the context that are not of heights: temperatures of past days, the coast."""
        return self.past_days * bool(self.temperatures) + STILL * self.coast


BASIN = ForecastConfiguration(
    hidden=32,
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
)  # off a coast, with temperatures: what presets of networks begin with


def network(configuration: ForecastConfiguration) -> FourDVarNet | DirectForecast:
    """Untrained network."""
    made = (_direct if configuration.update == "unet" else _variational)(configuration)
    # the order in which convolutions are fastest
    return made.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _direct(c: ForecastConfiguration) -> DirectForecast:
    """One pass."""
    return DirectForecast(
        c.slots.size,
        c.context,
        hidden=c.hidden,
        past=c.past_days + 1,
        correction=c.error_size or 1.0,
        reduced=c.reduced,
    )


def _variational(c: ForecastConfiguration) -> FourDVarNet:
    """Solver of a quadratic cost."""
    times = tuple(map(float, c.slots))
    return FourDVarNet(
        len(times),
        hidden=c.hidden,
        prior_hidden=c.prior_hidden,
        bumps=GaussianBumps(c.reach_days, c.reach_cells, c.coarsen_controls, times=times),
        iterations=c.applied or c.iterations,
        correction=c.error_size or 1.0,
        context=c.context,
        reduced=c.reduced,
    )
