"""What a mapper that learns anywhere is made of, in numbers and words."""

from __future__ import annotations

from dataclasses import dataclass

UPDATES = ("conjugate", "unet")
GUESSES = ("fitted", "wrong scales", "bfn")  # first guesses that scenes have


@dataclass(frozen=True)
class AnywhereConfiguration:
    """Sizes of the network, and what it is trained on and how.

    Attributes
    ----------
    update : ``conjugate`` (conjugate gradients of a quadratic cost, whose covariances are read from
        a context), or ``unet`` (a correction read from it, with neither cost nor iterations)
    days : that it sees at once, odd
    answered : of them, in the middle, that it gives an increment of, odd
    hidden : channels of the network that reads the context
    prior_hidden : channels of the prior
    coarsen : rows and columns from one control variable to the next
    reach_days, reach_cells : half width of the narrower control variables, before training
    iterations : of the solver in training, on average
    applied : iterations of an estimate
    worlds : that are simulated
    scenes : that are learned from
    checked : of them, the last ones, that choose the weights
    batch : windows of a step
    easy_steps : of the training, on badly fitted first guesses alone: they come first
    steps, rate : of the training on all of them
    again : share of the steps that learn a second pass, from the network's own first one
    average : of the weights: how much of it a step leaves
    reduced : convolutions in bfloat16
    """

    update: str = "conjugate"
    days: int = 15
    answered: int = 5
    hidden: int = 48
    prior_hidden: int = 32
    coarsen: int = 2
    reach_days: float = 2.0
    reach_cells: float = 2.0
    iterations: int = 4
    applied: int = 8
    worlds: int = 30
    scenes: int = 1500
    checked: int = 48
    batch: int = 8
    easy_steps: int = 500
    steps: int = 20_000
    rate: float = 5e-4
    again: float = 0.2
    average: float = 0.998
    reduced: bool = True

    @property
    def half(self) -> int:
        """Days before and after the middle one that are seen."""
        return self.days // 2

    @property
    def reach(self) -> int:
        """Days before and after the middle one that are answered."""
        return self.answered // 2
