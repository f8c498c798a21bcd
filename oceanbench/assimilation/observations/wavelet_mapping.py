"""Mapping by wavelets of the mesoscale and pass errors, estimated together in one inversion.

References
----------
Ubelmann et al. (2021), doi:10.1029/2020JC016560; Ubelmann et al. (2022),
doi:10.5194/os-18-469-2022
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oceanbench.arrays import BoolArray, FloatArray
from oceanbench.assimilation.gaussian.reduced_order import shared_error, solve
from oceanbench.assimilation.gaussian.wavelets import Band, spectrum, wavelets
from oceanbench.assimilation.observations.superobservations import Samples, kilometres
from oceanbench.progress import progress


@dataclass(frozen=True)
class WaveletMapping:
    """How anomalies are mapped.

    Attributes
    ----------
    deviation : standard deviation of the anomaly, in the unit of the variable, as all others
    shortest, longest : bounds of the wavelengths, km
    peak : wavelength from which the spectrum falls towards the short ones, km
    slope : of the spectrum along a track, there
    duration : half-width of the windows in time at the peak, days
    growth : power of the wavelength with which the duration grows
    noise, swath_noise : standard deviation of the independent error of a super-observation of a
        track and of a swath, with what the wavelets do not resolve
    pass_error : standard deviation of the error that a pass shares; 0 for none
    swath_km : side of the cells in which the pixels of a swath are averaged
    margin : how far around the maps observations are used, degrees
    window : how long before the first and after the last map observations are used, days
    tolerance : of the conjugate gradients, relative to their right-hand side
    """

    deviation: float = 0.175
    shortest: float = 80.0
    longest: float = 1000.0
    peak: float = 400.0
    slope: float = 4.0
    duration: float = 10.0
    growth: float = 0.65
    noise: float = 0.025
    swath_noise: float = 0.01
    pass_error: float = 0.02
    swath_km: float = 20.0
    margin: float = 1.0
    window: float = 15.0
    tolerance: float = 1e-5

    @property
    def bands(self) -> tuple[Band, ...]:
        """Wavelets by their wavelengths."""
        return spectrum(
            self.deviation,
            shortest=self.shortest,
            longest=self.longest,
            peak=self.peak,
            slope=self.slope,
            duration=self.duration,
            growth=self.growth,
        )

    def maps(
        self,
        observed: Samples,
        swath: BoolArray,
        days: FloatArray,
        longitude: FloatArray,
        latitude: FloatArray,
    ) -> FloatArray:
        """Anomaly (days, latitude, longitude); zero, the background, without an observation.

        Parameters
        ----------
        observed : anomalies
        swath : (missions,) whether they are swaths
        days : of the maps, in the samples' time
        longitude, latitude : nodes
        """
        near = observed.within(
            (longitude.min() - self.margin, longitude.max() + self.margin),
            (latitude.min() - self.margin, latitude.max() + self.margin),
        )
        o = near.take((near.time >= days[0] - self.window) & (near.time <= days[-1] + self.window))
        variance = np.where(swath[o.mission], self.swath_noise, self.noise) ** 2
        nodes = np.meshgrid(longitude, latitude)
        centre = (float(nodes[0].mean()), float(nodes[1].mean()))
        x, y = kilometres(o.longitude, o.latitude, centre)
        grid_x, grid_y = kilometres(nodes[0].ravel(), nodes[1].ravel(), centre)
        along_time, along_x, along_y = (
            (float(places.min()), float(places.max()))
            for places in map(np.append, (o.time, x, y), (days, grid_x, grid_y))
        )
        extent, bands = (along_time, along_x, along_y), self.bands
        columns = [wavelets(band, extent, o.time, x, y) for band in bands]
        if self.pass_error > 0:
            columns.append(shared_error(o.track, self.pass_error))
        amplitudes = solve(columns, o.value, variance, tolerance=self.tolerance)
        maps = np.zeros((days.size, latitude.size, longitude.size))
        for number in progress(range(days.size), "maps"):
            time = np.full(grid_x.size, days[number])
            for band, own in zip(bands, amplitudes, strict=False):  # those of passes are no signal
                values = wavelets(band, extent, time, grid_x, grid_y).times(own)
                maps[number] += values.reshape(maps.shape[1:])
        return maps
