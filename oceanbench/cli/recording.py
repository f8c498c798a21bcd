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

    file = path_as_written(submission.path)
    words = ["oceanbench", "evaluate", challenge.called, file, "--name", submission.name]
    words += _declared(submission)
    words += [] if data_dir is None else ["--data-dir", path_as_written(data_dir)]
    return shlex.join([*words, *_budget(budget)])


def more_of_run(submission: Submission, budget: float) -> str:
    """What the command of a run goes on with: what was said of it, and the budget."""
    return "".join(f" {shlex.quote(word)}" for word in (*_declared(submission), *_budget(budget)))


def _declared(submission: Submission) -> list[str]:
    """Options of the command that say what scores and ranks depend on."""
    return [
        part
        for name, word in submission.declared.items()
        if word
        for part in (f"--{name.replace('_', '-')}", word)
    ]


def _budget(budget: float) -> list[str]:
    return [] if budget == 1 else ["--budget", f"{budget:g}"]
