"""Maps among the inputs that anomalies are relative to, in place of a mean field."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from oceanbench.errors import OceanbenchError, did_you_mean
from oceanbench.grid import centre_longitude, fill_holes


def background_maps(
    inputs: Mapping[str, xr.Dataset], variable: str, name: str, centre: float
) -> xr.DataArray:
    """Maps of a variable, such as an operational analysis, continued over land.

    Parameters
    ----------
    inputs : of a method
    variable : its name
    name : of the input, of layout ``grid``
    centre : longitudes are brought to the 360 degrees around it

    Returns
    -------
    DataArray (time, latitude, longitude), increasing, without holes

    Raises
    ------
    OceanbenchError
        if no such input has maps of the variable
    """
    grids = [
        n for n, d in inputs.items() if d.attrs.get("layout") == "grid" and variable in d.data_vars
    ]
    if name not in grids:
        raise OceanbenchError(
            f"background={name}: no input of that name has maps of '{variable}'; "
            f"{did_you_mean(name, grids)}"
        )
    field = centre_longitude(inputs[name][variable], centre).sortby("latitude").sortby("time")
    field = field.transpose("time", "latitude", "longitude").astype(np.float64)
    return fill_holes(field) if bool(field.isnull().any()) else field
