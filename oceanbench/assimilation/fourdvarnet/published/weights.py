"""Weights of the published 4DVarNet, taken up by their names; a pickle is never opened."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from oceanbench.assimilation.fourdvarnet.published.network import Modulator, Prior, Solver
from oceanbench.errors import OceanbenchError, in_one_line
from oceanbench.learning.tensor_files import read_tensors

PREFIX = "solver."  # of the names in a checkpoint of a training
CURE = (
    "convert a checkpoint that you trust as "
    "oceanbench.assimilation.fourdvarnet.published.weights.read says"
)


def read(path: Path) -> dict[str, Tensor]:
    """Tensors of a safetensors file.

    The package's checkpoints are pickles, which can run anything when they are opened. Whoever
    trusts one converts it first, once:

    .. code-block:: python

        kept = torch.load("my.ckpt", weights_only=True, map_location="cpu")["state_dict"]
        safetensors.torch.save_file({k: v.clone() for k, v in kept.items()}, "my.safetensors")

    Raises
    ------
    OceanbenchError
        if it cannot be read, is anything else, or has values that are not finite
    """
    return read_tensors(path, CURE)[0]


def load(
    tensors: Mapping[str, Tensor],
    *,
    steps: int,
    rate: float = 1e3,
    observation_weight: float = 1.0,
    coarsen: int = 2,
    modulator_coarsen: int = 1,
    quadratic: bool = True,
    reduced: bool = False,
) -> Solver:
    """Solver with published weights, whose sizes are those of the weights.

    Parameters
    ----------
    tensors : by their published names, with or without the prefix ``solver.``; what is under other
        prefixes is left out
    steps, rate, observation_weight : which no weight tells
    coarsen, modulator_coarsen, quadratic : of the prior and of the modulator; no weight tells them
    reduced : convolutions in bfloat16

    Raises
    ------
    OceanbenchError
        if tensors are missing, too many or of other sizes
    """
    named = {k.removeprefix(PREFIX): v for k, v in tensors.items()}
    named = {k: v for k, v in named.items() if k.startswith(("prior_cost.", "grad_mod."))}
    try:
        entering, gates = named["prior_cost.conv_in.weight"], named["grad_mod.gates.weight"]
        hidden, channels, kernel = entering.shape[:3]
        prior = Prior(channels, hidden, kernel=kernel, coarsen=coarsen, quadratic=quadratic)
        memory, side = gates.shape[0] // 4, gates.shape[2]
        modulator = Modulator(channels, memory, kernel=side, coarsen=modulator_coarsen)
        solver = Solver(
            prior,
            modulator,
            steps=steps,
            rate=rate,
            observation_weight=observation_weight,
            reduced=reduced,
        )
        solver.load_state_dict(named)
    except (KeyError, ValueError, RuntimeError) as problem:
        reason = in_one_line(problem, 200)
        raise OceanbenchError(
            f"these are not the weights of a published 4DVarNet: {reason}; give its state_dict, "
            "saved as safetensors"
        ) from problem
    return solver.eval()
