"""A challenge's data as Croissant metadata (1.0): JSON-LD that catalogs and loaders read."""

from __future__ import annotations

import datetime
import json
import logging
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from oceanbench.boards.site.beside import card_of
from oceanbench.boards.site.cards import task_of
from oceanbench.challenge import Challenge
from oceanbench.data import files
from oceanbench.declaration import Dataset
from oceanbench.errors import OceanbenchError, in_one_line

FORMAT = "http://mlcommons.org/croissant/1.0"
CROISSANT = "http://mlcommons.org/croissant/"
HEAD = re.compile(r"Found the following \d+ (warning|error)")  # of the validator's list
ADDRESS = re.compile(r"https?://[^\s/]+\S*")
NETCDF, ARCHIVES = "application/x-netcdf", {".zip": "application/zip", ".gz": "application/gzip"}
CONTEXT: dict[str, Any] = {  # the words below, and those of the standard that loaders look for
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": CROISSANT,
    "dct": "http://purl.org/dc/terms/",
    "rai": f"{CROISSANT}RAI/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


def croissant(
    challenge: Challenge,
    *,
    data_dir: Path | None = None,
    published: datetime.date | None = None,
    base: str = "",
) -> dict[str, Any]:
    """Metadata of the datasets of a challenge: where each file is, its checksum, what it holds.

    Files that are here are described with their checksums; of others, the archives and addresses
    that the challenge declares with one.

    Parameters
    ----------
    challenge : from :meth:`Challenge.load`
    data_dir : folder of the challenge's files
    published : day on which the challenge was
    base : what stands before the paths of files: the address of the folder of challenge.yaml;
        by default they are relative to it

    Raises
    ------
    OceanbenchError
        if no file is here, and none has an address with a checksum, or ``base`` is no address
    """
    if base and not ADDRESS.fullmatch(base):
        raise OceanbenchError(f"--base '{base}': expected an address, as https://a.b/folder/")
    if base and not base.endswith(("/", "=")):
        base += "/"
    distribution = list(_distribution(challenge, data_dir, base))
    if not distribution:
        raise OceanbenchError(challenge.how_to_get(challenge.truth_name, data_dir))
    task = task_of(card_of(challenge))
    content: dict[str, Any] = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": FORMAT,
        "name": challenge.name,
        "description": f"{challenge.title}. {task}".strip(),
        "version": f"{challenge.version}.0.0",
        "keywords": ["oceanography", challenge.kind, *challenge.submission.variables],
        "variableMeasured": list(_variables(challenge)),
        "distribution": distribution,
    }
    if challenge.licence is not None:
        content["license"] = challenge.licence
    if challenge.reference is not None:
        content["url"] = content["citeAs"] = challenge.reference
    if published is not None:
        content["datePublished"] = str(published)
    if (domain := challenge.domain) is not None:
        (west, east), (south, north) = domain.west_east, domain.latitude
        content["temporalCoverage"] = f"{domain.time[0]}/{domain.time[1]}"
        box = {"@type": "sc:GeoShape", "box": f"{south:g} {west:g} {north:g} {east:g}"}
        content["spatialCoverage"] = {"@type": "sc:Place", "geo": box}
    return content


def to_json(content: dict[str, Any]) -> str:
    """Metadata as text."""
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


class _Said(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message, line by line."""
        self.lines += (line for line in _lines(record.getMessage()) if not HEAD.match(line))


def problems(path: Path) -> tuple[list[str], list[str]]:
    """What the validator of the standard says is wrong with a file of metadata.

    Returns
    -------
    what is wrong, and what it recommends only

    Raises
    ------
    OceanbenchError
        if the package ``mlcroissant`` is not installed
    """
    try:
        import mlcroissant  # noqa: PLC0415  (an extra)
    except ModuleNotFoundError as problem:
        raise OceanbenchError(
            "--validate: needs the package 'mlcroissant'; pip install "
            '"oceanbench-challenges[croissant]"'
        ) from problem
    said, log = _Said(), logging.getLogger("absl")
    passed_on, log.propagate = log.propagate, False
    log.addHandler(said)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what its own packages deprecate
            mlcroissant.Dataset(jsonld=path)
    except mlcroissant.ValidationError as problem:
        return _lines(str(problem)), said.lines
    except Exception as problem:  # its parsers have exceptions of their own
        return [in_one_line(problem)], said.lines
    finally:
        log.removeHandler(said)
        log.propagate = passed_on
    return [], said.lines


def _lines(text: str) -> list[str]:
    return [line.strip(" -") for line in text.splitlines() if line.strip(" -")]


def _variables(challenge: Challenge) -> Iterator[dict[str, str]]:
    for name, variable in challenge.submission.variables.items():
        yield {"@type": "sc:PropertyValue", "name": name, "unitText": variable.units}


def _distribution(
    challenge: Challenge, data_dir: Path | None, base: str
) -> Iterator[dict[str, Any]]:
    """Files, archives and what is in them."""
    known: set[str] = set()
    for name, dataset in challenge.datasets.items():
        said = {"description": _description(dataset)}
        present = challenge.present(name, data_dir)
        if present and all(file.is_file() for file in present):
            for file in challenge.files(name, data_dir):
                place = _place(challenge, file, data_dir)
                if place not in known:
                    known.add(place)
                    yield _file(place, file.name, f"{base}{place}", _sum(dataset, file)) | said
            continue
        source = dataset.source
        address = source and (source.url or source.archive)
        if not address or source is None or source.sha256 is None:
            continue
        sha256 = source.sha256.removeprefix("sha256:")
        if source.url is not None:
            yield _file(dataset.path, Path(dataset.path).name, address, sha256) | said
            continue
        if address not in known:
            known.add(address)
            kind = ARCHIVES.get(Path(address).suffix, "application/x-tar")
            yield _file(address, address.rpartition("/")[2], address, sha256, kind)
        yield {
            "@type": "cr:FileSet",
            "@id": name,
            "name": name,
            "containedIn": {"@id": address},
            "encodingFormat": NETCDF,
            "includes": dataset.path,
            **said,
        }


def _file(
    identity: str, name: str, address: str, sha256: str, kind: str = NETCDF
) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": identity,
        "name": name,
        "contentUrl": address,
        "encodingFormat": kind,
        "sha256": sha256,
    }


def _place(challenge: Challenge, file: Path, data_dir: Path | None) -> str:
    """Path of a file from the folder of challenge.yaml, or of its data."""
    for folder in challenge.folders(data_dir):
        if file.absolute().is_relative_to(folder.absolute()):
            return file.absolute().relative_to(folder.absolute()).as_posix()
    return f"../{file.parent.parent.name}/{file.parent.name}/{file.name}"


def _sum(dataset: Dataset, file: Path) -> str:
    known = dataset.sha256
    found = known.get(file.name) if isinstance(known, dict) else known
    return found or files.sha256(file)


def _description(dataset: Dataset) -> str:
    names = ", ".join(dataset.variables)
    units = f" in {dataset.units}" if dataset.units else ""
    return f"{dataset.role.replace('_', ' ')}: {names}{units}, layout {dataset.layout}"
