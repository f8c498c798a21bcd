"""Estimates of any box, and how far they go from their first guess."""

from __future__ import annotations

from collections.abc import Mapping

import anywhere_scenes
import map_worlds
import numpy as np
import pytest
import torch
import xarray as xr
from rows import every

from oceanbench.assimilation.fourdvarnet.anywhere.anywhere_mapping import AnywhereMapping
from oceanbench.assimilation.fourdvarnet.anywhere.box import MARGIN, Box
from oceanbench.assimilation.fourdvarnet.anywhere.first_guess import (
    choices,
    first_guesses,
    sea_mask,
    seen_by,
)
from oceanbench.assimilation.fourdvarnet.anywhere.increments import Ladder, Trial
from oceanbench.assimilation.fourdvarnet.anywhere.withheld_passes import (
    best_step,
    borne_out,
    squares_left,
    withheld,
)
from oceanbench.errors import OceanbenchError

DAYS = 12
MAPPING = AnywhereMapping("mine", {"cpu": anywhere_scenes.SMALL})
DUACS = {"first_guess": "duacs"}


def target() -> xr.Dataset:
    """Three days in the middle of the small sea."""
    field = map_worlds.waves(DAYS).isel(time=slice(5, 8))
    return (field * np.nan).to_dataset(name="ssh")


def observed(error: float = 0.0) -> dict[str, xr.Dataset]:
    """Two altimeters above it, and a map that is flat."""
    maps = map_worlds.waves(DAYS)
    flat = maps.copy(data=np.full(maps.shape, 0.3)).to_dataset(name="ssh")
    tracks = {n: map_worlds.track(k, days=DAYS, error=error) for k, n in enumerate(("one", "two"))}
    return tracks | {"flat": flat.assign_attrs(layout="grid", role="auxiliary")}


def knowing() -> dict[str, torch.Tensor]:
    """Weights whose prior minds what it is told."""
    weights = anywhere_scenes.untrained()
    random = torch.Generator().manual_seed(0)
    for key, value in weights.items():
        if key.startswith("0.made") and value.is_floating_point():
            weights[key] = value + 0.05 * torch.randn(value.shape, generator=random)
    return weights


def mapped(inputs: Mapping[str, xr.Dataset], passes: str, guess: str = "flat") -> xr.DataArray:
    return MAPPING.estimate(
        inputs,
        target(),
        device="cpu",
        seed=0,
        weights=anywhere_scenes.untrained(),
        first_guess=guess,
        passes=passes,
    )["ssh"]


def test_without_increments_the_first_guess_comes_back() -> None:
    np.testing.assert_allclose(mapped(observed(), "none"), 0.3, rtol=0.0, atol=1e-12)


def test_members_lie_about_the_estimate() -> None:
    given = {"weights": anywhere_scenes.untrained(), "first_guess": "flat", "passes": "one"}
    call = {"device": "cpu", "seed": 1, **given}
    estimate = MAPPING.estimate(observed(), target(), **call)["ssh"]
    members = MAPPING.estimate(observed(), target(), members=24, **call)["ssh"]
    assert members.dims == ("member", *estimate.dims)
    assert members.sizes["member"] == 24
    spread = members.std("member")
    apart = (members.mean("member") - estimate) / spread
    assert float(spread.min()) > 0.0
    assert float((apart**2).mean()) < 3.0 / 24.0
    again = MAPPING.estimate(observed(), target(), members=24, **call)["ssh"]
    np.testing.assert_array_equal(again, members)


def test_steps_go_from_the_first_guess_to_the_sea() -> None:
    inputs, truth = observed(), map_worlds.waves(DAYS).isel(time=slice(5, 8))
    errors = [
        float(((mapped(inputs, passes) - truth.values) ** 2).mean())
        for passes in ("none", "half", "one")
    ]
    assert errors[0] > errors[1] > errors[2]  # an untrained solver interpolates


