"""What a generative network of windows is made of, in numbers, and the network that they make."""

from __future__ import annotations

from dataclasses import dataclass

from oceanbench.assimilation.generative.residual_network import ResidualNetwork

FLOW, SCORES = "flow", "scores"  # what a network learns: a velocity, or draws themselves


@dataclass(frozen=True)
class GenerativeConfiguration:
    """Sizes of a network, and how it is trained and applied.

    Attributes
    ----------
    learns : ``flow``, a velocity by flow matching, or ``scores``, draws by scoring rules
    start : what the draws begin as: ``errors`` of optimal interpolation, or ``white`` noise of the
        climate's deviation
    hidden, blocks, kernel : of :class:`ResidualNetwork`
    length : times of the windows that it is trained on, if the training runs have as many
    batch : windows drawn for a step
    steps, rate : of the training
    draws : of a window, by which scoring rules judge
    simulated : windows that the model told makes, driven by the noise that is told, to learn from
        in place of the known states; 0 for those
    average : part of a running mean of the weights that a step leaves
    validations : of the training, the last at its end
    """

    learns: str
    length: int
    batch: int
    steps: int
    rate: float
    start: str = "errors"
    hidden: int = 64
    blocks: int = 6
    kernel: int = 5
    draws: int = 8
    simulated: int = 0
    average: float = 0.995
    validations: int = 10


def network(
    configuration: GenerativeConfiguration, components: int, *, cyclic: bool
) -> ResidualNetwork:
    """Untrained network for windows of so many components."""
    return ResidualNetwork(
        1 if cyclic else components,
        hidden=configuration.hidden,
        blocks=configuration.blocks,
        kernel=configuration.kernel,
        cyclic=cyclic,
    )
