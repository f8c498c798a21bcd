"""What a method receives of a challenge: every dataset that is no truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import xarray as xr

from oceanbench.challenge import Challenge
from oceanbench.declaration import Dates
from oceanbench.declaration.consistency import NO_INPUTS
from oceanbench.errors import OceanbenchError, did_you_mean
from oceanbench.kinds import CHALLENGE_KINDS
from oceanbench.methods.leaks import refuse_truth


class Inputs(Mapping[str, xr.Dataset]):
    """Every dataset of a challenge that is no truth, opened when it is asked for.

    For training, they are cut to the training period, those of role ``validation`` to theirs; what
    is of the scored cases and has no such dates is not there, the observations of windows and the
    initial conditions of forecasts. Optional datasets
    that are not there are left out. The attributes ``role`` and ``layout`` of a dataset say what it
    is. (A method file is trusted code: this keeps it honest, not captive.)

    Parameters
    ----------
    challenge : from :meth:`Challenge.load`
    data_dir : folder of the challenge's files
    for_training : give what a method may learn from, and nothing else
    """

    def __init__(
        self, challenge: Challenge, data_dir: Path | None = None, *, for_training: bool = False
    ) -> None:
        self._name, self._truth = challenge.name, challenge.truth_name
        self._again = partial(Inputs, challenge, data_dir, for_training=for_training)
        kind = CHALLENGE_KINDS[challenge.kind]
        hidden = {*NO_INPUTS, *(kind.hidden_in_training if for_training else ())}
        period = challenge.periods["training"] if for_training and challenge.periods else None
        self._open: dict[str, Callable[[], xr.Dataset]] = {
            name: _opener(challenge, name, data_dir, period)
            for name, dataset in challenge.datasets.items()
            if dataset.role not in hidden
            and not (dataset.optional and not challenge.present(name, data_dir))
        }
        self._opened: dict[str, xr.Dataset] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        """Sent to another process, it opens the files there."""
        return self._again, ()

    def __getitem__(self, name: str) -> xr.Dataset:
        """Open a dataset; asking for the truth is an error."""
        if name == self._truth:
            raise OceanbenchError(
                f"{self._name}: the method asked for '{name}', the truth; no method receives it; "
                f"its inputs are {', '.join(self)}"
            )
        if name not in self._open:
            raise OceanbenchError(f"{self._name}: no input '{name}'; {did_you_mean(name, self)}")
        if name not in self._opened:
            self._opened[name] = self._open[name]()
        return self._opened[name]

    def __contains__(self, name: object) -> bool:
        """Whether an input is there; asking opens nothing."""
        return name in self._open

    def __iter__(self) -> Iterator[str]:
        """Names of the inputs that are there."""
        return iter(self._open)

    def __len__(self) -> int:
        """Count of the inputs."""
        return len(self._open)

    @property
    def opened(self) -> list[str]:
        """Names of the inputs that were asked for until now."""
        return sorted(self._opened)


def _opener(
    challenge: Challenge, name: str, data_dir: Path | None, period: Dates | None
) -> Callable[[], xr.Dataset]:
    """How to open a dataset; where it lies is not told."""

    def opened() -> xr.Dataset:
        found = challenge.open(name, data_dir, period)
        refuse_truth(challenge, name, found, data_dir)
        return found.drop_encoding()

    return opened
