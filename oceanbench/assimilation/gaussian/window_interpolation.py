r"""Optimal interpolation in time and across components, with the covariance of a training run.

The state is taken for a Gaussian process that is stationary in time,

.. math:: C_{ij}(\tau) = \langle x_i'(t + \tau) \, x_j'(t) \rangle,

estimated from training data and, where the components lie on a circle and are alike, averaged over
the circle. The posterior mean of a window is exact: one dense solve over its observations, and one
convolution that spreads the solution.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from scipy.interpolate import CubicSpline
from torch import Tensor

from oceanbench.assimilation.window_batches import (
    Climatology,
    Windows,
    climatology,
    observations,
    states,
)
from oceanbench.errors import OceanbenchError

ENTRIES_AT_ONCE = 2**25  # of the matrices that are solved together: 256 MiB


@dataclass(frozen=True)
class WindowCovariance:
    """Covariance of lags -(times - 1) to times - 1, shape (2 times - 1, components, components)."""

    values: Tensor

    @property
    def times(self) -> int:
        """Length of the windows that it reaches across."""
        return (self.values.shape[0] + 1) // 2

    def between(self, later: Tensor, i: Tensor, earlier: Tensor, j: Tensor) -> Tensor:
        """Covariance of component i at time ``later`` with component j at time ``earlier``."""
        return self.values[later - earlier + self.times - 1, i, j]

    def spread(self, sources: Tensor) -> Tensor:
        """Sum of the covariances with sources (windows, times, components), at every point."""
        length = 2 * self.values.shape[0]
        kernel = torch.fft.rfft(self.values, n=length, dim=0)
        waves = torch.fft.rfft(sources, n=length, dim=1)
        product = torch.einsum("fij,bfj->bfi", kernel, waves)
        first = self.times - 1
        maps: Tensor = torch.fft.irfft(product, n=length, dim=1)
        return maps[:, first : first + sources.shape[1]]


def learned(
    inputs: Mapping[str, xr.Dataset], times: int, *, cyclic: bool, device: str = "cpu"
) -> tuple[Climatology, WindowCovariance]:
    """Climatology and covariance of the training data: of known states, or else of observations.

    Parameters
    ----------
    inputs : with known states or observations of role ``training``
    times : length of the windows to be interpolated
    cyclic : whether the components lie on a circle and are alike
    device : of torch
    """
    climate = climatology(inputs, cyclic=cyclic, device=device)
    known = states(inputs, device=device)
    if known is not None:
        seen, noise = torch.ones_like(known, dtype=torch.bool), torch.zeros_like(climate.mean)
        return climate, covariance(known, seen, climate, noise, times, cyclic=cyclic)
    noisy = observations(inputs, role="training", device=device)
    table = covariance(noisy.values, noisy.observed, climate, noisy.variance, times, cyclic=cyclic)
    return climate, table


def covariance(
    values: Tensor,
    observed: Tensor,
    climate: Climatology,
    noise: Tensor,
    times: int,
    *,
    cyclic: bool,
) -> WindowCovariance:
    r"""Covariance of training data, noisy and incomplete ones too.

    Products of all pairs that are both observed are averaged, for each lag and pair of components;
    the variance of the noise is taken off at lag zero. What is not positive in its spectrum, an
    accident of the sample, is set to zero.

    Parameters
    ----------
    values, observed : (runs, times, components)
    climate : mean of the components
    noise : (components,), variance of the noise
    times : length of the windows to be interpolated
    cyclic : whether the components lie on a circle and are alike
    """
    reach = min(3 * times, values.shape[1])
    anomaly = torch.where(observed, values - climate.mean, 0.0)
    products = _lagged(anomaly, reach, cyclic=cyclic)
    counts = _lagged(observed.to(values.dtype), reach, cyclic=cyclic).round()
    table = products / counts.clamp_min(1.0)
    table[reach - 1] -= torch.diag(noise.expand(values.shape[-1]))
    table = _bridged(0.5 * (table + table.flip(0).mT), counts, times)
    lag = torch.arange(1 - reach, reach, device=values.device).abs()
    fading = ((lag - times) / max(reach - times, 1)).clamp(0.0, 1.0)
    table = table * (0.5 * (1.0 + torch.cos(math.pi * fading)))[:, None, None]
    return WindowCovariance(_positive(table)[reach - times : reach + times - 1])


def _bridged(table: Tensor, counts: Tensor, times: int) -> Tensor:
    """Table with lags that no pair of observations has interpolated between those that some have.

    Where observations come every few steps, only those lags are known; the covariance is smooth.
    """
    known = (counts.amin((1, 2)) > 0).cpu().numpy()
    if known.all():
        return table
    if not known[(len(known) - 1) // 2] or known.sum() < 4:
        raise OceanbenchError(
            f"the training observations know {int(known.sum())} of {times} lags of all pairs of "
            "components, too few for their covariance; give more of them"
        )
    lag = np.arange(len(known))
    smooth = CubicSpline(lag[known], table.cpu().numpy()[known], axis=0)
    inside = (lag >= lag[known][0]) & (lag <= lag[known][-1])
    filled = np.where(inside[:, None, None], smooth(lag), 0.0)
    return torch.as_tensor(filled, device=table.device)


def _lagged(field: Tensor, times: int, *, cyclic: bool) -> Tensor:
    """Sums over runs and times of field_i(t + lag) field_j(t), (2 times - 1, n, n)."""
    length = field.shape[1] + times
    waves = torch.fft.rfft(field, n=length, dim=1)
    if cyclic:  # one row of the circulant matrix, then all of it
        waves = torch.fft.fft(waves, dim=2)
        power = torch.fft.ifft((waves.abs() ** 2).sum(0), dim=1)
        row = _lags(torch.fft.irfft(power, n=length, dim=0), times) / field.shape[2]
        place = torch.arange(field.shape[2], device=field.device)
        return row[:, (place[:, None] - place) % field.shape[2]]
    power = torch.einsum("rfi,rfj->fij", waves, waves.conj())
    return _lags(torch.fft.irfft(power, n=length, dim=0), times)


def _lags(periodic: Tensor, times: int) -> Tensor:
    return torch.cat([periodic[-(times - 1) :], periodic[:times]]) if times > 1 else periodic[:1]


def _positive(table: Tensor) -> Tensor:
    """Nearest table of lags whose spectrum has no negative eigenvalue."""
    spectrum = torch.fft.fft(torch.fft.ifftshift(table, dim=0), dim=0)
    values, vectors = torch.linalg.eigh(0.5 * (spectrum + spectrum.mH))
    kept = (vectors * values.clamp_min(0.0)[:, None, :]) @ vectors.mH
    mended: Tensor = torch.fft.fftshift(torch.fft.ifft(kept, dim=0).real, dim=0)
    return mended


def interpolate(windows: Windows, climate: Climatology, covariance: WindowCovariance) -> Tensor:
    r"""Posterior mean of every window.

    .. math:: \hat x = \bar x + C H^T (H C H^T + R)^{-1} (y - H \bar x)

    Parameters
    ----------
    windows : what is observed
    climate : mean of the components
    covariance : over lags of at least the windows' length

    Returns
    -------
    (windows, times, components)
    """
    result = torch.empty_like(windows.values)
    for part in _parts(windows):
        some = windows.take(part)
        time, component, real, factor = _factored(some, covariance)
        row = torch.arange(len(some), device=time.device)[:, None]
        misfit = torch.where(real, some.values[row, time, component] - climate.mean[component], 0.0)
        solved = torch.cholesky_solve(misfit[..., None], factor)[..., 0]
        sources = torch.zeros_like(some.values).index_put_(
            (row, time, component), torch.where(real, solved, 0.0), accumulate=True
        )
        result[part] = climate.mean + covariance.spread(sources)
    return result


def deviation(windows: Windows, covariance: WindowCovariance) -> Tensor:
    """Posterior standard deviation of every window, (windows, times, components)."""
    count, times, size = windows.values.shape
    result = torch.empty_like(windows.values)
    grid = torch.arange(times * size, device=windows.values.device)
    at, of = grid // size, grid % size
    prior = covariance.values[covariance.times - 1].diagonal()[of]
    for number in range(count):
        known = _known(windows.take([number]), covariance, at, of)
        left = (prior - (known**2).sum(0)).clamp_min(0.0)
        result[number] = left.sqrt().reshape(times, size)
    return result


def errors(
    windows: Windows, covariance: WindowCovariance, members: int, random: torch.Generator
) -> Tensor:
    """Draws of the error of the posterior mean, (members, windows, times, components).

    Their sum is zero at every point, and their covariance (ddof 1) is that of the posterior, on
    average over what is drawn. All windows share their random numbers, so that none depends on the
    others. Memory is that of the square of a window's values, and the work that of its cube.

    Parameters
    ----------
    windows : what is observed
    covariance : over lags of at least the windows' length
    members : at least 2
    random : of the numbers
    """
    count, times, size = windows.values.shape
    grid = torch.arange(times * size, device=windows.values.device)
    at, of = grid // size, grid % size
    prior = covariance.between(at[:, None], of[:, None], at, of)
    normal = torch.randn(members, len(grid), generator=random, dtype=torch.float64)
    normal = (normal - normal.mean(0)).to(prior)
    result = windows.values.new_empty(members, count, times, size)
    for number in range(count):
        known = _known(windows.take([number]), covariance, at, of)
        values, vectors = torch.linalg.eigh(prior - known.mT @ known)
        root = (vectors * values.clamp_min(0.0).sqrt()) @ vectors.mT
        result[:, number] = (normal @ root).reshape(members, times, size)
    return result


def _known(window: Windows, covariance: WindowCovariance, at: Tensor, of: Tensor) -> Tensor:
    """Matrix (observations, points) whose square is what one window's observations explain."""
    time, component, real, factor = _factored(window, covariance)
    cross = covariance.between(time[0][:, None], component[0][:, None], at, of)
    seen = torch.where(real[0][:, None], cross, 0.0)
    found: Tensor = torch.linalg.solve_triangular(factor[0], seen, upper=False)
    return found


