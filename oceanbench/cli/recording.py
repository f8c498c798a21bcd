"""The command that a result records: it does the same again, from the folder where it was given."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from oceanbench.challenge import Challenge
    from oceanbench.submission import Submission


def evaluation(
    challenge: Challenge, submission: Submission, data_dir: Path | None, budget: float
) -> str:
    """Command that scores a submission again."""
    from oceanbench.data.files import path_as_written
    from oceanbench.submission import as_options

    file = path_as_written(submission.path)
    words = ["oceanbench", "evaluate", challenge.called, file, "--name", submission.name]
    words += as_options(submission.declared)
    words += [] if data_dir is None else ["--data-dir", path_as_written(data_dir)]
    return shlex.join(words) + with_budget(budget)


def with_budget(budget: float) -> str:
    """What a command goes on with where the budget is not the usual one."""
    return "" if budget == 1 else f" --budget {budget:g}"
