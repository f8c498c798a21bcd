"""How a 4DVarNet of a lag learns: in cycles that it drives itself, update by update.

Worlds that the model told runs go on from batch to batch, each with its window, so that backgrounds
err as the solver itself makes them err. The error of every analysis is differentiated through
its own update alone: a background enters the prior a lag later. Where the model is not nature's,
the known worlds themselves are gone through, with noise drawn anew, and the last of them validates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
import xarray as xr
from torch import Tensor

from oceanbench.assimilation.cycled_worlds import CycledBatch, KnownWorlds
from oceanbench.assimilation.fourdvarnet.cycles.lag_window import (
    LagConfiguration,
    LagSolver,
    LagWindow,
)
from oceanbench.errors import OceanbenchError
from oceanbench.learning.training import TrainingSchedule, fit

BEGUN = 0.003  # of the worlds that begin again with each batch
SPIN_UP = 0.2  # of the known worlds, that is not validated


@dataclass(frozen=True)
class LagTraining:
    """How a solver is trained.

    Attributes
    ----------
    solver : what it is made of
    worlds, cycles : of a batch
    steps, rate : of the training
    validations : of it, the last at its end
    checked : cycles of the known worlds that validate
    replayed : learn in the known worlds but the last, and not in worlds that the model runs
    """

    solver: LagConfiguration = field(default_factory=lambda: LagConfiguration(10, 1, 1))
    worlds: int = 32
    cycles: int = 2
    steps: int = 3000
    rate: float = 4e-3
    validations: int = 5
    checked: int = 500
    replayed: bool = False


class LagWorlds:
    """Worlds that the model runs on from batch to batch, each with its window.

    Parameters
    ----------
    inputs : states and observations of role ``training``, and the model that they tell
    training : how it is trained
    seed : of the states that they begin with
    device : of torch
    """

    def __init__(
        self, inputs: Mapping[str, xr.Dataset], training: LagTraining, *, seed: int, device: str
    ) -> None:
        self.training, self.device = training, device
        self.known = KnownWorlds.of(inputs, device=device)
        if training.replayed and len(self.known.states) < 2:
            raise OceanbenchError(
                "replayed=true, and one training world alone is known; learn in worlds that the "
                "model runs, or add one that validates"
            )
        lag, cycles = training.solver.lag, min(self.known.states.shape[1], training.checked)
        if lag >= cycles:
            raise OceanbenchError(
                f"4DVarNet of a lag: lag={lag}, and {cycles} cycles validate it: its prior is of "
                "backgrounds a lag ago, of which there would be none; expected a shorter one"
            )
        self.validating = slice(-1, None) if training.replayed else slice(None)
        random = torch.Generator().manual_seed(seed)
        count = self.replayed.shape[0] * self.replayed.shape[1]
        self.at = torch.randint(count, (training.worlds,), generator=random).to(device)
        self.truth = self.replayed.flatten(0, 1)[self.at]
        self.background = self.known.drawn(random, training.worlds)
        self.window = LagWindow.begun(self.background, training.solver.lag)

    @property
    def replayed(self) -> Tensor:
        """Known worlds that truths begin in, and are gone through if so wanted."""
        return self.known.states[:-1] if self.training.replayed else self.known.states

    def fitted(self, solver: LagSolver) -> LagSolver:
        """Solver with the scales of these worlds."""
        climate, prior = self.known.climate, solver.prior
        prior.mean, prior.deviation = climate.mean(), climate.std()
        prior.noise = self.known.noise
        return solver.to(self.device)

    def draw(self, random: torch.Generator) -> CycledBatch:
        """Noise, places that are observed, and worlds that begin again."""
        return self.known.draw(random, self.training.worlds, self.training.cycles, BEGUN)

    def loss(self, solver: LagSolver, batch: CycledBatch) -> Tensor:
        """Mean squared error of the analyses of some cycles; worlds that are lost begin again."""
        most = float(solver.prior.deviation) ** 2
        apart = (self.background - self.truth).square().mean(-1).nan_to_num(torch.inf)
        begun = batch.begun | ((apart > most) & (self.window.age > self.window.lag))
        errors = []
        for noise, seen in zip(batch.noise, batch.seen, strict=True):
            background = torch.where(begun[:, None], batch.states, self.background)
            window = self.window.where(begun, LagWindow.begun(background, self.window.lag))
            observed = torch.where(seen, self.truth + solver.prior.noise * noise, 0.0)
            analysis, self.window = solver(window.slid(background, observed, seen))
            errors.append((analysis - self.truth).square().mean(-1).clamp(max=most))
            self.truth, begun = self._gone_on()
            self.background = self.known.model.advance(analysis.detach())
        return torch.stack(errors).mean()

    def _gone_on(self) -> tuple[Tensor, Tensor]:
        """Truths of the next cycle, and whether a world is another one then."""
        if not self.training.replayed:
            return self.known.model.advance(self.truth), torch.zeros_like(self.at).bool()
        every = self.replayed.flatten(0, 1)
        self.at = (self.at + 1) % len(every)
        return every[self.at], self.at % self.replayed.shape[1] == 0

    def score(self, solver: LagSolver) -> float:
        """Root mean squared error in the known worlds, with their own observations."""
        known = self.known.states[self.validating]
        watched = self.known.watched.take(self.validating)
        background, errors = self.known.climate.mean(0).expand(len(known), -1), []
        window = LagWindow.begun(background, self.training.solver.lag)
        for cycle in range(min(known.shape[1], self.training.checked)):
            now = watched.values[:, cycle], watched.observed[:, cycle]
            analysis, window = solver(window.slid(background, *now))
            errors.append((analysis - known[:, cycle]).square().mean(-1).sqrt().mean())
            background = self.known.model.advance(analysis)
        return float(torch.stack(errors)[int(SPIN_UP * len(errors)) :].mean())


def train_lag(
    inputs: Mapping[str, xr.Dataset],
    training: LagTraining,
    *,
    seed: int,
    device: str,
) -> dict[str, Tensor]:
    """Weights of a solver of a lag.

    Parameters
    ----------
    inputs : states and observations of role ``training``, which validate it; it learns in worlds
        that the model told runs from these states, or in these, observed where those were
    training : of what, and how
    seed : of the weights, the states and the noise
    device : of torch

    Raises
    ------
    OceanbenchError
        if the model's components lie on no circle, too few states are known, or there is no step
    """
    if training.steps < 1:
        raise OceanbenchError(f"4DVarNet of a lag: steps={training.steps}, expected at least 1")
    worlds = LagWorlds(inputs, training, seed=seed, device=device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        solver = worlds.fitted(LagSolver(worlds.known.model, training.solver))
    fit(
        solver,
        worlds.draw,
        lambda batch, _: worlds.loss(solver, batch),
        lambda: worlds.score(solver),
        schedule=TrainingSchedule(
            training.steps,
            training.rate,
            warm_up=50,
            average=0.99,
            validations=training.validations,
        ),
        seed=seed,
        label="4DVarNet of a lag",
        begun=True,
    )
    return solver.state_dict()
