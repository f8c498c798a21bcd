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
    from oceanbench.boards.ranking import leaderboard
    from oceanbench.challenge import Challenge
    from oceanbench.data.listing import list_challenges, list_methods
    from oceanbench.errors import OceanbenchError
    from oceanbench.evaluate import evaluate
    from oceanbench.learning.patches import Patches
    from oceanbench.methods.calls import run, train, training_fields
    from oceanbench.metrics import METRICS
    from oceanbench.result import Result
    from oceanbench.submission import Submission

    __version__: str

__all__ = [
    "METRICS",
    "Challenge",
    "OceanbenchError",
    "Patches",
    "Result",
    "Submission",
    "compare",
    "evaluate",
    "leaderboard",
    "list_challenges",
    "list_methods",
    "run",
    "train",
    "training_fields",
]

_HOME = {
    "Challenge": "challenge",
    "OceanbenchError": "errors",
    "Patches": "learning.patches",
    "Submission": "submission",
    "Result": "result",
    "compare": "boards.differences",
    "evaluate": "evaluate",
    "leaderboard": "boards.ranking",
    "list_challenges": "data.listing",
    "list_methods": "data.listing",
    "METRICS": "metrics",
    "run": "methods.calls",
    "train": "methods.calls",
    "training_fields": "methods.calls",
}


def __getattr__(name: str) -> Any:
    """Import the public names on first use, so that the command line starts fast."""
    if name in _HOME:
        return getattr(import_module(f"oceanbench.{_HOME[name]}"), name)
    if name == "__version__":
        return import_module("importlib.metadata").version("oceanbench-challenges")
    raise AttributeError(f"module 'oceanbench' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*__all__, *(name for name in globals() if name.startswith("__")), "__version__"])


class _Face(ModuleType):
    """Keep ``oceanbench.evaluate`` the function when the module of that name is imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "evaluate" and isinstance(value, ModuleType):
            value = value.evaluate
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Face
