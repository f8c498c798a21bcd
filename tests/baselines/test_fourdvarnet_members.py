"""Members about a learned map are trained on seas that the map has not seen, and drawn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import map_worlds
import numpy as np
import pytest
import torch
import xarray as xr
from safetensors.torch import save_file
from scipy.ndimage import gaussian_filter

from oceanbench.assimilation.fourdvarnet.maps.configuration import MapConfiguration, network
from oceanbench.assimilation.generative.maps import simulated_scenes
from oceanbench.assimilation.observations.along_track_errors import AlongTrack
from oceanbench.errors import OceanbenchError
from oceanbench.learning import ensembles
from oceanbench.methods.method_file import load_method
from oceanbench.observing.noise import AltimeterError

DAYS = 125
METHOD = load_method("fourdvarnet_members")[1]


def mapping(file: Path) -> Path:
    """File of weights of a mapping that has learned nothing."""
    recipe = MapConfiguration(
        first_guess="mean", days=5, update="conjugate", prior_hidden=4, hidden=4, coarsen=2
    )
    recipe = replace(recipe, iterations=2, error_size=0.5, along_track=True, reduced=False)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = {f"0.{key}": value for key, value in network(recipe).state_dict().items()}
    units = {"mean": torch.tensor(0.0), "deviation": torch.tensor(0.2)}
    errors = AlongTrack(0.1, 25.0, AltimeterError(0.03, 0.02, 150.0)).tensors()
    tensors = made | units | errors | ensembles.as_tensors(recipe)
    save_file({key: value.contiguous() for key, value in tensors.items()}, file)
    return file


def sea(days: int, seed: int, *, checkpoint: str = "") -> np.ndarray:
    """Something smooth in place of a simulated jet."""
    noise = np.random.default_rng(seed).standard_normal((days, 48, 48))
    smooth = gaussian_filter(noise, (4.0, 2.0, 2.0), mode="wrap")
    return (0.2 * smooth / smooth.std()).astype(np.float32)


def test_it_trains_on_other_seas_resumes_and_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulated_scenes, "simulated", sea)
    given, base = map_worlds.inputs(DAYS, error=0.02), mapping(tmp_path / "base.safetensors")
    options = {"device": "cpu", "seed": 1, "bases": str(base), "precision": "single"}
    few = {"steps": 20, "worlds": 2, "checkpoint": str(tmp_path / "kept")}
    weights = METHOD.train(given, **options, **few)
    assert sum(p.name.startswith("scene-") for p in (tmp_path / "kept").iterdir()) == 2
    monkeypatch.setattr(simulated_scenes.BaseEstimates, "of", None)  # scenes are found again
    again = METHOD.train(given, **options, **few)
    assert weights.keys() == again.keys()
    assert all(torch.equal(weights[key], again[key]) for key in weights)
    assert 0.01 < float(weights["spread"]) < 100.0
    monkeypatch.undo()

    field = given["training"]["ssh"].isel(time=slice(60, 63))
    target = xr.full_like(field.sel(latitude=slice(37, 39), longitude=slice(297, 299)), np.nan)
    drawn = {"device": "cpu", "weights": weights, "members": 5}
    one, same, other = (
        METHOD.estimate(given, target.to_dataset(), seed=seed, **drawn)["ssh"] for seed in (0, 0, 1)
    )
    assert one.dims == ("member", "time", "latitude", "longitude") and np.isfinite(one).all()
    xr.testing.assert_identical(one, same)
    np.testing.assert_allclose(one.mean("member"), other.mean("member"), atol=1e-6)
    assert float(abs(one - other).max()) > 1e-4

    infinite = tmp_path / "infinite.safetensors"
    save_file({"deviation": torch.tensor(torch.inf)}, infinite)
    for wrong, said in (
        ({"bases": ""}, "expected files of weights"),
        ({"bases": "nowhere.safetensors"}, "nowhere.safetensors: cannot be read .* for bases="),
        ({"bases": str(infinite)}, "'deviation' has values that are not finite; .* for bases="),
        ({"worlds": 1}, "worlds=1: expected at least 2"),
    ):
        with pytest.raises(OceanbenchError, match=said):
            METHOD.train(given, **(options | wrong))
    with pytest.raises(OceanbenchError, match="two members or more"):
        METHOD.estimate(given, target.to_dataset(), seed=0, **(drawn | {"members": 1}))
