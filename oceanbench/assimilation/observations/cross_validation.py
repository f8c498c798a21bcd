"""Scales of a covariance, fitted by leaving out one mission after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.gaussian.covariance import Covariance
from oceanbench.assimilation.gaussian.optimal_interpolation import solve
from oceanbench.assimilation.gaussian.posterior_fields import values_at
from oceanbench.assimilation.observations.superobservations import Samples, kilometres
from oceanbench.errors import OceanbenchError
from oceanbench.grid import KM_PER_DEGREE

Scales = Mapping[str, float]
BOXES = ((-3.0, -3.0), (3.0, -3.0), (-3.0, 3.0), (3.0, 3.0))  # centres from the middle, degrees
APART = 0.5  # days between dates, at least: a box has every fourth, and predicts a day about each
HALF, INNER = 3.5, 2.5  # half a side of a box, and of its predicted part, degrees


@dataclass(frozen=True)
class LeftOut:
    """Samples of missions that were left out, one mission after the other, and their prediction.

    Attributes
    ----------
    error : (m,) prediction less sample, in the samples' unit
    variance : (m,) formal error variance of the prediction, relative to that of the field; 0 where
        it was not asked for
    deviation : (m,) of the field there, by which its values were divided
    date : (m,) within a day of which they are, days
    """

    error: FloatArray
    variance: FloatArray
    deviation: FloatArray
    date: FloatArray


def left_out(  # noqa: PLR0913  (every option is a keyword)
    samples: Samples,
    place: tuple[float, float],
    dates: FloatArray,
    covariance: Covariance,
    *,
    noise: float,
    correlated: float,
    deviation: FloatArray | None = None,
    loading: FloatArray | None = None,
    within_km: float = np.inf,
    formal_error: bool = False,
    device: str = "cpu",
) -> Iterator[LeftOut]:
    """Predict each mission's samples within a day of each date by the others, in a fixed order.

    Parameters
    ----------
    samples : of two or more missions
    place : (longitude, latitude) about which distances are measured, degrees
    dates : days
    covariance : in kilometres; observations within twice its time scale are used
    noise, correlated : variances of the white error and of that of a pass, relative to the field's
    deviation : (missions, n) of the field at all samples, as it is known without each mission; 1
        without
    loading : (missions, n) likewise the factor of the error of a pass
    within_km : only samples closer to the place than this, eastward and northward, are predicted
    formal_error : give the formal error too
    device : of torch
    """
    seen = np.unique(samples.mission)
    if seen.size < 2:
        raise OceanbenchError(
            f"{seen.size} of the missions {', '.join(samples.missions)} has samples to fit to, "
            "expected two or more: leaving out the only one leaves nothing"
        )
    variances = np.full(len(samples.missions), noise)
    window = 2.0 * covariance.length_time
    x, y = kilometres(samples.longitude, samples.latitude, place)
    inner = (np.abs(x) < within_km) & (np.abs(y) < within_km)
    for mission in seen:
        kept = samples.mission != mission
        scale = np.ones(samples.time.size) if deviation is None else deviation[mission]
        observations = samples.take(kept).observations(
            place,
            variances,
            correlated=correlated,
            deviation=scale[kept],
            loading=None if loading is None else loading[mission][kept],
        )
        for date in dates:
            left = inner & (np.abs(samples.time - date) < 1.0) & ~kept
            options: Any = {"window": window, "device": device, "precision": "single"}
            for posterior in solve(observations, [date], covariance, **options):
                at = (x[left], y[left], samples.time[left])
                predicted = values_at(posterior, 0, *at)[:, 0].cpu().numpy()
                variance = np.zeros(predicted.size)
                if formal_error:
                    places = posterior.places(*at)
                    variance = 1.0 - posterior.system.explained(places, 0).cpu().numpy()
                error = scale[left] * predicted - samples.value[left]
                yield LeftOut(error, variance, scale[left], np.full(error.size, float(date)))


def left_out_error(
    samples: Samples,
    place: tuple[float, float],
    dates: FloatArray,
    covariance: Covariance,
    *,
    noise: float,
    correlated: float,
    within_km: float = np.inf,
    device: str = "cpu",
) -> float:
    r"""Mean squared difference of each mission's samples from their prediction by the others.

    .. math:: \langle (y_m - \hat x(y_{\ne m}))^2 \rangle

    over the samples within a day of each date. The error of the samples themselves is part of it,
    the same for every covariance.

    Parameters
    ----------
    samples, place, dates, covariance, noise, correlated, within_km, device : as for
        :func:`left_out`

    Returns
    -------
    float, in the square of the samples' unit
    """
    squares, count = 0.0, 0
    for part in left_out(
        samples,
        place,
        dates,
        covariance,
        noise=noise,
        correlated=correlated,
        within_km=within_km,
        device=device,
    ):
        squares, count = squares + float(part.error @ part.error), count + part.error.size
    if count == 0:
        raise OceanbenchError("no sample is near the place and the dates; choose other dates")
    return squares / count


def fitted(
    samples: Samples,
    start: Scales,
    covariance: Callable[[float, Scales], Covariance],
    *,
    dates: int,
    evaluations: int,
    device: str = "cpu",
) -> tuple[dict[str, float], FloatArray]:
    """Scales that predict each mission best from the others.

    The error is a mean over dates (:func:`dates_of`), in turn in one of four neighbouring boxes of
    5 degrees in the middle of the samples, those that two missions see. It is minimised over the
    logarithms of the positive scales by the simplex method of Nelder and Mead.

    Parameters
    ----------
    samples : of two or more missions
    start : ``noise`` and ``correlated`` of :func:`left_out_error`, and those of ``covariance``;
        a scale that is 0 stays so
    covariance : function of the latitude and the scales
    dates : number of dates, at most
    evaluations : at most so many trials
    device : of torch

    Returns
    -------
    the scales, and the root mean squared errors (2,) at the start and at the end
    """
    boxes = boxes_to_fit(samples, start, covariance, dates=dates)
    latitude = float(np.median(samples.latitude))
    free = [name for name, value in start.items() if value > 0]

    def trial(logarithms: Sequence[float] | FloatArray) -> dict[str, float]:
        return {**start, **dict(zip(free, np.exp(logarithms).tolist(), strict=True))}

    def error(logarithms: FloatArray) -> float:
        scales = trial(logarithms)
        found = [
            left_out_error(
                *box,
                covariance(latitude, scales),
                noise=scales["noise"],
                correlated=scales["correlated"],
                within_km=INNER * KM_PER_DEGREE,
                device=device,
            )
            for box in boxes
        ]
        return float(np.mean(found))

    first = np.log([start[name] for name in free])
    simplex = first + 0.4 * np.vstack([np.zeros(len(free)), np.eye(len(free))])
    options: Any = {"maxfev": evaluations, "initial_simplex": simplex, "xatol": 0.02, "fatol": 1e-6}
    found = minimize(error, first, method="Nelder-Mead", options=options)
    return trial(found.x), np.sqrt([error(first), found.fun])


def boxes_to_fit(
    samples: Samples,
    start: Scales,
    covariance: Callable[[float, Scales], Covariance],
    *,
    dates: int,
) -> list[tuple[Samples, tuple[float, float], FloatArray]]:
    """Boxes of :func:`predicted_boxes`; refused where there is none."""
    boxes = predicted_boxes(samples, start, covariance, dates=dates)
    if not boxes:
        raise OceanbenchError(
            "scales are fitted to two or more altimeters, each predicted from the others, within "
            f"{BOXES[-1][0] + INNER:g} degrees of the middle of the samples, where no two have any "
            "near the dates; give scales"
        )
    return boxes


def dates_of(samples: Samples, margin: float, most: int) -> FloatArray:
    """Dates spread evenly over the period of samples, away from both of its ends.

    Parameters
    ----------
    samples : in the order of time
    margin : days from the ends, within which observations predict a date; of a period shorter than
        four of them, a quarter of it, so that dates are over its middle half
    most : dates at most; fewer where they would be less than half a day apart, so that those of one
        box of four share no samples
    """
    first, last = float(samples.time[0]), float(samples.time[-1])
    margin = min(margin, (last - first) / 4.0)
    count = min(most, 1 + int((last - first - 2.0 * margin) / APART))
    return np.linspace(first + margin, last - margin, count)


def predicted_boxes(
    samples: Samples,
    start: Scales,
    covariance: Callable[[float, Scales], Covariance],
    *,
    dates: int,
) -> list[tuple[Samples, tuple[float, float], FloatArray]]:
    """Samples, places and dates of the boxes in which :func:`fitted` predicts two missions or more.

    Parameters
    ----------
    samples, start, covariance, dates : as there
    """
    middle = (float(np.median(samples.longitude)), float(np.median(samples.latitude)))
    days = dates_of(samples, 2.0 * covariance(middle[1], start).length_time, dates)
    boxes = []
    for number, (east, north) in enumerate(BOXES):
        x, y = middle[0] + east, middle[1] + north
        near = samples.within((x - HALF, x + HALF), (y - HALF, y + HALF))
        inner = near.within((x - INNER, x + INNER), (y - INNER, y + INNER))
        own = days[number :: len(BOXES)]
        seen = any(bool((np.abs(inner.time - day) < 1.0).any()) for day in own)
        if seen and np.unique(near.mission).size > 1:
            boxes.append((near, (x, y), own))
    return boxes
