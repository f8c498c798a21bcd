"""What a network is told beside heights: temperatures of the days before a start, and the coast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from oceanbench.arrays import AnyFloatArray, BoolArray, FloatArray, TimeArray
from oceanbench.assimilation.fourdvarnet.forecasts.scenes import Place
from oceanbench.assimilation.observations.superobservations import DAY
from oceanbench.dynamics.ocean_climate import YEAR
from oceanbench.errors import OceanbenchError
from oceanbench.grid import fill_holes

NAME = "surroundings"  # what the names of the tensors begin with


@dataclass(frozen=True)
class Surroundings:
    """Place of a network that knows a coast, and what temperatures are usual there.

    Attributes
    ----------
    corner : longitude and latitude of the first node
    sea : (rows, columns)
    mean : (rows, columns) that heights are anomalies from, less its mean over the sea, normalised
    usual : (3, rows, columns) mean, cosine and sine of the year of temperatures, degrees C; without
        any, no rows
    spread : standard deviation of temperatures about that, degrees C
    """

    corner: FloatArray
    sea: BoolArray
    mean: FloatArray
    usual: FloatArray
    spread: float

    @classmethod
    def fitted(
        cls, place: Place, sea: BoolArray, deviation: float, images: Sequence[xr.DataArray]
    ) -> Surroundings:
        """Those that temperatures of some worlds tell.

        Parameters
        ----------
        place : nodes of the network
        sea : (rows, columns) of them
        deviation : of the anomaly of heights, m
        images : (time, latitude, longitude) of every world, degrees C
        """
        corner = np.array([place.longitude[0], place.latitude[0]])
        mean = (place.mean - place.mean[sea].mean()) / deviation
        nothing = cls(corner, sea, mean, np.zeros((0, *sea.shape)), 1.0)
        if not images:
            return nothing
        maps = np.concatenate([on_nodes(some, place) for some in images])
        waves = np.concatenate([_waves(some["time"].values) for some in images])
        flat = maps.reshape(len(maps), -1).astype(np.float64)
        usual = np.linalg.lstsq(waves, flat, rcond=None)[0]
        spread = float((flat - waves @ usual)[:, sea.ravel()].std())
        return cls(corner, sea, mean, usual.reshape(3, *sea.shape), spread)

    def beside(
        self,
        start: np.datetime64,
        images: xr.DataArray | None,
        place: Place,
        past_days: int,
        *,
        coast: bool,
    ) -> AnyFloatArray:
        """Maps (maps, rows, columns) that the network reads, normalised.

        Parameters
        ----------
        start : whose days before count
        images : (time, latitude, longitude) that were delivered by then, degrees C, or nothing
        place : nodes
        past_days : before the start; their maps are zero where there is no image
        coast : whether it is told where the sea is, and the mean height

        Raises
        ------
        OceanbenchError
            if the place is another than that of the training
        """
        found = np.zeros((past_days if self.usual.size else 0, *self.sea.shape), np.float32)
        here = np.array([place.longitude[0], place.latitude[0]])
        if place.mean.shape != self.sea.shape or np.abs(here - self.corner).max() > 1e-3:
            raise OceanbenchError(
                f"a network of the coast about {self.corner[0]:g} E, {self.corner[1]:g} N, applied "
                f"at {here[0]:g} E, {here[1]:g} N; expected the same place; train it for this one"
            )
        if images is not None and self.usual.size:
            days = np.round((images["time"].values - start) / DAY).astype(int)
            some = np.flatnonzero((days >= -past_days) & (days < 0))
            if some.size:
                part = images.isel(time=some)
                usual = np.tensordot(_waves(part["time"].values), self.usual, 1)
                apart = (on_nodes(part, place) - usual) / self.spread
                found[days[some] + past_days] = np.where(self.sea, apart, 0.0)
        if coast:
            still = np.stack([self.sea.astype(np.float32), np.where(self.sea, self.mean, 0.0)])
            found = np.concatenate([found, still.astype(np.float32)])
        return found

    def tensors(self) -> dict[str, Tensor]:
        """The same, as kept with the weights of a network."""
        return {
            f"{NAME}.place": torch.as_tensor([*self.corner, self.spread]),
            f"{NAME}.sea": torch.tensor(np.array(self.sea)),
            f"{NAME}.mean": torch.as_tensor(self.mean, dtype=torch.float32),
            f"{NAME}.usual": torch.as_tensor(self.usual, dtype=torch.float32),
        }

    @classmethod
    def of(cls, weights: Mapping[str, Tensor]) -> Surroundings | None:
        """Those that are kept with weights, if there are any."""
        if f"{NAME}.place" not in weights:
            return None
        *corner, spread = weights[f"{NAME}.place"].double().tolist()
        mean, usual = (weights[f"{NAME}.{n}"].double().cpu().numpy() for n in ("mean", "usual"))
        sea = weights[f"{NAME}.sea"].cpu().numpy().astype(bool)
        return cls(np.array(corner), sea, mean, usual, spread)


def on_nodes(images: xr.DataArray, place: Place) -> AnyFloatArray:
    """Maps (time, rows, columns) on the nodes, continued over land and to the edge."""
    whole = fill_holes(images.astype(np.float64))
    nodes = {"latitude": place.latitude, "longitude": place.longitude}
    # beyond the last image's node its value
    at = {n: np.clip(nodes[n], whole[n].min().item(), whole[n].max().item()) for n in nodes}
    found = whole.interp(at)
    maps: AnyFloatArray = found.transpose("time", "latitude", "longitude").values
    return maps.astype(np.float32)


def _waves(time: TimeArray) -> FloatArray:
    """One, cosine and sine of the year, (time, 3)."""
    since = (time - np.datetime64("2000-01-01")) / np.timedelta64(1, "s")
    angle = 2 * np.pi * since.astype(np.float64) / YEAR
    return np.stack([np.ones_like(angle), np.cos(angle), np.sin(angle)], axis=1)
