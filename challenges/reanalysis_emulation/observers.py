"""Who observes the ocean of `reanalysis_emulation`: altimeters, an imager, floats and drifters."""

from __future__ import annotations

import numpy as np
import torch
import xarray as xr
from world import EPOCH, RESOLUTION, dates, day_number, operators

from oceanbench.assimilation.gaussian.optimal_interpolation import Observations
from oceanbench.assimilation.nudging.reanalysis import Network
from oceanbench.dynamics import layered_ocean as ocean
from oceanbench.dynamics import water_columns
from oceanbench.dynamics.quasigeostrophic import DAY
from oceanbench.observing import in_situ
from oceanbench.observing.noise import nadir_error
from oceanbench.observing.orbits import ORBITS, nadir_track
from oceanbench.observing.sampling import sample

ALTIMETERS = ("jason1", "sentinel3a", "hy2b")
BOX = (-78.0, -48.0, 27.0, 45.0)
PROFILES_PER_DAY, CLOUDS, IMAGE_NOISE = 6, 0.5, 0.3
PROFILE_NOISE = {"thetao": 0.02, "so": 0.01}
DRIFTERS, DRIFTER_NOISE = 40, 0.03
HEIGHT_ERROR, HEIGHT_INNOVATION = 0.025, 0.06  # m, standard deviations
PROFILE_ERROR = 0.4  # variance, relative to that of innovations: a column stands for an eddy


def heights(nature: np.ndarray, first: int) -> xr.DataArray:
    """Sea level of nature, continued over land as altimetry is interpolated near a coast."""
    model = operators("nature")
    parts = []
    for start in range(0, len(nature), 100):
        psi = ocean.streamfunction(torch.from_numpy(nature[start : start + 100]), model)
        parts.append(ocean.sea_surface_height(psi, model, land=True).numpy())
    axes = {"latitude": model.basin.latitude, "longitude": model.basin.longitude}
    time = dates(range(first, first + len(nature)))
    return xr.DataArray(np.concatenate(parts), {"time": time, **axes}, name="sla")


def along_track(
    height: xr.DataArray, mdt: xr.DataArray, mission: str, *, rate_hz: float, white: float
) -> xr.Dataset:
    """Sea level anomalies under an altimeter, with errors, and the mean topography below them."""
    first, last = height["time"].values[[0, -1]]
    track = nadir_track(ORBITS[mission], BOX, first, last, rate_hz=rate_hz)
    sea = xr.DataArray(operators("nature").wet.numpy(), mdt.coords, mdt.dims)
    place = {name: track[name].round(4) for name in ("latitude", "longitude")}
    track = track.assign_coords(place)
    nearest = sea.sel(place, method="nearest", tolerance=RESOLUTION["nature"])
    track = track.isel(time=(nearest > 0).values)
    mean = sample(mdt.expand_dims(time=height["time"].values[[0, -1]]), track)
    error = nadir_error(track, seed=ALTIMETERS.index(mission), white=white)
    return track.assign(sla=sample(height, track) - mean + error, mdt=mean)


def profiles(nature: np.ndarray, first: int, every: int) -> xr.Dataset:
    """T and S of floats at the six depths, on every so many days, with errors of the instrument."""
    model = operators("nature")
    per_day = PROFILES_PER_DAY * every
    day, row, column = in_situ.profile_cells(
        model.basin.wet, len(nature[::every]), per_day, seed=10
    )
    random = np.random.default_rng(11)
    found: dict[str, list[np.ndarray]] = {name: [] for name in PROFILE_NOISE}
    for number, state in enumerate(nature[::every]):
        fields = water_columns.fields(torch.from_numpy(state), model, water_columns.DEPTHS)
        here = slice(number * per_day, (number + 1) * per_day)
        for name, noise in PROFILE_NOISE.items():
            values = fields[name][:, row[here], column[here]].T.numpy()
            found[name].append(values + noise * random.standard_normal(values.shape))
    return xr.Dataset(
        {name: (("time", "depth"), np.concatenate(values)) for name, values in found.items()},
        {
            "time": dates(first + every * day),
            "depth": np.array(water_columns.DEPTHS),
            "latitude": ("time", model.basin.latitude[row]),
            "longitude": ("time", model.basin.longitude[column]),
        },
    )


def images(temperature: xr.DataArray, seed: int = 12) -> xr.DataArray:
    """Temperature of the surface where there are no clouds, with a white error."""
    clear = in_situ.clear_sky(temperature.shape, seed, cover=CLOUDS)
    noise = np.random.default_rng(seed + 1).standard_normal(temperature.shape)
    return (temperature + IMAGE_NOISE * noise).where(clear)


def drifters(nature: np.ndarray, first: int) -> xr.Dataset:
    """Daily places and velocities of drifters in the surface currents, with errors of velocity."""
    model = operators("nature")
    flow = [water_columns.fields(torch.from_numpy(state), model) for state in nature]
    u, v = (np.nan_to_num(np.stack([f[name][0].numpy() for f in flow])) for name in ("uo", "vo"))
    basin = model.basin
    latitude, longitude = in_situ.drift(
        u, v, (basin.latitude, basin.longitude), basin.wet, DRIFTERS, seed=14
    )
    time = dates(range(first, first + len(nature)))
    places = {
        "latitude": (("time", "drifter"), latitude),
        "longitude": (("time", "drifter"), longitude),
    }
    found = xr.Dataset(coords={"time": time, "drifter": np.arange(DRIFTERS), **places})
    random = np.random.default_rng(15)
    axes = {"time": time, "latitude": basin.latitude, "longitude": basin.longitude}
    for name, values in (("uo", u), ("vo", v)):
        seen = xr.DataArray(values, axes).interp(
            time=found["time"], latitude=found["latitude"], longitude=found["longitude"]
        )
        noise = DRIFTER_NOISE * random.standard_normal(seen.shape)
        found[name] = (("time", "drifter"), seen.values + noise)
    return found


def network(tracks: list[xr.Dataset], floats: xr.Dataset, sst: xr.DataArray) -> Network:
    """What the model is held to, from the observations and their variances."""
    joined = xr.concat([t[["sla", "mdt", "latitude", "longitude"]] for t in tracks], "time")
    joined = joined.sortby("time")
    error = np.full(joined.sizes["time"], (HEIGHT_ERROR / HEIGHT_INNOVATION) ** 2)
    below = floats.sel(depth=222.4752, method="nearest")
    values = [floats["so"][:, 0], below["thetao"], below["so"]]
    scaled = np.stack([v.values for v in values], axis=1)
    padding = np.full((day_number(str(sst["time"].values[0])[:10]), *sst.shape[1:]), np.nan)
    return Network(
        heights=Observations(
            model_days(joined),
            joined["longitude"].values,
            joined["latitude"].values,
            (joined["sla"] + joined["mdt"]).values,
            error,
        ),
        profiles=Observations(
            model_days(floats),
            floats["longitude"].values,
            floats["latitude"].values,
            scaled,
            np.full(len(scaled), PROFILE_ERROR),
        ),
        images=np.concatenate([padding, sst.values]),
    )


def model_days(dataset: xr.Dataset) -> np.ndarray:
    """Times of a dataset in days since the time 0 of the models."""
    elapsed = dataset["time"].values.astype("datetime64[ns]") - EPOCH
    return elapsed / np.timedelta64(1, "ns") / (DAY * 1e9)
