"""What a board checks of a result before it believes it."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from pathlib import Path

from oceanbench.boards.contradictions import contradictions
from oceanbench.challenge import Challenge
from oceanbench.errors import OceanbenchError
from oceanbench.metrics import Sums
from oceanbench.result import Result
from oceanbench.scoring.series import is_of_sums, sums_of
from oceanbench.submission import DECLARED, Submission

TRUTH = "truth"  # declared observations of the truth itself, without the noise of its measurement
PERFECT = 1e-8  # of the truth's variance: no estimate is as near
LOOK_ALIKE = str.maketrans(  # letters of other alphabets, and the Latin ones that they look like
    "асеорхуіјѕһԁԛԝӏᴄοναρτυικνγΑΒΕΖΗΙΚΜΝΟΡΤΥΧАВЕКМНОРСТХІЈЅ‐‑‒–—−",
    "aceopxyijshdqwlcovaptuiknyABEZHIKMNOPTYXABEKMHOPCTXIJS------",
)


def check_result(challenge: Challenge, result: Result, path: Path) -> None:
    """Refuse a result that contradicts its file, its challenge or itself.

    Parameters
    ----------
    challenge : whose board it is to stand on, of the same version
    result : of that challenge
    path : of its file

    Raises
    ------
    OceanbenchError
        if it calls itself otherwise than its file, was scored on another declaration, or says what
        no evaluation says: other scores than the challenge's, a score that its metric cannot have,
        or that its interval or the sums of its cases do not have
    """
    if result.name != path.stem:
        raise OceanbenchError(
            f"{path}: calls itself '{result.name}', and would stand for that one; name the file "
            f"{result.name}.json"
        )
    check_declaration(challenge, result, path)
    words = {key: str(result.submission.get(key) or "") for key in DECLARED}
    try:
        Submission(result.name, path, **words)
    except OceanbenchError as problem:
        raise OceanbenchError(f"{path}: {problem}") from problem
    if lacks := {row.label for row in challenge.scores} - set(result.labels):
        raise OceanbenchError(f"{path}: has no score '{min(lacks)}'; evaluate again")
    for wrong in contradictions(challenge, result):
        raise OceanbenchError(f"{path}: {wrong}; evaluate again")


def check_declaration(challenge: Challenge, result: Result, where: Path | str) -> None:
    """Refuse a result that was scored on another declaration of the same version.

    Parameters
    ----------
    challenge : of the version of the result
    result : of that challenge
    where : its file or name, as the message has it

    Raises
    ------
    OceanbenchError
        if the checksums of the declarations differ
    """
    if result.challenge["sha256"] != challenge.sha256:
        raise OceanbenchError(
            f"{where}: was scored on another {challenge.path.name} of version {challenge.version} "
            "than this one; evaluate again"
        )


def look_alikes(paths: Mapping[str, Path]) -> dict[str, str]:
    """Names that cannot be told by eye from another row's, and what is to be said of each.

    Parameters
    ----------
    paths : of the files of rows, by name
    """
    found = {}
    for name, path in paths.items():
        plain = unicodedata.normalize("NFKC", name).translate(LOOK_ALIKE)
        if plain != name and plain in paths:
            found[name] = f"{path}: its name cannot be told from '{plain}' by eye; choose another"
    return found


def is_truth(challenge: Challenge, result: Result) -> bool:
    """Whether a submission is the truth: by its checksum, or since no estimate is as near.

    A row that says so itself, of the truth without the noise of its measurement, is not meant.
    """
    if result.submission.get("observations") == TRUTH:
        return False
    known = challenge.datasets[challenge.truth_name].sha256
    sums = list(known.values()) if isinstance(known, dict) else [known]
    if result.submission.get("sha256") in [one for one in sums if one is not None]:
        return True
    submitted = challenge.submission.variables  # others may be compared with what is no truth
    series = [s for s in result.series if is_of_sums(s) and s["variable"] in submitted]
    tables = [sums_of(s, "") for s in series]
    return any(_perfect(table) for table in tables if table.weight.sum() > 0)


def _perfect(table: Sums) -> bool:
    weight = table.weight.sum()
    variance = table.squared_truth.sum() - table.truth.sum() ** 2 / weight
    return bool(variance > 0 and table.squared_error.sum() < PERFECT * variance)
