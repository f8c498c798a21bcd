"""Histograms of the truth's ranks on ssh_osse_jet_calibration, and the moments that are tested.

    python docs/figures/rank_histograms.py [--image FILE] results NAME …

draws ``docs/images/rank_histograms.png``, or FILE, of the submissions NAME.nc in the folder of the
challenge in ``results``, and prints, of every one, the four moments of its ranks with their errors
over the 24 days, neighbours taken for independent, and the ratio of expected to found error in
bands of latitude. docs/posteriors.md explains them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib.style
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from oceanbench import METRICS, Challenge
from oceanbench.figures.style import ESTIMATE, STYLE, TRUTH
from oceanbench.metrics.probabilistic.calibration import pit_histogram
from oceanbench.metrics.probabilistic.uniformity import rank_moments, rank_uniformity

CHALLENGE = "ssh_osse_jet_calibration"
IMAGE = Path(__file__).parents[1] / "images" / "rank_histograms.png"
BINS = 20
BANDS = ((33, 35), (35, 37), (37, 39), (39, 41), (41, 43))  # degrees north


def opened(path: Path, truth: xr.DataArray) -> xr.DataArray:
    """Members, or mean and deviation, on the nodes of the truth."""
    found = xr.load_dataset(path)
    estimate = found["ssh"]
    if "ssh_std" in found:
        moments = xr.DataArray(["mean", "std"], dims="moment", name="moment")
        estimate = xr.concat([estimate, found["ssh_std"]], moments)
    return estimate.reindex_like(truth, method="nearest")


def ratios(estimate: xr.DataArray, truth: xr.DataArray) -> list[float]:
    """Expected over found error in each band of latitude."""
    latitude, score = truth["latitude"], METRICS["spread_skill"].function
    inside = [(latitude >= south - 1e-6) & (latitude <= north + 1e-6) for south, north in BANDS]
    every = xr.ones_like(truth)
    return [float(score(estimate, truth, every.where(band, 0.0))) for band in inside]


def main() -> None:
    """Draw a histogram a submission, and print a row of moments."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("names", nargs="+", metavar="NAME")
    parser.add_argument("--image", type=Path, default=IMAGE)
    given = parser.parse_args()
    folder, names = given.results / CHALLENGE, given.names
    truth = Challenge.load(CHALLENGE).open("truth")["ssh"]
    weights = xr.ones_like(truth)
    matplotlib.style.use(STYLE)
    figure = Figure(figsize=(2.4 * len(names), 2.7), layout="constrained")
    panels = np.atleast_1d(figure.subplots(1, len(names), sharey=True))
    bands = " | ".join(f"{south}–{north}° N" for south, north in BANDS)
    print(f"| submission | place | width | skewness | tails | p uniform | {bands} |")
    print("|---" * (6 + len(BANDS)) + "|")
    for name, panel in zip(names, panels, strict=True):
        estimate = opened(folder / f"{name}.nc", truth)
        heights = BINS * pit_histogram(estimate, truth, weights, bins=BINS)
        found = rank_moments(estimate, truth, weights)
        chance = rank_uniformity(found)
        error = found.values.std(axis=1, ddof=1) / np.sqrt(found.weights.size)
        cells = [f"{m:.3f} ± {e:.3f}" for m, e in zip(found.mean(), error, strict=True)]
        cells += [f"{chance:.3f}", *(f"{ratio:.2f}" for ratio in ratios(estimate, truth))]
        print(f"| `{name}` | " + " | ".join(cells) + " |")
        panel.bar((np.arange(BINS) + 0.5) / BINS, heights, 0.92 / BINS, color=ESTIMATE)
        panel.axhline(1.0, color=TRUTH, ls="--", lw=1.0)
        panel.set(title=f"{name}\np = {chance:.3f}", xlabel="probability below the truth")
    panels[0].set(ylabel="density; flat is uniform", ylim=(0.0, 2.4))
    figure.savefig(given.image, dpi=110)
    print(f"wrote {given.image}")


if __name__ == "__main__":
    main()
