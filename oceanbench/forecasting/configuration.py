"""What an emulator is made of and how it learns, in numbers."""

from __future__ import annotations

from dataclasses import dataclass

from oceanbench.errors import OceanbenchError


@dataclass(frozen=True)
class EmulatorConfiguration:
    """Sizes of an emulator, and how it is trained.

    Attributes
    ----------
    days : that a pass forecasts
    passes : that it is trained on: one at first, all from the middle of the training on
    hidden : channels at the finest resolution
    noise : scales of noise that a pass is given, for members; 0 for a forecast of the mean
    around : columns that are repeated beyond the first and last, on grids around the globe; else 0
    lag : days of observations that an analysis looks back on: an error that it may have, the change
        of a state in one to so many days, is added to a first state; 0 for none
    crop : rows and columns of the windows that it is trained on; 0 for whole maps
    batch : windows drawn for a step
    steps, rate : of the training
    decay : of the weights
    average : of the weights: how much of it a step leaves
    reduced : convolutions of the training in bfloat16
    """

    days: int = 10
    passes: int = 3
    hidden: int = 32
    noise: int = 0
    around: int = 0
    lag: int = 6
    crop: int = 0
    batch: int = 16
    steps: int = 600
    rate: float = 2e-3
    decay: float = 1e-2
    average: float = 0.98
    reduced: bool = True

    def __post_init__(self) -> None:
        """Refuse windows of a map around the globe as if they went around it."""
        if self.crop and self.around:
            raise OceanbenchError(
                f"crop={self.crop}, around={self.around}: columns are repeated around whole maps "
                "only; set one of them to 0"
            )
