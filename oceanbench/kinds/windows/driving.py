"""How a method estimates windows: those of a sampling at once, and some of them alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from oceanbench.errors import OceanbenchError
from oceanbench.kinds.kind import Functions, Inputs
from oceanbench.kinds.parts import CutInputs, Place, part_of, put_together

ALONE = 10  # windows that are estimated again by themselves
TOLERANCE = 1e-5  # of the deviation of the estimates


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
        def own(dataset: xr.Dataset) -> xr.Dataset:
            observed = dataset.attrs.get("role") == "observations"
            return part_of(dataset, place) if observed else dataset

        part = part_of(target, place)
        return place, functions["estimate"](CutInputs(inputs, own), part, **arguments)

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
