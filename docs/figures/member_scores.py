"""What the board of ssh_osse_jet_noisy does not show of members, and how good they could be.

    python docs/figures/member_scores.py results/ssh_osse_jet_noisy NAME …

Of submission files NAME.nc that `oceanbench run` left in a folder: scores of members, and what
scores would be if errors were normal of the members' own deviations, at every point. Bounds: if
errors of the members' mean were normal at every point, of deviations that somebody knew, the CRPS
would be E|e|/√2 for whatever deviations.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import xarray as xr
from scipy.stats import spearmanr

from oceanbench import Challenge
from oceanbench.metrics import METRICS

CHALLENGE = "ssh_osse_jet_noisy"
SCORES = ("rmse", "crps", "energy_score", "spread_skill", "spread_error_correlation")
IN_CM = ("rmse", "crps", "energy_score")


def main() -> None:
    """Print a row for each submission."""
    challenge = Challenge.load(CHALLENGE)
    truth = challenge.open(challenge.truth_name)["ssh"].transpose("time", "latitude", "longitude")
    weights = np.cos(np.deg2rad(truth["latitude"])) * xr.ones_like(truth)
    folder, names = Path(sys.argv[1]), sys.argv[2:]
    shown = (*SCORES, "coverage", "small_scale_variance", "CRPS bound", "correlation bound")
    print("| row | members | " + " | ".join(shown) + " |")
    for name in names:
        maps = xr.load_dataset(folder / f"{name}.nc")["ssh"]
        maps = maps.transpose("member", *truth.dims).reindex_like(truth, method="nearest")
        mean, deviation = maps.mean("member"), maps.std("member", ddof=1).values
        found = [
            METRICS[score].function(mean if score == "rmse" else maps, truth, weights)
            * (100.0 if score in IN_CM else 1.0)
            for score in SCORES
        ]
        found.append(METRICS["coverage"].function(maps, truth, weights, level=0.9))
        found.append(METRICS["small_scale_variance"].function(maps, truth, weights))
        error = abs(mean - truth)
        found.append(100.0 * float(error.weighted(weights).mean()) / np.sqrt(2.0))
        random = np.random.default_rng(0)
        drawn = [
            spearmanr(day.ravel(), abs(day * random.standard_normal(day.shape)).ravel())[0]
            for day in deviation
        ]
        found.append(float(np.mean(drawn)))
        print(f"| `{name}` | {maps.sizes['member']} | " + " | ".join(f"{x:.3f}" for x in found))


if __name__ == "__main__":
    main()
