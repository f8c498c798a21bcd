"""How much the seed of a training matters: errors of the networks of learned_correction_ensemble.

    python docs/figures/seeds.py

RMSE of the shipped networks on the scored days of ssh_osse_jet_noisy, each and their mean.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from oceanbench import Challenge
from oceanbench.assimilation.fourdvarnet.maps.inference import estimate_members
from oceanbench.methods.inputs import Inputs
from oceanbench.methods.weights import Weights

NAME, CHALLENGE = "learned_correction_ensemble", "ssh_osse_jet_noisy"
WEIGHTS = Path(__file__).parents[2] / "baselines" / "weights" / CHALLENGE / f"{NAME}.safetensors"


def main() -> None:
    """Print centimetres."""
    challenge = Challenge.load(CHALLENGE)
    target, truth = challenge.target()["ssh"], challenge.open(challenge.truth_name)["ssh"]
    members = estimate_members(Inputs(challenge), target, Weights.load(WEIGHTS).tensors, name=NAME)
    known = truth.transpose(*target.dims).values
    errors = [100.0 * float(np.sqrt(np.mean((m - known) ** 2))) for m in members]
    mean = 100.0 * float(np.sqrt(np.mean((members.mean(axis=0) - known) ** 2)))
    print(f"networks {', '.join(f'{e:.3f}' for e in errors)} cm")
    print(f"their median {np.median(errors):.3f} cm, the error of their mean {mean:.3f} cm")


if __name__ == "__main__":
    main()
