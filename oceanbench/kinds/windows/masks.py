"""Masks of windows, and which points they look at."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

import xarray as xr

from oceanbench.declaration import Declaration, Interval, Mask, Text
from oceanbench.kinds.windows.opening import open_flagged, open_windows


class WindowMask(Mask):
    """Part of the windows: a point must lie in all that is given.

    It is the part of one sampling, of some times since the start, where a dataset of observations
    has values or has none, or where a flag in the file of the truth is set or is not.
    """

    sampling: Text | None = None
    elapsed: Interval | None = None
    observed_in: Text | None = None
    unobserved_in: Text | None = None
    flagged: Text | None = None
    unflagged: Text | None = None

    @property
    def flags(self) -> list[str]:
        """Names of the flags that it looks through."""
        return [name for name in (self.flagged, self.unflagged) if name is not None]


def masks_of(declaration: Declaration) -> Mapping[str, WindowMask]:
    """Masks of a challenge of windows."""
    return cast(Mapping[str, WindowMask], declaration.masks)


def inside_windows(
    points: xr.DataArray, mask: WindowMask, declaration: Declaration, data_dir: Path | None
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
