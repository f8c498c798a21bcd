r"""The deterministic estimate of windows, and draws of the errors that it makes.

The estimate is optimal interpolation with the covariance of the training run. Its error is drawn by
conditional simulation: a draw of the Gaussian prior is observed as the window is, and interpolated,

.. math:: e = x_s - \hat x(H x_s + \varepsilon),

which is the exact error where the prior is Gaussian. The draw may be of any window: what it has to
do with the window's own values is how these are observed, nothing more.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.windows.training_windows import Scales
from oceanbench.assimilation.gaussian import window_interpolation
from oceanbench.assimilation.gaussian.window_interpolation import WindowCovariance
from oceanbench.assimilation.window_batches import Climatology, Windows


@dataclass(frozen=True)
class Noise:
    """White noise that draws of errors are made of, of variance one.

    Attributes
    ----------
    prior : (draws, times * components), of the states
    observations : (draws, times, components), of their observations
    """

    prior: Tensor
    observations: Tensor

    @classmethod
    def of(cls, draws: int, times: int, components: int, random: torch.Generator) -> Noise:
        """Draw from a generator, in double precision."""
        prior = torch.randn(draws, times * components, generator=random, dtype=torch.float64)
        seen = torch.randn(draws, times, components, generator=random, dtype=torch.float64)
        return cls(prior, seen)

    def centred(self) -> Noise:
        """The same about a mean of zero, so that the draws' mean is that of all draws."""
        return Noise(self.prior - self.prior.mean(0), self.observations - self.observations.mean(0))


@dataclass(frozen=True)
class EstimateErrors:
    """Optimal interpolation of windows, and draws of its errors.

    Attributes
    ----------
    climate, covariance : of the training data
    root : (n, n) with n = times * components, the symmetric root of the prior covariance
    start : ``errors``, or ``white`` for noise of the climate's deviation in their place
    """

    climate: Climatology
    covariance: WindowCovariance
    root: Tensor
    start: str = "errors"

    @classmethod
    def of(
        cls, climate: Climatology, covariance: WindowCovariance, *, start: str = "errors"
    ) -> EstimateErrors:
        """Take the root of a covariance; the work is that of the cube of a window's values."""
        times, components = covariance.times, covariance.values.shape[-1]
        grid = torch.arange(times * components, device=covariance.values.device)
        at, of = grid // components, grid % components
        prior = covariance.between(at[:, None], of[:, None], at, of)
        values, vectors = torch.linalg.eigh(prior)
        root = (vectors * values.clamp_min(0.0).sqrt()) @ vectors.mT
        return cls(climate, covariance, root, start)

    def estimate(self, windows: Windows) -> Tensor:
        """Posterior mean of the Gaussian process, (windows, times, components)."""
        return window_interpolation.interpolate(windows, self.climate, self.covariance)

    def draws(self, windows: Windows, noise: Noise) -> Tensor:
        """One draw of the error of each window, of the noise of its number.

        Returns
        -------
        (windows, times, components)
        """
        shape = windows.values.shape
        if self.start == "white":
            return noise.prior.reshape(shape) * self.climate.variance.sqrt()
        states = self.climate.mean + (noise.prior @ self.root).reshape(shape)
        seen = states + noise.observations * windows.variance.sqrt()
        observed = torch.where(windows.observed, seen, 0.0)
        return states - self.estimate(Windows(observed, windows.observed, windows.variance))


@dataclass(frozen=True)
class Lesson:
    """Normalised windows as maps: what a network is given of them, and what it is to find.

    Attributes
    ----------
    known : innovations, where something is observed, and the estimate, (windows, ...)
    starts : draws of the estimate's error, (draws, windows, ...)
    wanted : the error itself, truth minus estimate; empty where it is not known
    """

    known: Tensor
    starts: Tensor
    wanted: Tensor

    def to(self, device: str) -> Lesson:
        """Return the lesson on another device."""
        return Lesson(self.known.to(device), self.starts.to(device), self.wanted.to(device))

    def given(self, field: Tensor) -> Tensor:
        """What the network is given beside a field of every window."""
        return torch.cat([field, self.known], 1)


def lesson(
    errors: EstimateErrors,
    windows: Windows,
    truth: Tensor | None,
    noise: list[Noise],
    scales: Scales,
) -> Lesson:
    """What a network is given of windows, and what it is to find.

    Parameters
    ----------
    errors : of the estimate
    windows : what is observed
    truth : (windows, times, components), or None
    noise : of each draw of a window, as many as there are windows
    scales : of the normalised variables
    """
    estimate = errors.estimate(windows)

    def maps(values: Tensor) -> Tensor:
        return scales.layout(values / scales.deviation).float()

    innovation = torch.where(windows.observed, windows.values - estimate, 0.0)
    seen = scales.layout(windows.observed).float()
    known = torch.cat([maps(innovation), seen, scales.maps(estimate)], 1)
    starts = torch.stack([maps(errors.draws(windows, one)) for one in noise])
    wanted = starts.new_empty(0) if truth is None else maps(truth - estimate)
    return Lesson(known, starts, wanted)
