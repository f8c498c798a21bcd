"""Normalised anomalies, training pairs with errors of analyses, and the network's invariances."""

from __future__ import annotations

import re

import drifting_worlds as world
import numpy as np
import pytest
import torch
import xarray as xr

from oceanbench.challenge import Challenge
from oceanbench.errors import OceanbenchError
from oceanbench.forecasting.configuration import EmulatorConfiguration
from oceanbench.forecasting.emulator import Emulator
from oceanbench.forecasting.normalised_anomalies import (
    WHOLE,
    NormalisedAnomalies,
    normalised_anomalies,
)
from oceanbench.forecasting.training import archives, damped, forecast_loss
from oceanbench.forecasting.training_pairs import Archive

CONFIGURATION = EmulatorConfiguration(days=3, passes=2, hidden=8, lag=4, batch=4, reduced=False)

LEARNED_FROM = ("training", "validation", "climatology")


def known(maps: xr.Dataset | None = None) -> NormalisedAnomalies:
    given = world.inputs()
    if maps is not None:
        given["climatology"] = maps.assign_attrs(role="climatology")
    return normalised_anomalies(given, world.target(), deviation=np.array([0.1, 0.4]))


def learning() -> Archive:
    return archives(world.inputs())[0]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def untrained(configuration: EmulatorConfiguration = CONFIGURATION) -> Emulator:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Emulator(configuration, 2).eval()


@torch.no_grad()
def run(network: Emulator, *given: torch.Tensor, passes: int = 2, seed: int = 0) -> torch.Tensor:
    return network(*given, passes=passes, random=generator(seed))


def test_departures_and_back() -> None:
    fields = world.drifting(world.FIRST + 360, 10)
    days = fields["time"].values.astype("M8[D]")
    anomalies = known().normalised(fields, days)
    stacked = np.stack([fields[v] for v in world.VARIABLES], 1)
    back = known().whole(anomalies, days)
    np.testing.assert_allclose(np.stack(list(back.values()), 1), stacked, atol=1e-5)
    assert (anomalies.numpy()[..., ~world.sea()] == 0.0).all()


def test_what_is_usual_may_be_by_month_or_always_the_same() -> None:
    maps = world.climatology()
    year = maps.mean("dayofyear")
    months = year.expand_dims(month=12).assign_coords(month=np.arange(1, 13))
    months = months.assign(zos=months["zos"] + months["month"])
    days = np.array(["2001-03-05", "2001-11-30"], "M8[D]")
    found = known(months).usual(days)[:, 0] - known(year).usual(days)[:, 0]
    assert np.allclose(found[:, world.sea()], np.array([3.0, 11.0])[:, None])


def test_the_mean_does_not_depend_on_the_day_and_is_zero_on_land() -> None:
    place = known().place()
    assert (place[0].numpy() == world.sea()).all()
    assert (place[1:, ~torch.as_tensor(world.sea())] == 0).all()
    assert abs(float(place[1, torch.as_tensor(world.sea())].mean())) < 1e-5


def test_lessons_spoil_the_start_and_not_what_came_of_it() -> None:
    archive = learning()
    clean = archive.pairs([3, 50], 6, lag=0, crop=0, random=generator())
    perturbed = archive.pairs([3, 50], 6, lag=4, crop=0, random=generator())
    assert torch.equal(clean.wanted, perturbed.wanted)
    assert torch.equal(clean.first[0], archive.states(3, 1, WHOLE)[0])
    assert torch.equal(clean.wanted[1], archive.states(51, 6, WHOLE))
    assert float(clean.weight.mean()) == pytest.approx(1.0)


def test_errors_are_differences_of_states_some_days_apart() -> None:
    """Their size is that of the changes of one to four days, whichever sign they have."""
    archive, size, expected = learning(), [], []
    state = archive.states(0, 1, WHOLE)[0]
    for seed in range(100):
        error = archive.perturbed(state, WHOLE, 4, generator(seed)) - state
        size.append(float(error.square().mean()))
    states = archive._whole
    for lag in (1, 2, 3, 4):
        expected.append(float((states[lag:] - states[:-lag]).square().mean()))
    assert np.mean(size) == pytest.approx(np.mean(expected), rel=0.15)


