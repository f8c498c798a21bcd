"""Windows come shuffled, one sampling at a time, and none depends on the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import xarray as xr

from oceanbench.errors import OceanbenchError
from oceanbench.kinds.windows.driving import each_sampling

SHAPE = {"sampling": 2, "window": 12, "time": 5, "component": 3}
COORDS = {"sampling": ["dense", "sparse"]} | {
    dim: np.arange(size) for dim, size in SHAPE.items() if dim != "sampling"
}
OBSERVED = xr.Dataset(
    {"state": (tuple(SHAPE), np.random.default_rng(1).normal(size=tuple(SHAPE.values())))},
    COORDS,
    {"role": "observations"},
)
INPUTS = {"seen": OBSERVED, "past": OBSERVED.isel(sampling=0).assign_attrs(role="training")}
TARGET = xr.full_like(OBSERVED, np.nan).drop_attrs()


def drive(estimate: Any) -> xr.Dataset:
    return each_sampling({"estimate": estimate}, INPUTS, TARGET, {"device": "cpu", "seed": 2})


def damped(inputs: Mapping[str, xr.Dataset], target: xr.Dataset, **_: Any) -> xr.Dataset:
    """Half of what is observed."""
    return target.assign(state=(target["state"].dims, inputs["seen"]["state"].values / 2))


def test_a_method_of_single_windows_gives_the_same_as_at_once() -> None:
    sizes = []

    def spy(inputs: Mapping[str, xr.Dataset], target: xr.Dataset, **options: Any) -> xr.Dataset:
        assert inputs["seen"]["window"].identical(target["window"])
        assert inputs["seen"]["sampling"].identical(target["sampling"])
        assert inputs["past"].identical(INPUTS["past"])
        sizes.append((target.sizes["sampling"], target.sizes["window"]))
        return damped(inputs, target)

    def last(inputs: Mapping[str, xr.Dataset], target: xr.Dataset, **_: Any) -> xr.Dataset:
        found = damped(inputs, target).assign_coords(noise=("component", np.ones(3)))
        return found.expand_dims(member=3, axis=1)

    assert drive(last)["state"].sizes["member"] == 3  # wherever members stand
    xr.testing.assert_identical(drive(spy), damped(INPUTS, TARGET))
    assert all(count == 1 for count, _ in sizes)  # one sampling at a time
    assert sizes[-10:] == [(1, 1)] * 10
    assert sum(windows for _, windows in sizes[:-10]) == 24


def test_a_method_that_looks_at_other_windows_is_refused() -> None:
    def pooled(inputs: Mapping[str, xr.Dataset], target: xr.Dataset, **_: Any) -> xr.Dataset:
        own = inputs["seen"]["state"]
        return target.assign(state=(own.dims, (own + 1e-3 * own.mean("window")).values))

    with pytest.raises(OceanbenchError, match=r"of window \d+ differs by .* estimated alone"):
        drive(pooled)


def test_what_lacks_when_alone_is_no_answer_and_observations_are_of_the_windows() -> None:
    """Nor is a part of the members: what is not compared could be of the others."""

    def silent(inputs: Mapping[str, xr.Dataset], target: xr.Dataset, **_: Any) -> xr.Dataset:
        found = damped(inputs, target)
        return found if target.sizes["window"] > 1 else found.where(found["component"] == 0)

    def fewer(inputs: Mapping[str, xr.Dataset], target: xr.Dataset, **_: Any) -> xr.Dataset:
        count = 3 if target.sizes["window"] > 1 else 1
        return damped(inputs, target).expand_dims(member=count, axis=-1)

    for method in (silent, fewer):
        with pytest.raises(OceanbenchError, match="when the window is estimated alone"):
            drive(method)
    turned = {"seen": OBSERVED.isel(window=slice(None, None, -1))}
    with pytest.raises(OceanbenchError, match=r"has 12 of window \(11, 10, 9, …\), expected 12"):
        each_sampling({"estimate": damped}, turned, TARGET, {"device": "cpu", "seed": 2})


def test_rounding_is_no_difference() -> None:
    def rounded(inputs: Mapping[str, xr.Dataset], target: xr.Dataset, **_: Any) -> xr.Dataset:
        noise = 1e-7 * np.random.default_rng(target.sizes["window"]).normal(size=SHAPE["time"])
        return damped(inputs, target) + xr.DataArray(noise, dims="time")

    assert np.isfinite(drive(rounded)["state"]).all()
