r"""How far to go from one map to another: what altimeters say that neither of them saw.

Of two maps a and b made without an altimeter, and its samples y, the sum of squares of

.. math:: y - a - w (b - a), \qquad w = \frac{\sum (y - a)(b - a)}{\sum (b - a)^2},

is least for this weight, which is kept between 0 and 1. The samples' own error does not bias it.
Where one map is of a flow that fits the sea and the other of its statistics, each has errors of its
own, and something between both is better than either.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.observations.superobservations import Samples
from oceanbench.errors import OceanbenchError

NORMAL = 1.96  # of 95 %

Pair = Callable[[Samples], tuple[FloatArray, FloatArray]]
"""Two maps (times, latitude, longitude) made of samples."""


@dataclass(frozen=True)
class Weight:
    """What withheld altimeters say of two maps.

    Attributes
    ----------
    value : w, between 0 (the first map) and 1 (the second)
    interval : of 95 %, before w is kept between 0 and 1; samples of one pass belong together
    rmse : (3,) at the withheld samples: of the first map, of the second, and of w between them
    """

    value: float
    interval: tuple[float, float]
    rmse: FloatArray

    def __str__(self) -> str:
        """What a person reads of it."""
        first, second, between = 100.0 * self.rmse
        low, high = self.interval
        return (
            f"weight {self.value:.2f} [{low:.2f}, {high:.2f}]; error at withheld samples: first "
            f"map {first:.2f} cm, second {second:.2f} cm, between them {between:.2f} cm"
        )


def withheld_weight(
    observed: Samples,
    pair: Pair,
    times: FloatArray,
    longitude: FloatArray,
    latitude: FloatArray,
    *,
    most: int,
) -> Weight:
    """Weight of the second of two maps, from altimeters withheld one after the other.

    Parameters
    ----------
    observed : of two missions or more
    pair : makes both maps of what is left of them
    times : of the maps, days
    longitude, latitude : of the maps
    most : how many missions are withheld, those with most samples on the maps first
    """
    near = observed.within((longitude[0], longitude[-1]), (latitude[0], latitude[-1]))
    near = near.take((near.time >= times[0]) & (near.time <= times[-1]))
    count = np.bincount(near.mission, minlength=len(observed.missions))
    chosen = [mission for mission in np.argsort(-count, kind="stable") if count[mission]][:most]
    if len(np.unique(observed.mission)) < 2 or not chosen:
        raise OceanbenchError(
            f"a weight is chosen by withholding one altimeter from another, and of "
            f"{', '.join(observed.missions)} fewer than two have samples here; give the weight"
        )
    parts = []
    for mission in chosen:
        first, second = pair(observed.take(observed.mission != mission))
        left = near.take(near.mission == mission)
        places = {n: ("point", getattr(left, n)) for n in ("time", "latitude", "longitude")}
        axes = {"time": times, "latitude": latitude, "longitude": longitude}
        a, b = (
            xr.DataArray(maps, axes, tuple(axes)).interp(places).values for maps in (first, second)
        )
        parts.append(np.stack([left.value - a, b - a, left.track]))
    return best_weight(*np.concatenate(parts, axis=1))


def best_weight(innovation: FloatArray, step: FloatArray, track: FloatArray) -> Weight:
    """Weight of least squares, its interval, and the errors.

    Parameters
    ----------
    innovation : (m,) samples less the first map
    step : (m,) from the first map to the second
    track : (m,) number of the pass
    """
    size = float(step @ step)
    if size == 0.0:  # both maps are the same
        rmse = np.full(3, np.sqrt(np.mean(innovation**2)))
        return Weight(1.0, (-np.inf, np.inf), rmse)
    free = float(innovation @ step) / size
    value = min(max(free, 0.0), 1.0)
    number = np.unique(track, return_inverse=True)[1]
    gradient = np.bincount(number, step * (innovation - free * step))
    half = NORMAL * float(np.sqrt(gradient @ gradient * gradient.size / max(gradient.size - 1, 1)))
    left = [innovation - part * step for part in (0.0, 1.0, value)]
    rmse = np.sqrt([np.mean(part**2) for part in left])
    return Weight(value, (free - half / size, free + half / size), rmse)
