"""Parts of gridded datasets of the Copernicus Marine Service, brought by its own client."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np

from oceanbench.data.downloads import WORK, alone, keep
from oceanbench.errors import OceanbenchError, in_one_line
from oceanbench.progress import progress

CLIENT = "copernicusmarine"
REGISTER = "https://data.marine.copernicus.eu/register"
Bounds = tuple[float, float]


class Request(NamedTuple):
    """What is asked of the service: a file for each day.

    Attributes
    ----------
    datasets : identifiers, of which the first that has a day gives it
    variables : names in the datasets
    days : ``datetime64[D]``
    depth, latitude, longitude : bounds, or None for all
    """

    datasets: Sequence[str]
    variables: Sequence[str]
    days: Sequence[np.datetime64]
    depth: Bounds | None = None
    latitude: Bounds | None = None
    longitude: Bounds | None = None


def missing(part: Request, folder: Path, pattern: str) -> list[np.datetime64] | None:
    """Days of which there is no file yet; None where there are files that came another way.

    Parameters
    ----------
    part : what was asked for
    folder : which ``pattern``, the path of the dataset, is relative to
    pattern : glob
    """
    ours = {_name(d, day): day for d in part.datasets for day in part.days}
    there = {p.name for p in folder.glob(pattern)}
    if there and not there & ours.keys():
        return None
    present = {ours[name] for name in there & ours.keys()}
    return [day for day in part.days if day not in present]


def fetch(part: Request, folder: Path, pattern: str, *, most: float) -> int:
    """Bring the days that are missing, each whole or not at all; how many were brought.

    Parameters
    ----------
    part, folder, pattern : as for :func:`missing`
    most : bytes that may be brought

    Raises
    ------
    OceanbenchError
        without the client or an account, and where the service refuses
    """
    days = missing(part, folder, pattern) or []
    if not days:
        return 0
    client = _client(folder)
    home, stored = folder / PurePosixPath(pattern).parent, 0.0
    try:
        with alone(folder / WORK / CLIENT) as place:
            for day in progress(days, f"{CLIENT}: {part.datasets[0]}"):
                got = _day(client, part, day, place, folder)
                stored += got.stat().st_size
                if stored > most:
                    raise OceanbenchError(
                        f"{part.datasets[0]}: has more than {most:.0f} bytes; raise what may be "
                        "stored with --budget"
                    )
                keep(got, home / got.name)
    except OSError as problem:
        raise OceanbenchError(
            f"{home}: cannot be written ({problem.strerror or problem}); days before are kept: "
            "make room, or choose another --data-dir"
        ) from problem
    return len(days)


def _client(folder: Path) -> Any:
    """The client, once it is known to have an account: without one it would ask on the terminal."""
    try:
        client = importlib.import_module(CLIENT)
    except ImportError as problem:
        raise OceanbenchError(
            f"{CLIENT} is not installed ({in_one_line(problem)}); run 'pip install "
            f'"oceanbench-challenges[copernicus]"\', or put the files into {folder}'
        ) from problem
    try:
        known = client.login(check_credentials_valid=True)
    except Exception as problem:  # of the client, whose errors have no common ancestor
        raise OceanbenchError(
            f"{CLIENT}: the Copernicus Marine Service could not be asked "
            f"({type(problem).__name__}: {in_one_line(problem, 200)}); try again"
        ) from problem
    if not known:
        raise OceanbenchError(
            f"{CLIENT}: no valid account; register at {REGISTER} (free) and run '{CLIENT} login', "
            "or set COPERNICUSMARINE_SERVICE_USERNAME and COPERNICUSMARINE_SERVICE_PASSWORD"
        )
    return client


def _day(client: Any, part: Request, day: np.datetime64, place: Path, folder: Path) -> Path:
    """One day, from the first dataset that has it."""
    asked: dict[str, Any] = {"variables": list(part.variables)}
    for axis in ("depth", "latitude", "longitude"):
        if (bounds := getattr(part, axis)) is not None:
            asked |= {f"minimum_{axis}": bounds[0], f"maximum_{axis}": bounds[1]}
    problem: Exception | None = None
    for dataset in part.datasets:
        got = place / _name(dataset, day)
        try:
            client.subset(
                dataset_id=dataset,
                start_datetime=f"{day}T00:00:00",
                end_datetime=f"{day}T23:59:59",
                output_directory=place.absolute(),
                output_filename=got.name,
                overwrite=True,
                disable_progress_bar=True,
                **asked,
            )
        except client.CoordinatesOutOfDatasetBounds as outside:
            problem = outside
            continue
        except Exception as refused:  # of the client, whose errors have no common ancestor
            problem = refused
            break
        if got.is_file():
            return got
        problem = FileNotFoundError(f"the client wrote no {got.name}")
        break
    assert problem is not None  # there is at least one dataset
    raise OceanbenchError(
        f"{CLIENT}: {' and '.join(part.datasets)}: {day} could not be fetched "
        f"({type(problem).__name__}: {in_one_line(problem, 200)}); days before it are kept: try "
        f"again, or put the files into {folder}"
    ) from problem


def check_pattern(datasets: Sequence[str], pattern: str) -> None:
    """Refuse a path that has no place for a file a day."""
    name = PurePosixPath(pattern).name
    for dataset in datasets:
        if not fnmatchcase(_name(dataset, np.datetime64("2000-01-01", "D")), name):
            raise ValueError(f"a file a day has the name {dataset}_YYYYMMDD.nc, which is no {name}")


def _name(dataset: str, day: np.datetime64) -> str:
    return f"{dataset}_{str(day).replace('-', '')}.nc"
