"""Command that says whether a file could be evaluated: validate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from oceanbench.cli.options import FILE, budget_option, data_dir_option, output_mode
from oceanbench.cli.printing import tell

if TYPE_CHECKING:
    from oceanbench.challenge import Challenge
    from oceanbench.submission import Submission


@click.command()
@click.argument("challenge")
@click.argument("file", type=FILE)
@data_dir_option
@budget_option
@output_mode
def validate(challenge: str, file: Path, data_dir: Path | None, budget: float) -> None:
    """Check that FILE could be evaluated, without scoring it."""
    from oceanbench.challenge import Challenge
    from oceanbench.data.checks.budget import Budget
    from oceanbench.submission import Submission, name_of

    loaded = Challenge.load(challenge, Budget().times(budget))
    tell_valid(loaded, Submission(name_of(file), file), data_dir)


def tell_valid(challenge: Challenge, submission: Submission, data_dir: Path | None) -> None:
    """Print how much of a submission can be scored; refused by the rules of an evaluation."""
    from oceanbench.kinds import CHALLENGE_KINDS

    against = challenge.scored_at(data_dir)
    challenge.there(against, data_dir)
    submitted, file = submission.submitted_to(challenge), submission.path
    found = list(CHALLENGE_KINDS[challenge.kind].validate(challenge, submitted, data_dir))
    known = against == challenge.truth_name
    where = "" if known else f", by the places of '{against}'; its organiser has the truth"
    tell(
        {"challenge": challenge.name, "file": file, "found": found},
        [*found, f"{file} can be evaluated on {challenge.name}{where}."],
    )
