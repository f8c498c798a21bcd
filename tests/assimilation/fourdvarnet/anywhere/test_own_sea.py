"""A challenge's own sea: its maps as a world, its scenes, and a training that goes on there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import anywhere_scenes
import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from rows import every

from oceanbench.assimilation.fourdvarnet.anywhere import anywhere_mapping
from oceanbench.assimilation.fourdvarnet.anywhere.anywhere_mapping import AnywhereMapping
from oceanbench.assimilation.fourdvarnet.anywhere.library import Library
from oceanbench.assimilation.fourdvarnet.anywhere.scenes.altimeters import draw_place
from oceanbench.assimilation.fourdvarnet.anywhere.worlds.own_sea import own_world
from oceanbench.assimilation.fourdvarnet.anywhere.worlds.seas import CELLS, DAYS, draw_sea
from oceanbench.assimilation.fourdvarnet.anywhere.worlds.simulations import keep_world, read_world
from oceanbench.errors import OceanbenchError


def slope(days: int = 32, degrees: float = 8.0, latitude: float = 41.0) -> xr.DataArray:
    """Maps that rise by a centimetre a day and 0.1 m a degree to the north; land in a corner."""
    axes = {
        "time": pd.date_range("2015-01-01", periods=days),
        "latitude": latitude + np.arange(0.0, degrees + 1e-9, 0.25),
        "longitude": -20.0 + np.arange(0.0, 1.4 * degrees + 1e-9, 0.25),
    }
    day, north, _ = np.meshgrid(np.arange(days), *list(axes.values())[1:], indexing="ij")
    maps = xr.DataArray(0.01 * day + 0.1 * (north - latitude), axes, tuple(axes), name="ssh")
    return maps.where((maps["latitude"] > latitude + 2.0) | (maps["longitude"] > -17.0))


def test_a_known_sea_is_its_maps_on_square_cells(tmp_path: Path) -> None:
    path = tmp_path / "world-0000.safetensors"
    keep_world(own_world(slope()), path)
    world = read_world(path)
    assert world.latitude == pytest.approx(45.0)
    sides = np.array(world.height.shape[1:]) * world.spacing_km
    np.testing.assert_allclose(sides, [890.0, 880.0], rtol=0.03)
    random = np.random.default_rng(0)
    sea = draw_sea(random, [path], gaussian=0.0)
    assert draw_place(random, sea).latitude == pytest.approx(45.0)
    days, north, east = np.meshgrid([3.0, 31.0, 34.0], sea.axis, sea.axis, indexing="ij")
    height, wet = sea.height(days, north, east), ~np.asarray(sea.land())
    assert wet.shape == (CELLS, CELLS)
    rise = np.diff(height[:, wet].mean(1))
    np.testing.assert_allclose(rise, [0.28, -0.03], atol=2e-3)  # what ends runs back again
    along = np.diff(height[0].mean(1)) / sea.cell_km * 111.2
    np.testing.assert_allclose(along[CELLS // 2 :], 0.1, atol=5e-3)
    np.testing.assert_allclose(sea.known_mean(north[0], east[0]), height.mean(0), atol=0.2)


def test_a_known_sea_is_told_to_be_rough_or_smooth_alike(tmp_path: Path) -> None:
    """How smooth it is is not known."""
    path = tmp_path / "world-0000.safetensors"
    keep_world(own_world(slope()), path)
    seas = [draw_sea(np.random.default_rng(seed), [path], gaussian=0.0) for seed in range(24)]
    smooth = [sea for sea in seas if sea.smooth_km]
    assert 6 <= len(smooth) <= 18
    steps = [abs(np.diff(sea.maps[5, :, 20], 2)).max() for sea in seas]
    np.testing.assert_allclose(steps, steps[0], atol=1e-4)  # none is smoothed


@every("days, degrees", [(DAYS // 2, 8.0), (32, 4.0)])
def test_maps_that_make_no_scene_are_refused(days: int, degrees: float) -> None:
    with pytest.raises(OceanbenchError, match="expected 20 days and 672 km"):
        own_world(slope(days, degrees))


def test_a_training_goes_on_on_a_known_sea(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mapping = AnywhereMapping("mine", {"cpu": replace(anywhere_scenes.SMALL, easy_steps=2)})
    made: list[Library] = []

    def fill(library: Library, **_: object) -> None:
        made.append(library)
        anywhere_scenes.write_scenes(library.folder / "scenes", library.scenes)

    monkeypatch.setattr(anywhere_mapping, "training_truth", lambda *_: slope())
    monkeypatch.setattr(Library, "fill", fill)
    few = {"scenes": 5, "steps": 3, "precision": "single", "checkpoint": str(tmp_path)}
    track = xr.Dataset(attrs={"role": "observations", "layout": "track"})
    call = {"device": "cpu", "seed": 0, "sea": "own", **few}
    first = mapping.train({"one": track}, **call)
    gone_on = mapping.train({"one": track}, init=first, **{**call, "checkpoint": ""})
    assert [(library.worlds, library.own is None) for library in made] == [(1, False)] * 2
    assert [path.parent.name for path in tmp_path.rglob("*-all.safetensors")] == [
        made[0].folder.name
    ]
    assert not list(made[1].folder.rglob("*-easy.safetensors"))
    changed = [k for k in first if not torch.equal(first[k], gone_on[k])]
    assert changed and set(first) == set(gone_on)
    with pytest.raises(OceanbenchError, match="weights of a network of another shape"):
        mapping.train({"one": track}, init=first, update="unet", **call)
    with pytest.raises(OceanbenchError, match="sea=mine: expected one of family, own"):
        mapping.train({}, **{**call, "sea": "mine"})
