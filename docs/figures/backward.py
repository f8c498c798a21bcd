"""What it is worth to know the physics of the truth: the jet's sea, forward and backward in time.

    python docs/figures/backward.py FOLDER

The truth of the jet challenges is a quasi-geostrophic flow; ``bfn`` nudges a model of that family,
and the learned maps start from it. Here 42 days of the training truth are mapped, which the methods
do not get, from the tracks and errors of ``ssh_osse_jet_noisy``: as it was, and run backward in
time, so that the same eddies obey other physics. Printed are errors in centimetres, and against
``duacs``, whose covariances know no direction of time. The learned maps have learned from the truth
of those days, so that only their errors backward tell anything; ``fourdvarnet_duacs`` begins with
the maps of ``duacs``. The last lines are of 42 later days of the sea that runs backward, with a
network that learned from the days before them there; FOLDER keeps its training.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
import xarray as xr

from oceanbench import Challenge
from oceanbench.data import shipped
from oceanbench.grid import interpolate
from oceanbench.methods.method_file import load_method
from oceanbench.methods.weights import Weights

CLEAN, NOISY = "ssh_osse_jet", "ssh_osse_jet_noisy"
DAYS = slice("2013-04-10", "2013-05-21")
KNOWN, LATER = slice(None, "2013-07-31"), slice("2013-08-15", "2013-09-25")
BOX = {"longitude": slice(295, 305), "latitude": slice(33, 43)}
METHODS = ("duacs", "bfn", "learned_correction", "fourdvarnet", "fourdvarnet_duacs")
STEPS = 2500


def sea(*, backward: bool) -> xr.DataArray:
    """Maps of the training truth, with its days in the other order where it runs backward."""
    known = Challenge.load(NOISY).open("training_truth")["ssh"].load()
    return known.copy(data=known.values[::-1]) if backward else known


def observed(truth: xr.DataArray) -> dict[str, xr.Dataset]:
    """Nadir altimeters above a sea, with the errors that they have in the challenge."""
    clean, noisy = Challenge.load(CLEAN), Challenge.load(NOISY)
    found = {}
    for name in noisy.of_role("observations"):
        if noisy.datasets[name].layout != "track":
            continue
        seen = noisy.open(name).load()
        error = seen["ssh"] - clean.open(name)["ssh"]
        seen["ssh"] = seen["ssh"].copy(data=(interpolate(truth, seen["ssh"]) + error).values)
        found[name] = seen.isel(time=np.flatnonzero(np.isfinite(seen["ssh"])))
    return found


def learned(
    truth: xr.DataArray, tracks: dict[str, xr.Dataset], folder: Path
) -> dict[str, torch.Tensor]:
    """Weights of fourdvarnet from maps of duacs, of the days before those to be mapped."""
    maps = truth.sel(time=KNOWN).to_dataset(name="ssh")
    end = maps["time"].values[-1]
    given = {name: seen.isel(time=seen["time"].values <= end) for name, seen in tracks.items()}
    given["training_truth"] = maps.assign_attrs(role="training", layout="grid")
    options = {"steps": STEPS, "first_guess": "duacs", "checkpoint": str(folder)}
    return load_method("fourdvarnet")[1].train(given, device="cpu", seed=0, **options)


def shipped_weights(name: str) -> Weights | None:
    """Weights of a row of the noisy jet; none of those that have learned nothing from a truth."""
    path = shipped.folder("baselines") / "weights" / NOISY / f"{name}.safetensors"
    return None if name in ("duacs", "bfn") else Weights.load(path)


def error(
    name: str, inputs: dict[str, xr.Dataset], wanted: xr.DataArray, **options: object
) -> float:
    """Root mean square error, in centimetres, of the maps of a method."""
    empty = xr.full_like(wanted, np.nan).to_dataset(name="ssh")
    maps = load_method(name)[1].estimate(inputs, empty, device="cpu", seed=0, **options)["ssh"]
    squares = ((maps - wanted) ** 2).weighted(np.cos(np.deg2rad(wanted["latitude"])))
    return 100.0 * float(squares.mean()) ** 0.5


def main() -> None:
    """Print a table, a method a row, and what learning there is worth."""
    folder = Path(sys.argv[1])
    errors: dict[str, list[float]] = {name: [] for name in METHODS}
    for backward in (False, True):
        truth = sea(backward=backward)
        inputs, wanted = observed(truth), truth.sel(time=DAYS, **BOX)
        for name in METHODS:
            weights = shipped_weights(name)
            options = {"weights": weights.tensors} if weights else {}
            method = weights.method["name"] if weights else name
            errors[name].append(error(method, inputs, wanted, **options))
    reference = errors["duacs"]
    print("method              forward cm  to duacs  backward cm  to duacs")
    for name, (forward, back) in errors.items():
        ahead, behind = 100.0 * (np.array([forward, back]) / reference - 1.0)
        print(f"{name:20s}{forward:10.2f}{ahead:+9.0f} %{back:12.2f}{behind:+9.0f} %")
    truth = sea(backward=True)
    inputs, later = observed(truth), truth.sel(time=LATER, **BOX)
    own = error("fourdvarnet", inputs, later, weights=learned(truth, inputs, folder))
    for name in ("duacs", "bfn"):
        print(f"later, backward: {name} {error(name, inputs, later):.2f} cm")
    print(f"later, backward: fourdvarnet from duacs that learned there {own:.2f} cm")


if __name__ == "__main__":
    main()
