"""First guesses of an operational system, from a good analysis to climatology: who gains.

    python docs/figures/first_guess.py make FOLDER
    python docs/figures/first_guess.py draw FOLDER

The system is causal and frozen: every day it interpolates what three of the four altimeters of
``ssh_osse_jet_noisy`` saw in the fortnight before, with a covariance whose memory is Matérn's, and
a 1.5-layer quasi-geostrophic model carries that on for a fortnight. Its maps of a day, from the
forecasts that were begun so many days before, are first guesses of every error between that of an
analysis and of climatology: none is truth plus noise. FOLDER keeps a file a forecast and a row a
method and first guess, so that what was interrupted goes on. ``draw`` puts the rows into
``docs/figures/first_guess.json``, prints the table of docs/first_guess.md, which explains it, and
draws ``docs/images/first_guess.png``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np
import torch
import xarray as xr
from first_guess_system import AGES, DAYS, LEVELS, ONE_DAY, Datasets, first_guess, forecast, valid
from matplotlib.figure import Figure

from oceanbench import Challenge
from oceanbench.data import shipped
from oceanbench.data.files import write_text
from oceanbench.figures.style import LINES, STYLE
from oceanbench.methods.inputs import Inputs
from oceanbench.methods.method_file import load_method
from oceanbench.methods.weights import Weights

CHALLENGE = "ssh_osse_jet_noisy"
SCORED = (297.0, 303.0, 35.0, 41.0)
FOUND = Path(__file__).with_suffix(".json")
IMAGE = Path(__file__).parents[1] / "images" / "first_guess.png"
WEIGHTS = shipped.folder("baselines") / "weights"
DATES, EVALUATIONS = 8, 16  # of a fit to differences


def run(baseline: str, inputs: Datasets, **options: Any) -> xr.DataArray:
    """Maps of a baseline on the scored days and nodes."""
    target = xr.full_like(scored(), np.nan).to_dataset(name="ssh")
    method = load_method(baseline)[1]
    maps: xr.DataArray = method.estimate(inputs, target, device="cpu", seed=0, **options)["ssh"]
    return maps


def learned(*place: str) -> Mapping[str, torch.Tensor]:
    """Weights that are shipped."""
    return Weights.load(WEIGHTS.joinpath(*place)).tensors


def duacs_options() -> dict[str, Any]:
    """Scales of the fit to the altimeters of the challenge."""
    return {"weights": learned(CHALLENGE, "duacs.safetensors"), "precision": "single"}


def refitted(inputs: Datasets, name: str) -> xr.DataArray:
    """Duacs with scales that predict each altimeter's differences to the first guess best."""
    duacs = load_method("duacs")[1]
    begun = duacs_options()["weights"]
    trials = {"dates": DATES, "evaluations": EVALUATIONS, "init": begun, "background": name}
    weights = duacs.train(inputs, device="cpu", seed=0, local=False, **trials)
    return run("duacs", inputs, background=name, weights=weights, precision="single")


def anywhere(inputs: Datasets, name: str, passes: str = "auto") -> xr.DataArray:
    """Network that learned anywhere."""
    weights = learned("fourdvarnet_anywhere.safetensors")
    options = {"first_guess": name, "most_withheld": 1, "passes": passes}
    return run("fourdvarnet_anywhere", inputs, weights=weights, **options)


def of_bfn(inputs: Datasets, name: str) -> xr.DataArray:
    """Network that has learned the errors of maps of bfn, on other days of this sea."""
    weights = learned(CHALLENGE, "fourdvarnet.safetensors")
    return run("fourdvarnet", inputs, weights=weights, first_guess=name)


METHODS: Mapping[str, Callable[[Datasets, str], xr.DataArray]] = {
    "first guess": lambda inputs, name: inputs[name]["ssh"],
    "duacs": lambda inputs, name: run("duacs", inputs, background=name, **duacs_options()),
    "duacs, refitted": refitted,
    "fourdvarnet_anywhere": anywhere,
    "fourdvarnet_anywhere, forced": partial(anywhere, passes="two"),
    "fourdvarnet": of_bfn,
}
ALONE: Mapping[str, Callable[[Datasets], xr.DataArray]] = {
    "duacs": lambda inputs: run("duacs", inputs, **duacs_options()),
    "fourdvarnet_anywhere": lambda inputs: anywhere(inputs, "duacs"),
    "fourdvarnet": lambda inputs: of_bfn(inputs, "bfn"),
}


@cache
def scored() -> xr.DataArray:
    """Truth of the scored days and nodes."""
    challenge = Challenge.load(CHALLENGE)
    truth = challenge.open(challenge.truth_name)["ssh"]
    west, east, south, north = SCORED
    box = {
        "longitude": slice(west - 1e-6, east + 1e-6),
        "latitude": slice(south - 1e-6, north + 1e-6),
    }
    days = slice(DAYS[0], DAYS[0] + (DAYS[1] - 1) * ONE_DAY)
    every = {name: slice(None, None, 2) for name in box}
    return truth.sel(box).sel(time=days).isel(every).load()