def test_the_size_of_errors_is_known_without_an_analysis() -> None:
    """From the training maps, and the days that the recipe of the analyses looks back on."""
    recipe = Challenge.load("reanalysis_emulation").path.with_name("build.py")
    told = re.search(r"Scheme\(before=(\d+), after=0\)", recipe.read_text(encoding="utf-8"))
    assert told is not None
    assert EmulatorConfiguration().lag == int(told[1])
    given = {n: d for n, d in world.inputs().items() if d.attrs["role"] in LEARNED_FROM}
    assert len(given) < len(world.inputs())
    found, expected = (
        archives(inputs)[0].draw(8, 6, lag=4, crop=0, random=generator())
        for inputs in (given, world.inputs())
    )
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_windows_are_cut_alike() -> None:
    pairs = learning().draw(5, 3, lag=0, crop=6, random=generator())
    assert pairs.first.shape == (5, 2, 6, 6)
    assert pairs.wanted.shape == (5, 3, 2, 6, 6)
    sea, first, next_day = pairs.sea[:, 0], pairs.first[:, 0], pairs.wanted[:, 0, 0]
    both = (sea[..., 1:] * sea[..., :-1]).bool()
    apart = (next_day[..., 1:] - first[..., :-1])[both].abs()
    assert float(apart.median()) < 1e-4


