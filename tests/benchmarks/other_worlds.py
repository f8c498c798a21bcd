# ruff: noqa: T201
"""How often intervals hold the truth in worlds that they were not made for: an independent study.

    python tests/benchmarks/other_worlds.py days     # RMSE, µ and CRPS of 42 and 365 days
    python tests/benchmarks/other_worlds.py scales   # resolved scales of 26, 60 and 300 passes

Errors at three points are oscillating, red with the spectrum of a power law, heavy-tailed, or of an
amplitude that grows or has a season; the influences are in closed form. Seeded; minutes each.
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy import signal, stats

from oceanbench.scoring.memory import spread
from oceanbench.scoring.statistics import influence

POINTS = 3
DAYS = (42, 365)
TIMES = (1, 4, 7, 13)
TRUTH = 2.0  # standard deviation, of an error of 1; its e-folding time is a week
MODULATED = 0.5  # standard deviation of the logarithm of a heavy-tailed amplitude
LEVEL = 0.95
random = np.random.default_rng(77)
Array = np.ndarray
Shape = tuple[int, ...]


def decaying(shape: Shape, n: int, e_folding: float) -> Array:
    """Autoregressions of order one, of unit variance."""
    memory = np.exp(-1.0 / e_folding)
    noise = random.standard_normal((*shape, n + int(12 * e_folding) + 20))
    return signal.lfilter([np.sqrt(1.0 - memory**2)], [1.0, -memory], noise)[..., -n:]


def oscillating(shape: Shape, n: int, e_folding: float) -> Array:
    """Autoregressions of order two, damped over the e-folding time."""
    damping, angle = np.exp(-1.0 / e_folding), 2.0 * np.pi / max(6.0, 2.0 * e_folding)
    a, b = 2.0 * damping * np.cos(angle), -(damping**2)
    noise = random.standard_normal((*shape, n + int(14 * e_folding) + 40))
    variance = (1.0 - b) / ((1.0 + b) * ((1.0 - b) ** 2 - a**2))
    return (signal.lfilter([1.0], [1.0, -a, -b], noise) / np.sqrt(variance))[..., -n:]


def red(slope: float, shape: Shape, n: int, e_folding: float) -> Array:
    """A power law of frequency, flat below that of the e-folding time."""
    corner, count = 1.0 / (2.0 * np.pi * e_folding), 4 * n
    power = (corner**2 + np.fft.rfftfreq(count) ** 2) ** (-slope / 2.0)
    noise = np.fft.rfft(random.standard_normal((*shape, count)))
    variance = (power[0] + 2.0 * power[1:-1].sum() + power[-1]) / count
    return (np.fft.irfft(noise * np.sqrt(power), count) / np.sqrt(variance))[..., n : 2 * n]


def heavy(shape: Shape, n: int, e_folding: float) -> Array:
    """A Gaussian whose amplitude, common to all points, is lognormal and remembers as it does."""
    error = decaying(shape, n, e_folding)
    amplitude = np.exp(MODULATED * decaying((*shape[:-1], 1), n, e_folding))
    return error * amplitude / np.exp(MODULATED**2)


def amplitudes(n: int) -> dict[str, Array]:
    """Amplitudes that change in the course of the days, of mean square one."""
    known = {
        "growing": np.linspace(0.5, 1.5, n),
        "season": 1.0 + 0.6 * np.sin(2.0 * np.pi * np.arange(n) / n + 1.0),
    }
    return {name: a / np.sqrt((a**2).mean()) for name, a in known.items()}


def errors(name: str, shape: Shape, n: int, e_folding: float) -> Array:
    """Errors of a world, of unit mean square."""
    if name.startswith("power"):
        return red(float(name.split()[1]), shape, n, e_folding)
    if name in (changing := amplitudes(n)):
        return decaying(shape, n, e_folding) * changing[name]
    return {"AR(1)": decaying, "AR(2)": oscillating, "heavy": heavy}[name](shape, n, e_folding)


def gaussian_crps(error: Array) -> Array:
    """CRPS of a Gaussian of unit standard deviation."""
    density = 2.0 * stats.norm.pdf(error) - 1.0 / np.sqrt(np.pi)
    return error * (2.0 * stats.norm.cdf(error) - 1.0) + density


def right_crps(name: str, n: int) -> float:
    """Its expectation in a world."""
    own = np.random.default_rng(0)
    error = own.standard_normal(200_000)
    if name == "heavy":
        error = error * np.exp(MODULATED * own.standard_normal(error.size) - MODULATED**2)
    if name in (changing := amplitudes(n)):
        error = error * np.resize(changing[name], error.size)
    return float(gaussian_crps(error).mean())


def held(deviation: Array, of_case: Array) -> float:
    """Share of the intervals that hold the right value."""
    return float(np.mean(np.abs(deviation) <= spread(of_case, dated=True).reach(LEVEL)))


def days(trials: int) -> None:
    """Coverage of RMSE, µ and CRPS, all on the scale of logarithms, by e-folding time."""
    print("days, world, then for e-folding times of", *TIMES, "days: RMSE, µ, CRPS")
    for n in DAYS:
        for name in ("AR(1)", "AR(2)", "power 1", "power 3", "heavy", "growing", "season"):
            columns = []
            for e_folding in TIMES:
                error = errors(name, (trials, POINTS), n, e_folding)
                truth = TRUTH * decaying((trials, POINTS), n, 7.0)
                terms = [(error**2).mean(1), (truth**2).mean(1), gaussian_crps(error).mean(1)]
                means = [term.mean(1) for term in terms]
                cases = [t / m[:, None] - 1.0 for t, m in zip(terms, means, strict=True)]
                rmse, variance = np.log(means[0]) / 2, np.log(means[1]) / 2 - np.log(TRUTH)
                crps = np.log(means[2] / right_crps(name, n))
                columns.append(
                    (
                        held(rmse, cases[0] / 2),
                        held(rmse - variance, (cases[0] - cases[1]) / 2),
                        held(crps, cases[2]),
                    )
                )
            print(n, name, *(" ".join(f"{x:.2f}" for x in c) for c in columns), sep=" | ")


def first_crossing(ratio: Array, wavelength: Array) -> Array:
    """Where error over truth first exceeds a half, from the large scales; NaN where nowhere."""
    above = ratio > 0.5
    last = np.clip(above.argmax(-1), 1, None)[..., None]
    before, after = (np.take_along_axis(ratio, last - i, -1)[..., 0] for i in (1, 0))
    place, scale = last[..., 0], np.log(wavelength)
    found = scale[place - 1] + (0.5 - before) / (after - before) * np.diff(scale)[place - 1]
    return np.where(above.any(-1) & ~above[..., 0], np.exp(found), np.nan)


def scales(trials: int) -> None:
    """Coverage of resolved scales of passes, whose spectra remember those before them."""
    number = np.arange(1, 41)
    truth = 1.0 / (1.0 + (number / 3.0) ** 4) + 1e-3
    error = 0.002 + 0.3 * truth * (number / 8.0) ** 2 / (1.0 + (number / 8.0) ** 2)
    wavelength = 1000.0 / number
    right = float(first_crossing((error / truth)[None], wavelength)[0])
    print("amplitude, passes, e-folding in passes: coverage")
    for modulated in (0.0, 0.6):
        for n in (26, 60, 300):
            for e_folding in (0.3, 1.0, 4.0):
                hits = 0
                for _ in range(trials):
                    parts = []
                    for power in (truth, error):
                        waves = decaying((2, number.size), n, e_folding)
                        amplitude = np.exp(modulated * decaying((1,), n, e_folding).T)
                        parts.append((waves**2).sum(0).T / 2 * power * amplitude)

                    def values(index: Array, parts: list[Array] = parts, n: int = n) -> Array:
                        counts = np.stack([np.bincount(row, minlength=n) for row in index]) * 1.0
                        return first_crossing((counts @ parts[1]) / (counts @ parts[0]), wavelength)

                    found = influence(values, n, (0.0, np.inf), dated=True, bent=True)
                    interval = found and found.interval()
                    hits += interval is not None and interval.low <= right <= interval.high
                print(f"{modulated} | {n} | {e_folding} | {hits / trials:.2f}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("study", choices=["days", "scales"])
    parser.add_argument("--trials", type=int, default=300)
    given = parser.parse_args()
    {"days": days, "scales": scales}[given.study](given.trials)
