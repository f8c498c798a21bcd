"""A challenge as a bundle for Codabench (version 2): its pages, data, scoring program, columns."""

from __future__ import annotations

import datetime
import json
import re
import zipfile
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from oceanbench.boards.exports import scoring_program
from oceanbench.boards.exports.competition_pages import overview, pages, requirements
from oceanbench.boards.ranking import DIGITS, SYMBOLS
from oceanbench.boards.site.cards import task_of
from oceanbench.challenge import Challenge
from oceanbench.data.files import check_inside, whole
from oceanbench.declaration.consistency import HIDDEN
from oceanbench.errors import OceanbenchError
from oceanbench.metrics import METRICS

IMAGE = "python:3.12-slim"
COMMAND = "python3 /app/program/scoring_program.py /app/input /app/output"
LEARNED = ("training", "validation")  # roles that no score reads
FIXED = (2020, 1, 1, 0, 0, 0)  # times in the archive, so that the same challenge gives one file
Part = tuple[str, bytes | Path]


def write_bundle(
    challenge: Challenge,
    destination: Path,
    *,
    sample: Path,
    picture: Path,
    data_dir: Path | None = None,
    wheels: Sequence[Path] = (),
    image: str = IMAGE,
    start: datetime.date | None = None,
    end: datetime.date | None = None,
) -> list[str]:
    """Write a bundle that Codabench unpacks into a competition.

    Parameters
    ----------
    challenge : from :meth:`Challenge.load`
    destination : of the zip file
    sample : submission that participants may look at: a NetCDF file
    picture : of the competition, which it must have
    data_dir : folder of the challenge's files
    wheels : of OceanBench, to ship in the scoring program; by default its version is installed
    image : of Docker, in which it scores; with Python 3.11 or later
    start, end : of the competition; by default from today, without an end

    Returns
    -------
    names in the bundle

    Raises
    ------
    OceanbenchError
        if a file that is needed to score is not there
    """
    begin = start or datetime.datetime.now(datetime.UTC).date()
    if end is not None and end <= begin:
        raise OceanbenchError(f"--end {end}: expected a day after the start, {begin}")
    parts = [
        *pages(challenge, data_dir),
        *_program(challenge, wheels),
        *_data(challenge, data_dir),
        ("sample_submission/" + sample.name, sample),
        (f"picture{picture.suffix}", picture),
    ]
    content = competition(challenge, [name for name, _ in parts], image=image, start=begin, end=end)
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    parts.insert(0, ("competition.yaml", text.encode()))
    with whole(destination) as part, zipfile.ZipFile(part, "w") as bundle:
        for name, given in parts:
            entry = zipfile.ZipInfo(name, FIXED)
            packed = isinstance(given, bytes)  # data are compressed as they are
            entry.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
            with bundle.open(entry, "w", force_zip64=True) as stream:
                if isinstance(given, bytes):
                    stream.write(given)
                else:
                    with given.open("rb") as file:
                        while block := file.read(2**20):
                            stream.write(block)
    return [name for name, _ in parts]


def competition(
    challenge: Challenge,
    names: Sequence[str],
    *,
    image: str,
    start: datetime.date,
    end: datetime.date | None,
) -> dict[str, Any]:
    """Content of ``competition.yaml``.

    Parameters
    ----------
    challenge : of the competition
    names : of the files in the bundle
    image, start, end : as of :func:`write_bundle`
    """
    card = overview(challenge)
    phase: dict[str, Any] = {
        "index": 0,
        "name": "Open",
        "description": task_of(card) or challenge.title,
        "start": f"{start} 00:00:00",
        **({} if end is None else {"end": f"{end} 00:00:00"}),
        "execution_time_limit": 3600,
        "accepts_only_result_submissions": True,
        "starting_kit": "sample_submission",
        "tasks": [0],
    }
    if any(name.startswith("public_data/") for name in names):
        phase["public_data"] = "public_data"
    task = {
        "index": 0,
        "name": challenge.name,
        "description": f"{challenge.title}, version {challenge.version}",
        "scoring_program": "scoring_program",
        "reference_data": "reference_data",
    }
    return {
        "version": 2,
        "title": challenge.title,
        "description": task_of(card) or challenge.title,
        "image": next(name for name in names if name.startswith("picture.")),
        "registration_auto_approve": True,
        "docker_image": image,
        "enable_detailed_results": True,
        "terms": "pages/terms.md",
        "pages": [
            {"title": "Overview", "file": "pages/overview.md"},
            {"title": "Rules and scores", "file": "pages/rules.md"},
            {"title": "How to enter", "file": "pages/enter.md"},
        ],
        "tasks": [task],
        "solutions": [{"index": 0, "path": "sample_submission", "tasks": [0]}],
        "phases": [phase],
        "leaderboards": [
            {
                "title": "Results",
                "key": "main",
                "submission_rule": "Force_Best",
                "columns": list(_columns(challenge)),
            }
        ],
    }


