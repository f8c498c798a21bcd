"""Estimate and truth of a submission, matched as its kind of challenge does, and its figures."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from oceanbench import figures
from oceanbench.challenge import Challenge
from oceanbench.evaluate import evaluated
from oceanbench.scoring.points import Pieces
from oceanbench.submission import Submission


def matched_by_score(
    challenge: Challenge, submission: Submission, *, data_dir: Path | None = None
) -> Pieces:
    """Every (variable, mask) that the challenge scores, without its scores."""
    kind = import_module(f"oceanbench.kinds.{challenge.kind}.kind")
    pieces: Pieces = kind.matched(
        challenge, submission.submitted_to(challenge), data_dir, challenge.truth_name
    )
    return pieces


def draw(
    challenge: Challenge, submission: Submission, folder: Path, *, data_dir: Path | None = None
) -> list[Path]:
    """Figures of a submission, scored for them."""
    _, material = evaluated(challenge, submission, data_dir=data_dir)
    return figures.draw(challenge, submission.name, material, folder)