def test_large_archives_are_read_day_by_day(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = learning().draw(3, 4, lag=3, crop=5, random=generator())
    archive = learning()
    monkeypatch.setattr("oceanbench.forecasting.training_pairs.IN_MEMORY", 0)
    found = archive.draw(3, 4, lag=3, crop=5, random=generator())
    for one, other in zip(found, expected, strict=True):
        assert torch.allclose(one, other)


def test_without_a_change_it_is_damped_persistence() -> None:
    archive, network = learning(), untrained()
    factors, errors = damped(archive, CONFIGURATION, 0)
    network.damp(factors)
    for parameter in network.update.parameters():
        torch.nn.init.zeros_(parameter)
    pairs = archive.draw(64, 6, lag=4, crop=0, random=generator(7))
    found = run(network, *pairs[:4])
    expected = factors[None, :, :, None, None] * pairs.first[:, None]
    assert torch.allclose(found, expected, atol=1e-5)
    loss = forecast_loss(network, pairs, errors, passes=2, random=generator()).detach()
    assert float(loss) == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("noise", [0, 2])
def test_a_sample_is_the_same_alone_and_in_any_batch(noise: int) -> None:
    network = untrained(EmulatorConfiguration(days=3, passes=2, hidden=8, noise=noise))
    pairs = learning().draw(4, 6, lag=4, crop=0, random=generator())
    given = pairs[:4]
    if noise:  # drawn for the batch: the same field for all
        network._noise = lambda like, random: torch.full_like(like[:, :1], 0.3).repeat(1, 2, 1, 1)
    together = run(network, *given)
    for number in range(4):
        alone = run(network, *(part[number : number + 1] for part in given))
        assert torch.allclose(alone[0], together[number], atol=1e-5)


def test_what_lies_on_land_does_not_matter() -> None:
    network = untrained()
    pairs = learning().draw(2, 6, lag=4, crop=0, random=generator())
    land = pairs.sea == 0
    found = run(network, *pairs[:4])
    changed = run(network, pairs.first + 100.0 * land, *pairs[1:4])
    assert torch.equal(found, changed)
    assert (found * land[:, None] == 0).all()


@pytest.mark.parametrize(("rows", "columns"), [(4, 4), (7, 13), (30, 50)])
def test_any_size_of_maps(rows: int, columns: int) -> None:
    network = untrained(EmulatorConfiguration(days=3, passes=2, hidden=8, noise=4))
    sea = torch.ones(1, 2, rows, columns)
    given = (sea, sea, torch.ones(1, 3, rows, columns), torch.ones(1))
    found = run(network, *given)
    assert found.shape == (1, 6, 2, rows, columns)
    more = run(network, *given, passes=4)
    assert torch.equal(more[:, :6], found)


def test_around_the_globe_no_meridian_is_special() -> None:
    """Turning the globe by whole cells of the coarsest level turns the forecast."""
    network = untrained(EmulatorConfiguration(days=3, passes=2, hidden=8, around=48))
    state = torch.randn(1, 2, 8, 48, generator=generator())
    place = (torch.ones_like(state), torch.ones(1, 3, 8, 48), torch.ones(1))
    with_ends = untrained(EmulatorConfiguration(days=3, passes=2, hidden=8))
    for globe, same in ((network, True), (with_ends, False)):
        found = run(globe, state, *place)
        turned = run(globe, state.roll(12, -1), *place)
        assert torch.allclose(found.roll(12, -1), turned, atol=1e-5) == same


def test_noise_has_unit_variance_and_scales_of_its_own() -> None:
    network = untrained(EmulatorConfiguration(days=3, passes=2, hidden=8, noise=3))
    noise = network._noise(torch.empty(200, 2, 8, 8), generator())
    assert noise.var((0, 2, 3)).tolist() == pytest.approx([1.0] * 3, abs=0.1)
    near = (noise[..., 1:] * noise[..., :-1]).mean((0, 2, 3))
    assert near.tolist() == pytest.approx([0.0, 4 / 7, 6 / 7], abs=0.1)


def test_members_are_scored_by_the_fair_crps() -> None:
    """Of two Gaussian members about a Gaussian truth, all of unit variance, it is 1 / √π."""
    pairs = learning().draw(2, 6, lag=4, crop=0, random=generator())
    ones = torch.ones(20_000, 6, 2, 1, 1)
    pairs = pairs._replace(
        wanted=torch.randn(ones.shape, generator=generator(1)), weight=ones[:, :1, :1]
    )
    network = untrained(EmulatorConfiguration(days=3, passes=2, hidden=8, noise=1))
    network.forward = lambda *_, random, **__: torch.randn(ones.shape, generator=random)  # type: ignore[method-assign]
    loss = forecast_loss(network, pairs, torch.ones(6, 2), passes=2, random=generator(2))
    assert float(loss) == pytest.approx(np.pi**-0.5, rel=0.01)


def test_archives_that_cannot_be_learned_from_are_refused() -> None:
    given = world.inputs()
    holed = given | {"training": given["training"].drop_isel(time=9)}
    with pytest.raises(OceanbenchError, match="dataset 'training': a day is missing between"):
        archives(holed)
    empty = given["training"].copy(deep=True)
    empty["zos"][5, 0, 0] = np.nan
    with pytest.raises(OceanbenchError, match="'training': 1 values are missing where the clim"):
        archives(given | {"training": empty})
    shifted = given["climatology"].assign_coords(latitude=world.LATITUDE + 0.2)
    with pytest.raises(OceanbenchError, match="dataset 'climatology' lacks nodes or depths"):
        archives(given | {"climatology": shifted})


def test_variables_may_have_depths_and_seas_of_their_own() -> None:
    """Depths are channels; a variable that ends above a sill has less sea."""
    given = world.inputs()
    for role, maps in given.items():
        deep = maps["thetao"].expand_dims(depth=[0.5, 50.0]).copy()
        deep[1, :, :, :4] = np.nan
        given[role] = maps.assign(thetao=deep).assign_attrs(role=role, name=role)
    archive, _ = archives(given)
    assert archive.known.parts == {"zos": slice(0, 1), "thetao": slice(1, 3)}
    pairs = archive.draw(2, 3, lag=3, crop=0, random=generator())
    assert pairs.first.shape == (2, 3, world.ROWS, world.COLUMNS)
    assert not pairs.sea[:, 2, :, :4].any()
    assert pairs.sea[:, :2, :5, :4].any()
    network = Emulator(EmulatorConfiguration(days=3, passes=1, hidden=8), 3).eval()
    found = run(network, *pairs[:4], passes=1)
    fields = archive.known.whole(found[0], archive.days[:3])
    assert fields["thetao"].shape == (3, 2, world.ROWS, world.COLUMNS)
    assert np.isnan(fields["thetao"][:, 1, :, :4]).all()
