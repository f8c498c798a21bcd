r"""An analysis that is learned: one state, drawn to observations by a network, cycle after cycle.

.. math:: x^a = x^b + g \, (y - H x^b) + f(x^b, \, y - H x^b)

The network :math:`f` convolves along a circle the background and the innovations, zero where
nothing is observed. It is trained *through the cycle*: states run with the model from each analysis
to the next background, and the errors of several analyses on end are differentiated back through
networks and model. So it learns which errors grow, from the state alone: what an ensemble carries.

Worlds go on from batch to batch, so that backgrounds err as the network itself makes them err; some
begin again from the climate, as a board does.

References
----------
Bocquet et al. (2024), doi:10.48550/arXiv.2408.04739
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import xarray as xr
from torch import Tensor
from torch.nn.functional import gelu

from oceanbench.assimilation.cycled_worlds import CycledBatch, KnownWorlds
from oceanbench.learning.layers import Convolution
from oceanbench.learning.training import TrainingSchedule, fit

BEGUN = 0.01  # of the worlds that begin again with each batch
BOUND = 10.0  # deviations of the climate beyond which a world begins again


@dataclass(frozen=True)
class AnalysisConfiguration:
    """A network for analyses, and its training.

    Attributes
    ----------
    channels, blocks, kernel : of the convolutions
    worlds : of a batch
    cycles : that errors are differentiated through
    steps, rate : of the training
    """

    channels: int = 32
    blocks: int = 3
    kernel: int = 5
    worlds: int = 32
    cycles: int = 12
    steps: int = 7000
    rate: float = 3e-3


class AnalysisNetwork(torch.nn.Module):
    """Analysis of a background and of innovations, of components on a circle.

    Parameters
    ----------
    channels, blocks, kernel : of the convolutions
    """

    mean: Tensor
    deviation: Tensor
    noise: Tensor

    def __init__(self, channels: int, blocks: int, kernel: int) -> None:
        super().__init__()
        size = (1, kernel)
        self.gain = torch.nn.Parameter(torch.tensor(0.3))
        self.first = Convolution(3, channels, size, cyclic=True)
        self.blocks = torch.nn.ModuleList(
            Convolution(channels, channels, size, cyclic=True) for _ in range(blocks)
        )
        self.last = Convolution(channels, 1, size, cyclic=True)
        with torch.no_grad():
            self.last.weight.mul_(0.1)  # it begins as a nudging
        for name in ("mean", "deviation", "noise"):
            self.register_buffer(name, torch.ones(()))

    @classmethod
    def of_weights(cls, weights: Mapping[str, Tensor]) -> AnalysisNetwork:
        """Network of the size that its weights have."""
        channels, _, _, kernel = weights["first.weight"].shape
        blocks = sum(name.startswith("blocks.") and "weight" in name for name in weights)
        network = cls(channels, blocks, kernel)
        network.load_state_dict(dict(weights))
        return network.eval()

    def forward(self, background: Tensor, innovation: Tensor, seen: Tensor) -> Tensor:
        """Analyses (worlds, components).

        Parameters
        ----------
        background : (worlds, components)
        innovation : of the same shape, zero where nothing is observed
        seen : bool, of the same shape
        """
        scaled = (background - self.mean) / self.deviation
        entering = torch.stack([scaled, innovation / self.noise, seen.to(scaled.dtype)], 1)
        hidden = self.first(entering[:, :, None])
        for block in self.blocks:
            hidden = hidden + block(gelu(hidden))
        added: Tensor = self.noise * self.last(gelu(hidden))[:, 0, 0]
        return background + self.gain * innovation + added


class CycledWorlds:
    """Worlds that the model runs on from batch to batch, each with its background.

    Parameters
    ----------
    inputs : states and observations of role ``training``, and the model that they tell
    configuration : of the training
    seed : of the states that they begin with
    device : of torch
    """

    def __init__(
        self,
        inputs: Mapping[str, xr.Dataset],
        configuration: AnalysisConfiguration,
        *,
        seed: int,
        device: str,
    ) -> None:
        self.configuration, self.device = configuration, device
        self.known = KnownWorlds.of(inputs, device=device)
        self.climate, self.model = self.known.climate, self.known.model
        random = torch.Generator().manual_seed(seed)
        self.truth, self.background = (
            self.known.drawn(random, configuration.worlds) for _ in range(2)
        )

    def fitted(self, network: AnalysisNetwork) -> AnalysisNetwork:
        """Network with the scales of these worlds."""
        network.mean = self.climate.mean()
        network.deviation = self.climate.std()
        network.noise = self.known.noise
        return network.to(self.device)

    def draw(self, random: torch.Generator) -> CycledBatch:
        """Noise, places that are observed, and worlds that begin again."""
        size = self.configuration
        return self.known.draw(random, size.worlds, size.cycles, BEGUN)

    def loss(self, network: AnalysisNetwork, batch: CycledBatch) -> Tensor:
        """Mean squared error of the analyses of some cycles, those far off as the climate."""
        far = (self.background - network.mean).abs().amax(-1) > BOUND * network.deviation
        begun = batch.begun | far
        truth = self.truth
        background = torch.where(begun[:, None], batch.states, self.background)
        errors = []
        for noise, seen in zip(batch.noise, batch.seen, strict=True):
            observed = truth + network.noise * noise
            innovation = torch.where(seen, observed - background, 0.0)
            analysis = network(background, innovation, seen)
            errors.append((analysis - truth).square().mean(-1))
            truth, background = self.model.advance(truth), self.model.advance(analysis)
        self.truth, self.background = truth, background.detach().nan_to_num(float("inf"))
        return torch.stack(errors).clamp(max=float(network.deviation) ** 2).mean()

    def score(self, network: AnalysisNetwork) -> float:
        """Root mean squared error in the known worlds, with their own observations."""
        known, watched = self.known.states, self.known.watched
        background, errors = self.climate.mean(0).expand(len(known), -1), []
        for cycle in range(known.shape[1]):
            seen = watched.observed[:, cycle]
            innovation = torch.where(seen, watched.values[:, cycle] - background, 0.0)
            analysis = network(background, innovation, seen)
            errors.append((analysis - known[:, cycle]).square().mean())
            background = self.model.advance(analysis)
        return float(torch.stack(errors)[len(errors) // 5 :].sqrt().mean())


def train_analysis(
    inputs: Mapping[str, xr.Dataset],
    configuration: AnalysisConfiguration,
    *,
    seed: int,
    device: str,
) -> dict[str, Tensor]:
    """Weights of a network that was trained through the cycle.

    The worlds that it learns in are run by the model that is told, from states of the training
    worlds, and observed where those were; the training worlds themselves validate it.

    Parameters
    ----------
    inputs : states and observations of role ``training``
    configuration : of the network and its training
    seed : of the weights, the states and the noise
    device : of torch

    Raises
    ------
    OceanbenchError
        if the model's components lie on no circle, or there are no known states
    """
    worlds = CycledWorlds(inputs, configuration, seed=seed, device=device)
    size = configuration.channels, configuration.blocks, configuration.kernel
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = worlds.fitted(AnalysisNetwork(*size))
    fit(
        network,
        worlds.draw,
        lambda batch, _: worlds.loss(network, batch),
        lambda: worlds.score(network),
        schedule=TrainingSchedule(
            configuration.steps, configuration.rate, warm_up=50, average=0.998
        ),
        seed=seed,
        label="learned analysis",
    )
    return network.state_dict()
