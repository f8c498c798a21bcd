"""Networks compiled for the machine they run on, where that has a compiler."""

from __future__ import annotations

import torch

from oceanbench.assimilation.fourdvarnet.solver import FourDVarNet
from oceanbench.errors import OceanbenchError, in_one_line


def compiled(solver: FourDVarNet, device: str = "cpu") -> FourDVarNet:
    """Solver whose update, and whose prior if no derivative of it is asked for, are compiled.

    Each is compiled at its first call, and again for other sizes. Results differ by rounding; names
    of weights do not. (A compiled prior could not be differentiated twice, as a descent along its
    gradient needs in training.)

    Raises
    ------
    OceanbenchError
        if torch finds no compiler
    """
    try:
        torch.compile(lambda values: 2.0 * values)(torch.ones(2, device=device))
    except (RuntimeError, ImportError, OSError) as problem:  # torch's own are of the first kind
        reason = in_one_line(problem, 120)
        raise OceanbenchError(
            f"compiled=True: torch cannot compile here ({reason}); install a C++ compiler, or "
            "leave it out"
        ) from problem
    solver.update.compile()
    if not {"gradient", "prior_gradient"} & set(solver.inputs):
        solver.prior.compile()
    return solver