def test_the_same_sea_elsewhere_has_the_same_increments() -> None:
    def moved(data: xr.Dataset) -> xr.Dataset:
        return data.assign_coords(longitude=data["longitude"] + 77.0)

    inputs = observed()
    elsewhere = {name: moved(data) for name, data in inputs.items()}
    options = {"device": "cpu", "seed": 0, "weights": anywhere_scenes.untrained()}
    options |= {"first_guess": "flat", "passes": "two"}
    found = MAPPING.estimate(elsewhere, moved(target()), **options)["ssh"]
    np.testing.assert_allclose(found, mapped(inputs, "two"), rtol=0.0, atol=1e-5)


def test_what_agrees_with_the_first_guess_changes_nothing() -> None:
    inputs = observed()
    for name in ("one", "two"):
        inputs[name] = inputs[name].assign(ssh=inputs[name]["ssh"] * 0.0 + 0.3)
    for passes in ("one", "two", "auto"):
        np.testing.assert_allclose(mapped(inputs, passes), 0.3, rtol=0.0, atol=1e-9)


def test_noise_leaves_the_first_guess_as_it_was(capfd: pytest.CaptureFixture[str]) -> None:
    inputs = observed()
    for number, name in enumerate(("one", "two")):
        noise = np.random.default_rng(number).standard_normal(inputs[name].sizes["time"])
        inputs[name] = inputs[name].assign(ssh=inputs[name]["ssh"] * 0.0 + 0.3 + 0.1 * noise)
    np.testing.assert_allclose(mapped(inputs, "auto"), 0.3, rtol=0.0, atol=1e-12)
    said = "mine: ssh with first_guess=flat, passes=none, smoothness=none\n"
    assert capfd.readouterr().err == said
    assert abs(mapped(inputs, "one") - 0.3).max() > 0.01


@every(
    "option, expected",
    [
        ({"passes": "three"}, "mine: passes=three: expected one of auto, none, half, one, two"),
        ({"smoothness": "rough"}, "smoothness=rough: expected one of none, maps, auto"),
        ({"most_withheld": 0}, "most_withheld=0: expected at least 1"),
        ({"cell_km": 100.0}, "cell_km=100.0: expected 10 to 30"),
        ({"members": -1}, "members=-1: expected no negative number"),
        ({"scales": "noise=0.1"}, "scales=noise=0.1: are of duacs, and first_guess=flat has none"),
        (
            DUACS | {"scales": "length=1"},
            "'length=1' is not scale=number with a scale of length_factor, ",
        ),
        (DUACS | {"scales": "noise=-1"}, "length_factor, time_factor and noise must be > 0"),
        ({"first_guess": " ,"}, "mine: first_guess= ,: expected a name"),
        ({"first_guess": "flta"}, "'flta' is neither a mapper nor an input with maps"),
    ],
)
def test_options_that_are_none_are_refused(option: dict, expected: str) -> None:
    options = {"first_guess": "flat", "passes": "none"} | option
    with pytest.raises(OceanbenchError, match=expected):
        MAPPING.estimate(
            observed(),
            target(),
            device="cpu",
            seed=0,
            weights=anywhere_scenes.untrained(),
            **options,
        )


def test_variables_have_their_own_altimeters() -> None:
    inputs = observed()
    inputs["two"] = inputs["two"].rename(ssh="sla")
    inputs["flat"]["sla"] = 2.0 * inputs["flat"]["ssh"]
    both = target().assign(sla=target()["ssh"])
    call = {"device": "cpu", "seed": 0, "weights": anywhere_scenes.untrained()}
    call |= {"first_guess": "flat", "passes": "one"}
    found = MAPPING.estimate(inputs, both, **call)
    for name, track in (("ssh", "one"), ("sla", "two")):
        alone = MAPPING.estimate(inputs, target().rename(ssh=name), missions=track, **call)
        np.testing.assert_array_equal(found[name], alone[name])
    with pytest.raises(OceanbenchError, match=r"no observations 'two' of 'ssh'; \(known: one"):
        MAPPING.estimate(inputs, both, missions="two", **call)


def test_sea_level_is_in_metres() -> None:
    inputs = observed()
    inputs["two"]["ssh"] = inputs["two"]["ssh"].assign_attrs(units="cm")
    with pytest.raises(OceanbenchError, match="'two': ssh is in cm: expected m, from which"):
        mapped(inputs, "one")


