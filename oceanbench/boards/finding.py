"""Results by the name of their row or by their file, and the challenge they are of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from oceanbench.boards.contradictions import contradictions
from oceanbench.challenge import Challenge
from oceanbench.data import shipped
from oceanbench.errors import OceanbenchError, did_you_mean
from oceanbench.result import Result


def found_results(
    words: Sequence[str | Path | Result],
    challenge: str | Challenge | None = None,
    folders: Sequence[Path] = (),
) -> tuple[Challenge, list[Result]]:
    """Challenge and results that words stand for.

    Parameters
    ----------
    words : results, files of results, or names of rows
    challenge : of all of them; by default that of the files, or the only one with all the rows
    folders : of results, looked through before the shipped boards

    Raises
    ------
    OceanbenchError
        if a word stands for nothing, or the challenge is not clear
    """
    places = [*folders, shipped.folder("leaderboards")]
    known = {i: found for i, word in enumerate(words) if (found := _loaded(word)) is not None}
    names = [str(word) for i, word in enumerate(words) if i not in known]
    if isinstance(challenge, Challenge):
        loaded = challenge
    else:
        of_files = dict.fromkeys(str(result.challenge["name"]) for result in known.values())
        loaded = Challenge.load(challenge or _only(list(of_files), names, places))
    results = []
    for i, word in enumerate(words):
        result = known.get(i) or _row(loaded, str(word), places)
        of_this = result.challenge["sha256"] == loaded.sha256
        if result.challenge["name"] != loaded.name:
            raise OceanbenchError(
                f"{word}: is a result of {result.challenge['name']}, expected {loaded.name}"
            )
        for wrong in contradictions(loaded, result) if of_this else ():
            raise OceanbenchError(f"{word}: {wrong}; evaluate again")
        results.append(result)
    return loaded, results


def _loaded(word: str | Path | Result) -> Result | None:
    """Result that a word is, or the file of; None of the name of a row."""
    if isinstance(word, Result):
        return word
    if not isinstance(word, str | Path):
        raise OceanbenchError(
            f"found {type(word).__name__}, expected a result, its file, or the name of a row"
        )
    path = Path(word)
    return Result.load(path) if path.suffix == ".json" or path.is_file() else None


def _only(of_files: list[str], names: list[str], places: Sequence[Path]) -> str:
    """The challenge of files, or the only one that has all rows."""
    if len(of_files) == 1:
        return of_files[0]
    if of_files:
        raise OceanbenchError(f"results of {', '.join(of_files)}: expected those of one challenge")
    rows: dict[str, set[str]] = {}
    for place in places:
        for path in place.glob("*/*.json"):
            rows.setdefault(path.parent.name, set()).add(path.stem)
    having = sorted(name for name, stems in rows.items() if set(names) <= stems)
    if len(having) == 1:
        return having[0]
    where = f"are rows of {', '.join(having)}" if having else "are rows of no one challenge"
    raise OceanbenchError(f"{', '.join(names)}: {where}; name it with --challenge")


def _row(challenge: Challenge, name: str, places: Sequence[Path]) -> Result:
    """Result of the row of a name."""
    for place in places:
        path = place / challenge.name / f"{name}.json"
        if path.is_file():
            return Result.load(path)
    rows = {path.stem for place in places for path in (place / challenge.name).glob("*.json")}
    raise OceanbenchError(
        f"{name}: neither a file nor a row of {challenge.name}; {did_you_mean(name, sorted(rows))}"
    )
