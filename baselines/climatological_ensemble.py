"""Climatological ensemble: the same day of every training year is a member, whatever the start.

Its spread is that of the climate, so that the ratio of spread to error is near one at every lead.
A member is a day of one year: its fields belong together, and follow each other from lead to lead
but at the turn of the year, where it goes back to the January before.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from oceanbench.arrays import IndexArray, TimeArray
from oceanbench.errors import OceanbenchError
from oceanbench.forecasting.anomalies import days_of, maps_of, nodes_of, of_role

KINDS = ("forecasts",)


def estimate(
    inputs: Mapping[str, xr.Dataset], target: xr.Dataset, *, device: str, seed: int
) -> xr.Dataset:
    """Give every lead the maps of that day of the year, one member a training year.

    Parameters
    ----------
    inputs : a dataset of role ``training`` with two whole years or more
    target : variables (start, lead, [depth,] latitude, longitude) to fill
    device, seed : not used
    """
    training = of_role(inputs, "training")
    leads = target["lead"].values.astype("timedelta64[D]")
    places = same_day_of_years(days_of(target)[:, None] + leads, days_of(training))
    found = {}
    for name, maps in maps_of(training, nodes_of(target)).items():
        dims = ("start", "lead", "member", *target[name].dims[2:])
        found[name] = (dims, maps.astype(np.float32)[places])
    return target.drop_vars(list(found)).assign(found)


def same_day_of_years(days: TimeArray, known: TimeArray) -> IndexArray:
    """Places in ``known`` of the same day, counted from 1 January, of each of its whole years.

    The 366th day is the 365th where there is none. Shape of ``days`` and then the years.
    """
    years = np.unique(known.astype("datetime64[Y]"))
    first, last = years.astype("datetime64[D]"), (years + 1).astype("datetime64[D]") - 1
    whole = np.isin(first, known) & np.isin(last, known)
    if whole.sum() < 2:
        raise OceanbenchError(
            f"climatological_ensemble: {whole.sum()} whole years of training maps, expected two or "
            "more: each is a member"
        )
    number = (days - days.astype("datetime64[Y]").astype("datetime64[D]"))[..., None]
    wanted = np.minimum(first[whole] + number, last[whole])
    places = np.searchsorted(known, wanted)
    if not (known[places] == wanted).all():
        raise OceanbenchError("climatological_ensemble: a day of a training year is missing")
    return places