def daily(maps: xr.DataArray) -> list[int]:
    """Root mean square error of every scored day, micrometres."""
    truth = scored()
    left = maps.interp(truth.coords) - truth
    weights = np.cos(np.deg2rad(truth["latitude"]))
    squares = (left**2).weighted(weights).mean(("latitude", "longitude"))
    return [round(1e6 * float(value) ** 0.5) for value in squares]


def make(folder: Path, methods: list[str]) -> None:
    """Make the forecasts and the rows that are missing."""
    inputs: dict[str, xr.Dataset] = dict(Inputs(Challenge.load(CHALLENGE)))
    starts = {day - age * ONE_DAY for day in valid() for age in AGES}
    for start in sorted(starts):
        forecast(inputs, start, folder)
    maps = {name: first_guess(inputs, name, folder) for name in LEVELS}
    for method in methods:
        for name in [*LEVELS, "alone"]:
            path = folder / "rows" / f"{method} | {name}.json"
            if path.is_file() or (name == "alone" and method not in ALONE):
                continue
            if name == "alone":
                found = ALONE[method](inputs)
            else:
                found = METHODS[method]({**inputs, name: maps[name]}, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            errors = daily(found)
            write_text(json.dumps(errors) + "\n", path)
            print(f"{path.stem}: {total(errors):.2f} cm", flush=True)


def total(errors: list[int]) -> float:
    """Root mean square error of all days, cm."""
    return float(np.sqrt(np.mean(np.square(np.array(errors) / 1e4))))


def table(found: Mapping[str, list[int]]) -> Iterator[str]:
    """Errors and ratios, a first guess a row; days on which a method is worse than it."""
    methods = [name for name in METHODS if name != "first guess"]
    yield f"| first guess | its RMSE, cm | {' | '.join(f'`{name}`' for name in methods)} |"
    yield "|---" * (len(methods) + 2) + "|"
    for name in [*LEVELS, "alone"]:
        guess = found.get(f"first guess | {name}")
        cells = []
        for method in methods:
            errors = found.get(f"{method} | {name}")
            if errors is None:
                cells.append("–")
            elif guess is None:
                cells.append(f"{total(errors):.2f}")
            else:
                ratio = total(errors) / total(guess)
                worse = sum(a > b for a, b in zip(errors, guess, strict=True))
                cells.append(f"{total(errors):.2f} ({ratio:.2f}; worse on {worse} days)")
        yield f"| {name} | {f'{total(guess):.2f}' if guess else '–'} | {' | '.join(cells)} |"


def draw(found: Mapping[str, list[int]]) -> Figure:
    """Error of the estimate against that of the first guess."""
    figure = Figure(figsize=(6.5, 5.0))
    axes = figure.subplots()
    guesses = [total(found[f"first guess | {name}"]) for name in LEVELS]
    methods = [name for name in METHODS if name != "first guess"]
    for method, colour, marker in zip(methods, LINES, "osD^v", strict=False):
        known = [name for name in LEVELS if f"{method} | {name}" in found]
        if not known:
            continue
        places = sorted(
            (total(found[f"first guess | {name}"]), total(found[f"{method} | {name}"]))
            for name in known
        )
        axes.plot(*np.array(places).T, color=colour, marker=marker, label=f"{method}, from it")
        if f"{method} | alone" in found:
            alone = total(found[f"{method} | alone"])
            axes.axhline(alone, color=colour, ls=":", lw=1.2, label=f"{method}, without it")
    most = 1.05 * max(guesses)
    axes.plot([0.0, most], [0.0, most], color="0.4", ls="--", lw=1.0, label="the first guess")
    axes.set(xlabel="RMSE of the first guess (cm)", ylabel="RMSE of the estimate (cm)")
    axes.set(xlim=(0.0, most), ylim=(0.0, None))
    axes.legend(fontsize=8)
    return figure


def main() -> None:
    """Do what the first argument says."""
    parser = argparse.ArgumentParser(description="First guesses from an operational system.")
    parser.add_argument("what", choices=("make", "draw"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="+", choices=METHODS, default=list(METHODS))
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.what == "make":
        make(given.folder, given.only)
        return
    found = json.loads(FOUND.read_text(encoding="utf-8")) if FOUND.is_file() else {}
    for path in sorted((given.folder / "rows").glob("*.json")):
        found[path.stem] = json.loads(path.read_text(encoding="utf-8"))
    write_text(
        json.dumps(found, indent=0).replace(",\n", ", ").replace("], ", "],\n") + "\n", FOUND
    )
    print("\n".join(table(found)))
    with matplotlib.style.context(STYLE, after_reset=True):
        draw(found).savefig(IMAGE)


if __name__ == "__main__":
    main()
