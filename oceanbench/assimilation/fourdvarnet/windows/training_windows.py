"""Windows to learn from, cut on the fly from the training data of a challenge of windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
import xarray as xr
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.batch import Batch
from oceanbench.assimilation.fourdvarnet.priors import to_maps, to_states
from oceanbench.assimilation.gaussian import window_interpolation
from oceanbench.assimilation.window_batches import (
    Climatology,
    Windows,
    observations,
    states,
)
from oceanbench.errors import OceanbenchError

AT_ONCE = 4  # windows: the matrices of a batch are as large as the largest


@dataclass(frozen=True)
class Scales:
    """Mean and standard deviation of every component, by which states are normalised."""

    mean: Tensor
    deviation: Tensor
    cyclic: bool

    def maps(self, values: Tensor) -> Tensor:
        """Normalised maps, in single precision, of states (windows, times, components)."""
        return self.layout((values - self.mean) / self.deviation).float()

    def layout(self, values: Tensor) -> Tensor:
        """Maps of (windows, times, components), not normalised."""
        return to_maps(values, cyclic=self.cyclic).contiguous()

    def states(self, maps: Tensor) -> Tensor:
        """Inverse of :meth:`maps`, in double precision."""
        return to_states(maps.double(), cyclic=self.cyclic) * self.deviation + self.mean


@dataclass(frozen=True)
class TrainingRuns:
    """Runs of a role, of which windows are cut.

    Where states are known, a window of them is observed anew: at the points of a stretch of the
    observations of that role, with fresh noise. Else a stretch of the observations themselves is
    the window, and some of them are held out for the network to find.

    Attributes
    ----------
    known : states (runs, times, components), or None
    noisy : observations of the runs, of all samplings
    starts : (number, 2), row and first time of the stretches of observations that are as those of
        a window
    length : of the windows
    scales : of the normalised variables
    climate, covariance : for the first guess
    held_out : fraction of the points that are, where no states are known, and of whole times: they
        stand for the times between two that are observed
    """

    known: Tensor | None
    noisy: Windows
    starts: Tensor
    length: int
    scales: Scales
    climate: Climatology
    covariance: window_interpolation.WindowCovariance
    held_out: float = 0.1

    def draw(self, count: int, random: torch.Generator) -> Batch:
        """Draw windows at random, of every run and sampling as many."""
        if self.known is None:
            return self._held_out(self._picked(count, random), random)
        given, truth = self.observed_states(count, random)
        return self._batch(given, truth, None)

    def observed_states(self, count: int, random: torch.Generator) -> tuple[Windows, Tensor]:
        """Windows of the known states drawn at random, observed anew, and those states."""
        window, truth = self._picked(count, random), self._truth(count, random)
        return observed_anew(truth, window, random), truth

    def states(self, count: int, random: torch.Generator) -> Tensor:
        """Windows of the known states as maps, drawn at random."""
        if self.known is None:
            raise OceanbenchError(
                "from_states=true: there are no known training states; leave it out"
            )
        return self.scales.maps(self._truth(count, random))

    def _truth(self, count: int, random: torch.Generator) -> Tensor:
        assert self.known is not None
        runs, times = self.known.shape[:2]
        run = torch.randint(runs, (count,), generator=random)
        first = torch.randint(times - self.length + 1, (count,), generator=random)
        return self.known[run[:, None], first[:, None] + torch.arange(self.length)]

    def all(self, most: int, random: torch.Generator) -> Batch:
        """Windows as they are observed, at most so many, evenly spread over the data."""
        last, chosen = None, []
        for row, first in self.starts.tolist():
            if last is None or row != last[0] or first >= last[1] + self.length:
                last = (row, first)
                chosen.append(last)
        step = max(1, -(-len(chosen) // most))
        places = torch.tensor(chosen[::step])
        window = self._stretch(places)
        if self.known is None:
            return self._held_out(window, random)
        run, first = places[:, 0] % len(self.known), places[:, 1]
        truth = self.known[run[:, None], first[:, None] + torch.arange(self.length)]
        return self._batch(window, truth, None)

    def _picked(self, count: int, random: torch.Generator) -> Windows:
        """Stretches of the observations drawn at random, of every run and sampling as many."""
        rows = self.starts[:, 0]
        chance = 1.0 / rows.bincount()[rows]  # a sparse sampling has few places to begin at
        return self._stretch(
            self.starts[torch.multinomial(chance, count, replacement=True, generator=random)]
        )

    def _stretch(self, places: Tensor) -> Windows:
        row, first = places[:, :1], places[:, 1:]
        time = first + torch.arange(self.length)
        return Windows(
            self.noisy.values[row, time], self.noisy.observed[row, time], self.noisy.variance
        )

    def _held_out(self, window: Windows, random: torch.Generator) -> Batch:
        points = torch.rand(window.values.shape, generator=random)
        times = torch.rand(window.values.shape[:2], generator=random)[..., None]
        held = window.observed & ((points < self.held_out) | (times < self.held_out))
        given = Windows(
            torch.where(held, 0.0, window.values), window.observed & ~held, window.variance
        )
        return self._batch(given, window.values, held)

    def _batch(self, given: Windows, wanted: Tensor, weight: Tensor | None) -> Batch:
        guess = first_guess(given, self.climate, self.covariance)
        known = torch.ones_like(given.observed) if weight is None else weight
        return Batch(
            self.scales.maps(given.values),
            self.scales.layout(given.observed),
            self.scales.maps(guess),
            self.scales.maps(wanted),
            self.scales.layout(known).float(),
        )


def observed_anew(states: Tensor, like: Windows, random: torch.Generator) -> Windows:
    """States (windows, times, components) observed as other windows are, with fresh noise."""
    noise = torch.randn(states.shape, generator=random, dtype=states.dtype).to(states.device)
    values = torch.where(like.observed, states + noise * like.variance.sqrt(), 0.0)
    return Windows(values, like.observed, like.variance)


def first_guess(
    windows: Windows, climate: Climatology, covariance: window_interpolation.WindowCovariance
) -> Tensor:
    """Optimal interpolation, of windows with about as many observations at once."""
    result = torch.empty_like(windows.values)
    order = windows.observed.sum((1, 2)).argsort()
    for first in range(0, len(windows), AT_ONCE):
        some = order[first : first + AT_ONCE]
        result[some] = window_interpolation.interpolate(windows.take(some), climate, covariance)
    return result


def training_runs(
    inputs: Mapping[str, xr.Dataset], role: str, longest: int, *, cyclic: bool
) -> TrainingRuns:
    """Runs of a role of a challenge, normalised with the climatology of its training data.

    Parameters
    ----------
    inputs : states, or else observations only, of the role and of the role training
    role : training or validation
    longest : times of the windows, or of the runs where those are shorter
    cyclic : whether the components lie on a circle and are alike
    """
    known = states(inputs, role=role)
    noisy = observations(inputs, role=role)
    length = min(longest, noisy.values.shape[1])
    climate, covariance = window_interpolation.learned(inputs, length, cyclic=cyclic)
    scales = Scales(climate.mean, climate.variance.sqrt(), cyclic)
    return TrainingRuns(
        known, noisy, starts(noisy.observed, length), length, scales, climate, covariance
    )


def starts(observed: Tensor, length: int) -> Tensor:
    """Row and first time of the stretches that are observed as a window is, (number, 2).

    Windows begin with an observation where the sampling is regular: there, a stretch does too, at
    the first of the consecutive times of a cluster. Where a run does not begin with one, its
    sampling is random, and a stretch may begin anywhere.
    """
    seen = observed.any(-1)
    before = torch.cat([torch.zeros_like(seen[:, :1]), seen[:, :-1]], 1)
    begins = torch.where(seen[:, :1], seen & ~before, True)
    return begins[:, : seen.shape[1] - length + 1].nonzero()


def known_runs(
    inputs: Mapping[str, xr.Dataset], role: str, longest: int, *, cyclic: bool, name: str
) -> TrainingRuns:
    """Runs of a role whose states are known, of which windows may begin at any observed time.

    Parameters
    ----------
    inputs, role, longest, cyclic : as for :func:`training_runs`
    name : of the method, for messages

    Raises
    ------
    OceanbenchError
        if no states are known
    """
    runs = training_runs(inputs, role, longest, cyclic=cyclic)
    if runs.known is None:
        raise OceanbenchError(
            f"{name}: this challenge has no states of role '{role}', and draws are learned from "
            "states; take a method that learns from observations"
        )
    return replace(runs, starts=anywhere(runs.noisy.observed, runs.length))


def anywhere(observed: Tensor, length: int) -> Tensor:
    """Row and first time of the stretches that are observed as a window is, (number, 2).

    They are those of :func:`starts`, but that a row with observations at every time may begin
    anywhere.
    """
    seen = observed.any(-1).all(1, keepdim=True)
    every = observed.new_ones(len(observed), observed.shape[1] - length + 1) & seen
    others = starts(observed, length)
    return torch.cat([every.nonzero(), others[~seen[others[:, 0], 0]]])
