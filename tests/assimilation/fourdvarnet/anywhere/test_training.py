"""Windows of scenes, and a training on them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import anywhere_scenes
import pytest
import torch
from safetensors.numpy import load_file, save_file

from oceanbench.assimilation.fourdvarnet.anywhere import library as libraries
from oceanbench.assimilation.fourdvarnet.anywhere.library import Library
from oceanbench.assimilation.fourdvarnet.anywhere.network import IncrementNetwork
from oceanbench.assimilation.fourdvarnet.anywhere.training import (
    relative_error,
    second_pass,
    trained,
)
from oceanbench.assimilation.fourdvarnet.anywhere.window_sampler import WindowSampler
from oceanbench.errors import OceanbenchError
from oceanbench.learning.ensembles import configuration_of, load_networks

SCENES = 5
FEW = replace(
    anywhere_scenes.SMALL, scenes=SCENES, checked=1, easy_steps=6, steps=24, rate=5e-3, worlds=0
)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    anywhere_scenes.write_scenes(tmp_path / "scenes", SCENES)
    return Library.of(tmp_path, FEW)


def test_turned_windows_keep_what_was_observed(library: Library) -> None:
    drawn = WindowSampler(library.scene_files, FEW).draw(12, torch.Generator().manual_seed(1))
    assert drawn.error.shape == (12, FEW.answered, 16, 16)
    given, some = drawn.windows, slice(FEW.half - FEW.reach, FEW.half + FEW.reach + 1)
    seen = given.count[:, some] > 0
    assert seen.sum() > 100
    found, expected = given.innovation[:, some][seen], drawn.error[seen]
    torch.testing.assert_close(found, expected, atol=5e-3, rtol=0.0)


def test_easy_windows_are_of_the_badly_fitted_guess(library: Library) -> None:
    sampler = WindowSampler(library.scene_files, FEW)
    errors = [
        sampler.draw(6, torch.Generator().manual_seed(1), easy=easy).error.std()
        for easy in (True, False)
    ]
    assert errors[0] > errors[1]


def test_the_first_guess_has_a_relative_error_of_one(library: Library) -> None:
    network = IncrementNetwork(replace(FEW, update="unet")).eval()  # corrects nothing at first
    drawn = WindowSampler(library.scene_files, FEW).middles()
    torch.testing.assert_close(relative_error(network, drawn), torch.ones(len(drawn.error)))


def test_windows_are_told_how_smooth_their_sea_is(library: Library) -> None:
    drawn = WindowSampler(library.scene_files[:2], FEW).middles()
    assert drawn.windows.smooth_km.tolist() == [0.0, 0.0, 30.0, 30.0]  # of two first guesses each


def test_a_second_pass_begins_where_the_first_one_ended(library: Library) -> None:
    torch.manual_seed(0)
    network = IncrementNetwork(FEW).eval()
    drawn = WindowSampler(library.scene_files, FEW).middles()
    after = second_pass(network, drawn)
    with torch.no_grad():
        left = drawn.error - network(drawn.windows.scaled())
    torch.testing.assert_close(after.error, left)
    middle, seen = FEW.half, after.windows.count[:, FEW.half] > 0
    expected = left[:, FEW.reach][seen]  # innovations have no error in these scenes
    torch.testing.assert_close(
        after.windows.innovation[:, middle][seen], expected, atol=5e-3, rtol=0.0
    )


def test_training_lowers_the_error_and_resumes_where_it_was(
    library: Library, tmp_path: Path
) -> None:
    checked = WindowSampler(library.scene_files[-1:], FEW).middles()
    kept = {"name": "mine", "seed": 0, "checkpoint": tmp_path}
    first = trained(library, FEW, **kept)
    found = configuration_of(type(FEW), first, "mine")
    kept_exactly = {name: getattr(FEW, name) for name in ("rate", "average", "again")}
    assert replace(found, **kept_exactly) == FEW
    (network,) = load_networks(lambda: IncrementNetwork(found), first, name="mine")
    with torch.no_grad():
        assert relative_error(network, checked).mean() < 0.8
    names = {path.name for path in tmp_path.glob("*.safetensors")}
    assert names == {"mine-0-easy.safetensors", "mine-0-all.safetensors"}
    again = trained(library, FEW, **kept)
    for key, value in first.items():
        torch.testing.assert_close(again[key], value, rtol=0.0, atol=0.0)


def test_scenes_are_needed_to_learn_from_and_to_choose_by(library: Library) -> None:
    with pytest.raises(OceanbenchError, match="5 scenes, of which 5 choose the weights"):
        trained(library, replace(FEW, checked=5), name="mine", seed=0)


def test_a_library_makes_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def make(folder: Path, number: int, **_: object) -> None:
        made.append(f"{folder.name} {number}")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{folder.name[:5]}-{number:04d}.safetensors").touch()

    monkeypatch.setattr(libraries, "make_world", make)
    monkeypatch.setattr(libraries, "keep_scene", make)
    anywhere_scenes.write_scenes(tmp_path / "scenes", 2)
    Library(tmp_path, 2, 3).fill()
    assert sorted(made) == ["scenes 2", "worlds 0", "worlds 1"]
    assert made[-1] == "scenes 2"
    with pytest.raises(OceanbenchError, match="workers=0: expected at least one"):
        Library(tmp_path, 3, 3).fill(workers=0)


@pytest.mark.parametrize("cut", [False, True], ids=["of a former version", "cut off"])
def test_a_scene_that_is_not_whole_is_refused(library: Library, *, cut: bool) -> None:
    path = library.scene_files[0]
    if cut:
        path.write_bytes(path.read_bytes()[:40])
    else:
        save_file({k: v for k, v in load_file(path).items() if k != "smooth_km"}, path)
    with pytest.raises(OceanbenchError, match=r"scene-00000.safetensors: not a whole scene"):
        WindowSampler([path], FEW).middles()
