"""What a 4DVarNet for maps is made of, in numbers and words, and the network that they make."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from oceanbench.assimilation.fourdvarnet.bumps import GaussianBumps
from oceanbench.assimilation.fourdvarnet.learned_descent import LearnedDescent
from oceanbench.assimilation.fourdvarnet.priors import Agreement, BilinearPrior
from oceanbench.assimilation.fourdvarnet.solver import FourDVarNet
from oceanbench.errors import OceanbenchError
from oceanbench.learning.layers import ConvLstm, UNet

UPDATES = ("conjugate", "unet", "lstm")


@dataclass(frozen=True)
class MapConfiguration:
    """Sizes of a network for maps, and how it is trained and applied.

    Attributes
    ----------
    first_guess : as
        :func:`oceanbench.assimilation.fourdvarnet.maps.first_guess_maps.first_guess_maps` has them
    step_degrees : of the grid that it works on
    days : that it sees at once, odd
    update : ``conjugate`` (conjugate gradients of a quadratic cost), or a learned one: ``unet``
        (misfits and residuals in) or ``lstm`` (gradients in)
    hidden : channels of the learned update, or of the network that reads the first guess
    prior_hidden : channels of the prior; 0 for none: then the update sees the misfits alone
    coarsen : points that update and prior average into one, or between control variables
    reach_days, reach_cells : half width of the narrower control variables, before training
    error_size : of the first guess, relative to the state's deviation; 0 for that of the training,
        and the deviation itself before it
    iterations : of the solver, in every outer loop
    applied : iterations of an estimate; 0 for as many as in training
    loops : outer ones: the estimate of one is the first guess of the next
    varied : whether a step of the training takes another number of them, from half to twice as
        many: what is learned then is the cost, and not how far it is descended
    implicit, alternate : whether it is learned at the minimum and not through the iterations, and
        the prior and all else by turns (:mod:`oceanbench.assimilation.fourdvarnet.bilevel`)
    scenes : how often the training period is observed, each time by altimeters on other days
    crop : rows and columns of the windows that it is trained on
    batch : windows drawn for a step
    steps, rate : of the training
    average : of the weights: how much of it a step leaves
    prior_loss, slope_loss : weights of the prior's error on states, and of the differences between
        neighbours, in the loss
    along_track : whether misfits are taken for what they tell along a pass
        (:mod:`oceanbench.assimilation.observations.along_track_errors`), where training maps tell
        errors
    mirrored : whether windows are turned, too, as quasi-geostrophic flow allows: north and south
        with the sign, and east and west with time
    correction : size of a learned correction, and of the errors that the loss counts as one, in
        units of the state's deviation
    reduced : convolutions in bfloat16
    second : an input that has maps of another variable, which go into the cost; none if empty
    second_channels : in which the state and that field are compared
    supervised : learn from training maps; else from observations alone, those of one altimeter at a
        time, which the network is not given
    """

    first_guess: str = "bfn"
    step_degrees: float = 0.2
    days: int = 15
    update: str = "unet"
    hidden: int = 40
    prior_hidden: int = 16
    coarsen: int = 1
    iterations: int = 3
    applied: int = 0
    loops: int = 1
    varied: bool = False
    implicit: bool = False
    alternate: bool = False
    scenes: int = 4
    crop: int = 40
    batch: int = 4
    steps: int = 4000
    rate: float = 2e-3
    average: float = 0.998
    prior_loss: float = 0.5
    slope_loss: float = 10.0
    along_track: bool = False
    mirrored: bool = True
    reach_days: float = 1.0
    reach_cells: float = 1.3
    error_size: float = 0.0
    correction: float = 0.2
    reduced: bool = True
    second: str = ""
    second_channels: int = 5
    supervised: bool = True

    @property
    def knows_errors(self) -> bool:
        """Whether misfits are taken for what they tell along a pass."""
        return self.along_track and self.supervised


def network(configuration: MapConfiguration) -> FourDVarNet | LearnedDescent:
    """Untrained network.

    Raises
    ------
    OceanbenchError
        if there is no such update, or none for want of a prior
    """
    update, prior_hidden = configuration.update, configuration.prior_hidden
    if update not in UPDATES or (update != "unet" and not prior_hidden):
        raise OceanbenchError(
            f"update={update}, prior_hidden={prior_hidden}: expected one of {', '.join(UPDATES)}, "
            "and but for unet a prior, whose gradient is descended"
        )
    solver = (_variational if update == "conjugate" else _learned)(configuration)
    # the order in which convolutions are fastest
    return solver.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _variational(configuration: MapConfiguration) -> FourDVarNet:
    """Solver of a quadratic cost."""
    reach = configuration.reach_days, configuration.reach_cells
    return FourDVarNet(
        configuration.days,
        hidden=configuration.hidden,
        prior_hidden=configuration.prior_hidden,
        bumps=GaussianBumps(*reach, configuration.coarsen),
        iterations=configuration.applied or configuration.iterations,
        correction=configuration.error_size or 1.0,
        loops=configuration.loops,
        second=_agreement(configuration),
        implicit=configuration.implicit,
        reduced=configuration.reduced,
    )


def _learned(configuration: MapConfiguration) -> LearnedDescent:
    """Descent by a learned update."""
    days, prior_hidden = configuration.days, configuration.prior_hidden
    prior: torch.nn.Module = torch.nn.Identity()
    if prior_hidden:
        steps = (configuration.coarsen, configuration.coarsen)
        prior = BilinearPrior(days, hidden=prior_hidden, kernel=(3, 3), coarsen=steps)
    made, inputs = (_lstm if configuration.update == "lstm" else _unet)(configuration)
    return LearnedDescent(
        prior,
        made,
        second=_agreement(configuration),
        inputs=inputs,
        iterations=configuration.iterations,
        correction=configuration.correction,
        reduced=configuration.reduced,
    )


def _agreement(configuration: MapConfiguration) -> Agreement | None:
    """Operators of a second field, if there is one."""
    if not configuration.second:
        return None
    return Agreement(configuration.days, configuration.second_channels)


def _lstm(configuration: MapConfiguration) -> tuple[torch.nn.Module, tuple[str, ...]]:
    """Update that sees gradients, and their names."""
    inputs: tuple[str, ...] = ("observation_gradient", "prior_gradient", "state")
    if configuration.second:
        inputs = (*inputs, "second_gradient")
    days, steps = configuration.days, (configuration.coarsen, configuration.coarsen)
    update = ConvLstm(len(inputs) * days, days, hidden=configuration.hidden, coarsen=steps)
    return update, inputs


def _unet(configuration: MapConfiguration) -> tuple[torch.nn.Module, tuple[str, ...]]:
    """Update that sees misfits and residuals, and their names."""
    inputs: tuple[str, ...] = ("misfit", "state")
    if configuration.prior_hidden:
        inputs = ("misfit", "residual", "state")
    entering = (len(inputs) + 1) * configuration.days
    if configuration.second:
        inputs, entering = (*inputs, "second_misfit"), entering + configuration.second_channels
    update = UNet(
        entering,
        configuration.days,
        hidden=configuration.hidden,
        iterations=configuration.iterations,
        coarsen=(configuration.coarsen, configuration.coarsen),
    )
    return update, inputs
