"""The seas of the stress matrix, who observes them, and what is scored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
import xarray as xr

from oceanbench import Challenge
from oceanbench.assimilation.fourdvarnet.maps.map_grid import bicubic
from oceanbench.data.files import write_netcdf
from oceanbench.dynamics import layered_ocean, quasigeostrophic
from oceanbench.dynamics.basin import north_atlantic_like
from oceanbench.dynamics.quasigeostrophic import DAY
from oceanbench.grid import KM_PER_DEGREE, fill_holes
from oceanbench.observing.constellation import constellation
from oceanbench.observing.sampling import sample

SIDE, RIM = 8.0, 1.0  # degrees, of the box that is observed; of it, around what is scored
STEP = 0.2  # degrees, of what is scored
WINDOW, BEFORE, SCORED = 34, 10, 14  # days of a season, and of them
SEASONS = ("training", "another")
NADIRS = ("jason1", "envisat", "topex-poseidon_interleaved", "geosat2", "sentinel3a", "hy2b")
SAMPLINGS = {
    "two": NADIRS[:2],
    "four": NADIRS[:4],
    "six": NADIRS,
    "four + swath": (*NADIRS[:4], "swot"),
}
ERRORS = {"none": 0.0, "nominal": 1.0, "twice": 2.0}
USUAL = ("training", "four", "nominal")  # what is fitted or learned is so at this one

EDDIES = quasigeostrophic.Parameters(  # on a weak westward shear, 1.8 times the critical one
    domain_length=1260e3,
    latitude=30.0,
    deformation_radius=35e3,
    jet_speed=0.0,
    relaxation_time=None,
    drag_time=8 * DAY,
)
BASIN_STAGES = ((0.6, 21600.0, 1096), (0.3, 14400.0, 365), (0.2, 10800.0, 45))
BASIN_START = np.datetime64("2013-07-01", "ns")


@dataclass(frozen=True)
class Sea:
    """Daily maps, and which of them are what.

    Attributes
    ----------
    world : makes the maps (time, latitude, longitude), missing on land
    corner : west and south of the box
    starts : first day of each season
    states : first and last day of what may be learned from
    kept : whether the maps are simulated, and kept
    """

    world: Callable[[], xr.DataArray]
    corner: tuple[float, float]
    starts: tuple[str, str]
    states: tuple[str, str]
    kept: bool = False


@dataclass(frozen=True)
class Season:
    """Some weeks of a sea.

    Attributes
    ----------
    truth : (time, latitude, longitude) of the box, missing on land
    mean : (latitude, longitude) of the states, which every method is given
    seed : of the errors of those who observe it
    """

    truth: xr.DataArray
    mean: xr.DataArray
    seed: int

    @property
    def scored(self) -> xr.DataArray:
        """Truth that is scored: the inner box and the days in the middle."""
        inner = {
            name: slice(float(axis[0]) + RIM - 1e-6, float(axis[-1]) - RIM + 1e-6)
            for name in ("latitude", "longitude")
            for axis in (self.truth[name],)
        }
        every = round(STEP / float(self.truth["latitude"].diff("latitude").mean()))
        thinned = {name: slice(None, None, every) for name in inner}
        days = slice(BEFORE, BEFORE + SCORED)
        return self.truth.isel(time=days).sel(inner).isel(thinned)

    def inputs(self, sampling: str, errors: str) -> dict[str, xr.Dataset]:
        """What a method is given."""
        known = self.truth.notnull().all("time")
        whole = self.truth if bool(known.all()) else fill_holes(self.truth)
        seen = constellation(
            whole, SAMPLINGS[sampling], seed=self.seed, errors=ERRORS[errors], sea=known
        )
        mean = self.mean.to_dataset(name="ssh").assign_attrs(role="auxiliary", layout="static")
        return {**seen, "mean": mean}


def jet() -> xr.DataArray:
    """Maps of ``ssh_osse_jet``, those that are scored there first."""
    return _frozen("ssh_osse_jet")


def fronts() -> xr.DataArray:
    """Maps of ``ssh_osse_fronts``."""
    return _frozen("ssh_osse_fronts")


def _frozen(name: str) -> xr.DataArray:
    challenge = Challenge.load(name)
    scored, later = (challenge.open(n)["ssh"] for n in (challenge.truth_name, "training_truth"))
    same = {
        axis: slice(float(scored[axis].min()) - 1e-6, float(scored[axis].max()) + 1e-6)
        for axis in ("latitude", "longitude")
    }
    maps = xr.concat([scored, later.sel(same)], "time", join="override")
    maps = maps.transpose("time", "latitude", "longitude").load()
    first, last = (
        [float(maps[axis][end]) for axis in ("latitude", "longitude")] for end in (0, -1)
    )
    latitude, longitude = (
        np.linspace(a, b, round((b - a) / STEP * 2) + 1) for a, b in zip(first, last, strict=True)
    )
    axes = {"time": maps["time"].values, "latitude": latitude, "longitude": longitude}
    return xr.DataArray(
        bicubic(maps, latitude, longitude), axes, tuple(axes), "ssh", {"units": "m"}
    )


def basin(
    stages: tuple[tuple[float, float, int], ...] = BASIN_STAGES, kept: int = 215
) -> xr.DataArray:
    """A layered ocean in a closed basin, whose western coast crosses the box."""
    state = None
    for resolution, step, days in stages:
        land = north_atlantic_like(resolution)
        model = layered_ocean.operators(layered_ocean.Parameters(), land, dtype=torch.float32)
        if state is None:
            state = layered_ocean.initial_state(model, seed=1)
        size = model.wet.shape
        state = torch.nn.functional.interpolate(state[None], size, mode="bilinear")[0] * model.wet
        every = round(DAY / step)
        start = 181 * DAY - days * DAY  # so that every stage ends on the 1 July
        run = layered_ocean.integrate(
            state, start, model, time_step=step, steps=every * days, every=every * days
        )
        (state,) = run
    later = layered_ocean.integrate(
        state, 181 * DAY, model, time_step=step, steps=every * kept, every=every
    )
    heights = [
        layered_ocean.sea_surface_height(layered_ocean.streamfunction(s, model), model).numpy()
        for s in later
    ]
    axes = {
        "time": BASIN_START + np.arange(kept) * np.timedelta64(1, "D"),
        "latitude": land.latitude,
        "longitude": land.longitude,
    }
    maps = xr.DataArray(np.stack(heights), axes, tuple(axes), "ssh", {"units": "m"})
    return maps.where(xr.DataArray(land.wet, dims=("latitude", "longitude")))


def quiet(spin_up: int = 600, kept: int = 245, points: int = 64) -> xr.DataArray:
    """Eddies of 3 to 4 cm, a sea without a current, on nodes of 0.2 degrees."""
    westward = -1.8 * EDDIES.planetary_gradient / EDDIES.stretching[0]
    parameters = replace(EDDIES, mean_flow=(westward, 0.0))
    model = quasigeostrophic.operators(parameters, points, dtype=torch.float32)
    state = quasigeostrophic.initial_state(model, seed=3, amplitude=1e-5)
    step = DAY / 16
    run = quasigeostrophic.integrate(
        state, model, time_step=step, steps=16 * (spin_up + kept), every=16
    )
    heights = [
        quasigeostrophic.sea_surface_height(later, model).numpy()
        for day, later in enumerate(run)
        if day >= spin_up
    ]
    position = np.arange(points) * parameters.domain_length / points / 1e3 / KM_PER_DEGREE
    axes = {
        "time": np.datetime64("2013-01-02", "ns") + np.arange(kept) * np.timedelta64(1, "D"),
        "latitude": 24.0 + position,
        "longitude": 200.0 + position / np.cos(np.deg2rad(30.0)),
    }
    field = xr.DataArray(np.stack(heights), axes, tuple(axes), "ssh", {"units": "m"})
    nodes = STEP * np.arange(round(SIDE / STEP) + 1)
    grid = xr.Dataset(
        coords={"time": axes["time"], "latitude": 25.0 + nodes, "longitude": 201.0 + nodes}
    )
    return sample(field, grid, periodic=True).transpose("time", "latitude", "longitude")


SEAS = {
    "jet": Sea(jet, (296.0, 34.0), ("2013-05-01", "2012-10-22"), ("2013-01-02", "2013-09-30")),
    "fronts": Sea(
        fronts, (326.0, 36.0), ("2013-03-12", "2012-10-22"), ("2013-01-02", "2013-06-30")
    ),
    "basin": Sea(
        basin, (-77.0, 31.0), ("2013-08-20", "2013-12-28"), ("2013-07-01", "2013-11-27"), kept=True
    ),
    "quiet": Sea(
        quiet, (201.0, 25.0), ("2013-03-01", "2013-08-01"), ("2013-01-02", "2013-06-30"), kept=True
    ),
}


@cache
def maps(name: str, folder: Path) -> xr.DataArray:
    """Maps of a sea in its box; those that are simulated are kept in a folder."""
    sea, path = SEAS[name], folder / "seas" / f"{name}.nc"
    if sea.kept and not path.is_file():
        world = sea.world().astype(np.float32)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_netcdf(world.to_dataset(name="ssh"), path)
    world = xr.load_dataset(path)["ssh"] if sea.kept else sea.world()
    west, south = sea.corner
    box = {
        "longitude": slice(west - 1e-6, west + SIDE + 1e-6),
        "latitude": slice(south - 1e-6, south + SIDE + 1e-6),
    }
    return world.sel(box).astype(np.float64)


@cache
def season(name: str, which: str, folder: Path) -> Season:
    """One of the seasons of a sea."""
    sea, number = SEAS[name], SEASONS.index(which)
    world = maps(name, folder)
    first = np.datetime64(sea.starts[number], "ns")
    days = slice(first, first + (WINDOW - 1) * np.timedelta64(1, "D"))
    mean = states(name, folder).mean("time")
    seed = 10 * (1 + list(SEAS).index(name)) + number
    return Season(world.sel(time=days), mean, seed)


def states(name: str, folder: Path) -> xr.DataArray:
    """Maps of a sea that may be learned from."""
    return maps(name, folder).sel(time=slice(*SEAS[name].states))
