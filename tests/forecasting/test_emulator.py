"""Emulators learn a sea whose future is known, and forecast each start by itself."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import drifting_worlds as world
import numpy as np
import pytest
import torch
import xarray as xr
from rows import every
from torch import Tensor

from oceanbench.errors import OceanbenchError
from oceanbench.forecasting.configuration import EmulatorConfiguration
from oceanbench.forecasting.emulator import Emulator
from oceanbench.forecasting.inference import forecast
from oceanbench.forecasting.training import (
    archives,
    damped,
    forecast_loss,
    train_members,
    validation_pairs,
)
from oceanbench.forecasting.training_pairs import Archive
from oceanbench.methods.method_file import load_method

SMALL = EmulatorConfiguration(
    days=2,
    passes=2,
    hidden=8,
    lag=0,
    batch=8,
    steps=150,
    rate=5e-3,
    average=0.9,
    reduced=False,
)
SHORT = replace(SMALL, steps=20)
NOISY = replace(SMALL, noise=2, lag=2, steps=100, reduced=True)


def trained_anew(
    configuration: EmulatorConfiguration, checkpoint: str = "", seed: int = 0
) -> dict[str, Tensor]:
    return train_members(
        world.inputs(),
        configuration,
        name="mine",
        members=1,
        seed=seed,
        device="cpu",
        checkpoint=checkpoint,
    )


@cache
def trained(configuration: EmulatorConfiguration = SMALL) -> dict[str, Tensor]:
    return trained_anew(configuration)


def forecasts(
    inputs: dict[str, xr.Dataset], configuration: EmulatorConfiguration = SMALL, **options: int
) -> xr.Dataset:
    return forecast(inputs, world.target(), trained(configuration), name="mine", **options)


def rmse(found: xr.Dataset, variable: str, lead: int) -> float:
    """Error where the pattern of the start has arrived, and not what came in behind it."""
    error = (found - world.truth())[variable].sel(lead=lead).isel(longitude=slice(lead, None))
    return float(np.sqrt((error**2).mean()))


def damped_persistence() -> xr.Dataset:
    learning, _ = archives(world.inputs())
    factors, _ = damped(learning, SMALL, 0)
    initial, asked = world.inputs()["initial"], world.target()
    anomaly = {}
    for number, name in enumerate(world.VARIABLES):
        days = asked["start"].values.astype("M8[D]")
        usual = world.usual(days)[:, number]
        later = np.stack([world.usual(days + lead)[:, number] for lead in (1, 2, 3)], 1)
        kept = factors[:3, number].double().numpy()[None, :, None, None]
        fields = later + kept * (initial[name].values - usual)[:, None]
        anomaly[name] = (asked[name].dims, fields)
    return xr.Dataset(anomaly, asked.sel(lead=[1, 2, 3]).coords)


@every("lead", [1, 2, 3])
@every("variable", world.VARIABLES)
def test_it_learns_that_the_sea_drifts(lead: int, variable: str) -> None:
    found = forecasts(world.inputs()).isel(member=0)
    assert rmse(found, variable, lead) < 0.6 * rmse(damped_persistence(), variable, lead)


@pytest.mark.parametrize("configuration", [SMALL, NOISY], ids=["mean", "members"])
def test_training_lowers_the_loss_of_other_years(configuration: EmulatorConfiguration) -> None:
    learning, checking = archives(world.inputs())
    factors, errors = damped(learning, configuration, 0)
    validation = validation_pairs(checking, configuration)
    network = Emulator(configuration, 2).eval()
    network.damp(factors)
    losses = []
    for _ in range(2):
        random = torch.Generator().manual_seed(0)
        with torch.no_grad():
            losses.append(
                float(forecast_loss(network, validation, errors, passes=2, random=random))
            )
        own = {
            k.removeprefix("0."): v for k, v in trained(configuration).items() if k.startswith("0.")
        }
        network.load_state_dict(own)
    assert losses[1] < 0.8 * losses[0]


def test_a_start_does_not_depend_on_other_starts() -> None:
    given = world.inputs()
    whole = forecasts(given, NOISY, draws=2, seed=5)
    given["initial"] = given["initial"].copy(deep=True)
    given["initial"]["zos"][1:] = 3.0 * given["initial"]["zos"][1:]
    changed = forecasts(given, NOISY, draws=2, seed=5)
    xr.testing.assert_identical(whole.isel(start=0), changed.isel(start=0))
    assert not np.allclose(whole["zos"][:, 1:], changed["zos"][:, 1:], equal_nan=True)
    given["initial"] = world.inputs()["initial"].isel(start=[1])
    alone = forecast(
        given, world.target().isel(start=[1]), trained(NOISY), name="mine", draws=2, seed=5
    )
    xr.testing.assert_identical(alone, whole.isel(start=[1]))


def test_land_does_not_matter_and_stays_empty() -> None:
    given = world.inputs()
    filled = {n: d.copy(deep=True) for n, d in given.items()}
    for role in ("training", "validation", "initial"):
        filled[role] = filled[role].fillna(999.0)
    again = train_members(filled, SHORT, name="mine", members=1, seed=0, device="cpu")
    assert all(torch.equal(value, again[name]) for name, value in trained(SHORT).items())
    found = forecasts(filled)
    xr.testing.assert_identical(found, forecasts(given))
    assert (found["zos"].notnull().values == world.sea()).all()


def test_members_are_drawn_of_the_seed() -> None:
    one = forecasts(world.inputs(), NOISY, draws=3, seed=1)
    assert one.sizes["member"] == 3
    assert float(one["zos"].std("member").mean()) > 1e-3
    xr.testing.assert_identical(one, forecasts(world.inputs(), NOISY, draws=3, seed=1))
    assert not one.equals(forecasts(world.inputs(), NOISY, draws=3, seed=2))


def test_the_same_seed_gives_the_same_weights_and_another_one_others() -> None:
    again, other = trained_anew(SHORT), trained_anew(SHORT, seed=1)
    assert all(torch.equal(value, again[name]) for name, value in trained(SHORT).items())
    assert any(not torch.equal(value, other[name]) for name, value in trained(SHORT).items())


@pytest.mark.slow
def test_a_training_that_was_interrupted_ends_with_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw, drawn = Archive.draw, 0

    def interrupted(*given: object, **options: object) -> object:
        nonlocal drawn
        drawn += 1
        if drawn == 60:
            raise KeyboardInterrupt
        return draw(*given, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Archive, "draw", interrupted)
    with pytest.raises(KeyboardInterrupt):
        trained_anew(NOISY, str(tmp_path))
    assert [file.name for file in tmp_path.iterdir()] == ["mine-0.safetensors"]
    resumed = trained_anew(NOISY, str(tmp_path))
    assert all(torch.equal(value, resumed[name]) for name, value in trained(NOISY).items())


@pytest.mark.parametrize("name", ["emulator", "emulator_ensemble"])
def test_the_methods_keep_their_contract(name: str) -> None:
    method, given = load_method(name)[1], world.inputs()
    learning = {k: v for k, v in given.items() if k != "initial"}
    before = {k: v.copy(deep=True) for k, v in given.items()}
    weights = method.train(learning, device="cpu", seed=3, steps=10)
    found = method.estimate(given, world.target(), device="cpu", seed=3, weights=weights)
    again = method.estimate(given, world.target(), device="cpu", seed=3, weights=weights)
    xr.testing.assert_identical(found, again)
    assert set(found["zos"].dims) - {"member"} == set(world.target()["zos"].dims)
    assert ("member" in found.dims) == (name == "emulator_ensemble")
    assert weights["0.update.enter.weight"].dtype == torch.float16
    for key, value in before.items():
        xr.testing.assert_identical(value, given[key])
    with pytest.raises(OceanbenchError, match=f"{name}: preset=cpus: unknown; did you mean 'cpu'"):
        method.train(learning, device="cpu", seed=3, preset="cpus")


def test_what_does_not_fit_is_refused_in_one_line() -> None:
    given, asked = world.inputs(), world.target()
    for foreign in ({}, {"mean": torch.ones(1)}, {k: v for k, v in trained().items() if "." in k}):
        with pytest.raises(OceanbenchError, match="mine: these are not its weights; train it"):
            forecast(given, asked, foreign, name="mine")
    other = {k: v[:1] if k == "0.kept" else v for k, v in trained().items()}
    with pytest.raises(OceanbenchError, match="mine: these are not its weights on this challenge"):
        forecast(given, asked, other, name="mine")
    with pytest.raises(OceanbenchError, match="weights for zos, thetao, and the challenge asks"):
        forecast(given, asked.rename(zos="so"), trained(), name="mine")
    with pytest.raises(OceanbenchError, match="gives no dataset of role 'climatology'"):
        forecast({"initial": given["initial"]}, asked, trained(), name="mine")
    with pytest.raises(OceanbenchError, match="crop=8, around=4: columns are repeated around"):
        EmulatorConfiguration(crop=8, around=4)