def keys_of(challenge: Challenge) -> dict[str, str]:
    """Key of each column, and the label of its score; the one that ranks comes first."""
    shown = [row for row in challenge.scores if row.shown or row == challenge.ranking]
    shown.sort(key=lambda row: row != challenge.ranking)
    keys = {}
    for number, row in enumerate(shown):
        word = re.sub(r"[^a-z0-9]+", "_", row.label.lower()).strip("_") or row.metric
        keys[f"{word}_{number}"] = row.label
    return keys


def _columns(challenge: Challenge) -> Iterator[dict[str, Any]]:
    """Columns of the leaderboard: the one at index 0 ranks."""
    rows = {row.label: row for row in challenge.scores}
    for index, (key, label) in enumerate(keys_of(challenge).items()):
        row, metric = rows[label], METRICS[rows[label].metric]
        variable = challenge.submission.variables.get(challenge.variable_of(row))
        unit = metric.unit_of(variable.units if variable else "1", row.options)
        symbol = SYMBOLS.get(unit, unit)
        yield {
            "title": f"{label} [{symbol}]" if symbol else label,
            "key": key,
            "index": index,
            "sorting": "desc" if metric.better == "higher" else "asc",
            "precision": DIGITS.get(unit, 3) if row.digits is None else row.digits,
        }


def _program(challenge: Challenge, wheels: Sequence[Path]) -> Iterator[Part]:
    """The scoring program: how it is called, what it is for, wheels."""
    folder = "scoring_program/"
    yield f"{folder}metadata.yaml", f"command: {COMMAND}\n".encode()
    yield f"{folder}scoring_program.py", Path(scoring_program.__file__).read_bytes()
    said = {
        "name": challenge.name,
        "by_name": _leads_out(challenge),
        "version": version("oceanbench-challenges"),
        "requirements": requirements(challenge),
        "columns": keys_of(challenge),
    }
    text = json.dumps(said, indent=1, ensure_ascii=False)
    yield f"{folder}program.json", text.encode()
    for wheel in wheels:
        if wheel.suffix != ".whl" or not wheel.is_file():
            raise OceanbenchError(f"--wheel {wheel}: no wheel; give a file NAME.whl")
        yield f"{folder}{wheel.name}", wheel


def _leads_out(challenge: Challenge) -> bool:
    """Whether a shipped challenge shares files with another: its wheel has them, no bundle."""
    for dataset in challenge.datasets.values():
        try:
            check_inside(dataset.path, challenge.name)
        except OceanbenchError:
            if challenge.is_shipped:
                return True
            raise
    return False


def _data(challenge: Challenge, data_dir: Path | None) -> Iterator[Part]:
    """Reference data, what scores are computed from, and public data, what methods receive."""
    yield "reference_data/challenge.yaml", challenge.path
    yield "public_data/challenge.yaml", challenge.path
    if _leads_out(challenge):
        return
    hidden = {
        file.resolve()
        for name, dataset in challenge.datasets.items()
        if dataset.role in HIDDEN
        for file in challenge.present(name, data_dir)
    }
    for name, dataset in challenge.datasets.items():
        if dataset.optional and not challenge.present(name, data_dir):
            continue
        for file in challenge.files(name, data_dir):
            folders = challenge.folders(data_dir)
            place = next(file.relative_to(f) for f in folders if file.is_relative_to(f))
            if dataset.role not in LEARNED:
                yield from _each(f"reference_data/{place.as_posix()}", file)
            if dataset.role not in HIDDEN:
                if file.resolve() in hidden:
                    raise OceanbenchError(
                        f"{challenge.path}: datasets.{name}: {file.name} holds the truth too, and "
                        "what methods receive is public there; give the two files of their own"
                    )
                yield from _each(f"public_data/{place.as_posix()}", file)


def _each(name: str, path: Path) -> Iterator[Part]:
    """A file, or all files of a store."""
    if path.is_file():
        yield name, path
    else:
        for file in sorted(p for p in path.rglob("*") if p.is_file()):
            yield f"{name}/{file.relative_to(path).as_posix()}", file
