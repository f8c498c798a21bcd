"""Print the table and draw the figure of the page on uncertainty."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib.style
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.gaussian.covariance import Covariance
from oceanbench.assimilation.gaussian.optimal_interpolation import Observations, solve
from oceanbench.assimilation.gaussian.posterior_fields import maps
from oceanbench.assimilation.uncertainty.error_samples import (
    MappingMethod,
    Members,
    Solver,
    conditional,
    ensemble,
    perturbed,
    spread_factor,
    white,
)
from oceanbench.assimilation.uncertainty.residual_draws import bank
from oceanbench.assimilation.uncertainty.spde import Lattice, Spde
from oceanbench.assimilation.uncertainty.spde_fit import fit, prior
from oceanbench.figures.style import STYLE, TRUTH, scales
from oceanbench.grid import KM_PER_DEGREE
from oceanbench.metrics import METRICS
from oceanbench.metrics.probabilistic.calibration import pit_histogram, spread_skill_curve
from oceanbench.metrics.spectral.small_scales import member_spectra

DAYS, NODES, SPACING = 16, 32, 20.0  # km
LATTICE = Lattice(NODES, NODES, SPACING, SPACING, step=1.0)
WORLD = Spde(length=60.0, std=1.0, time=10.0, stretch=(0.4, 0.0), drift=(-5.0, 0.0))
SEEN, NOISE, MEMBERS = 60, 0.04, 20  # observations a day, variance of their error
WORLDS = range(8)
COLOURS = ("#000000", "#0072b2", "#d55e00", "#cc79a7", "#009e73")  # Okabe and Ito
SHOWN = {
    "rmse": {},
    "crps": {},
    "energy_score": {},
    "spread_skill": {},
    "coverage": {},
    "reliability_index": {},
    "small_scale_variance": {"wavelength_km": 150.0},
}


def world(seed: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """A truth (days, y, x), the nodes that are observed, and what is observed there."""
    random = np.random.default_rng(seed)
    truth = prior(WORLD, LATTICE, times=DAYS)(1, random)[0]
    day = np.repeat(np.arange(DAYS), SEEN)
    nodes = day * NODES**2 + random.integers(NODES**2, size=day.size)
    return truth, nodes, truth.ravel()[nodes] + np.sqrt(NOISE) * random.standard_normal(day.size)


def interpolation(nodes: FloatArray, length: float) -> Solver:
    """Optimal interpolation with a covariance that is not quite the right one."""
    day, y, x = (a.astype(float) for a in np.unravel_index(nodes, (DAYS, NODES, NODES)))
    grid, noise = SPACING * np.arange(NODES), np.full(day.size, NOISE)

    def solver(values: FloatArray) -> FloatArray:
        observations = Observations(day, SPACING * x, SPACING * y, values.T, noise)
        covariance = Covariance(length, length, 8.0)
        parts = solve(observations, np.arange(DAYS), covariance, window=6.0)
        return np.concatenate([maps(part, grid, grid).numpy() for part in parts]).swapaxes(0, 1)

    return solver


def ways(seed: int, parameters: Spde, residuals: FloatArray) -> tuple[FloatArray, dict]:
    """Truth of a world, and its members in every way."""
    truth, nodes, values = world(seed)
    mapping = MappingMethod(
        interpolation(nodes, 140.0),
        values,
        lambda fields: fields.reshape(len(fields), -1)[:, nodes],
        white(np.full(nodes.size, NOISE)),
    )
    options = {"members": MEMBERS, "seed": seed}
    true, draws = (prior(p, LATTICE, times=DAYS) for p in (WORLD, parameters))
    solvers = [interpolation(nodes, length) for length in (110.0, 130.0, 140.0, 160.0, 190.0)]
    return truth, {
        "conditional, true prior": conditional(mapping, true, **options, centred=False),
        "conditional, fitted prior": conditional(mapping, draws, **options, centred=False),
        "the same, centred": conditional(mapping, draws, **options),
        "random perturbation": perturbed(mapping, bank(residuals), **options),
        "5 solvers": ensemble(solvers, values),
    }


def errors(seed: int) -> FloatArray:
    """Error of the estimate of a world."""
    truth, nodes, values = world(seed)
    return truth - interpolation(nodes, 140.0)(values[None])[0]


def calibrated() -> Mapping[str, tuple[xr.DataArray, xr.DataArray]]:
    """Members and truth of all worlds by way, after calibration on others."""
    parameters = fit(world(100)[0], LATTICE)
    print(f"fitted to the truth of another period: {parameters}")
    residuals = np.stack([errors(seed) for seed in range(101, 113)])
    validation = [ways(seed, parameters, residuals) for seed in (120, 121, 122)]
    test = [ways(seed, parameters, residuals) for seed in WORLDS]
    result = {}
    for name in test[0][1]:
        factor = 1.0
        if name in ("random perturbation", "5 solvers"):
            factor = spread_factor([m[name] for _, m in validation], [t for t, _ in validation])
            print(f"{name}: spread times {factor:.2f}")
        result[name] = arrays([m[name].scaled(factor) for _, m in test], [t for t, _ in test])
    return result


def arrays(found: list[Members], truths: list[FloatArray]) -> tuple[xr.DataArray, xr.DataArray]:
    """Members and truth as metrics take them, one world after the other in time."""
    degrees = SPACING * (np.arange(NODES) - NODES / 2) / KM_PER_DEGREE
    time = np.datetime64("2012-10-22", "ns") + np.arange(DAYS * len(truths)) * np.timedelta64(
        1, "D"
    )
    coords = {"time": time, "latitude": degrees, "longitude": degrees}
    values = np.concatenate([m.values for m in found], axis=1)
    truth = xr.DataArray(np.concatenate(truths), dims=tuple(coords), coords=coords)
    return xr.DataArray(values, dims=("member", *truth.dims), coords=coords), truth


def table(found: Mapping[str, tuple[xr.DataArray, xr.DataArray]]) -> None:
    """Print the scores as a table of Markdown."""
    print(f"| way | {' | '.join(f'`{name}`' for name in SHOWN)} |")
    print(f"|---|{'---|' * len(SHOWN)}")
    for way, (estimate, truth) in found.items():
        cells = []
        for name, options in SHOWN.items():
            given = estimate if METRICS[name].probabilistic else estimate.mean("member")
            cells.append(METRICS[name].function(given, truth, xr.ones_like(truth), **options))
        print(f"| {way} | {' | '.join(f'{cell:.3f}' for cell in cells)} |")


def draw(found: Mapping[str, tuple[xr.DataArray, xr.DataArray]]) -> Figure:
    """Ranks, error against spread, and spectra of the members relative to the truth's."""
    figure = Figure(figsize=(13.5, 4.4))
    ranks, skill, spectra = figure.subplots(1, 3)
    for (way, (estimate, truth)), colour in zip(found.items(), COLOURS, strict=True):
        weights = xr.ones_like(truth)
        bins = min(estimate.sizes["member"] + 1, 21)
        heights = bins * pit_histogram(estimate, truth, weights, bins=bins)
        ranks.stairs(heights, np.linspace(0, 1, bins + 1), color=colour, lw=1.6, label=way)
        curve = spread_skill_curve(estimate, truth, weights)
        skill.plot(curve["expected"], curve["found"], "o-", color=colour, ms=4)
        density = member_spectra(estimate, truth, weights)
        spectra.plot(1 / density["freq_r"], density["members"] / density["truth"], color=colour)
    mean = density["mean"] / density["truth"]
    spectra.plot(1 / density["freq_r"], mean, color="0.5", ls=":", label="mean of the 5 solvers")
    finish(ranks, skill, spectra)
    return figure


