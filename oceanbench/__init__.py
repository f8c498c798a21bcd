"""One evaluator for ocean data challenges.

>>> from oceanbench import Challenge, Submission, evaluate
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oceanbench.boards.differences import compare
    from oceanbench.challenge import Challenge
    from oceanbench.errors import OceanbenchError
    from oceanbench.evaluate import evaluate
    from oceanbench.metrics import METRICS
    from oceanbench.result import Result
    from oceanbench.submission import Submission

__all__ = ["METRICS", "Challenge", "OceanbenchError", "Result", "Submission", "compare", "evaluate"]

_HOME = {
    "Challenge": "challenge",
    "OceanbenchError": "errors",
    "Submission": "submission",
    "Result": "result",
    "compare": "boards.differences",
    "evaluate": "evaluate",
    "METRICS": "metrics",
}


def __getattr__(name: str) -> Any:
    """Import the public names on first use, so that the command line starts fast."""
    if name in _HOME:
        return getattr(import_module(f"oceanbench.{_HOME[name]}"), name)
    raise AttributeError(f"module 'oceanbench' has no attribute '{name}'")


class _Face(ModuleType):
    """Keep ``oceanbench.evaluate`` the function when the module of that name is imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "evaluate" and isinstance(value, ModuleType):
            value = value.evaluate
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Face
