r"""Training of a mapper on scenes of all kinds of worlds.

With E the squared error of an estimate, :math:`E_0` that of its first guess and S that of an
estimate that is off by the innovations' root mean square, all summed over the answered days and
the sea, the loss is the mean over windows of

.. math:: \tfrac12 \sqrt{\frac{E + 0.01 S}{E_0 + 0.01 S}}
    + \tfrac12 \sqrt{\frac{D + 0.001 S}{D_0 + 0.001 S}}

with D and :math:`D_0` the same of differences between neighbours. Every sea counts alike, however
high it is and however well it is known already. First guesses that are badly fitted come first:
on good ones alone nothing is learned at the beginning.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.anywhere.configuration import AnywhereConfiguration
from oceanbench.assimilation.fourdvarnet.anywhere.draws import calibrated
from oceanbench.assimilation.fourdvarnet.anywhere.library import Library
from oceanbench.assimilation.fourdvarnet.anywhere.network import IncrementNetwork
from oceanbench.assimilation.fourdvarnet.anywhere.scaling import DAY_WEIGHTS, Scaled
from oceanbench.assimilation.fourdvarnet.anywhere.window_sampler import Drawn, WindowSampler
from oceanbench.errors import OceanbenchError
from oceanbench.learning import ensembles
from oceanbench.learning.ensembles import as_tensors, halved
from oceanbench.learning.training import TrainingSchedule, fit

FLOOR, SLOPE_FLOOR = 0.01, 0.001  # of the errors, in the square of the innovations
WARM_UP, DECAY = 60, 1e-3
STEPS_TO_VALIDATION = 600
AT_ONCE = 32  # windows that are validated


def trained(
    library: Library,
    configuration: AnywhereConfiguration,
    *,
    name: str,
    seed: int,
    device: str = "cpu",
    checkpoint: Path | None = None,
    init: Mapping[str, Tensor] | None = None,
) -> dict[str, Tensor]:
    """Train a network on the scenes of a library.

    Parameters
    ----------
    library : filled
    configuration : of the network
    name : of the method, for messages
    seed : of its first weights and of the windows
    device : of torch
    checkpoint : folder that keeps the training, or nothing
    init : weights from which to go on

    Returns
    -------
    weights as ``0.…`` in half precision, and the configuration as ``recipe.…``
    """
    c = configuration
    if not 0 < c.checked < c.scenes:
        raise OceanbenchError(
            f"{name}: {c.scenes} scenes, of which {c.checked} choose the weights: expected some "
            "to learn from, and some to choose by"
        )
    files = library.scene_files
    learned = WindowSampler(files[: -c.checked], c)
    checked = WindowSampler(files[-c.checked :], c).middles()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = IncrementNetwork(c) if init is None else begun(c, init, name=name)
    network.spread.fill_(1.0)
    network = network.to(device)

    def loss(drawn: tuple[Drawn, int, bool], _: float) -> Tensor:
        batch, iterations, again = drawn
        batch = batch.to(device)
        batch = second_pass(network, batch, iterations) if again else batch
        return relative_error(network, batch, iterations).mean()

    def score() -> float:
        return _validated(network, checked, device)

    stages = {"easy": c.easy_steps, "all": c.steps}
    for number, (stage, steps) in enumerate(stages.items()):
        if not steps:
            continue

        def draw(random: torch.Generator, easy: bool = stage == "easy") -> tuple[Drawn, int, bool]:
            least, most = max(c.iterations // 2, 1), 3 * c.iterations // 2
            count = int(torch.randint(least, most + 1, (), generator=random))
            again = float(torch.rand((), generator=random)) < c.again
            again = again and c.update == "conjugate" and not easy
            return learned.draw(c.batch, random, easy=easy), count, again

        fit(
            network,
            draw,
            loss,
            score,
            schedule=TrainingSchedule(
                steps=steps,
                rate=c.rate,
                warm_up=WARM_UP,
                decay=DECAY,
                validations=max(math.ceil(steps / STEPS_TO_VALIDATION), 2),
                average=c.average,
            ),
            seed=seed + number,
            checkpoint=checkpoint / f"{name}-{seed}-{stage}.safetensors" if checkpoint else None,
            label=f"{name}, {stage} first guesses",
            about=f"{c}, {library.own is not None}",
            begun=init is not None,
        )
    if c.update == "conjugate":
        network.spread.fill_(calibrated(network, checked.to(device), AT_ONCE))
    weights = {f"0.{key}": value for key, value in network.state_dict().items()}
    return {**as_tensors(c), **halved(weights)}


def begun(
    configuration: AnywhereConfiguration, init: Mapping[str, Tensor], *, name: str
) -> IncrementNetwork:
    """Network that goes on from weights; refused if they are of another one.

    Parameters
    ----------
    configuration, init, name : as for :func:`trained`
    """
    return ensembles.begun(lambda: IncrementNetwork(configuration), init, 0, name=name)


def relative_error(
    network: IncrementNetwork, batch: Drawn, iterations: int | None = None
) -> Tensor:
    """Loss of every window, (batch,); one for the first guess.

    Parameters
    ----------
    network : that finds increments
    batch : windows
    iterations : of a solver
    """
    scaled = batch.windows.scaled()
    left = batch.error - network(scaled, iterations=iterations)
    (error, slopes), (first, first_slopes) = _sums(left, scaled), _sums(batch.error, scaled)
    unit = scaled.unit.flatten().square() * scaled.sea.sum((1, 2, 3)) * sum(DAY_WEIGHTS)
    parts = (_ratio(error, first, FLOOR * unit), _ratio(slopes, first_slopes, SLOPE_FLOOR * unit))
    return torch.stack(parts).mean(0)


def second_pass(network: IncrementNetwork, batch: Drawn, iterations: int | None = None) -> Drawn:
    """Windows whose first guess is what a solver made of theirs, as it is applied again.

    Parameters
    ----------
    network : a solver, which finds increments of all days
    batch : windows
    iterations : of it
    """
    given, c = batch.windows, network.configuration
    with torch.no_grad():
        made = network.of_all_days(given.scaled(), iterations=iterations)
    seen = (given.count > 0).to(made.dtype)
    windows = replace(
        given,
        first_guess=given.first_guess + made,
        innovation=given.innovation - seen * made,
    )
    answered = made[:, c.half - c.reach : c.half + c.reach + 1]
    return Drawn(windows, batch.error - answered)


def _sums(error: Tensor, scaled: Scaled) -> tuple[Tensor, Tensor]:
    """Weighted squares of errors on the sea, and of the differences between its neighbours."""
    days = torch.tensor(DAY_WEIGHTS, device=error.device)[:, None, None]
    squares = (days * scaled.sea * error.square()).sum((1, 2, 3))
    slopes = torch.zeros_like(squares)
    for axis in (-1, -2):
        count = error.shape[axis] - 1
        both = scaled.sea.narrow(axis, 0, count) * scaled.sea.narrow(axis, 1, count)
        slopes = slopes + (days * both * error.diff(dim=axis).square()).sum((1, 2, 3))
    return squares, slopes


def _ratio(found: Tensor, first: Tensor, floor: Tensor) -> Tensor:
    least = torch.finfo(floor.dtype).tiny
    return ((found + floor + least) / (first + floor + least)).sqrt()


def _validated(network: IncrementNetwork, checked: Drawn, device: str) -> float:
    """Mean loss of windows, some at a time."""
    found = []
    for first in range(0, len(checked.error), AT_ONCE):
        part = checked.some(slice(first, first + AT_ONCE)).to(device)
        found.append(relative_error(network, part))
    return float(torch.cat(found).mean())
