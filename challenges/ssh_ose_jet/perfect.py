"""Write the maps of the truth of this challenge's world: what its noisy altimeter lets one score.

    python challenges/ssh_ose_jet/perfect.py perfect.nc
    oceanbench evaluate ssh_ose_jet perfect.nc --name perfect --observations truth

The maps are those of ssh_osse_jet; the last one stands for the day after it too, within which 157
of the 4770 points lie.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import xarray as xr

from oceanbench.data.files import write_netcdf

TRUTH = Path(__file__).parents[1] / "ssh_osse_jet" / "data" / "truth.nc"


def perfect_maps() -> xr.Dataset:
    """Maps of the truth, the last one twice."""
    with xr.open_dataset(TRUTH, engine="h5netcdf") as opened:
        truth = opened[["ssh"]].load()
    after = truth.isel(time=[-1])
    after = after.assign_coords(time=after["time"] + np.timedelta64(1, "D"))
    return xr.concat([truth, after], "time")


if __name__ == "__main__":
    write_netcdf(perfect_maps(), Path(sys.argv[1]))
