"""How a method estimates windows: those of a sampling at once, and some of them alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import xarray as xr

from oceanbench.errors import OceanbenchError
from oceanbench.kinds.kind import Functions, Inputs
from oceanbench.kinds.parts import Place, part_of, put_together

ALONE = 10  # windows that are estimated again by themselves
TOLERANCE = 1e-5  # of the deviation of the estimates


class Sampled(Mapping[str, xr.Dataset]):
    """Inputs of some windows: what was observed in others, or by another sampling, is not there."""

    def __init__(self, inputs: Inputs, place: Place) -> None:
        self._inputs, self._place = inputs, place

    def __getitem__(self, name: str) -> xr.Dataset:
        """Open an input; observations are those of the windows."""
        dataset = self._inputs[name]
        learned = dataset.attrs.get("role") != "observations"
        return dataset if learned else part_of(dataset, self._place)

    def __iter__(self) -> Iterator[str]:
        """Names of the inputs."""
        return iter(self._inputs)

    def __len__(self) -> int:
        """Count of the inputs."""
        return len(self._inputs)


def each_sampling(
    functions: Functions, inputs: Inputs, target: xr.Dataset, arguments: Mapping[str, Any]
) -> xr.Dataset:
    """Estimates of all windows, in random order; a few are estimated again, each alone.

    Raises
    ------
    OceanbenchError
        if what is estimated of a window depends on the others
    """
    random = np.random.default_rng(arguments["seed"])
    windows = random.permutation(target.sizes["window"])
    samplings = [np.array([k]) for k in range(target.sizes.get("sampling", 1))]

    def estimate(place: Place) -> tuple[Place, xr.Dataset]:
        sampled = Sampled(inputs, place)
        return place, functions["estimate"](sampled, part_of(target, place), **arguments)

    batches = [{"sampling": sampling, "window": windows} for sampling in samplings]
    found = put_together(target, map(estimate, batches))
    for window in random.choice(windows, min(ALONE, windows.size), replace=False):
        sampling = samplings[random.integers(len(samplings))]
        place, alone = estimate({"sampling": sampling, "window": np.array([window])})
        for name in alone.data_vars:
            apart = float(abs(alone[name] - part_of(found, place)[name]).max())
            if not apart <= TOLERANCE * float(found[name].std()):
                raise OceanbenchError(
                    f"'{name}' of window {int(target['window'][window])} differs by {apart:.2g} "
                    "when the window is estimated alone; estimate each window from its own "
                    "observations, and draw random numbers that do not depend on the others"
                )
    return found