@every(
    "axis, shift",
    [("latitude", 30.0), ("longitude", -20.0), ("time", np.timedelta64(400, "D"))],
)
def test_maps_that_do_not_meet_the_box_are_refused(axis: str, shift: object) -> None:
    inputs = observed()
    inputs["flat"] = inputs["flat"].assign_coords({axis: inputs["flat"][axis] + shift})
    with pytest.raises(OceanbenchError, match=f"first_guess=flat: its maps have {axis} .* to .*"):
        mapped(inputs, "one")


@every("axis", ["latitude", "longitude", "time"])
def test_axes_of_a_target_increase(axis: str) -> None:
    for other in (target().isel({axis: slice(None, None, -1)}), target().isel({axis: slice(0)})):
        with pytest.raises(OceanbenchError, match=f"the target's {axis}, .* must increase"):
            Box.around(other["ssh"], 2)


def test_several_first_guesses_are_averaged() -> None:
    box = Box.around(target()["ssh"], 2)
    names = choices("flat, smooth, flat")
    assert names == ["flat", "smooth", "flat+smooth"]
    flat, smooth, both = first_guesses(observed(), "ssh", box.grid, names).values()
    np.testing.assert_allclose(both, (flat + smooth) / 2.0)
    assert abs(flat - smooth).max() > 0.01


def test_maps_that_are_handed_in_are_held_beyond_their_ends_and_over_land() -> None:
    inputs = observed()
    maps = map_worlds.waves(DAYS).isel(time=slice(5, 8))
    holed = maps.where((maps["latitude"] > map_worlds.SOUTH) | (maps["longitude"] > 297.0))
    inputs["flat"] = holed.to_dataset(name="ssh").assign_attrs(layout="grid")
    box = Box.around(target()["ssh"], 2)
    found = first_guesses(inputs, "ssh", box.grid, ["flat"])["flat"]
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found[0], found[2])
    inside = box.on_target(found)
    np.testing.assert_allclose(inside[:, 1:], maps.values[:, 1:], atol=1e-9)
    sea = sea_mask(inputs, "ssh", box.grid)
    north = np.abs(box.grid.latitude - map_worlds.SOUTH).argmin()
    west = np.abs(box.grid.longitude - 296.5).argmin()
    assert not sea[north, west]
    assert sea[north + 1].all()


def test_a_box_holds_the_nodes_of_its_target_and_patches_cover_it() -> None:
    box = Box.around(target()["ssh"], 7)
    for name in ("latitude", "longitude"):
        axis, nodes = getattr(box.grid, name), target()[name].values
        assert set(np.round(nodes, 6)) <= set(np.round(axis, 6))
        assert axis[0] <= nodes[0] - MARGIN + 0.3
    assert box.grid.days.size == 3 + 14
    random = np.random.default_rng(0)
    rows, columns = box.grid.shape[1:]
    slope = np.linspace(0.0, 1.0, rows)[:, None] + np.linspace(0.0, 2.0, columns)
    maps = slope + random.standard_normal((box.grid.days.size, 1, 1))
    total = np.zeros(box.grid.shape)
    for patch in box.patches(16.0):
        assert patch.cell_km == pytest.approx(16.0, rel=0.15)
        patch.add(total, patch.taken(maps))
    np.testing.assert_allclose(total, maps, atol=1e-9)


def test_only_sure_gains_count() -> None:
    random = np.random.default_rng(0)
    noise = random.standard_normal((4, 50))
    noise[0] = 0.0
    assert best_step(noise - 0.5) == 0
    assert best_step(noise + np.array([0.0, 1.0, 2.0, 1.5])[:, None]) == 2
    assert best_step(np.full((4, 3), 9.0)) == 0  # too few passes


