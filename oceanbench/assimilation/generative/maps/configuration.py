"""What a network of members of maps is made of, in numbers, and how it is trained."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from oceanbench.assimilation.generative.maps.contexts import channels
from oceanbench.assimilation.generative.maps.member_network import MemberNetwork


@dataclass(frozen=True)
class MemberConfiguration:
    """Sizes of a network, and how it is trained.

    Attributes
    ----------
    bases : mappings that it draws about
    hidden, features, noise, reach : of :class:`MemberNetwork`
    worlds : simulated periods; the last days of the last choose the weights
    pairs : of days, for a step
    crop : rows and columns of the maps that it is trained on
    draws : of a map, by which scoring rules judge
    steps, rate, decay : of the training
    average : part of a running mean of the weights that a step leaves
    slopes : weight of the scores of slopes and changes in the loss
    reduced : convolutions in bfloat16
    """

    bases: int = 1
    hidden: int = 32
    features: int = 24
    noise: int = 2
    reach: int = 2
    worlds: int = 4
    pairs: int = 3
    crop: int = 40
    draws: int = 8
    steps: int = 800
    rate: float = 2e-3
    decay: float = 1e-3
    average: float = 0.995
    slopes: float = 0.5
    reduced: bool = True


def member_network(configuration: MemberConfiguration) -> MemberNetwork:
    """Untrained network."""
    c = configuration
    made = MemberNetwork(
        channels(c.bases), hidden=c.hidden, features=c.features, noise=c.noise, reach=c.reach
    )
    # the order in which convolutions are fastest
    return made.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
