"""Generic priors against priors learned for one sampling: error over samplings.

    python docs/figures/priors.py            # draws what is known
    python docs/figures/priors.py --make     # and first makes what is missing

Of the windows that validate ``lorenz96`` and ``amoc``, observed in five ways, one of which the
learned estimates were trained with. What was found, one mean square error a window, is in
``docs/figures/priors.json``; the figure is ``docs/images/priors.png``. docs/priors.md explains it.
The jet's panel is drawn from the cells of the stress matrix, ``docs/figures/stress.json``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import matplotlib.style
import numpy as np
import torch
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from safetensors.torch import load_file
from stress_seas import SAMPLINGS
from stress_table import Matrix

from oceanbench import Challenge
from oceanbench.figures.style import STYLE
from oceanbench.methods.inputs import Inputs
from oceanbench.methods.method_file import load_method
from oceanbench.observing import patterns

ROOT = Path(__file__).parents[2]
FOUND = Path(__file__).with_suffix(".json")
IMAGE = ROOT / "docs" / "images" / "priors.png"
STRESS = FOUND.with_name("stress.json")
Observe = Callable[[xr.DataArray, np.random.Generator], xr.DataArray]
Datasets = Mapping[str, xr.Dataset]
MODEL_ERROR = 1e-5  # of 4DVar with the equations, relative to the climate's variance


class World(NamedTuple):
    """How many windows of a system, how long, how they are observed, in training too."""

    windows: int
    times: int
    samplings: dict[str, Observe]
    usual: str


def halves(steps: int, count: int, factor: float = 1.0) -> Observe:
    """So many components at random, every so many steps, with more noise."""

    def observe(states: xr.DataArray, random: np.random.Generator) -> xr.DataArray:
        mask = patterns.random_components(states.shape, steps, count, random)
        return patterns.observe(states, mask, [2.0 * factor] * 40, random)

    return observe


AMOC_NOISE = [3.155e-6, 6.513e-5, 5.488e-5]


def regular(steps: int, *, size: int = 1, components: tuple[int, ...] = ()) -> Observe:
    """Every so many steps, in clusters, or some components alone."""

    def observe(states: xr.DataArray, random: np.random.Generator) -> xr.DataArray:
        mask = patterns.every(states.shape, steps, size=size, components=components)
        return patterns.observe(states, mask, AMOC_NOISE, random)

    return observe


WORLDS = {
    "lorenz96": World(
        12,
        60,
        {
            "20 of 40\nevery 2nd": halves(2, 20),
            "20 of 40\nevery 4th": halves(4, 20),
            "noise\nx 4": halves(4, 20, 4.0),
            "10 of 40\nevery 4th": halves(4, 10),
            "20 of 40\nevery 8th": halves(8, 20),
        },
        "20 of 40\nevery 4th",
    ),
    "amoc": World(
        12,
        250,
        {
            "every\n50 years": regular(5),
            "clusters\nof 3, 100": regular(10, size=3),
            "every\n100 years": regular(10),
            "omega\nalone, 100": regular(10, components=(0,)),
            "every\n200 years": regular(20),
        },
        "every\n100 years",
    ),
}
STYLES = {  # label, colour, marker
    "equations": ("equations, converged 4DVar", "0.2", "o"),
    "gaussian": ("covariance of states, OI", "0.6", "s"),
    "states": ("learned from states alone, converged 4DVar", "C0", "D"),
    "recurrent": ("learned end to end for *, recurrent", "C3", "v"),
}

JET = {  # entries of the stress matrix
    "duacs_states": ("covariance, from states alone", "C0", "D"),
    "duacs_end_to_end": ("covariance, end to end for the shaded", "C1", "^"),
    "fourdvarnet": ("network, end to end for the shaded", "C3", "v"),
}


def inputs_of(name: str) -> dict[str, xr.Dataset]:
    """What a training is given."""
    return dict(Inputs(Challenge.load(name), None, for_training=True))


def given(name: str, inputs: Datasets, sampling: str) -> tuple[dict[str, xr.Dataset], xr.DataArray]:
    """What an estimate of the windows that validate is given, and their states."""
    world = WORLDS[name]
    truth = (
        inputs["validation_truth"]["state"]
        .isel(window=slice(world.windows), time=slice(world.times))
        .load()
    )
    random = np.random.default_rng(list(world.samplings).index(sampling))
    seen = world.samplings[sampling](truth, random).to_dataset(name="state")
    attributes = {**inputs["validation_observations"].attrs, "role": "observations"}
    return {**inputs, "observations": seen.assign_attrs(attributes)}, truth


def one_sampling(name: str, inputs: Datasets) -> dict[str, xr.Dataset]:
    """Inputs of a training that knows one sampling."""
    if name == "lorenz96":
        return dict(inputs)
    return {
        key: dataset.sel(sampling="every_100") if "sampling" in dataset.dims else dataset
        for key, dataset in inputs.items()
    }


def trained(name: str, prior: str, inputs: Datasets) -> Mapping[str, torch.Tensor]:
    """Weights of fourdvarnet_conv, of a short training or the shipped ones of one sampling."""
    if prior == "recurrent" and name == "lorenz96":
        shipped = ROOT / "baselines" / "weights" / name / "fourdvarnet_conv.safetensors"
        return load_file(shipped)
    _, method = load_method("fourdvarnet_conv")
    options = {"device": "cpu", "seed": 0, "members": 1}
    known = one_sampling(name, inputs)
    if prior == "recurrent":
        return method.train(known, steps=RECURRENT_STEPS, **options)
    return method.train(known, steps=PRIOR_STEPS, solver="incremental", from_states=True, **options)


PRIOR_STEPS, RECURRENT_STEPS = 300, 60


def estimates(name: str, prior: str, inputs: Datasets) -> Callable[[Datasets], xr.Dataset]:
    """How windows are estimated with a prior."""
    options = {"device": "cpu", "seed": 0}
    if prior == "equations":
        _, method = load_method("fourdvar")
        options |= {"model_error": MODEL_ERROR, "formal_error": False}
    elif prior == "gaussian":
        _, method = load_method("space_time_oi")
    else:
        _, method = load_method("fourdvarnet_conv")
        options |= {"weights": trained(name, prior, inputs), "member": 0}

    def estimate(seen: Datasets) -> xr.Dataset:
        target = xr.full_like(seen["observations"], np.nan).drop_vars("noise_variance")
        return method.estimate(seen, target, **options)

    return estimate


def errors(estimate: xr.Dataset, truth: xr.DataArray) -> list[float]:
    """Mean square error of every window, relative to the variance of each component."""
    square = (estimate["state"] - truth) ** 2 / truth.var(("window", "time"))
    return [float(f"{value:.4g}") for value in square.mean(("time", "component")).values]


def make(found: dict[str, list[float]], worlds: list[str], priors: list[str]) -> None:
    """Find what is missing, and keep it."""
    for name in worlds:
        inputs = inputs_of(name)
        for prior in priors:
            keys = {s: f"{name} | {prior} | {' '.join(s.split())}" for s in WORLDS[name].samplings}
            missing = [s for s, key in keys.items() if key not in found]
            estimate = estimates(name, prior, inputs) if missing else None
            for sampling in missing:
                assert estimate is not None
                seen, truth = given(name, inputs, sampling)
                found = json.loads(FOUND.read_text()) if FOUND.is_file() else {}
                found[keys[sampling]] = errors(estimate(seen), truth)
                FOUND.write_text(json.dumps(found, indent=0) + "\n")
                print(keys[sampling], f"{np.mean(found[keys[sampling]]):.4f}", flush=True)


def interval(values: list[float]) -> tuple[float, float, float]:
    """Mean over windows and its 95 % interval, by resampling of windows."""
    random = np.random.default_rng(0)
    means = random.choice(values, (2000, len(values))).mean(1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(np.mean(values)), float(low), float(high)


def draw_jet(axis: Axes, matrix: Matrix) -> None:
    """Error of maps of the jet, over that of duacs, by what observes it."""
    for number, (entry, (label, colour, marker)) in enumerate(JET.items()):
        keys = [("jet", "training", sampling, "nominal") for sampling in SAMPLINGS]
        mean = np.array([matrix.ratio(key, entry) for key in keys])
        low, high = np.array([matrix.interval(key, entry) for key in keys]).T
        places = np.arange(len(keys)) + 0.07 * (number - 1)
        axis.errorbar(
            places, mean, (mean - low, high - mean), label=label,
            color=colour, marker=marker, capsize=2,
        )  # fmt: skip
        for key, *found in zip(keys, mean, low, high, strict=True):
            print(f"jet | {entry} | {key[2]}:", *(f"{value:.2f}" for value in found))
    at = list(SAMPLINGS).index("four")
    axis.axvspan(at - 0.4, at + 0.4, color="0.93", zorder=0)
    axis.axhline(1.0, color="0.7", ls=":")
    axis.set_xticks(range(len(SAMPLINGS)), [name.replace(" + ", "\n+ ") for name in SAMPLINGS])
    axis.set(title="ssh_osse_jet", ylabel="RMSE over that of duacs")
    axis.legend()


def draw(found: Mapping[str, list[float]]) -> None:
    """Error over samplings, one panel a system."""
    figure = Figure(figsize=(13.5, 4.2), layout="constrained")
    *axes, last = figure.subplots(1, len(WORLDS) + 1)
    draw_jet(last, Matrix(json.loads(STRESS.read_text())))
    for axis, (name, world) in zip(axes, WORLDS.items(), strict=True):
        for number, (prior, (label, colour, marker)) in enumerate(STYLES.items()):
            places, values = [], []
            for place, sampling in enumerate(world.samplings):
                key = f"{name} | {prior} | {' '.join(sampling.split())}"
                if key in found:
                    places.append(place + 0.07 * (number - 1.5))
                    values.append(interval(found[key]))
                    print(f"{key}: {values[-1][0]:.4f} [{values[-1][1]:.4f}, {values[-1][2]:.4f}]")
            if values:
                mean, low, high = np.array(values).T
                axis.errorbar(
                    places, mean, (mean - low, high - mean), label=label.replace("*", "the shaded"),
                    color=colour, marker=marker, capsize=2,
                )  # fmt: skip
        at = list(world.samplings).index(world.usual)
        axis.axvspan(at - 0.4, at + 0.4, color="0.93", zorder=0)
        axis.axhline(1.0, color="0.7", ls=":")
        axis.set_xticks(range(len(world.samplings)), world.samplings)
        axis.set(title=name, yscale="log")
        axis.set_ylabel("NMSE")
    handles, labels = axis.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    figure.savefig(IMAGE, dpi=110)


def main() -> None:
    """Make what is missing, if asked to, and draw."""
    parser = argparse.ArgumentParser(description="Generic priors against learned ones.")
    parser.add_argument("--make", action="store_true")
    parser.add_argument("--worlds", nargs="+", choices=WORLDS, default=list(WORLDS))
    parser.add_argument("--priors", nargs="+", choices=STYLES, default=list(STYLES))
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    matplotlib.style.use(STYLE)
    if chosen.make:
        make(json.loads(FOUND.read_text()) if FOUND.is_file() else {}, chosen.worlds, chosen.priors)
    draw(json.loads(FOUND.read_text()))


if __name__ == "__main__":
    main()
