"""What it is worth to know the physics of the truth: the jet's sea, forward and backward in time.

    python docs/figures/backward.py

The truth of the jet challenges is a quasi-geostrophic flow; ``bfn`` nudges a model of that family,
and the learned maps start from it. Here 42 days of the training truth are mapped, which the methods
do not get, from the tracks and errors of ``ssh_osse_jet_noisy``: as it was, and run backward in
time, so that the same eddies obey other physics. Printed are errors in centimetres, and against
``duacs``, whose covariances know no direction of time. ``learned_correction`` has learned from the
truth of those days, so that only its error backward tells anything.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from oceanbench import Challenge
from oceanbench.data import shipped
from oceanbench.grid import interpolate
from oceanbench.methods.method_file import load_method
from oceanbench.methods.weights import Weights

CLEAN, NOISY = "ssh_osse_jet", "ssh_osse_jet_noisy"
DAYS = slice("2013-04-10", "2013-05-21")
BOX = {"longitude": slice(295, 305), "latitude": slice(33, 43)}
METHODS = ("duacs", "bfn", "learned_correction")


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


def main() -> None:
    """Print a table: a method a row."""
    errors: dict[str, list[float]] = {name: [] for name in METHODS}
    for backward in (False, True):
        truth = sea(backward=backward)
        inputs, wanted = observed(truth), truth.sel(time=DAYS, **BOX)
        for name in METHODS:
            _, method = load_method(name)
            options = {}
            if hasattr(method, "PRESETS"):
                path = shipped.folder("baselines") / "weights" / NOISY / f"{name}.safetensors"
                options["weights"] = Weights.load(path).tensors
            empty = xr.full_like(wanted, np.nan).to_dataset(name="ssh")
            maps = method.estimate(inputs, empty, device="cpu", seed=0, **options)["ssh"]
            error = (maps - wanted) ** 2
            weighted = error.weighted(np.cos(np.deg2rad(wanted["latitude"])))
            errors[name].append(100.0 * float(weighted.mean()) ** 0.5)
    reference = errors["duacs"]
    print("method              forward cm  to duacs  backward cm  to duacs")
    for name, (forward, back) in errors.items():
        ahead, behind = 100.0 * (np.array([forward, back]) / reference - 1.0)
        print(f"{name:20s}{forward:10.2f}{ahead:+9.0f} %{back:12.2f}{behind:+9.0f} %")


if __name__ == "__main__":
    main()
