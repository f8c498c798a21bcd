"""The reference nowcast of ``ssh_forecast_basin``: interpolation of what was delivered by a start.

Its scales are those that ``tune.py`` found in the world of training.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.observations.causal_mapping import CausalSettings, interpolated
from oceanbench.assimilation.observations.superobservations import samples
from oceanbench.grid import fill_holes

NADIRS = ("topex-poseidon_interleaved", "jason1", "envisat")
LATENCY_DAYS = 1.0
WHITE = 0.0173  # m: 3 cm at 1 Hz, of which three are averaged
DEVIATION = 0.147  # m, of the anomaly in the scored box, in the world of training
SETTINGS = CausalSettings(
    length_km=180.0,
    memory_days=7.0,
    before_days=15.0,
    white=WHITE,
    coarsen=2,
    deviation=DEVIATION,
)
ONE_DAY = np.timedelta64(1, "D")
Tracks = Mapping[str, xr.Dataset]


def analysed(
    tracks: Tracks,
    start: np.datetime64,
    mean: xr.DataArray,
    *,
    leads: FloatArray | None = None,
    settings: CausalSettings = SETTINGS,
    latency: float = LATENCY_DAYS,
) -> FloatArray:
    """Anomaly ([lead,] latitude, longitude) on the nodes of a mean, land too.

    Parameters
    ----------
    tracks : of all altimeters
    start : of the nowcast
    mean : climatology (latitude, longitude)
    leads : days after the start; the start alone by default, then without a dimension of leads
    settings : of the interpolation
    latency : days from an observation to its delivery
    """
    latest = start - np.timedelta64(round(24 * latency), "h")
    earliest = start - np.timedelta64(round(24 * settings.before_days), "h")
    given = {
        name: tracks[name].sel(time=slice(earliest, latest)).assign_attrs(layout="track")
        for name in NADIRS
    }
    axes = mean["longitude"].values, mean["latitude"].values
    options = {"coarsen": settings.coarsen, "mean": fill_holes(mean)}
    observed = samples(given, "ssh", start, float(axes[0].mean()), **options)
    when = np.zeros(1) if leads is None else leads
    found = interpolated(observed, when, *axes, settings).anomaly
    return found[0] if leads is None else found
