"""Maps and tracks that are wrong in a way of their own are warned of, with the cure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import builders
import numpy as np
import pytest
import xarray as xr
from rows import every

from oceanbench.challenge import Challenge
from oceanbench.evaluate import evaluate
from oceanbench.scoring.matching import Coverage, Matched
from oceanbench.scoring.sanity import warnings_of
from oceanbench.submission import Submission


def waves() -> xr.Dataset:
    """A sea that changes from step to step and from node to node."""
    found = builders.maps()
    random = np.random.default_rng(0)
    found["ssh"] = found["ssh"].copy(data=random.standard_normal(found["ssh"].shape) / 100)
    return found


def shifted(dim: str, by: int) -> Callable[[xr.DataArray], xr.DataArray]:
    return lambda ssh: ssh.roll({dim: by}, roll_coords=False)


NOISE = 0.0008 * np.random.default_rng(1).standard_normal(waves()["ssh"].shape)
MUTANTS: dict[str, tuple[Callable[[xr.DataArray], xr.DataArray], str]] = {
    "centimetres": (lambda ssh: 100.0 * ssh, r"in another unit\? write it in m"),
    "kilometres": (lambda ssh: ssh / 1000.0, r"in another unit\? write it in m"),
    "sign": (lambda ssh: -ssh, "its sign is turned"),
    "level": (lambda ssh: ssh + 1.5, r"is \+1.5 m from the truth everywhere: .* take 1.5 off"),
    "constant": (lambda ssh: 0.0 * ssh + 0.1, "everywhere: a scale_factor of 0"),
    "a step": (shifted("time", 1), "one step later .* coordinate 'time'"),
    "a step back": (shifted("time", -1), "one step earlier"),
    "a row": (shifted("latitude", 1), "one row further north"),
    "a row south": (shifted("latitude", -1), "one row further south"),
    "a column": (shifted("longitude", -1), "one column further west"),
    "a column east": (shifted("longitude", 1), "one column further east"),
    "upside down": (lambda ssh: ssh.copy(data=ssh.values[:, ::-1]), "better upside down"),
    "mirrored": (lambda ssh: ssh.copy(data=ssh.values[:, :, ::-1]), "east and west exchanged"),
    "noise in another unit": (lambda ssh: 100.0 * ssh.roll(time=4), r"in another unit\?"),
    "a fill": (lambda ssh: ssh.where(ssh.latitude != 34.0, -0.03), "is -0.03 at 14% of the points"),
    "not written": (lambda ssh: ssh.where(ssh.time != ssh.time[3], 0.0), "is 0 at 7% of the"),
    "the truth, rounded": (lambda ssh: 1.01 * waves()["ssh"].round(5) + 0.001, "is the truth, up"),
}
HONEST: dict[str, Callable[[xr.DataArray], xr.DataArray]] = {
    "noise": lambda ssh: ssh + 10.0 * NOISE,
    "smooth": lambda ssh: ssh.rolling(longitude=3, center=True, min_periods=1).mean(),
    "damped": lambda ssh: 0.15 * ssh,  # above an eighth
    "lively": lambda ssh: 7.0 * ssh,
    "mean": lambda ssh: 0.0 * ssh + ssh.mean("time"),
    "near": lambda ssh: ssh - 0.98 * NOISE,
}


def challenge(folder: Path) -> Challenge:
    return builders.maps_challenge(folder, waves())


def warned(change: Callable[[xr.DataArray], xr.DataArray], folder: Path) -> list[str]:
    declared, estimate = challenge(folder), waves()
    changed = change(estimate["ssh"] + NOISE).transpose(*estimate["ssh"].dims)
    estimate["ssh"] = changed.assign_attrs(units="m")
    builders.write(estimate, folder / "mine.nc")
    return evaluate(declared, Submission("mine", folder / "mine.nc")).warnings


@pytest.mark.slow
@every("change, words", MUTANTS.values(), ids=MUTANTS)
def test_a_mutant_is_warned_of(
    change: Callable[[xr.DataArray], xr.DataArray], words: str, tmp_path: Path
) -> None:
    (warning,) = warned(change, tmp_path)
    assert warning.startswith("'ssh' ")
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(warning)


@every("change", HONEST.values(), ids=HONEST)
def test_a_poor_map_is_not(change: Callable[[xr.DataArray], xr.DataArray], tmp_path: Path) -> None:
    assert warned(change, tmp_path) == []


def test_components_of_windows_in_another_order_are_warned_of() -> None:
    random = np.random.default_rng(3)
    dims, coords = ("window", "time", "component"), {"component": ["x", "y", "z"]}
    truth = xr.DataArray(random.standard_normal((5, 12, 3)), coords, dims)
    near = truth + 0.3 * random.standard_normal(truth.shape)

    def warned_of(estimate: xr.DataArray) -> list[str]:
        piece = Matched(estimate, truth, xr.ones_like(truth), Coverage(180, 180), estimate)
        return warnings_of({("state", "all"): piece})

    (found,) = warned_of(near.copy(data=near.values[..., [1, 0, 2]]))
    assert "with components in another order, y for x, x for y (its squared" in found
    for honest in (near, 0.0 * near, near + 5.0, 3.0 * near, -near):
        assert warned_of(honest) == []
