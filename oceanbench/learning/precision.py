"""Precision of convolutions: bfloat16 where a machine is fast in it, else single."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch

from oceanbench.errors import OceanbenchError, did_you_mean

PRECISIONS = ("auto", "single", "bfloat16")
PROCESSOR = Path("/proc/cpuinfo")
INSTRUCTIONS = {"avx512_bf16", "amx_bf16", "bf16"}  # of x86, and of Arm


def in_bfloat16(precision: str, device: str, *, usual: bool = True) -> bool:
    """Whether convolutions are in bfloat16.

    Parameters
    ----------
    precision : ``single`` or ``bfloat16``, or ``auto`` for bfloat16 where the device has
        instructions for it: elsewhere it is emulated, and training several times slower
    device : of torch
    usual : whether ``auto`` may choose it at all

    Raises
    ------
    OceanbenchError
        for another word
    """
    if precision not in PRECISIONS:
        hint = did_you_mean(precision, PRECISIONS)
        raise OceanbenchError(f"precision={precision}: unknown; {hint}")
    if precision == "auto":
        return usual and is_fast_in_bfloat16(torch.device(device).type)
    return precision == "bfloat16"


def is_fast_in_bfloat16(kind: str) -> bool:
    """Whether devices of a kind, ``cpu`` or ``cuda``, have instructions for bfloat16."""
    if kind == "cuda":
        return torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
    return kind == "cpu" and bool(INSTRUCTIONS & instructions())


@cache
def instructions() -> frozenset[str]:
    """Instruction sets of the processor; none where the system does not list them."""
    try:
        lines = PROCESSOR.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return frozenset()
    sets = (line for line in lines if line.lower().startswith(("flags", "features")))
    return frozenset(next(sets, "").partition(":")[2].split())
