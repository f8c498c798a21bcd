"""Which points of windows a mask looks at."""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from oceanbench.declaration import Declaration, Mask
from oceanbench.kinds.windows.opening import open_flagged, open_windows


def inside_windows(
    points: xr.DataArray, mask: Mask, declaration: Declaration, data_dir: Path | None
) -> xr.DataArray:
    """Which points of the windows a mask looks at."""
    inside = xr.ones_like(points, dtype=bool)
    if mask.sampling is not None:
        inside = inside & (points["sampling"] == mask.sampling)
    if mask.elapsed is not None:
        inside = inside & (points["time"] >= mask.elapsed[0]) & (points["time"] <= mask.elapsed[1])
    for name, seen in ((mask.observed_in, True), (mask.unobserved_in, False)):
        if name is not None:
            observed = open_windows(declaration, name, data_dir)[str(points.name)].notnull()
            inside = inside & (observed == seen)
    for name, wanted in ((mask.flagged, True), (mask.unflagged, False)):
        if name is not None:
            inside = inside & (open_flagged(declaration, name, data_dir) == wanted)
    return inside
