"""What generative networks make small, and how draws are made with them."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from oceanbench.assimilation.generative.configuration import FLOW, GenerativeConfiguration
from oceanbench.assimilation.generative.estimate_errors import Lesson
from oceanbench.assimilation.generative.flow import (
    EVALUATIONS,
    between,
    integrate,
    velocity_of_alike,
)
from oceanbench.assimilation.generative.residual_network import ResidualNetwork
from oceanbench.assimilation.generative.scoring_rules import fair_crps, fair_energy_score


def velocity(
    network: ResidualNetwork,
    configuration: GenerativeConfiguration,
    lesson: Lesson,
    point: Tensor,
    time: Tensor,
) -> Tensor:
    """Velocity of errors at times from 0 to 1, (windows, channels, times, columns).

    Where they begin as errors of the estimate, the network says how it departs from the velocity
    between two Gaussian distributions that are alike: unlearned, the draws stay what they are.

    Parameters
    ----------
    network, configuration : of it
    lesson : what is known of each window
    point : errors, (windows, channels, times, columns)
    time : (windows,)
    """
    found: Tensor = network(lesson.given(point), time)
    if configuration.start == "white":
        return found
    return found + velocity_of_alike(point, time)


def loss(
    network: ResidualNetwork, configuration: GenerativeConfiguration, lesson: Lesson, time: Tensor
) -> Tensor:
    r"""What a network makes small.

    Of a velocity the mean square of :math:`v(x_\tau, \tau) - (x_1 - x_0)`; of draws the sum of
    the fair CRPS at every point and the fair energy score of every window.

    Parameters
    ----------
    network, configuration : of it
    lesson : with one draw to start from for a velocity, several for draws
    time : (windows,), of a velocity
    """
    if configuration.learns == FLOW:
        start, end = lesson.starts[0], lesson.wanted
        found = velocity(network, configuration, lesson, between(start, end, time), time)
        return (found - (end - start)).square().mean()
    members = one_step(network, lesson)
    crps, energy = fair_crps(members, lesson.wanted), fair_energy_score(members, lesson.wanted)
    return crps.mean() + energy.mean()


def one_step(network: ResidualNetwork, lesson: Lesson) -> Tensor:
    """Draws of errors by one evaluation of the network, (draws, windows, ...)."""
    count = len(lesson.starts)
    flat = lesson.starts.flatten(0, 1)
    known = lesson.known.repeat(count, 1, 1, 1)
    change: Tensor = network(torch.cat([flat, known], 1), flat.new_zeros(len(flat)))
    return (flat + change).reshape(lesson.starts.shape)


def draws(
    network: ResidualNetwork,
    configuration: GenerativeConfiguration,
    lesson: Lesson,
    evaluations: int,
) -> Tensor:
    """Draws of errors, one for each window of a lesson.

    Parameters
    ----------
    network, configuration : of them
    lesson : with one draw to start from
    evaluations : of a velocity, an even number
    """
    if configuration.learns != FLOW:
        return one_step(network, lesson)[0]
    start = lesson.starts[0]

    def at(point: Tensor, time: float) -> Tensor:
        return known(point, start.new_full((len(start),), time))

    known = partial(velocity, network, configuration, lesson)
    return integrate(at, start, evaluations // EVALUATIONS)
