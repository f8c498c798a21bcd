"""Departures from what is usual, lessons with errors of analyses, and the network's invariances."""

from __future__ import annotations

import drifting_worlds as world
import numpy as np
import pytest
import torch
import xarray as xr

from oceanbench.emulation.departures import WHOLE, Departures, departures
from oceanbench.emulation.learning import archives, damped, lesson_loss
from oceanbench.emulation.lessons import Archive
from oceanbench.emulation.network import Emulator
from oceanbench.emulation.recipe import EmulatorRecipe
from oceanbench.errors import OceanbenchError

RECIPE = EmulatorRecipe(days=3, passes=2, hidden=8, lag=4, batch=4, reduced=False)


def known(maps: xr.Dataset | None = None) -> Departures:
    given = world.inputs()
    if maps is not None:
        given["climatology"] = maps.assign_attrs(role="climatology")
    return departures(given, world.target(), deviation=np.array([0.1, 0.4]))


def learning() -> Archive:
    return archives(world.inputs())[0]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def untrained(recipe: EmulatorRecipe = RECIPE) -> Emulator:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Emulator(recipe, 2).eval()


@torch.no_grad()
def run(network: Emulator, *given: torch.Tensor, passes: int = 2, seed: int = 0) -> torch.Tensor:
    return network(*given, passes=passes, random=generator(seed))


def test_departures_and_back() -> None:
    fields = world.drifting(world.FIRST + 360, 10)
    days = fields["time"].values.astype("M8[D]")
    departures = known().apart(fields, days)
    stacked = np.stack([fields[v] for v in world.VARIABLES], 1)
    np.testing.assert_allclose(known().whole(departures, days), stacked, atol=1e-5)
    assert (departures.numpy()[..., ~world.sea()] == 0.0).all()


def test_what_is_usual_may_be_by_month_or_always_the_same() -> None:
    maps = world.climatology()
    year = maps.mean("dayofyear")
    months = year.expand_dims(month=12).assign_coords(month=np.arange(1, 13))
    months = months.assign(zos=months["zos"] + months["month"])
    days = np.array(["2001-03-05", "2001-11-30"], "M8[D]")
    found = known(months).usual(days)[:, 0] - known(year).usual(days)[:, 0]
    assert np.allclose(found[:, world.sea()], np.array([3.0, 11.0])[:, None])


def test_the_mean_does_not_depend_on_the_day_and_is_zero_on_land() -> None:
    fixed = known().fixed()
    assert (fixed[0].numpy() == world.sea()).all()
    assert (fixed[1:, ~torch.as_tensor(world.sea())] == 0).all()
    assert abs(float(fixed[1, torch.as_tensor(world.sea())].mean())) < 1e-5


def test_lessons_spoil_the_start_and_not_what_came_of_it() -> None:
    archive = learning()
    clean = archive.lesson([3, 50], 6, lag=0, crop=0, random=generator())
    spoilt = archive.lesson([3, 50], 6, lag=4, crop=0, random=generator())
    assert torch.equal(clean.wanted, spoilt.wanted)
    assert torch.equal(clean.first[0], archive.states(3, 1, WHOLE)[0])
    assert torch.equal(clean.wanted[1], archive.states(51, 6, WHOLE))
    assert float(clean.weight.mean()) == pytest.approx(1.0)


def test_errors_are_differences_of_states_some_days_apart() -> None:
    """Their size is that of the changes of two to four days, whichever sign they have."""
    archive, size, expected = learning(), [], []
    state = archive.states(0, 1, WHOLE)[0]
    for seed in range(100):
        error = archive.spoilt(state, WHOLE, 4, generator(seed)) - state
        size.append(float(error.square().mean()))
    states = archive._whole
    for lag in (2, 3, 4):
        expected.append(float((states[lag:] - states[:-lag]).square().mean()))
    assert np.mean(size) == pytest.approx(np.mean(expected), rel=0.15)


def test_windows_are_cut_alike() -> None:
    lesson = learning().draw(5, 3, lag=0, crop=6, random=generator())
    assert lesson.first.shape == (5, 2, 6, 6)
    assert lesson.wanted.shape == (5, 3, 2, 6, 6)
    drifted = (lesson.wanted[:, 0, 0, :, 1:] - lesson.first[:, 0, :, :-1]) * lesson.fixed[
        :, 0, :, 1:
    ]
    apart = drifted[lesson.fixed[:, 0, :, :-1] > 0].abs()
    assert float(apart.median()) < 1e-4


