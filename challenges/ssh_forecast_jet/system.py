"""The reference nowcast of ``ssh_forecast_jet``, and the system whose forecasts are first guesses.

Both interpolate what was delivered, with the scales that ``tune.py`` found in the world of
training; the system has one altimeter fewer, and a model carries its analyses on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.nudging.free_run import RunSettings as Model
from oceanbench.assimilation.nudging.free_run import carried
from oceanbench.assimilation.observations.causal_mapping import CausalSettings, interpolated
from oceanbench.assimilation.observations.superobservations import samples

NADIRS = ("topex-poseidon_interleaved", "jason1", "geosat2", "envisat")
OF_SYSTEM = NADIRS[:3]
LATENCY_DAYS = 1.0
DEVIATION = 0.1755  # m, of the anomaly in the scored box, in the world of training
SETTINGS = CausalSettings(length_km=180.0, memory_days=7.0, before_days=15.0, deviation=DEVIATION)
MODEL = Model(wave_speed=5.0)
STEP = 0.2  # degrees, of nowcasts
WIDE_BOX = (294.0, 306.0, 32.0, 44.0)
ONE_DAY = np.timedelta64(1, "D")
Tracks = Mapping[str, xr.Dataset]


class Analysis(NamedTuple):
    """Anomaly (latitude, longitude) of a start, and the newest observation that it knows."""

    anomaly: FloatArray
    newest: np.datetime64


def nodes() -> tuple[FloatArray, FloatArray]:
    """Longitudes and latitudes of nowcasts."""
    west, east, south, north = WIDE_BOX
    count = round((east - west) / STEP) + 1
    return np.linspace(west, east, count), np.linspace(south, north, count)


def analysed(
    tracks: Tracks,
    start: np.datetime64,
    mean: xr.DataArray,
    missions: Sequence[str] = NADIRS,
    *,
    leads: FloatArray | None = None,
    settings: CausalSettings = SETTINGS,
) -> Analysis:
    """Interpolate what was delivered by a start, at the start or some days after it.

    Parameters
    ----------
    tracks : of all altimeters
    start : of the nowcast
    mean : climatology (latitude, longitude)
    missions : those to use
    leads : days after the start; the start alone by default, then without a dimension of leads
    settings : of the interpolation
    """
    latest = start - np.timedelta64(round(24 * LATENCY_DAYS), "h")
    earliest = start - np.timedelta64(round(24 * settings.before_days), "h")
    given = {
        name: tracks[name].sel(time=slice(earliest, latest)).assign_attrs(layout="track")
        for name in missions
    }
    newest = max(track["time"].values.max() for track in given.values() if track.sizes["time"])
    longitude, latitude = nodes()
    centre = float(longitude.mean())
    observed = samples(given, "ssh", start, centre, coarsen=settings.coarsen, mean=mean)
    when = np.zeros(1) if leads is None else leads
    found = interpolated(observed, when, longitude, latitude, settings).anomaly
    return Analysis(found[0] if leads is None else found, newest)


def forecast(anomaly: FloatArray, mean: xr.DataArray, leads: Sequence[int]) -> FloatArray:
    """Heights (lead, latitude, longitude) that the model makes of an analysis."""
    return carried(anomaly + on_nodes(mean), *nodes(), leads, MODEL)


def on_nodes(mean: xr.DataArray) -> FloatArray:
    """Climatology on the nodes of nowcasts."""
    longitude, latitude = nodes()
    field = mean.interp(longitude=longitude, latitude=latitude)
    values: FloatArray = field.transpose("latitude", "longitude").values
    return values
