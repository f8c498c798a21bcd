"""What is learned of a sea of the stress matrix: three covariances of one family.

All three are scales of the baseline ``duacs``. ``duacs`` is what that fits to altimeters, each
predicted from the others; ``states`` what the maps of the training days alone tell, a prior for any
sampling; ``end_to_end`` what makes the error of the maps least for one sampling.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from scipy.linalg import solve_triangular
from scipy.optimize import minimize
from stress_seas import ERRORS, SAMPLINGS, USUAL, Season, season, states

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.observations.superobservations import kilometres
from oceanbench.assimilation.observations.tiled_mapping import SCALES, covariance_at
from oceanbench.data import shipped
from oceanbench.data.files import write_text
from oceanbench.methods.method_file import load_method
from oceanbench.methods.weights import Weights

WHITE, SHARED, SWATH = 0.03, 0.02, 0.015  # m, of the errors of the altimeters
AVERAGED = 5  # samples, by duacs
SETS, POINTS, SPAN = 8, 400, 20  # of states: how often, how many places, within how many days
LIKELIHOODS = 120  # that are tried
LEAST_LEFT = 1e-3  # of the variance of a sea that its covariance leaves
DATES, EVALUATIONS = 12, 30  # of a fit to altimeters
TRIALS = 30  # of the fit of end_to_end
WEIGHTS = shipped.folder("baselines") / "weights"
SHIPPED = {"jet": "ssh_osse_jet_noisy", "fronts": "ssh_osse_fronts"}
Scales = dict[str, float]


def fits(name: str, folder: Path) -> dict[str, Scales]:
    """Scales of all three for a sea, kept in the folder."""
    path = folder / "fits" / f"{name}.json"
    if not path.is_file():
        usual = season(name, USUAL[0], folder)
        inputs = usual.inputs(*USUAL[1:])
        fitted = of_altimeters(name, inputs)
        found = {
            "duacs": fitted,
            "states": of_states(states(name, folder)),
            "end_to_end": end_to_end(usual, inputs, fitted),
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(json.dumps(found, indent=1), path)
    kept: dict[str, Scales] = json.loads(path.read_text(encoding="utf-8"))
    return kept


def of_altimeters(name: str, inputs: Mapping[str, xr.Dataset]) -> Scales:
    """Scales of the shipped fit to a sea's altimeters; where there is none, of a fit to these."""
    shipped_fit = WEIGHTS / SHIPPED.get(name, "") / "duacs.safetensors"
    if name in SHIPPED:
        learned = Weights.load(shipped_fit).tensors
    else:
        trials = {"dates": DATES, "evaluations": EVALUATIONS}
        learned = load_method("duacs")[1].train(inputs, device="cpu", seed=0, local=False, **trials)
    return {scale: float(learned[scale]) for scale in SCALES}


def of_states(known: xr.DataArray) -> Scales:
    """Length, time, speed and what they leave that make states at some places likeliest.

    Places and days are drawn at random, :data:`POINTS` at a time within :data:`SPAN` days; their
    anomalies are Gaussian, of the covariance and, of what it leaves, white noise.
    """
    anomaly = known - known.mean("time")
    variance = float((anomaly**2).mean())
    sets = list(drawn(anomaly / variance**0.5, np.random.default_rng(0)))
    latitude = float(known["latitude"].mean())

    def unlikely(parameters: FloatArray) -> float:
        scales = _scales(parameters)
        covariance = covariance_at(latitude, scales)
        total = 0.0
        for places, values in sets:
            at = covariance.coordinates(*places.T)
            matrix = covariance.matrix(at, at).numpy() + scales["left"] * np.eye(len(values))
            root = np.linalg.cholesky(matrix)
            total += 2.0 * float(np.log(np.diag(root)).sum())
            total += float((solve_triangular(root, values, lower=True) ** 2).sum())
        return total / (len(sets) * POINTS)

    first = np.array([0.0, 0.0, 0.0, np.log(0.01)])
    simplex = first + np.vstack([np.zeros(4), 0.4 * np.eye(4)])
    options: Any = {"maxfev": LIKELIHOODS, "initial_simplex": simplex}
    best = minimize(unlikely, first, method="Nelder-Mead", options=options)
    return {**_scales(best.x), "variance": variance}


def _scales(parameters: FloatArray) -> Scales:
    length, time, left = np.exp(parameters[[0, 1, 3]])
    return {
        "length_factor": float(length),
        "time_factor": float(time),
        "speed_factor": float(parameters[2]),
        "left": float(max(left, LEAST_LEFT)),
    }


def drawn(
    anomaly: xr.DataArray, random: np.random.Generator
) -> Iterator[tuple[torch.Tensor, FloatArray]]:
    """Places (n, 3) in km eastward, km northward and days, and the values there."""
    values = anomaly.transpose("time", "latitude", "longitude").values
    degrees = (anomaly["longitude"].values, anomaly["latitude"].values)
    x, y = kilometres(*np.meshgrid(*degrees), (degrees[0].mean(), degrees[1].mean()))
    rows, columns = np.nonzero(np.isfinite(values[0]))
    for _ in range(SETS):
        first = random.integers(max(len(values) - SPAN, 0) + 1)
        day = random.integers(min(SPAN, len(values)), size=POINTS)
        node = random.integers(rows.size, size=POINTS)
        at = rows[node], columns[node]
        yield torch.as_tensor(np.stack([x[at], y[at], day], 1)), values[(first + day, *at)]


def options_of_states(scales: Scales, sampling: str, errors: str) -> dict[str, Any]:
    """Options of duacs for a prior of states and altimeters whose errors are known."""
    swath = "swot" in SAMPLINGS[sampling]
    square = ERRORS[errors] ** 2 / scales["variance"]
    noise = scales["left"] + square * WHITE**2 / AVERAGED
    return {
        **{name: scales[name] for name in ("length_factor", "time_factor", "speed_factor")},
        "noise": noise,
        "correlated": square * SHARED**2,
        "mission_noise": f"swot={scales['left'] + square * SWATH**2:g}" if swath else "",
    }


def end_to_end(usual: Season, inputs: Mapping[str, xr.Dataset], first: Scales) -> Scales:
    """Scales whose maps of some days of a season are nearest to its truth."""
    truth = usual.scored.isel(time=slice(1, None, 5), latitude=slice(None, None, 2))
    target = xr.full_like(truth, np.nan).to_dataset(name="ssh")
    duacs = load_method("duacs")[1]
    names = [name for name in SCALES if first[name] > 0]

    def trial(logarithms: FloatArray) -> Scales:
        bounded = np.clip(np.exp(logarithms), 1e-3, 30.0)
        return {**first, **dict(zip(names, map(float, bounded), strict=True))}

    def error(logarithms: FloatArray) -> float:
        options = {"precision": "single", **trial(logarithms)}
        maps = duacs.estimate(inputs, target, device="cpu", seed=0, **options)["ssh"]
        return float(((maps - truth) ** 2).mean())

    begin = np.log([first[name] for name in names])
    simplex = begin + 0.4 * np.vstack([np.zeros(len(names)), np.eye(len(names))])
    options: dict[str, Any] = {"maxfev": TRIALS, "initial_simplex": simplex}
    return trial(minimize(error, begin, method="Nelder-Mead", options=options).x)