def test_large_archives_are_read_day_by_day(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = learning().draw(3, 4, lag=3, crop=5, random=generator())
    archive = learning()
    monkeypatch.setattr("oceanbench.emulation.lessons.IN_MEMORY", 0)
    found = archive.draw(3, 4, lag=3, crop=5, random=generator())
    for one, other in zip(found, expected, strict=True):
        assert torch.allclose(one, other)


def test_without_a_change_it_is_damped_persistence() -> None:
    archive, network = learning(), untrained()
    factors, errors = damped(archive, RECIPE, 0)
    network.damp(factors)
    for parameter in network.update.parameters():
        torch.nn.init.zeros_(parameter)
    lesson = archive.draw(64, 6, lag=4, crop=0, random=generator(7))
    found = run(network, lesson.first, lesson.fixed, lesson.season)
    expected = factors[None, :, :, None, None] * lesson.first[:, None]
    assert torch.allclose(found, expected, atol=1e-5)
    loss = lesson_loss(network, lesson, errors, passes=2, random=generator()).detach()
    assert float(loss) == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("noise", [0, 2])
def test_a_sample_is_the_same_alone_and_in_any_batch(noise: int) -> None:
    network = untrained(EmulatorRecipe(days=3, passes=2, hidden=8, noise=noise))
    lesson = learning().draw(4, 6, lag=4, crop=0, random=generator())
    given = (lesson.first, lesson.fixed, lesson.season)
    if noise:  # drawn for the batch: the same field for all
        network._noise = lambda like, random: torch.full_like(like[:, :1], 0.3).repeat(1, 2, 1, 1)
    together = run(network, *given)
    for number in range(4):
        alone = run(network, *(part[number : number + 1] for part in given))
        assert torch.allclose(alone[0], together[number], atol=1e-5)


def test_what_lies_on_land_does_not_matter() -> None:
    network = untrained()
    lesson = learning().draw(2, 6, lag=4, crop=0, random=generator())
    land = lesson.fixed[:, :1] == 0
    found = run(network, lesson.first, lesson.fixed, lesson.season)
    changed = run(network, lesson.first + 100.0 * land, lesson.fixed, lesson.season)
    assert torch.equal(found, changed)
    assert (found * land[:, None] == 0).all()


@pytest.mark.parametrize(("rows", "columns"), [(4, 4), (7, 13), (30, 50)])
def test_any_size_of_maps(rows: int, columns: int) -> None:
    network = untrained(EmulatorRecipe(days=3, passes=2, hidden=8, noise=4))
    found = run(
        network, torch.ones(1, 2, rows, columns), torch.ones(1, 3, rows, columns), torch.ones(1)
    )
    assert found.shape == (1, 6, 2, rows, columns)
    more = run(
        network,
        torch.ones(1, 2, rows, columns),
        torch.ones(1, 3, rows, columns),
        torch.ones(1),
        passes=4,
    )
    assert torch.equal(more[:, :6], found)


def test_around_the_globe_no_meridian_is_special() -> None:
    """Turning the globe by whole cells of the coarsest level turns the forecast."""
    network = untrained(EmulatorRecipe(days=3, passes=2, hidden=8, around=48))
    state, fixed = torch.randn(1, 2, 8, 48, generator=generator()), torch.ones(1, 3, 8, 48)
    found = run(network, state, fixed, torch.ones(1))
    turned = run(network, state.roll(12, -1), fixed, torch.ones(1))
    assert torch.allclose(found.roll(12, -1), turned, atol=1e-5)
    with_ends = untrained(EmulatorRecipe(days=3, passes=2, hidden=8))
    ends = run(with_ends, state, fixed, torch.ones(1)).roll(12, -1)
    assert not torch.allclose(
        ends, run(with_ends, state.roll(12, -1), fixed, torch.ones(1)), atol=1e-5
    )


def test_noise_has_unit_variance_and_scales_of_its_own() -> None:
    network = untrained(EmulatorRecipe(days=3, passes=2, hidden=8, noise=3))
    noise = network._noise(torch.empty(200, 2, 8, 8), generator())
    assert noise.var((0, 2, 3)).tolist() == pytest.approx([1.0] * 3, abs=0.1)
    near = (noise[..., 1:] * noise[..., :-1]).mean((0, 2, 3))
    assert near.tolist() == pytest.approx([0.0, 4 / 7, 6 / 7], abs=0.1)


def test_members_are_scored_by_the_fair_crps() -> None:
    """Of two Gaussian members about a Gaussian truth, all of unit variance, it is 1 / √π."""
    lesson = learning().draw(2, 6, lag=4, crop=0, random=generator())
    ones = torch.ones(20_000, 6, 2, 1, 1)
    lesson = lesson._replace(
        wanted=torch.randn(ones.shape, generator=generator(1)), weight=ones[:, :1, :1]
    )
    network = untrained(EmulatorRecipe(days=3, passes=2, hidden=8, noise=1))
    network.forward = lambda *_, random, **__: torch.randn(ones.shape, generator=random)  # type: ignore[method-assign]
    loss = lesson_loss(network, lesson, torch.ones(6, 2), passes=2, random=generator(2))
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
    partly = given["climatology"].copy(deep=True)
    partly["zos"][:, 0, 0] = np.nan
    with pytest.raises(OceanbenchError, match="variables of the climatology have different seas"):
        archives(given | {"climatology": partly})
    deep = given["training"].expand_dims(depth=[0.5, 50.0])
    deeper = given["climatology"].expand_dims(depth=[0.5, 50.0])
    with pytest.raises(OceanbenchError, match="'zos' has dimensions depth, latitude, longitude"):
        archives(given | {"training": deep, "climatology": deeper})
