"""Results: all of some folders, or by names of rows or files, and the challenge they are of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from oceanbench.boards.checking import check_result, look_alikes
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
    for i, given in enumerate(words):
        word = given.name if isinstance(given, Result) else given
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


def load_results(
    challenge: Challenge,
    folders: Sequence[Path],
    skipped: list[str] | None = None,
    replaced: list[str] | None = None,
) -> list[Result]:
    """Results of a challenge, of its present version; a later folder wins over an earlier one.

    Parameters
    ----------
    challenge : whose results
    folders : that hold a folder of its name
    skipped : gets what is wrong with each file that cannot be ranked; without it, the first of
        them is refused
    replaced : gets which files are left out, for their version or for another of their name
    """
    found: dict[str, tuple[Path, Result]] = {}
    left_out = [] if replaced is None else replaced
    for folder in folders:
        for path in sorted((folder / challenge.name).glob("*.json")):
            try:
                result = _load(challenge, path)
            except OceanbenchError as problem:
                if skipped is None:
                    raise
                skipped.append(str(problem))
                continue
            version = result.challenge["version"]
            if version != challenge.version:
                left_out.append(
                    f"{path}: scored on version {version}, {challenge.name} is of version "
                    f"{challenge.version}; evaluate it again"
                )
                continue
            if result.name in found:
                left_out.append(f"{found[result.name][0]}: {path} stands in its place")
            found[result.name] = path, result
    for name, words in look_alikes({name: path for name, (path, _) in found.items()}).items():
        if skipped is None:
            raise OceanbenchError(words)
        skipped.append(words)
        del found[name]
    return [result for _, result in found.values()]


def _load(challenge: Challenge, path: Path) -> Result:
    """Result of a challenge that has the score that ranks, and contradicts nothing."""
    result = Result.load(path)
    if result.challenge.get("name") != challenge.name:
        raise OceanbenchError(
            f"{path}: is a result of {result.challenge.get('name')}, expected "
            f"{challenge.name}; move it to its own folder"
        )
    if "only" in result.provenance:
        raise OceanbenchError(
            f"{path}: has {len(result.scores)} of {result.provenance.get('of')} scores, as it was "
            "asked for; evaluate again without 'only'"
        )
    if result.challenge["version"] == challenge.version:
        label = challenge.ranking.label
        if label not in {score.label for score in result.scores}:
            raise OceanbenchError(f"{path}: has no score '{label}', which ranks; evaluate again")
        check_result(challenge, result, path)
    return result


def as_folders(results: Path | str | Sequence[Path | str]) -> list[Path]:
    """Folders of results, one or several, which are there.

    Parameters
    ----------
    results : folder, or folders

    Raises
    ------
    OceanbenchError
        if one of them is not
    """
    found = [Path(one) for one in ([results] if isinstance(results, str | Path) else results)]
    for folder in found:
        if not folder.is_dir():
            raise OceanbenchError(
                f"results {folder}: no such folder; give one that 'oceanbench evaluate' wrote, "
                "such as results"
            )
    return found


def _loaded(word: str | Path | Result) -> Result | None:
    """Result that a word is, or the file of; None of the name of a row."""
    if isinstance(word, Result):
        return word
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
    raise OceanbenchError(
        f"{', '.join(names)}: {where}, shipped or of --results; name it with --challenge"
    )


def _row(challenge: Challenge, name: str, places: Sequence[Path]) -> Result:
    """Result of the row of a name."""
    for place in places:
        path = place / challenge.name / f"{name}.json"
        if path.is_file():
            return Result.load(path)
    rows = {path.stem for place in places for path in (place / challenge.name).glob("*.json")}
    raise OceanbenchError(
        f"{name}: neither a file nor a row of {challenge.name}, shipped or of --results; "
        f"{did_you_mean(name, rows)}"
    )