def _parts(windows: Windows) -> Iterator[slice]:
    """Slices of windows whose matrices fit into the memory that is granted."""
    most = max(1, int(windows.observed.sum((1, 2)).max()))
    step = max(1, ENTRIES_AT_ONCE // most**2)
    for start in range(0, len(windows), step):
        yield slice(start, start + step)


def _factored(
    windows: Windows, covariance: WindowCovariance
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Observations of each window as a row, filled up, and the Cholesky factor of their covariance.

    Returns
    -------
    time, component : (windows, most), of each observation; zero where a row is filled up
    real : bool, where it is not filled up
    factor : (windows, most, most); that of the identity where it is
    """
    flat = windows.observed.flatten(1)
    count = flat.sum(1)
    most = max(1, int(count.max()))
    order = torch.argsort(flat.to(torch.int8), dim=1, descending=True, stable=True)[:, :most]
    real = torch.arange(most, device=flat.device) < count[:, None]
    order = torch.where(real, order, 0)
    size = windows.values.shape[2]
    time, component = order // size, order % size
    matrix = covariance.between(
        time[:, :, None], component[:, :, None], time[:, None, :], component[:, None, :]
    )
    both = real[:, :, None] & real[:, None, :]
    noise = torch.where(real, windows.variance[component], 1.0)
    factor = torch.linalg.cholesky(torch.where(both, matrix, 0.0) + torch.diag_embed(noise))
    return time, component, real, factor
