"""How a method estimates windows: those of a sampling at once, and some of them alone."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from oceanbench.errors import OceanbenchError
from oceanbench.kinds.kind import Driving, Functions, Inputs
from oceanbench.kinds.parts import CutInputs, part_of, put_together
from oceanbench.kinds.room import Place
from oceanbench.kinds.state_files import check_alike

ALONE = 10  # windows that are estimated again by themselves
AS_USUAL = Driving()
TOLERANCE = 1e-5  # of the deviation of the estimates


def _own(dataset: xr.Dataset, place: Place, target: xr.Dataset) -> xr.Dataset:
    """Observations of some windows of a target; of other inputs all."""
    if dataset.attrs.get("role") != "observations":
        return dataset
    check_alike(dataset, target, f"dataset '{dataset.attrs.get('name', '')}'")
    return part_of(dataset, place)


def each_sampling(
    functions: Functions,
    inputs: Inputs,
    target: xr.Dataset,
    arguments: Mapping[str, Any],
    driving: Driving = AS_USUAL,
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

    def question(place: Place) -> tuple[Inputs, xr.Dataset]:
        return CutInputs(inputs, partial(_own, place=place, target=target)), part_of(target, place)

    batches: list[Place] = [{"sampling": sampling, "window": windows} for sampling in samplings]
    questions = [question(place) for place in batches]
    parts = driving.answers(functions, "estimate", questions, arguments)
    found = put_together(target, zip(batches, parts, strict=True))
    chosen = random.choice(windows, min(ALONE, windows.size), replace=False)
    places: list[Place] = [
        {"sampling": samplings[random.integers(len(samplings))], "window": np.array([window])}
        for window in chosen
    ]
    questions = [question(place) for place in places]
    again = driving.answers(functions, "estimate", questions, arguments, again=True)
    for window, place, alone in zip(chosen, places, again, strict=True):
        for name in alone.data_vars:
            one, whole = alone[name], part_of(found, place)[name]
            alike = one.sizes == whole.sizes
            one = one.transpose(*whole.dims) if alike else one  # members may stand anywhere
            apart = float(abs(one - whole).max()) if alike else np.nan
            same = np.array_equal(one.isnull(), whole.isnull())  # coordinates may be more
            if not (same and apart <= TOLERANCE * float(found[name].std())):
                raise OceanbenchError(
                    f"'{name}' of window {int(target['window'][window])} differs by {apart:.2g} "
                    "when the window is estimated alone; estimate each window from its own "
                    "observations, and draw random numbers from 'seed', as many whatever the others"
                )
    return found
