"""Score submissions again, and say where their results say something else."""

from __future__ import annotations

from pathlib import Path

from oceanbench.boards.regression import differences
from oceanbench.challenge import Challenge
from oceanbench.evaluate import evaluate
from oceanbench.result import Result
from oceanbench.submission import DECLARED, Submission

ENDINGS = (".nc", ".zarr", ".nc4", ".h5")


def verified(
    claimed: Result, challenge: Challenge, file: Path, data_dir: Path | None = None
) -> list[str]:
    """What a result says otherwise than a new evaluation of its submission, a line each.

    Parameters
    ----------
    claimed : result
    challenge : that it is of
    file : of the submission
    data_dir : folder of the challenge's files
    """
    words = {key: str(claimed.submission.get(key, "")) for key in DECLARED}
    submission = Submission(claimed.name, file, **words)
    if submission.sha256 != claimed.submission["sha256"]:
        return [f"{file} is not the file that was scored: its sha256 differs"]
    return differences(claimed, evaluate(challenge, submission, data_dir=data_dir))


def verified_apart(data_dir: Path | None, one: tuple[Challenge, Result, Path]) -> list[str]:
    """What :func:`verified` finds of one submission: challenge, result and file."""
    challenge, result, path = one
    return verified(result, challenge, path, data_dir)


def file_of(result: Result, folder: Path) -> Path | None:
    """File of a submission in a folder like that of results; None where it is not there."""
    places = (folder / str(result.challenge["name"]), folder)
    found = (place / f"{result.name}{ending}" for place in places for ending in ENDINGS)
    return next((path for path in found if path.exists()), None)