def test_withheld_passes_choose_the_truth_and_refuse_what_is_none() -> None:
    inputs, box = observed(), Box.around(target()["ssh"], 2)
    truth = map_worlds.waves(DAYS)
    like = truth.interp(
        time=box.grid.days, latitude=box.grid.latitude, longitude=box.grid.longitude
    )
    error = np.nan_to_num(like.values)
    asked = []

    def ladders(guess: float, sign: float):
        def made(_: object, missions: str, trials: list[Trial]) -> dict[Trial, Ladder]:
            asked.append(missions)
            shares = {"good": guess, "poor": -1.0}
            return {
                trial: Ladder(
                    shares[trial.first_guess] * error,
                    [
                        part * sign * (1.0 - shares[trial.first_guess]) * error
                        for part in (0.0, 0.5, 1.0, 2.0)
                    ],
                )
                for trial in trials
            }

        return made

    good, poor = Trial("good"), Trial("poor")

    def told(*case: float) -> tuple[Trial, int]:
        cases = withheld(inputs, ["one", "two"], 3)
        return borne_out(squares_left(cases, ladders(*case), [good, poor], box, "ssh"))

    assert told(0.5, -1.0) == (good, 0)
    assert told(-3.0, -1.0) == (poor, 0)
    assert told(0.0, 0.9)[1] == 2
    assert set(asked) == {"one,two"}
    nobody = {name: data.isel(time=slice(0)) for name, data in inputs.items() if name != "flat"}
    cases = withheld(nobody, ["one", "two"], 3)
    nothing = squares_left(cases, ladders(0.5, 1.0), [good], box, "ssh")
    assert borne_out(nothing) == (good, 0)
    assert borne_out(nothing, 2) == (good, 2)


def test_what_a_first_guess_has_seen_does_not_judge_it() -> None:
    """A map that is right where it was seen to be is improved by what others tell."""
    inputs, names = observed(), ["one", "two", "three"]
    inputs["three"] = map_worlds.track(5, days=DAYS)
    inputs["one"] = inputs["one"].assign(ssh=inputs["one"]["ssh"] * 0.0 + 0.3)
    inputs["known"] = inputs["flat"].assign_attrs(uses="one")
    assert seen_by(inputs, ["duacs", "flat+known"]) == {"one"}
    assert {case.withheld for case in withheld(inputs, names, 3, {"one"})} == {"two", "three"}
    assert {case.withheld for case in withheld(inputs, names, 3, set(names))} == set(names)
    box, truth = Box.around(target()["ssh"], 2), map_worlds.waves(DAYS)
    like = truth.interp(
        time=box.grid.days, latitude=box.grid.latitude, longitude=box.grid.longitude
    )
    left = np.nan_to_num(like.values - 0.3)
    ladder = Ladder(0.3 + 0.0 * left, [share * left for share in (0.0, 0.2, 0.4, 0.0)])

    known = Trial("known")

    def told(*seen: str) -> tuple[Trial, int]:
        cases = withheld(inputs, names, 3, seen)
        return borne_out(squares_left(cases, lambda *_: {known: ladder}, [known], box, "ssh"))

    assert told("one") == (known, 2)
    (single,) = {case.missions for case in withheld(inputs, ["one"], 3, {"one"})}
    assert single == "one"  # and its own passes are withheld
    assert told("two", "three") == (known, 0)


def test_withheld_passes_tell_a_smooth_sea_from_a_rough_one() -> None:
    inputs, box = observed(), Box.around(target()["ssh"], 2)
    truth = map_worlds.waves(DAYS).interp(
        time=box.grid.days, latitude=box.grid.latitude, longitude=box.grid.longitude
    )
    left = np.nan_to_num(truth.values - 0.3)
    rough, smooth = (Trial("flat", km) for km in (0.0, 35.0))

    def told(gained: dict[Trial, float]) -> tuple[Trial, int]:
        ladders = {
            choice: Ladder(0.3 + 0.0 * left, [part * share * left for part in (0.0, 0.5, 1.0, 1.0)])
            for choice, share in gained.items()
        }
        cases = withheld(inputs, ["one", "two"], 3)
        return borne_out(squares_left(cases, lambda *_: ladders, [smooth, rough], box, "ssh"))

    assert told({smooth: 0.9, rough: 0.5}) == (smooth, 2)
    assert told({smooth: 0.8, rough: 0.9}) == (rough, 2)
    assert told({smooth: 0.300, rough: 0.302}) == (smooth, 2)  # hardly worse, and safer
    assert told({smooth: 0.004, rough: 0.006}) == (smooth, 1)  # and half of it is as good
    assert told({smooth: -1.0, rough: -1.0}) == (rough, 0)


