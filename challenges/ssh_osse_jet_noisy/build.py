"""How the frozen data of `ssh_osse_jet_noisy` were made: `ssh_osse_jet` plus measurement errors.

    python challenges/ssh_osse_jet_noisy/build.py --statistics   # the errors in the frozen files
    python challenges/ssh_osse_jet_noisy/build.py --output DIR   # make the files again

Same points, same world, same truth (which is not copied). Nadir altimeters: 3 cm of white noise at
1 Hz and 2 cm per pass, decorrelating in 150 s. KaRIn: its random noise under 2 m of waves, averaged
over the pixel; no roll, phase, baseline or timing error.
"""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path

import xarray as xr

from oceanbench.observing.noise import karin_error, nadir_error

HERE = Path(__file__).parent
CLEAN = HERE.parent / "ssh_osse_jet"
SEEDS = {
    "topex-poseidon_interleaved": 1,
    "jason1": 2,
    "geosat2": 3,
    "envisat": 4,
    "swot_karin": 5,
}

_spec = importlib.util.spec_from_file_location("ssh_osse_jet_build", CLEAN / "build.py")
assert _spec is not None and _spec.loader is not None
jet = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(jet)


def noisy(name: str, clean: xr.Dataset) -> xr.Dataset:
    """Add the error of one instrument to its noise-free observations."""
    if name == "swot_karin":
        error = karin_error(clean, seed=SEEDS[name], pixel_km2=jet.PIXEL_KM**2)
    else:
        error = nadir_error(clean, seed=SEEDS[name])
    return clean.assign(ssh=clean["ssh"] + error)


def main() -> None:
    """Parse the command line; build the files, or print the size of their errors."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=HERE / "data", help="folder of the files")
    parser.add_argument("--clean", type=Path, default=CLEAN / "data", help="noise-free files")
    parser.add_argument("--statistics", action="store_true", help="measure the files of --output")
    options = parser.parse_args()
    for name in SEEDS:
        clean = xr.load_dataset(options.clean / f"{name}.nc")
        path = options.output / f"{name}.nc"
        if options.statistics:
            error = xr.load_dataset(path)["ssh"] - clean["ssh"]
            print(f"error of {name:30s} std {100 * float(error.std()):.3f} cm")
        else:
            title = f"Observations of {name} with measurement error"
            jet.write(noisy(name, clean), path, title)


if __name__ == "__main__":
    main()