def finish(ranks: Axes, skill: Axes, spectra: Axes) -> None:
    """Ideals, titles and labels."""
    ranks.axhline(1.0, color=TRUTH, ls="--", lw=1.0)
    ranks.set(title="rank histogram; flat is ideal", xlabel="rank of the truth, relative")
    ranks.set(ylabel="density", xlim=(0, 1), ylim=(0, None))
    ranks.legend(loc="lower center", fontsize=9)
    most = 1.05 * max(float(line.get_data()[0].max()) for line in skill.lines)
    skill.plot([0, most], [0, most], color=TRUTH, ls="--", lw=1.0)
    skill.set(title="error against spread; the diagonal is ideal", xlabel="expected RMSE")
    skill.set(ylabel="RMSE of the mean", xlim=(0, most), ylim=(0, None))
    spectra.axhline(1.0, color=TRUTH, ls="--", lw=1.0)
    spectra.set(title="PSD of members / PSD of truth; 1 is ideal", ylim=(0.0, 1.6))
    scales(spectra, "x", "wavelength (km)")
    spectra.legend(loc="lower left", fontsize=9)


def main() -> None:
    """Print the table and write the figure beside the other images of the pages."""
    found = calibrated()
    table(found)
    with matplotlib.style.context(STYLE, after_reset=True):
        draw(found).savefig(Path(__file__).parents[1] / "images" / "uncertainty.png")


if __name__ == "__main__":
    main()