@every(
    "smooth, rough, step, expected",
    [
        ((98, 97, 96), (95, 97, 130), None, ("rough", 1)),
        ((98, 97, 96), (95, 97, 130), 3, ("smooth", 3)),  # not the rough one, better at another
        ((98, 97.5, 96), (95, 97, 130), 2, ("smooth", 2)),
        ((98, 99, 96), (95, 97, 130), 2, ("rough", 2)),
        ((101, 101, 101), (150, 150, 150), None, ("rough", 0)),
        ((101, 101, 101), (150, 150, 150), 2, ("smooth", 2)),
        ((92, 90.5, 90.5), (90, 95, 95), None, ("rough", 1)),  # a longer step is no shorter one
        ((99, 91, 90.5), (98, 92, 90), None, ("smooth", 3)),
        ((99, 90.6, 90), (98, 92, 95), None, ("smooth", 2)),  # the shortest
        ((99, 90.8, 90.5), (98, 92, 90), None, ("smooth", 2)),
    ],
)
def test_the_sea_is_that_which_is_best_at_the_step_that_is_taken(
    smooth: tuple[float, ...],
    rough: tuple[float, ...],
    step: int | None,
    expected: tuple[str, int],
) -> None:
    trials = {"smooth": Trial("flat", 35.0), "rough": Trial("flat")}
    left = {
        trials[name]: np.tile([[100.0], *([value] for value in values)], 20)
        for name, values in (("smooth", smooth), ("rough", rough))
    }
    assert borne_out(left, step) == (trials[expected[0]], expected[1])


def test_members_of_a_sea_that_is_taken_to_be_smooth_are_others() -> None:
    call = {"device": "cpu", "seed": 0, "first_guess": "flat", "passes": "none", "members": 2}
    call["weights"] = knowing()
    rough, smooth = (
        MAPPING.estimate(observed(), target(), smoothness=name, **call)["ssh"].values
        for name in ("none", "maps")
    )
    assert abs(rough - smooth).max() > 1e-4


def test_a_sea_that_is_taken_to_be_smooth_has_other_increments() -> None:
    """The prior is told: what passes bear out is one of both."""
    call = {"device": "cpu", "seed": 0, "weights": knowing(), "first_guess": "flat"}

    def found(**options: str) -> np.ndarray:
        return MAPPING.estimate(observed(), target(), **call, **options)["ssh"].values

    rough, smooth = (found(smoothness=name, passes="one") for name in ("none", "maps"))
    assert abs(rough - smooth).max() > 1e-4
    either = found(passes="one")
    assert any(np.array_equal(either, one) for one in (rough, smooth))


@every("names, most, count", [(["one"], 5, 3), (["one", "two"], 2, 2)])
def test_thirds_of_the_passes_of_all_altimeters_are_withheld(
    names: list[str], most: int, count: int
) -> None:
    inputs = observed()
    cases = list(withheld(inputs, names, most))
    assert len(cases) == count
    for name in names:
        known = set(inputs[name]["track"].values)
        for case in cases:
            given, judge = (set(part[name]["track"].values) for part in (case.inputs, case.judge))
            assert given | judge == known and not given & judge
            assert len(judge) == pytest.approx(len(known) / 3, abs=3)
        first, second = (set(case.judge[name]["track"].values) for case in cases[:2])
        assert not first & second


def test_an_altimeter_twice_is_withheld_as_one() -> None:
    inputs = observed()
    first = inputs["one"]["track"].values == inputs["one"]["track"].values[0]
    inputs["copy"] = inputs["one"].isel(time=~first)  # of another product, which lacks a pass
    for case in withheld(inputs, ["one", "copy"], 3):
        given, judge = (set(part["one"]["track"].values) for part in (case.inputs, case.judge))
        assert not judge & set(case.inputs["copy"]["track"].values)
        assert given & set(case.inputs["copy"]["track"].values)


def test_one_pass_leaves_the_first_guess_as_it_was() -> None:
    inputs = observed()
    del inputs["two"]
    only = inputs["one"]["track"].values == np.median(inputs["one"]["track"].values)
    inputs["one"] = inputs["one"].isel(time=only)
    assert only.any()
    np.testing.assert_allclose(mapped(inputs, "auto"), 0.3, rtol=0.0, atol=1e-12)
