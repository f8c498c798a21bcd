"""4DVarNet for maps: its members trained on a training truth, and applied.

What the method files share. Windows of some days are estimated apart and blended; the grid that
the networks work on is coarser than that of the maps, to which estimates are splined.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from scipy.interpolate import RectBivariateSpline
from torch import Tensor

from oceanbench.assimilation import networks
from oceanbench.assimilation.lessons import Lesson
from oceanbench.assimilation.map_lessons import Bank, bank, triangle
from oceanbench.assimilation.map_recipe import MapRecipe, network
from oceanbench.assimilation.scenes import Grid, Scene, grid_around, scene
from oceanbench.assimilation.training import Schedule
from oceanbench.assimilation.unrolled import FourDVarNet
from oceanbench.errors import OceanbenchError

FloatArray = NDArray[np.float64]
CHECKED_DAYS, GAP_DAYS = 32, 14  # at the end of the training period, and between it and the rest
MARGIN = 1.0  # degrees around the maps that the networks see
DECAY = 1e-4  # of the weights
WINDOWS_AT_ONCE = 8


@dataclass(frozen=True)
class Scale:
    """Mean and standard deviation by which a variable is normalised."""

    mean: float
    deviation: float

    def apart(self, values: FloatArray) -> Tensor:
        """Normalised, in single precision."""
        return torch.as_tensor((values - self.mean) / self.deviation, dtype=torch.float32)


def train_members(
    inputs: Mapping[str, xr.Dataset],
    recipe: MapRecipe,
    *,
    name: str,
    members: int,
    seed: int,
    device: str,
    missions: str = "",
    checkpoint: str = "",
) -> dict[str, Tensor]:
    """Train members from consecutive seeds.

    The last days of the training period are for validation, as they were observed.

    Parameters
    ----------
    inputs : tracks, and maps of role ``training``
    recipe : of every member
    name : of the method, for messages
    members : how many
    seed : of the first, and of the tracks on other days
    device : of torch
    missions : as for :func:`oceanbench.assimilation.preparation.samples`
    checkpoint : folder that keeps every training, or nothing

    Returns
    -------
    weights of member i as ``i.…``, in half precision (they are used in single precision, or in
    bfloat16, which knows no more digits), the normalisation ``mean`` and ``deviation``, and the
    recipe
    """
    truth = _training_truth(inputs, name)
    grid = grid_around(truth, recipe.step_degrees)
    nodes = _on_grid(truth, grid)
    if len(nodes) < CHECKED_DAYS + GAP_DAYS + recipe.days:
        raise OceanbenchError(
            f"{name}: {len(nodes)} days of training maps, expected at least "
            f"{CHECKED_DAYS + GAP_DAYS + recipe.days}; give a longer training period"
        )
    scale = Scale(float(nodes.mean()), float(nodes.std()))
    scenes = bank(
        inputs,
        truth,
        grid,
        scenes=recipe.scenes,
        first_guess=recipe.first_guess,
        seed=seed,
        missions=missions,
        device=device,
    )
    whole = normalised(scenes, nodes, scale)
    learning = whole.days(0, len(nodes) - CHECKED_DAYS - GAP_DAYS)
    checks = whole.days(len(nodes) - CHECKED_DAYS, len(nodes)).windows(recipe.days).to(device)
    tensors = networks.train(
        lambda: network(recipe),
        lambda member: _task(member, recipe, learning, checks, device),
        name=name,
        members=members,
        seed=seed,
        schedule=Schedule(
            steps=recipe.steps,
            rate=recipe.rate,
            warm_up=50,
            floor=0.03,
            decay=DECAY,
            validations=20,
            average=recipe.average,
        ),
        about=f"{recipe}, {scale}, {missions}",
        device=device,
        checkpoint=checkpoint,
    )
    kept = {"mean": torch.tensor(scale.mean), "deviation": torch.tensor(scale.deviation)}
    small = {k: v.half() if v.is_floating_point() else v for k, v in tensors.items()}
    return kept | networks.as_tensors(recipe) | small


def _task(
    member: FourDVarNet, recipe: MapRecipe, learning: Bank, checks: Lesson, device: str
) -> networks.Task:
    def draw(random: torch.Generator) -> Lesson:
        window = learning.draw(
            recipe.batch, recipe.days, recipe.crop, random, mirrored=recipe.mirrored
        )
        return window.to(device)

    def loss(lesson: Lesson, made: float) -> Tensor:
        found = member(lesson.values, lesson.observed, lesson.first_guess)
        error, weight = (found - lesson.wanted) / recipe.correction, lesson.weight
        total = (weight * error.square()).mean()
        for axis in (-1, -2):
            slope = weight.narrow(axis, 1, error.shape[axis] - 1) * error.diff(dim=axis).square()
            total = total + recipe.slope_loss * slope.mean()
        if recipe.prior_hidden:
            unlikely = lesson.wanted - member.prior(lesson.wanted)
            total = total + recipe.prior_loss * unlikely.square().mean()
        return cast(Tensor, total)

    def score() -> float:
        found = _in_parts(member, checks.values, checks.observed, checks.first_guess)
        return float((checks.weight * (found - checks.wanted).square()).mean())

    return networks.Task(draw, loss, score)


def estimate_members(
    inputs: Mapping[str, xr.Dataset],
    target: xr.DataArray,
    weights: Mapping[str, Tensor],
    *,
    name: str,
    member: int = -1,
    first_guess: str = "",
    missions: str = "",
    device: str = "cpu",
) -> FloatArray:
    """Maps of the members.

    Parameters
    ----------
    inputs : tracks, swaths, and what a mean field is made of
    target : (time, latitude, longitude), to fill
    weights : from :func:`train_members`
    name : of the method, for messages
    member : the number of one member, or -1 for all
    first_guess : another than that of the training
    missions : as for :func:`oceanbench.assimilation.preparation.samples`
    device : of torch

    Returns
    -------
    (members, time, latitude, longitude)
    """
    if not {"mean", "deviation"} <= weights.keys():
        raise OceanbenchError(f"{name}: these are not its weights; train it")
    recipe = networks.recipe_of(MapRecipe, weights, name)
    scale = Scale(float(weights["mean"]), float(weights["deviation"]))
    grid = grid_around(target, recipe.step_degrees, margin=MARGIN, days=recipe.days // 2)
    seen = scene(
        inputs,
        str(target.name),
        grid,
        first_guess=first_guess or recipe.first_guess,
        missions=missions,
        device=device,
    )
    solvers = networks.taken_up(
        lambda: network(recipe), weights, name=name, member=member, device=device
    )
    maps = [
        scale.mean + scale.deviation * _blended(s, recipe, seen, scale, device) for s in solvers
    ]
    return np.stack([_splined(grid.field(values), target) for values in maps])


def filled(
    inputs: Mapping[str, xr.Dataset],
    target: xr.Dataset,
    weights: Mapping[str, Tensor],
    *,
    name: str,
    first_guess: str = "",
    missions: str = "",
    device: str = "cpu",
) -> xr.Dataset:
    """Target with the maps of all members, (member, time, latitude, longitude).

    Parameters are those of :func:`estimate_members`.
    """
    found = {}
    for variable in map(str, target.data_vars):
        maps = estimate_members(
            inputs,
            target[variable],
            weights,
            name=name,
            first_guess=first_guess,
            missions=missions,
            device=device,
        )
        found[variable] = (("member", *target[variable].dims), maps, target[variable].attrs)
    return target.assign(found)


def _blended(
    solver: FourDVarNet, recipe: MapRecipe, seen: Scene, scale: Scale, device: str
) -> FloatArray:
    """Normalised estimates of all days, windows blended as they are weighted in training."""
    given = (
        scale.apart(seen.values),
        torch.as_tensor(seen.observed),
        scale.apart(seen.first_guess),
    )
    windows = [values.unfold(0, recipe.days, 1).movedim(-1, 1).to(device) for values in given]
    found = _in_parts(solver, *windows).double().cpu()
    weight = triangle(recipe.days).double()[:, None, None]
    total, norm = np.zeros(seen.values.shape), np.zeros((len(seen.values), 1, 1))
    for first, window in enumerate(found):
        days = slice(first, first + recipe.days)
        total[days] += (weight * window).numpy()
        norm[days] += weight.numpy()
    return total / norm


def _in_parts(solver: FourDVarNet, *windows: Tensor) -> Tensor:
    parts = zip(*(torch.split(w, WINDOWS_AT_ONCE) for w in windows), strict=True)
    with torch.inference_mode():
        return torch.cat([solver(*part) for part in parts])


def _splined(field: xr.DataArray, target: xr.DataArray) -> FloatArray:
    """Bicubic in space, linear in time."""
    axes = (target["latitude"].values, target["longitude"].values)
    nodes = (field["latitude"].values, field["longitude"].values)
    fine = np.stack([RectBivariateSpline(*nodes, daily)(*axes) for daily in field.values])
    places = {"time": field["time"], "latitude": axes[0], "longitude": axes[1]}
    daily = xr.DataArray(fine, places, ("time", "latitude", "longitude"))
    return cast(FloatArray, daily.interp(time=target["time"]).values)


def _training_truth(inputs: Mapping[str, xr.Dataset], name: str) -> xr.DataArray:
    maps = [d for d in inputs.values() if d.attrs.get("role") == "training"]
    maps = [d for d in maps if d.attrs.get("layout") == "grid"]
    if not maps:
        raise OceanbenchError(
            f"{name}: learns from training maps, and there are none; train on a challenge that "
            "has some, and name its weights with --weights"
        )
    variable = next(str(v) for v in maps[0].data_vars)
    field = maps[0][variable].transpose("time", "latitude", "longitude")
    return field.sortby("latitude").load()


def _on_grid(truth: xr.DataArray, grid: Grid) -> FloatArray:
    return np.stack(
        [
            RectBivariateSpline(truth["latitude"].values, truth["longitude"].values, daily)(
                grid.latitude, grid.longitude
            )
            for daily in truth.values
        ]
    )


def normalised(scenes: tuple[Scene, ...], truth: FloatArray, scale: Scale) -> Bank:
    """Scenes and their truth as tensors."""
    return Bank(
        scale.apart(truth),
        torch.stack([scale.apart(s.values) for s in scenes]),
        torch.stack([torch.as_tensor(s.observed) for s in scenes]),
        torch.stack([scale.apart(s.first_guess) for s in scenes]),
    )
