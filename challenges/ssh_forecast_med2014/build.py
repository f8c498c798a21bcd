"""How the nowcasts of `ssh_forecast_med2014` are made, of data that stay the user's.

    python challenges/ssh_forecast_med2014/build.py --data ose_med2014 --output FOLDER

copies the files of the challenge to FOLDER and adds `nowcast.nc`: of every start the reference
method's map of what had been delivered, in the sea and over land, on the nodes that are scored.
FOLDER is what `--data-dir` then asks for. Half a minute.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from oceanbench import Challenge
from oceanbench.data.files import write_netcdf
from oceanbench.kinds.forecasts.starts.delivery import known_at
from oceanbench.methods.inputs import Inputs
from oceanbench.methods.method_file import load_method

HERE = Path(__file__).parent
NOWCAST = "nowcast"
OPTIONS: Mapping[str, Any] = {"coarsen": 2}  # 28 km of samples: their distance is 14 km


def copied(challenge: Challenge, data: Path, output: Path) -> None:
    """Copy the files that the challenge declares, but for the nowcasts."""
    for name, dataset in challenge.datasets.items():
        if name != NOWCAST:
            (file,) = challenge.files(name, data)
            target = output / dataset.path
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.resolve() != file.resolve():
                shutil.copyfile(file, target)


def nowcasts(challenge: Challenge, data: Path) -> xr.Dataset:
    """Map of every start, of what had been delivered by it: ``ssh`` (time, latitude, longitude)."""
    inputs, estimate = Inputs(challenge, data), load_method("oi_forecast")[1].estimate
    given = {name: inputs[name] for name in inputs if name != NOWCAST}
    whole, maps = challenge.target(data), []
    for number, start in enumerate(whole["start"].values):
        target = whole.isel(start=[number], lead=[0]).copy(deep=True)
        known = {name: known_at(dataset, start) for name, dataset in given.items()}
        found = estimate(known, target, device="cpu", seed=0, **OPTIONS)
        maps.append(found["ssh"].isel(start=0, lead=0, drop=True))
    found = xr.concat(maps, xr.DataArray(whole["start"].values, dims="time", name="time"))
    return found.astype(np.float32).assign_attrs(units="m").to_dataset(name="ssh")


def main() -> None:
    """Build the folder."""
    parser = argparse.ArgumentParser(description="Nowcasts of ssh_forecast_med2014.")
    parser.add_argument("--data", type=Path, required=True, help="folder of the user's files")
    parser.add_argument("--output", type=Path, required=True, help="for --data-dir")
    options = parser.parse_args()
    challenge = Challenge.load(HERE / "challenge.yaml")
    copied(challenge, options.data, options.output)
    write_netcdf(nowcasts(challenge, options.output), options.output / f"{NOWCAST}.nc")


if __name__ == "__main__":
    main()
