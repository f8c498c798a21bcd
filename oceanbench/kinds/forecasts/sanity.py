"""Sanity checks: what a score of forecasts would not notice, found before anything is scored.

A forecast in another unit, on another datum, with its currents swapped or a row out of place is
scored as readily as a good one, and is then only bad. Every check looks at a few fields beside
their truth, and says what it found and how to mend it. It refuses what cannot be a forecast, and
warns where it could be wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from oceanbench.arrays import AnyFloatArray, BoolArray
from oceanbench.data.units import standard_unit
from oceanbench.errors import OceanbenchError

KELVIN = 273.15
FACTORS = {100.0: "centimetres or per cent", 1000.0: "another power of ten", 10.0: "another unit"}
SALINITY = (0.0, 50.0)  # 1e-3; no sea is saltier, brine lakes aside
PAIRS = (("uo", "vo"), ("u", "v"), ("ugos", "vgos"))  # eastward and northward
STILL_THE_SAME = 3  # days in which currents and eddies stay where they are, by and large
DATUM = {True: 0.05, False: 0.2}  # metres; the mean level of a part of the ocean varies by itself
TURNED = ("upside down", "with east and west exchanged")  # along latitude, and along longitude
NEIGHBOURS = {(-1, 0): "row", (1, 0): "row", (0, -1): "column", (0, 1): "column"}


class Sample(NamedTuple):
    """A forecast of the shortest lead beside its truth, (latitude, longitude), NaN on land."""

    estimate: AnyFloatArray
    truth: AnyFloatArray
    units: str
    name: str
    lead: int = 1
    global_in_longitude: bool = False

    @property
    def sea(self) -> BoolArray:
        """Where both have a value."""
        return np.isfinite(self.estimate) & np.isfinite(self.truth)

    @property
    def pairs(self) -> tuple[AnyFloatArray, AnyFloatArray]:
        """Values of both in the sea, in double precision."""
        sea = self.sea
        return self.estimate[sea].astype(np.float64), self.truth[sea].astype(np.float64)


Samples = Mapping[str, Sample]  # by variable


def units(samples: Samples) -> Iterator[str]:
    """Kelvin for degrees Celsius, or a power of ten."""
    for sample in samples.values():
        estimate, truth = sample.pairs
        offset, spread = float((estimate - truth).mean()), float(truth.std())
        if standard_unit(sample.units) == "degrees_C" and abs(offset - KELVIN) < max(5.0, spread):
            yield f"{sample.name} is {offset:.0f} too large: it is in kelvin; subtract 273.15"
            continue
        for factor, what in FACTORS.items():
            for wrong in (factor, 1 / factor):
                if ((estimate / wrong - truth) ** 2).mean() < 0.3 * (truth**2).mean():
                    yield (
                        f"{sample.name} is {wrong:g} times as large as the truth: in {what}? "
                        f"write it in {sample.units}"
                    )


def salinity(samples: Samples) -> Iterator[str]:
    """Salinity that no sea has."""
    low, high = SALINITY
    for sample in samples.values():
        if sample.units == "1e-3":
            estimate, _ = sample.pairs
            wrong = (estimate < low) | (estimate > high)
            if wrong.any():
                yield (
                    f"{sample.name} is {estimate[wrong][0]:g} at one of {int(wrong.sum())} cells, "
                    f"outside {low:g} to {high:g}; correct the unit, or limit what the model makes"
                )


def swapped(samples: Samples) -> Iterator[str]:
    """Eastward current under the name of the northward one, and the reverse."""
    for east, north in PAIRS:
        if east not in samples or north not in samples:
            continue
        u, v = samples[east], samples[north]
        sea = u.sea & v.sea
        found, crossed = (
            min(
                _correlation(u.estimate[sea], first.truth[sea]),
                _correlation(v.estimate[sea], second.truth[sea]),
            )
            for first, second in ((u, v), (v, u))
        )
        if crossed > max(found + 0.2, 0.5) and u.lead <= STILL_THE_SAME:
            yield (
                f"'{east}' is like the truth's '{north}' and '{north}' like its '{east}': they are "
                "swapped; exchange them"
            )


def shifted(samples: Samples) -> Iterator[str]:
    """Fields that lie a row or column, or half the globe, off their truth, or are turned over."""
    for sample in samples.values():
        at_home = _difference(sample.estimate, sample.truth)
        tiny = 1e-12 * float(np.nanmean(sample.truth.astype(np.float64) ** 2))
        if sample.lead > STILL_THE_SAME:
            continue
        if not at_home > tiny:
            continue
        much_less = 0.3 * at_home
        for step, what in NEIGHBOURS.items():
            there = _difference(*_overlap(sample.estimate, sample.truth, step), below=much_less)
            if there < much_less:
                yield (
                    f"{sample.name} fits the truth better one {what} away (its squared error falls "
                    f"to {there / at_home:.0%}): it is shifted; correct the coordinates"
                )
                break
        for axis, what in enumerate(TURNED):
            over = np.flip(sample.estimate, axis)
            known = np.count_nonzero(np.isfinite(over) & np.isfinite(sample.truth))
            if 2 * known < np.count_nonzero(sample.sea):
                continue
            if _difference(over, sample.truth, below=much_less) < much_less:
                yield (
                    f"{sample.name} fits the truth {what}: its values are in another order than "
                    "its coordinate; correct one of them"
                )
        if not sample.global_in_longitude:
            continue
        turned = np.roll(sample.estimate, sample.truth.shape[1] // 2, axis=1)
        if _difference(turned, sample.truth, below=much_less) < much_less:
            yield (
                f"{sample.name} fits the truth half the globe away: longitudes 0..360 are taken "
                "for -180..180; correct the coordinate"
            )


def land(samples: Samples) -> Iterator[str]:
    """One value at many cells of the sea, where the truth is another: the fill of the land."""
    for sample in samples.values():
        estimate, truth = sample.pairs
        values, counts = np.unique(estimate, return_counts=True)
        if values.size < 2:
            continue
        value, count = values[counts.argmax()], int(counts.max())
        there = estimate == value
        usual = float(np.sqrt(np.median((estimate - truth)[~there] ** 2)))
        wrong = float(np.sqrt(np.median((value - truth[there]) ** 2)))
        if count >= max(3, 2e-4 * estimate.size) and wrong > 5 * max(usual, 0.01 * truth.std()):
            yield (
                f"{sample.name} is exactly {value:g} at {count} cells of the sea, where the truth "
                "is not: land was filled, or interpolated into the sea; keep it NaN"
            )


def datum(samples: Samples) -> Iterator[str]:
    """Sea surface height from another level, or without the mean dynamic topography."""
    for sample in samples.values():
        if sample.units != "m":
            continue
        estimate, truth = sample.pairs
        error = estimate - truth
        offset, spread = float(error.mean()), float(error.std())
        if abs(offset) > DATUM[sample.global_in_longitude] and abs(offset) > 2 * spread:
            yield (
                f"{sample.name} is {offset:+.2f} m from the truth everywhere: another datum; add "
                f"{-offset:.2f} m, or say in the notes which one it is"
            )
        elif spread > 0.5 * truth.std() and _correlation(error, truth) < -0.9:
            yield (
                f"{sample.name} lacks most of the truth's variation in space: is it an anomaly? "
                "add the mean dynamic topography"
            )


class SanityCheck(NamedTuple):
    """One check: what it finds is refused, or warned of."""

    find: Callable[[Samples], Iterator[str]]
    refuses: bool


SANITY_CHECKS = (
    SanityCheck(units, True),
    SanityCheck(salinity, True),
    SanityCheck(land, True),
    SanityCheck(swapped, True),
    SanityCheck(shifted, True),
    SanityCheck(datum, False),
)


def inspect(samples: Sequence[Samples], where: str) -> list[str]:
    """Put samples of a submission to every check.

    Parameters
    ----------
    samples : of several starts and depths: by variable, a forecast beside its truth
    where : name of the submission, for messages

    Returns
    -------
    warnings, each once

    Raises
    ------
    OceanbenchError
        at the first thing that is refused
    """
    warnings = []
    for check in SANITY_CHECKS:
        for one in samples:
            usable = {n: s for n, s in one.items() if s.sea.sum() > 1}
            for found in check.find(usable):
                if check.refuses:
                    raise OceanbenchError(f"{where}: {found}")
                warnings.append(found)
    return list(dict.fromkeys(warnings))


def _correlation(first: AnyFloatArray, second: AnyFloatArray) -> float:
    a, b = (x.astype(np.float64) - x.mean(dtype=np.float64) for x in (first, second))
    size = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / size) if size > 0 else 0.0


def _difference(estimate: AnyFloatArray, truth: AnyFloatArray, *, below: float = np.inf) -> float:
    """Median squared difference where both have a value, which a wrong coast does not change.

    Infinite where there is none, or where it is not below what is asked for: to count takes less
    than to order.
    """
    sea = np.isfinite(estimate) & np.isfinite(truth)
    squares = (estimate[sea].astype(np.float64) - truth[sea]) ** 2
    if not squares.size or 2 * np.count_nonzero(squares < below) < squares.size:
        return np.inf
    return float(np.median(squares))


def _overlap(
    estimate: AnyFloatArray, truth: AnyFloatArray, step: tuple[int, int]
) -> tuple[AnyFloatArray, AnyFloatArray]:
    """Estimate and truth one step apart, without wrapping."""
    parts = []
    for array, sign in ((estimate, 1), (truth, -1)):
        cut = tuple(
            slice(max(sign * s, 0), n + min(sign * s, 0))
            for s, n in zip(step, array.shape, strict=True)
        )
        parts.append(array[cut])
    return parts[0], parts[1]
