r"""Maps and spectra of some submissions, for the page on learned_correction.

    python docs/figures/learned_correction.py FOLDER \
        duacs bfn learned_correction learned_correction_ensemble

FOLDER holds what `oceanbench run METHOD ssh_osse_jet_noisy --output …` wrote, NAME.nc each. Sea
level and its error on a day, and against wavelength the part of the truth that the error leaves.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Mapping
from pathlib import Path

import matplotlib.style
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from oceanbench import Challenge, Submission
from oceanbench.evaluate import evaluated
from oceanbench.figures.style import STYLE, TRUTH, geographic, limits, scales, shape_of
from oceanbench.metrics.spectral.isotropic import isotropic_psd_score
from oceanbench.scoring.matching import Matched

ROOT = Path(__file__).parent.parent
COLOURS = ("#56b4e9", "#009e73", "#d55e00", "#0072b2")  # Okabe and Ito


def maps(found: Mapping[str, Matched], day: int) -> Figure:
    """Truth and estimates above, errors below."""
    first = next(iter(found.values()))
    truth = first.truth.isel(time=day)
    aspect, ratio = shape_of(truth)
    columns = len(found) + 1
    figure = Figure(figsize=(2.9 * columns, 5.8 * ratio + 1.2), layout="compressed")
    figure.suptitle(f"Sea level and its error, {str(truth['time'].values)[:10]}")
    above, below = figure.subplots(2, columns, sharex=True, sharey=True)
    shared = limits(truth)
    errors = {name: m.estimate.isel(time=day) - truth for name, m in found.items()}
    wide = limits(*errors.values(), symmetric=True)
    levels = _draw(above[0], truth, "truth", "viridis", shared, aspect)
    below[0].axis("off")
    for name, upper, lower in zip(found, above[1:], below[1:], strict=True):
        _draw(upper, found[name].estimate.isel(time=day), name, "viridis", shared, aspect)
        rms = 100.0 * float(np.sqrt((errors[name] ** 2).mean()))
        title = f"error, {rms:.1f} cm rms"
        differences = _draw(lower, errors[name], title, "RdBu_r", wide, aspect)
    figure.colorbar(levels, ax=list(above), label="ssh (m)", extend="both")
    figure.colorbar(differences, ax=list(below), label="estimate − truth (m)", extend="both")
    return figure


def _draw(
    axes: Axes,
    field: xr.DataArray,
    title: str,
    colours: str,
    bounds: Mapping[str, float],
    aspect: float,
) -> object:
    mesh = axes.pcolormesh(
        field["longitude"], field["latitude"], field, cmap=colours, rasterized=True, **bounds
    )
    geographic(axes, title, aspect)
    return mesh


def spectra(found: Mapping[str, Matched]) -> Figure:
    """What the error leaves of the truth, against the isotropic wavelength."""
    figure = Figure(figsize=(7.0, 4.4))
    axes = figure.subplots()
    for (name, m), colour in zip(found.items(), itertools.cycle(COLOURS), strict=False):
        score = isotropic_psd_score(m.estimate, m.truth, m.weights)
        if score is None:
            raise SystemExit(f"{name}: no full box of points to make a spectrum of")
        axes.plot(1.0 / score["freq_r"], score, color=colour, label=name)
    axes.axhline(0.5, color=TRUTH, lw=1.0, ls="--")
    scales(axes, "x", "wavelength (km)")
    axes.set(ylabel="1 − error / truth", ylim=(-0.3, 1.02), xlim=(500.0, 50.0))
    axes.legend(loc="lower left")
    figure.suptitle("Which wavelengths are resolved: all directions, all days")
    return figure


def main() -> None:
    """Draw the submissions of a folder."""
    parser = argparse.ArgumentParser(description="Maps and spectra of some submissions.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="+")
    parser.add_argument("--day", type=int, default=21, help="of the test period")
    parser.add_argument("--output", type=Path, default=ROOT / "images")
    options = parser.parse_args()
    challenge = Challenge.load("ssh_osse_jet_noisy")
    found = {}
    for name in options.names:
        submission = Submission(name, options.folder / f"{name}.nc")
        found[name] = next(iter(evaluated(challenge, submission)[1].values()))
    with matplotlib.style.context(STYLE, after_reset=True):
        maps(found, options.day).savefig(options.output / "learned_correction_maps.png")
        spectra(found).savefig(options.output / "learned_correction_spectra.png")


if __name__ == "__main__":
    main()
