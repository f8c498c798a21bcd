"""Whether a distribution says how wrong it is."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from oceanbench.figures.style import ERROR, ESTIMATE, TRUTH, View
from oceanbench.metrics.probabilistic.calibration import pit_histogram, spread_skill_curve
from oceanbench.metrics.probabilistic.points import described

MOST_RANKS = 30  # bars of a histogram; more members than bars share them


def calibration(view: View, truth_error: float) -> Figure:
    """Histogram of ranks or probabilities, and the error of the mean against the expected one."""
    m = view.matched
    arrays = m.distribution, m.truth, m.weights
    members = m.distribution.sizes.get("member", MOST_RANKS)
    bins = members + 1 if members < MOST_RANKS else MOST_RANKS
    heights = bins * pit_histogram(*arrays, bins=bins, truth_error=truth_error)
    curve = spread_skill_curve(*arrays, truth_error=truth_error)
    figure = Figure(figsize=(10.0, 4.6))
    known = f", error of the truth {truth_error:g} {view.units}" if truth_error else ""
    figure.suptitle(f"{view.heading}, {described(m.distribution)}{known}")
    histogram, skill = figure.subplots(1, 2)
    histogram.bar((np.arange(bins) + 0.5) / bins, heights, 0.92 / bins, color=ESTIMATE)
    histogram.axhline(1.0, color=TRUTH, ls="--", lw=1.0)
    kind = "rank histogram" if members < MOST_RANKS else "histogram of the PIT"
    histogram.set(title=f"{kind}; flat is ideal", ylabel="density", xlim=(0, 1))
    histogram.set(xlabel=f"probability of {view.variable} below the truth")
    most = 1.05 * float(max(curve["expected"].max(), curve["found"].max())) or 1.0
    skill.plot([0, most], [0, most], color=TRUTH, ls="--", lw=1.0)
    skill.plot(curve["expected"], curve["found"], "o-", color=ERROR, ms=5)
    for text, place in (("too sure", (0.05, 0.93)), ("not sure enough", (0.62, 0.04))):
        skill.annotate(text, place, xycoords="axes fraction", color="0.4")
    skill.set(title="error against spread; the diagonal is ideal", aspect="equal")
    skill.set(xlabel=f"expected RMSE of the mean ({view.units})", xlim=(0, most), ylim=(0, most))
    skill.set(ylabel=f"RMSE of the mean of {view.variable} ({view.units})")
    return figure
