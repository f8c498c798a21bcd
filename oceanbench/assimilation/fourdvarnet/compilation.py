"""Networks compiled for the machine they run on, where that has a compiler."""

from __future__ import annotations

from typing import Protocol, TypeVar

import torch

from oceanbench.errors import OceanbenchError, in_one_line


class Compilable(Protocol):
    """Network with parts that can be compiled."""

    def compilable(self) -> list[torch.nn.Module]:
        """Those parts."""
        ...


Compiled = TypeVar("Compiled", bound=Compilable)


def compiled(solver: Compiled, device: str = "cpu") -> Compiled:
    """Solver whose parts are compiled, as far as they can be.

    Each is compiled at its first call, and again for other sizes. Results differ by rounding; names
    of weights do not.

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
    for part in solver.compilable():
        part.compile()
    return solver
