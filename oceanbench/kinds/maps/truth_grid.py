"""The grid of the truth: that it fills the domain, and the maps that are on it."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from oceanbench.arrays import BoolArray
from oceanbench.declaration import Declaration
from oceanbench.errors import OceanbenchError
from oceanbench.grid import SAME_NODE
from oceanbench.times import SAME_TIME


def check_truth(truth: xr.DataArray, declaration: Declaration) -> None:
    """Refuse a truth that does not fill the domain: part of it would be scored as the whole."""
    box = declaration.scored.box
    assert box.time and box.latitude and box.longitude  # a domain has all its bounds
    day = np.timedelta64(1, "D")
    bounds = {
        "time": (0.0, (box.time.stop - box.time.start) / day),
        "latitude": box.latitude,
        "longitude": box.longitude,
    }
    for dim, (low, high) in bounds.items():
        nodes = truth[dim].values
        nodes = (nodes - box.time.start) / day if dim == "time" else nodes
        steps = np.diff(nodes)
        usual = float(np.median(steps)) if steps.size else np.inf
        slack = max(1.0, usual) if dim == "time" else 0.0  # maps may lie at the start of a day
        reach = 2.0 * usual
        short = nodes[0] - low > reach or high - nodes[-1] > reach + slack
        if short or (steps > 1.5 * usual).any():
            raise OceanbenchError(
                f"{declaration.name}: dataset '{declaration.truth_name}' does not fill the "
                f"domain in {dim}: it goes from {truth[dim].values[0]} to "
                f"{truth[dim].values[-1]}; steps go up to {steps.max(initial=0):g}; a file is "
                "missing, or domain is too large"
            )
    empty = truth.isnull().all(["latitude", "longitude"]).values
    if empty.any():
        raise OceanbenchError(
            f"{declaration.name}: dataset '{declaration.truth_name}' has no value on "
            f"{str(truth['time'].values[empty][0])[:10]} ({int(empty.sum())} times in all); a file "
            "is missing"
        )


def at_nodes(estimate: xr.DataArray, truth: xr.DataArray, name: str) -> xr.DataArray:
    """Take the maps at the truth's coordinates; refuse them, saying what differs."""
    for dim in ("time", "latitude", "longitude"):
        found, wanted = estimate[dim].values, truth[dim].values
        nearest = np.clip(np.searchsorted(found, wanted), 0, found.size - 1)
        before = np.clip(nearest - 1, 0, None)
        nearest = np.where(
            abs(found[before] - wanted) < abs(found[nearest] - wanted), before, nearest
        )
        tolerance = SAME_TIME if dim == "time" else SAME_NODE
        wrong = np.abs(found[nearest] - wanted) > tolerance
        if wrong.any():
            raise OceanbenchError(_disagreement(dim, found, wanted, wrong, name))
        estimate = estimate.isel({dim: nearest})
    estimate = estimate.transpose("time", "latitude", "longitude")
    return estimate.assign_coords({d: truth[d] for d in ("time", "latitude", "longitude")})


def _disagreement(
    dim: str,
    found: NDArray[Any],
    wanted: NDArray[Any],
    wrong: BoolArray,
    name: str,
) -> str:
    if dim == "time":
        lost = ", ".join(str(t.astype("datetime64[m]")) for t in wanted[wrong][:3])
        more = f" and {int(wrong.sum()) - 3} more" if wrong.sum() > 3 else ""
        return (
            f"{name}: no map at {lost}{more} (the submission inside the domain has {found.size} "
            f"times, {str(found[0])[:16]}..{str(found[-1])[:16]}); submit a map for each of the "
            f"{wanted.size} times"
        )
    return (
        f"{name}: {int(wrong.sum())} of {wanted.size} nodes of {dim} are not in the submission "
        f"(its first are {', '.join(f'{v:g}' for v in found[:3])}, expected "
        f"{', '.join(f'{v:g}' for v in wanted[:3])}); interpolate the maps to the challenge's grid"
    )
