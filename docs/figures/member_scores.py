"""What the board of ssh_osse_jet_noisy does not show of members, and how good they could be.

    python docs/figures/member_scores.py results/ssh_osse_jet_noisy NAME …
    python docs/figures/member_scores.py FOLDER --validation

The second looks at no test day: shipped weights of fourdvarnet_members on the days that calibrate
them, about which FOLDER keeps what was observed and mapped.

Of submission files NAME.nc that `oceanbench run` left in a folder: scores of members, and bounds
that hold if errors e of the members' mean are normal at every point, of deviations that somebody
may know. Then the best CRPS is E|e|/√2, whatever the deviations are; and E|e|, relative to the root
mean square, tells how much they vary: of lognormal ones the logarithm varies by
s² = -2 log (√(π/2) E|e| / √E e²), and even a perfect spread has a rank correlation with |e| that is
below one. ``own`` is that of the members' own deviations, if they were perfect.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import xarray as xr
from scipy.stats import spearmanr

from oceanbench import Challenge
from oceanbench.assimilation.generative.maps.contexts import REACH
from oceanbench.assimilation.generative.maps.drawn_maps import MemberMaps
from oceanbench.assimilation.generative.maps.simulated_scenes import SceneMaker
from oceanbench.methods.inputs import Inputs
from oceanbench.methods.weights import Weights
from oceanbench.metrics import METRICS

CHALLENGE = "ssh_osse_jet_noisy"
WEIGHTS = Path(__file__).parents[2] / "baselines/weights" / CHALLENGE
WEIGHTS = WEIGHTS / "fourdvarnet_members.safetensors"
BEYOND = 7  # days before those that calibrate, and after them
SCORES = ("rmse", "crps", "energy_score", "spread_skill", "spread_error_correlation")
IN_CM = ("rmse", "crps", "energy_score")


def bounds(absolute: float, root: float) -> tuple[float, float]:
    """Best CRPS, cm, and best rank correlation, of a mean absolute error, m, and an RMSE, cm."""
    ratio = np.sqrt(np.pi / 2.0) * 100.0 * absolute / root
    random = np.random.default_rng(0)
    deviation = np.exp(np.sqrt(max(-2.0 * np.log(ratio), 0.0)) * random.standard_normal(10**6))
    error = abs(deviation * random.standard_normal(deviation.size))
    return 100.0 * absolute / np.sqrt(2.0), float(spearmanr(deviation, error)[0])


def validation(folder: Path) -> tuple[xr.DataArray, xr.DataArray, xr.DataArray]:
    """Members, the estimate that they are about and the truth, on the days that calibrate."""
    weights = Weights.load(WEIGHTS).tensors
    maps = MemberMaps.of(weights, name="fourdvarnet_members")
    inputs = Inputs(Challenge.load(CHALLENGE), for_training=True)
    maker = SceneMaker(inputs, maps.bases, "", 2, str(folder))
    scene, known = maker.validation(BEYOND)
    mean, deviations = maps.parts(scene, 50, seed=0)
    inside = np.s_[..., BEYOND - REACH : len(known) - BEYOND - REACH, 5:-5, 5:-5]
    about = scene["estimates"][0][REACH : len(known) - REACH].astype(np.float64)
    dims = ("member", "time", "latitude", "longitude")
    members = xr.DataArray((mean + deviations)[inside], dims=dims)
    first = np.datetime64("2013-08-30", "ns")
    days = first + np.arange(members.sizes["time"]) * np.timedelta64(1, "D")
    axes = {
        "time": days,
        "latitude": np.linspace(33, 43, 51),
        "longitude": np.linspace(295, 305, 51),
    }
    fields = (about[inside], known[REACH : len(known) - REACH][inside])
    estimate, truth = (xr.DataArray(field, dims=dims[1:]).assign_coords(axes) for field in fields)
    return members.assign_coords(axes), estimate, truth


def main() -> None:
    """Print a row for each submission, or for the days that calibrate."""
    folder, names = Path(sys.argv[1]), sys.argv[2:]
    if names == ["--validation"]:
        members, estimate, truth = validation(folder)
        root = 100.0 * float(np.sqrt(((estimate - truth) ** 2).mean()))
        print(f"RMSE of the estimate, days that calibrate: {root:.3f} cm")
        rows = [("calibrating", members)]
    else:
        challenge = Challenge.load(CHALLENGE)
        truth = challenge.open(challenge.truth_name)["ssh"]
        truth = truth.transpose("time", "latitude", "longitude")
        rows = [(name, xr.load_dataset(folder / f"{name}.nc")["ssh"]) for name in names]
    weights = np.cos(np.deg2rad(truth["latitude"])) * xr.ones_like(truth)
    shown = (*SCORES, "coverage", "small_scale_variance", "CRPS bound", "correlation bound", "own")
    print("| row | members | " + " | ".join(shown) + " |")
    for name, found_maps in rows:
        maps = found_maps.transpose("member", *truth.dims).reindex_like(truth, method="nearest")
        mean, deviation = maps.mean("member"), maps.std("member", ddof=1).values
        found = [
            METRICS[score].function(mean if score == "rmse" else maps, truth, weights)
            * (100.0 if score in IN_CM else 1.0)
            for score in SCORES
        ]
        found.append(METRICS["coverage"].function(maps, truth, weights, level=0.9))
        found.append(METRICS["small_scale_variance"].function(maps, truth, weights))
        error = abs(mean - truth)
        found += list(bounds(float(error.weighted(weights).mean()), found[0]))
        random = np.random.default_rng(0)
        drawn = [
            spearmanr(day.ravel(), abs(day * random.standard_normal(day.shape)).ravel())[0]
            for day in deviation
        ]
        found.append(float(np.mean(drawn)))
        print(f"| `{name}` | {maps.sizes['member']} | " + " | ".join(f"{x:.3f}" for x in found))


if __name__ == "__main__":
    main()
