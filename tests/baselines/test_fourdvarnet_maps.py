"""4DVarNet and the learned correction of maps, trained for a few seconds on a small sea."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from map_worlds import inputs, observed, waves
from rows import every
from small_networks import DAYS, SMALL, SOLVER, exact, seen, target, train, trained
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.maps.configuration import MapConfiguration, network
from oceanbench.assimilation.fourdvarnet.maps.inference import estimate_members
from oceanbench.assimilation.fourdvarnet.maps.map_grid import bicubic, grid_around
from oceanbench.assimilation.fourdvarnet.maps.normalisation import Normalisation
from oceanbench.assimilation.fourdvarnet.maps.patches import ObservedSeries, PatchSampler
from oceanbench.assimilation.fourdvarnet.maps.simulated_missions import simulate_missions
from oceanbench.assimilation.fourdvarnet.maps.training_set import training_set, training_truth
from oceanbench.assimilation.fourdvarnet.maps.window_estimates import day_weights
from oceanbench.errors import OceanbenchError
from oceanbench.learning.ensembles import configuration_of

SHORT = replace(SMALL, first_guess="mean", steps=10)  # a training that need not be good


def rmse(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean((values - exact()) ** 2)))


@pytest.mark.parametrize("configuration", [SMALL, SOLVER], ids=["correction", "solver"])
def test_it_learns_to_correct_its_first_guess(configuration: MapConfiguration) -> None:
    weights = trained(configuration=configuration)
    found = estimate_members(seen(), target(), weights, name="mine")
    guess = observed(seen(), grid_around(target(), 0.25, margin=1.0, days=2), "oi")
    before = xr.DataArray(
        guess.first_guess[2:-2],
        grid_around(target(), 0.25, margin=1.0).field(guess.first_guess[2:-2]).coords,
    )
    splined = before.interp(target().coords, method="cubic").transpose(*target().dims).values
    assert found.shape == (1, *target().shape)
    assert rmse(found[0]) < 0.8 * rmse(splined)


def test_weights_are_small_and_tell_what_they_are() -> None:
    weights = trained()
    assert weights["0.update.enter.weight"].dtype == torch.float16
    assert bytes(weights["recipe.first_guess"].tolist()).decode() == "oi"


@pytest.mark.slow
def test_a_checkpoint_resumes_and_a_seed_gives_the_weights_of_its_member(tmp_path: Path) -> None:
    expected = train(seen(), SHORT, members=2, seed=3)
    kept = train(seen(), SHORT, members=2, seed=3, checkpoint=str(tmp_path))
    again = train(seen(), SHORT, members=2, seed=3, checkpoint=str(tmp_path))
    names = [p.name for p in tmp_path.iterdir()]
    assert {"mine-3.safetensors", "mine-4.safetensors"} < set(names)
    assert sum(name.startswith("scene-") for name in names) == 2
    for found in (kept, again):
        assert found.keys() == expected.keys()
        assert all(torch.equal(value, expected[name]) for name, value in found.items())
    second = {name: value for name, value in expected.items() if name.startswith("1.")}
    assert any(not torch.equal(value, expected[f"0.{name[2:]}"]) for name, value in second.items())


def test_kept_observations_are_taken_for_no_others_and_broken_ones_are_refused(
    tmp_path: Path,
) -> None:
    configuration, folder = replace(SMALL, first_guess="mean", scenes=1), str(tmp_path)
    first = training_set(seen(), configuration, name="mine", checkpoint=folder)
    again = training_set(seen(), configuration, name="mine", checkpoint=folder)
    np.testing.assert_array_equal(
        again.segments[0].observations.values, first.segments[0].observations.values
    )
    assert len(list(tmp_path.iterdir())) == 1
    training_set(inputs(DAYS, error=0.01), configuration, name="mine", checkpoint=folder)
    training_set(
        seen(), replace(configuration, first_guess="smooth"), name="mine", checkpoint=folder
    )
    assert len(list(tmp_path.iterdir())) == 3
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(
        OceanbenchError, match=r"scene-\w+.safetensors: not whole gridded .*remove it"
    ):
        training_set(seen(), configuration, name="mine", checkpoint=folder)


def test_a_solver_that_changes_nothing_gives_the_first_guess() -> None:
    weights = {k: torch.zeros_like(v) if k.startswith("0.") else v for k, v in trained().items()}
    found = estimate_members(seen(), target(), weights, name="mine", member=0)[0]
    grid = grid_around(target(), 0.25, margin=1.0, days=2)
    guess = grid.field(observed(seen(), grid, "oi").first_guess)
    cubic = guess.interp(target().coords, method="cubic").transpose(*target().dims).values
    np.testing.assert_allclose(found, cubic, atol=1e-4)  # single precision, other end conditions


def test_one_day_of_the_maps_does_not_depend_on_which_others_are_asked_for() -> None:
    """Away from the first days that are seen, where windows are missing."""
    whole = estimate_members(seen(), target(), trained(), name="mine")[0]
    part = estimate_members(seen(), target().isel(time=slice(2, 8)), trained(), name="mine")[0]
    np.testing.assert_allclose(part[2:4], whole[4:6], atol=2e-3)


@every("update", ["unet", "lstm", "conjugate"])
@every("prior_hidden", [0, 4])
def test_configurations_make_networks(update: str, prior_hidden: int) -> None:
    sizes = {"prior_hidden": prior_hidden, "coarsen": 2, "error_size": 0.5}
    configuration = replace(SMALL, update=update, **sizes)
    if update != "unet" and not prior_hidden:
        message = f"update={update}, prior_hidden=0: expected one of"
        with pytest.raises(OceanbenchError, match=message):
            network(configuration)
        return
    net, values = network(configuration), torch.randn(2, 5, 11, 12)
    assert net(values, values > 1.0, values).shape == values.shape


def sampler() -> PatchSampler:
    """Random numbers in place of seas."""
    random = torch.Generator().manual_seed(0)
    values = torch.randn(3, 20, 9, 11, generator=random)
    known = (torch.arange(20) < 17)[:, None, None].expand(20, 9, 11)
    return PatchSampler(tuple(ObservedSeries(v, v > 0.5, v + 2.0, v + 1.0, known) for v in values))


@pytest.mark.parametrize("mirrored", [False, True])
def test_windows_are_cut_whole(mirrored: bool) -> None:
    """What belongs together stays together, mirrored or not."""
    batch = sampler().draw(40, 5, 6, torch.Generator().manual_seed(1), mirrored=mirrored)
    assert batch.wanted.shape == (40, 5, 6, 6)
    shift = batch.first_guess - batch.values
    assert torch.allclose(shift.abs(), torch.full_like(shift, 2.0), atol=1e-5)
    assert set(shift.mean((1, 2, 3)).sign().tolist()) == ({-1.0, 1.0} if mirrored else {1.0})
    turned = shift.sign() * batch.values > 0.5
    assert torch.equal(turned, batch.observed)


def test_windows_are_of_all_series_and_days_of_unknown_truth_do_not_count() -> None:
    batch = sampler().draw(400, 5, 6, torch.Generator().manual_seed(1), mirrored=False)
    late = (batch.weight[:, -1] == 0).all((1, 2)).float().mean()
    assert float(late) == pytest.approx(3 / 16, abs=0.06)
    windows = sampler().series[0].windows(5)
    assert windows.values.shape == (16, 5, 9, 11)
    assert windows.weight[:13].ne(0).all() and windows.weight[13, :, 0, 0].ne(0).tolist() == [
        True,
        True,
        True,
        True,
        False,
    ]


def test_the_first_segment_is_as_observed_and_others_are_not() -> None:
    field = waves(20)
    grid = grid_around(field, 0.25)
    configuration = replace(SMALL, first_guess="mean", scenes=2, along_track=False)
    learned = bicubic(field, grid.latitude, grid.longitude)[:18]
    (whole, other), errors = simulate_missions(
        inputs(20), field, grid, configuration, learned=learned
    )
    assert errors is None
    expected = observed(inputs(20), grid, "mean")
    np.testing.assert_array_equal(whole.observations.values[:-2], expected.values)
    assert len(whole.observations.values) == 21 + 2 and len(other.observations.values) == 18 + 2
    assert (other.observations.observed[:18] != whole.observations.observed[:18]).any()
    shares = [s.observations.observed[:18].mean() for s in (other, whole)]
    assert shares[0] == pytest.approx(shares[1], rel=0.3)


def test_observations_end_before_the_segments_do() -> None:
    field = waves(100)
    configuration = replace(SMALL, first_guess="oi", scenes=2)
    grid = grid_around(field, 0.5)
    learned = bicubic(field, grid.latitude, grid.longitude)[:90]
    made, _ = simulate_missions(inputs(100), field, grid, configuration, learned=learned)
    assert [(s.first, len(s.observations.values)) for s in made] == [(0, 103), (0, 47), (45, 47)]
    for segment in made:
        observed_days = segment.observations.observed.any((1, 2))
        assert not observed_days[-1]
        assert observed_days[-3]  # the next is the nearest to the last afternoon
    truth = np.zeros((101, *grid.shape[1:]))
    known = [segment.series(truth, Normalisation(0.0, 1.0)).known for segment in made]
    assert [int(k[:, 0, 0].sum()) for k in known] == [101, 47, 47]


def test_known_errors_bring_observations_nearer_to_the_truth() -> None:
    field, given = waves(40), inputs(40, error=0.05)
    grid = grid_around(field, 0.25)
    learned, errors = bicubic(field, grid.latitude, grid.longitude)[:36], []
    for along_track in (False, True):
        configuration = replace(SMALL, first_guess="oi", scenes=2, along_track=along_track)
        made, known = simulate_missions(given, field, grid, configuration, learned=learned)
        for segment in made:
            seen = segment.observations.observed[:36]
            errors.append((segment.observations.values[:36] - learned)[seen].std())
    assert known is not None and known.altimeter.white == pytest.approx(0.05, rel=0.2)
    assert errors[2] < 0.8 * errors[0] and errors[3] < 0.8 * errors[1]


def test_days_weigh_less_the_farther_from_the_middle() -> None:
    assert day_weights(5).tolist() == pytest.approx([5 / 9, 10 / 9, 15 / 9, 10 / 9, 5 / 9])


def test_the_truth_to_learn_from_is_of_what_altimeters_observe() -> None:
    """Whatever else the training period has, and in whatever order."""
    given = inputs()
    warm = given["training"].rename(ssh="sst") + 15.0
    both = {"sst": warm.assign_attrs(given["training"].attrs), **given}
    found = training_truth(both, "mine", ["first", "second"])
    assert found.name == "ssh"
    assert float(abs(found).max()) < 5.0


def test_bad_requests_are_refused_in_one_line() -> None:
    with pytest.raises(OceanbenchError, match="mine: these are not its weights; train it"):
        estimate_members(seen(), target(), {"mean": torch.ones(1)}, name="mine")
    with pytest.raises(OceanbenchError, match="mine: no member 4; there are 1"):
        estimate_members(seen(), target(), trained(), name="mine", member=4)
    tracks = {name: seen()[name] for name in ("first", "second")}
    with pytest.raises(
        OceanbenchError, match="training maps of what first, second observe, and there are none"
    ):
        train(tracks, SMALL)
    few = inputs(20)
    with pytest.raises(OceanbenchError, match=r"mine: 21 days of training maps, expected at least"):
        train(few, SMALL)


@every(
    "name, value",
    [
        ("mean", torch.ones(2)),
        ("recipe.days", torch.ones(2, 2)),
        ("recipe.update", torch.tensor([255, 254])),
        ("0.update.enter.weight", torch.ones(2)),
        ("0.update.enter.weight", None),
    ],
)
def test_weights_that_are_damaged_are_refused_in_one_line(name: str, value: Tensor | None) -> None:
    weights = dict(trained())
    del weights[name]
    if value is not None:
        weights[name] = value
    with pytest.raises(OceanbenchError, match="mine: these are not its weights") as refused:
        estimate_members(seen(), target(), weights, name="mine")
    assert "\n" not in str(refused.value)


def test_weights_older_than_a_field_of_the_configuration_have_its_default() -> None:
    weights = dict(trained())
    for name in ("second", "second_channels", "supervised"):
        del weights[f"recipe.{name}"]
    found = configuration_of(MapConfiguration, weights, "mine")
    assert 0.0 < found.error_size < 1.0  # which training finds
    assert asdict(replace(found, error_size=0.0)) == pytest.approx(asdict(SMALL))
    newer = weights | {"recipe.attention": torch.tensor(3)}
    with pytest.raises(OceanbenchError, match="mine: the recipe of these weights has attention"):
        configuration_of(MapConfiguration, newer, "mine")
    bare = {k: v for k, v in weights.items() if not k.startswith("recipe.")}
    with pytest.raises(OceanbenchError, match="mine: these are not its weights; train it"):
        configuration_of(MapConfiguration, bare, "mine")
