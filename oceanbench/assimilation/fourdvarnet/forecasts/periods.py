"""Periods of a world whose truth is known, and the altimeters that fly over them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr

from oceanbench.arrays import IntArray
from oceanbench.assimilation.observations.superobservations import DAY
from oceanbench.errors import OceanbenchError
from oceanbench.grid import centre_longitude, fill_holes
from oceanbench.learning.kept_arrays import digest_of
from oceanbench.observing.reflown import reflown


@dataclass(frozen=True)
class Period:
    """Truth of a period, and the altimeters that saw it.

    Attributes
    ----------
    truth : (time, latitude, longitude), daily, continued over land
    tracks : by the names of the missions
    sea : (latitude, longitude), bool
    images : (time, latitude, longitude) temperatures that were found, or nothing
    """

    truth: xr.DataArray
    tracks: Mapping[str, xr.Dataset]
    sea: xr.DataArray
    images: xr.DataArray | None = None

    @classmethod
    def of(cls, inputs: Mapping[str, xr.Dataset], role: str, name: str) -> Period:
        """Period of a role that the challenge gives.

        Raises
        ------
        OceanbenchError
            if there is no truth, or no track, of that role, or a day of the truth is missing
        """
        given = {n: d for n, d in inputs.items() if d.attrs.get("role") == role}
        tracks = {
            n.removeprefix(f"{role}_"): d.load()
            for n, d in given.items()
            if d.attrs.get("layout") == "track" and d.sizes["time"]
        }
        seen = {str(name) for track in tracks.values() for name in track.data_vars}
        grids = [d for d in given.values() if d.attrs.get("layout") == "grid"]
        maps = [d for d in grids if seen & set(map(str, d.data_vars))]
        others = [d for d in grids if not seen & set(map(str, d.data_vars))]
        if not maps or not tracks:
            raise OceanbenchError(
                f"{name}: learns from maps and tracks of role '{role}', and there are "
                f"{len(maps)} and {len(tracks)}; train on a challenge that has both"
            )
        (variable,) = map(str, maps[0].data_vars)
        truth = maps[0][variable].transpose("time", "latitude", "longitude").sortby("latitude")
        truth = centre_longitude(truth, float(truth["longitude"].mean())).load()
        if (np.diff(truth["time"].values) != DAY).any():
            raise OceanbenchError(
                f"{name}: a day of the maps of role '{role}' is missing; give all"
            )
        sea = truth.notnull().all("time")
        whole = truth.astype(np.float64)
        images = image_of(others[0], float(truth["longitude"].mean())) if others else None
        return cls(whole if bool(sea.all()) else fill_holes(whole), tracks, sea, images)

    @property
    def days(self) -> int:
        """How many."""
        return self.truth.sizes["time"]

    def flown_over(
        self, shift: tuple[float, float], over: xr.DataArray | None = None
    ) -> dict[str, xr.Dataset]:
        """Tracks of these altimeters some days later and degrees farther east."""
        days, degrees = shift
        sea = None if bool(self.sea.all()) else self.sea.expand_dims(time=self.truth["time"])
        return {
            name: reflown(track, self.truth, days=days, degrees=degrees, sea=sea, over=over)
            for name, track in self.tracks.items()
        }

    def digest(self) -> str:
        """A few letters that are others for other tracks and another truth."""
        name = str(self.truth.name)
        values = {mission: track[name].values for mission, track in self.tracks.items()}
        images = {} if self.images is None else {"images": self.images.values}
        return digest_of({"": self.truth.values, **values, **images})


def image_of(dataset: xr.Dataset, centre: float) -> xr.DataArray:
    """Temperatures (time, latitude, longitude) of a dataset that has one variable."""
    (name,) = map(str, dataset.data_vars)
    found = dataset[name].transpose("time", "latitude", "longitude").sortby("latitude")
    images: xr.DataArray = centre_longitude(found, centre).load()
    return images


@dataclass(frozen=True)
class Flight:
    """World, those who fly over it, and starts.

    Attributes
    ----------
    truth : (time, latitude, longitude), of the days of the period
    period : whose altimeters fly, as they did or on other days
    starts : by their number of day
    shift : days and degrees by which tracks are moved; None where they are not
    images : (time, latitude, longitude) temperatures of its days, or nothing
    """

    truth: xr.DataArray
    period: Period
    starts: IntArray
    shift: tuple[float, float] | None = None
    images: xr.DataArray | None = None

    @cached_property
    def tracks(self) -> Mapping[str, xr.Dataset]:
        """What is observed, by the names of the missions."""
        if self.shift is None:
            return self.period.tracks
        return self.period.flown_over(self.shift, over=self.truth)

    @cached_property
    def made_of(self) -> str:
        """All that it depends on."""
        known = {"truth": self.truth.values, "starts": self.starts}
        known |= {} if self.images is None else {"images": self.images.values}
        return repr((digest_of(known), self.period.digest(), self.shift))
