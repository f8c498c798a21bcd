"""Freeze the days that validate a training of maps, for tests of the shipped solver.

    python docs/figures/validation_series.py FOLDER

Of ``ssh_osse_jet_noisy``: the last days of the training period as they were observed, the first
guess of the shipped weights' preset about them, and the truth, normalised, in half precision, as
``tests/data/validation_series.safetensors``. FOLDER keeps the first guess, which takes minutes.
"""

from __future__ import annotations

import argparse
from dataclasses import fields, replace
from pathlib import Path

from safetensors.torch import save

from oceanbench import Challenge
from oceanbench.assimilation.fourdvarnet.maps.patches import ObservedSeries
from oceanbench.assimilation.fourdvarnet.maps.training_set import training_set
from oceanbench.data.files import write_bytes
from oceanbench.learning.ensembles import halved
from oceanbench.learning.patches import CHECKED_DAYS
from oceanbench.methods.inputs import Inputs
from oceanbench.methods.method_file import load_method

FILE = Path(__file__).parents[2] / "tests" / "data" / "validation_series.safetensors"


def series(folder: Path) -> ObservedSeries:
    """Days that validate, as they were observed."""
    _, method = load_method("fourdvarnet")
    inputs = Inputs(Challenge.load("ssh_osse_jet_noisy"), None, for_training=True)
    configuration = replace(method.PRESETS["long"], scenes=1)
    data = training_set(inputs, configuration, name="series", checkpoint=str(folder))
    whole = data.segments[0].series(data.truth, data.normalisation)
    return whole.days(len(data.truth) - CHECKED_DAYS, len(whole.truth))


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description="Freeze the days that validate.")
    parser.add_argument("folder", type=Path)
    found = series(parser.parse_args().folder)
    tensors = {
        f.name: getattr(found, f.name).contiguous() for f in fields(found) if f.name != "second"
    }
    write_bytes(save(halved(tensors)), FILE)
    print(f"{FILE.name}: {', '.join(f'{n} {tuple(t.shape)}' for n, t in tensors.items())}")


if __name__ == "__main__":
    main()
