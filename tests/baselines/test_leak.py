"""No truth leaks into learned maps, and no window of them into another."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import builders
import numpy as np
import pytest
import torch
import xarray as xr
from map_worlds import DAY, FIRST, track, waves
from small_networks import SMALL, SOLVER
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.maps import inference, window_estimates
from oceanbench.assimilation.fourdvarnet.maps.training import train_members, training_data
from oceanbench.challenge import Challenge
from oceanbench.methods.inputs import Inputs
from oceanbench.methods.method_file import load_method

TRAINED, SCORED, ALL = slice(0, 60), slice(80, 88), 95
SHORT = {"first_guess": "smooth", "scenes": 1, "steps": 3, "reduced": False}
CONFIGURATIONS = {
    "fourdvarnet": replace(SOLVER, **SHORT),
    "learned_correction": replace(SMALL, **SHORT),
}


def day(number: int) -> str:
    return str((FIRST + number * DAY).astype("datetime64[D]"))


def sea(folder: Path) -> Challenge:
    """Two altimeters above the waves, whose maps are known in training, and hidden when scored."""
    folder.mkdir()
    inside = {"longitude": slice(297.0, 299.0), "latitude": slice(37.0, 39.0)}
    builders.write(waves(ALL).isel(time=SCORED).sel(inside).to_dataset(), folder / "truth.nc")
    builders.write(waves(ALL).isel(time=TRAINED).to_dataset(), folder / "training.nc")
    ssh = {"variables": {"ssh": "ssh"}, "units": "m"}
    datasets = {
        "truth": {"role": "truth", "path": "truth.nc", **ssh},
        "training": {"role": "training", "layout": "grid", "path": "training.nc", **ssh},
    }
    for seed, name in enumerate(("first", "second")):
        flown = track(seed, days=ALL, error=0.02).drop_vars("track")
        builders.write(flown.sortby("time"), folder / f"{name}.nc")
        datasets[name] = {"role": "observations", "path": f"{name}.nc", **ssh}
    days = [day(SCORED.start), day(SCORED.stop - 1)]
    content = builders.MAPS | {
        "name": "sea",
        "domain": {"longitude": [297, 299], "latitude": [37, 39], "time": days},
        "periods": {"training": [day(TRAINED.start), day(TRAINED.stop - 1)]},
        "datasets": datasets,
    }
    return builders.load_challenge(folder, content)


def shuffled(challenge: Challenge, folder: Path) -> Challenge:
    """The same challenge; the truth is shuffled wherever no altimeter flew that day."""
    shutil.copytree(challenge.path.parent, folder)
    with xr.open_dataset(folder / "truth.nc", engine="h5netcdf") as opened:
        truth = opened.load()
    seen = xr.zeros_like(truth["ssh"], dtype=bool)
    for name in ("first", "second"):
        with xr.open_dataset(folder / f"{name}.nc", engine="h5netcdf") as flown:
            at = {c: np.abs(truth[c].values[:, None] - flown[c].values) for c in truth["ssh"].dims}
            near = [values.argmin(0) for values in at.values()]
            inside = at["time"].min(0) < DAY
            seen.values[tuple(index[inside] for index in near)] = True
    unseen = ~seen.values
    values = truth["ssh"].values.copy()
    values[unseen] = np.random.default_rng(0).permutation(values[unseen])
    assert 0.3 < unseen.mean() < 1.0 and (values != truth["ssh"].values).mean() > 0.3
    builders.write(truth.assign(ssh=truth["ssh"].copy(data=values)), folder / "truth.nc")
    return Challenge.load(str(folder / "challenge.yaml"))


def trained(challenge: Challenge, name: str) -> dict[str, Tensor]:
    given, configuration = Inputs(challenge, for_training=True), CONFIGURATIONS[name]
    data = training_data(given, configuration, name=name)
    return train_members(data, configuration, name=name, members=1, seed=0, device="cpu")


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_maps_do_not_change_with_the_truth_where_nobody_looked(name: str, tmp_path: Path) -> None:
    estimate = load_method(name)[1].estimate
    first = sea(tmp_path / "sea")
    found = []
    for challenge in (first, shuffled(first, tmp_path / "shuffled")):
        weights = trained(challenge, name)
        maps = estimate(
            Inputs(challenge), challenge.target(), device="cpu", seed=0, weights=weights
        )
        assert np.isfinite(maps["ssh"]).all()
        found.append((weights, maps))
    assert all(torch.equal(value, found[1][0][name]) for name, value in found[0][0].items())
    xr.testing.assert_identical(found[0][1], found[1][1])


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_a_window_of_maps_is_the_same_alone_and_among_others(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    challenge = sea(tmp_path / "sea")
    solvers = inference.TrainedMembers.of(trained(challenge, name), name=name)
    target = challenge.target()["ssh"]
    seen = solvers.observe(Inputs(challenge), "ssh", solvers.grid(target))
    expected = solvers.maps(seen)
    monkeypatch.setattr(window_estimates, "WINDOWS_AT_ONCE", 1)
    np.testing.assert_allclose(solvers.maps(seen), expected, rtol=0, atol=1e-6)
