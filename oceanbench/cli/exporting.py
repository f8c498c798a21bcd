"""Commands that write a challenge for others: catalog, Codabench, Croissant, target."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from oceanbench.cli.options import FILE, data_dir_option, output_mode
from oceanbench.cli.printing import say, tell
from oceanbench.errors import OceanbenchError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oceanbench.challenge import Challenge

DAY = click.DateTime(["%Y-%m-%d"])


def _check_file(challenge: Challenge, file: Path, data_dir: Path | None) -> None:
    """Refuse a file that cannot be written, or that the challenge itself is made of."""
    from oceanbench.data.files import check_writable

    check_writable(file)
    names = [name for name in challenge.datasets if name != challenge.target_name]
    own = [known for name in names for known in challenge.present(name, data_dir)]
    if file.resolve() in {one.resolve() for one in (challenge.path, *own)}:
        raise OceanbenchError(f"{file}: is a file of {challenge.name} itself; choose another name")


@click.group()
def export() -> None:
    """Write a challenge for others: catalog, codabench, croissant, target."""


@click.command()
@click.argument("challenge")
@click.argument("file", type=FILE)
@data_dir_option
@output_mode
def intake_catalog(challenge: str, file: Path, data_dir: Path | None) -> None:
    """Write the intake catalog of CHALLENGE's datasets to FILE (YAML)."""
    import yaml

    from oceanbench.challenge import Challenge
    from oceanbench.data.files import write_text

    loaded = Challenge.load(challenge)
    _check_file(loaded, file, data_dir)
    write_text(yaml.safe_dump(loaded.catalog(data_dir).to_dict()), file)
    entries = [name for name in loaded.datasets if loaded.present(name, data_dir)]
    tell(
        {"catalog": file, "entries": entries},
        [f"{file}: catalog of {loaded.name}", *(f"  {name}" for name in entries)],
    )


export.add_command(intake_catalog, "catalog")


@click.group(hidden=True)
def catalog() -> None:
    """Catalogs of datasets for other tools: the former name of 'oceanbench export catalog'."""


catalog.add_command(intake_catalog, "export")


@export.command()
@click.argument("challenge")
@click.argument("file", type=FILE)
@click.option("--sample", type=FILE, help="Sample submission; by default the reference method's.")
@click.option("--wheel", "wheels", type=FILE, multiple=True, help="Wheel to ship, or several.")
@click.option("--image", help="Docker image with Python 3.11 or later, in which it scores.")
@click.option("--start", type=DAY, help="First day; by default today.")
@click.option("--end", type=DAY, help="Day on which it ends; by default never.")
@data_dir_option
@output_mode
def codabench(
    challenge: str,
    file: Path,
    sample: Path | None,
    wheels: tuple[Path, ...],
    image: str | None,
    start: datetime | None,
    end: datetime | None,
    data_dir: Path | None,
) -> None:
    """Write CHALLENGE as a bundle for Codabench to FILE (zip)."""
    from oceanbench.boards.exports.codabench import IMAGE, write_bundle
    from oceanbench.challenge import Challenge

    loaded = Challenge.load(challenge)
    if file.suffix != ".zip":
        raise OceanbenchError(f"{file}: expected a name that ends in .zip")
    _check_file(loaded, file, data_dir)
    _check_public(loaded, data_dir)
    with _sample(loaded, sample, data_dir) as shown, _picture(loaded, data_dir) as picture:
        names = write_bundle(
            loaded,
            file,
            sample=shown,
            picture=picture,
            data_dir=data_dir,
            wheels=wheels,
            image=image or IMAGE,
            start=start.date() if start else None,
            end=end.date() if end else None,
        )
    tell(
        {"bundle": file, "files": names},
        [
            f"{file}: {len(names)} files; upload it to Codabench (Benchmarks, Management, Upload)",
            f"it scores {loaded.name} as 'oceanbench evaluate' does, and ranks by "
            f"{loaded.ranking.label}",
        ],
    )


def _check_public(challenge: Challenge, data_dir: Path | None) -> None:
    """Refuse files that are given to all, and have maps of the truth that methods never see."""
    from oceanbench.declaration.consistency import HIDDEN
    from oceanbench.kinds import CHALLENGE_KINDS
    from oceanbench.methods.leaks import has_maps_of

    for name, dataset in challenge.datasets.items():
        given = dataset.role not in (*HIDDEN, "initial") and dataset.layout == "grid"
        if not given or not challenge.present(name, data_dir):
            continue
        whole = CHALLENGE_KINDS[challenge.kind].open(challenge, name, data_dir, None)  # not cut
        if has_maps_of(challenge, whole, data_dir):
            raise OceanbenchError(
                f"{challenge.path}: datasets.{name} has maps of the truth of days that are scored, "
                "and what methods receive is public there; take them out of its files"
            )


@contextmanager
def _sample(challenge: Challenge, sample: Path | None, data_dir: Path | None) -> Iterator[Path]:
    """A submission to look at: the given one, or what the reference method makes."""
    if sample is not None:
        if not sample.is_file():
            raise OceanbenchError(f"--sample {sample}: no such file; give a NetCDF file")
        _check_sample(challenge, sample, data_dir)
        yield sample
        return
    if challenge.reference_method is None:
        raise OceanbenchError(f"{challenge.name} names no reference method; give --sample FILE")
    from oceanbench.methods.running import run

    with TemporaryDirectory() as folder:
        method = challenge.reference_method
        yield run(method, challenge, output=Path(folder), data_dir=data_dir)[0].path


def _check_sample(challenge: Challenge, sample: Path, data_dir: Path | None) -> None:
    """Refuse a sample that the challenge would refuse."""
    from oceanbench.data.files import sha256
    from oceanbench.kinds import CHALLENGE_KINDS
    from oceanbench.submission import Submission, name_of

    challenge.there(challenge.truth_name, data_dir)
    truths = challenge.present(challenge.truth_name, data_dir)
    if sha256(sample) in {sha256(truth) for truth in truths}:
        raise OceanbenchError(f"--sample {sample}: is the truth; give a submission")
    submitted = Submission(name_of(sample), sample).submitted_to(challenge)
    CHALLENGE_KINDS[challenge.kind].validate(challenge, submitted, data_dir)


@contextmanager
def _picture(challenge: Challenge, data_dir: Path | None) -> Iterator[Path]:
    """The thumbnail of a challenge, or where and when it has what."""
    from oceanbench.boards.site.beside import is_picture
    from oceanbench.boards.site.gathering import THUMBNAILS
    from oceanbench.figures.overview import draw_overview

    for name in THUMBNAILS[1:]:  # formats that every platform knows
        if is_picture(path := challenge.path.parent / name):
            yield path
            return
    wanted = [challenge.truth_name, *challenge.of_role("observations")]
    opened = {
        name: challenge.open(name, data_dir)
        for name in wanted
        if challenge.present(name, data_dir) or not challenge.datasets[name].optional
    }
    with TemporaryDirectory() as folder:
        yield draw_overview(challenge, opened, Path(folder) / "picture.png")


@export.command()
@click.argument("challenge")
@click.argument("file", type=FILE)
@data_dir_option
@output_mode
def target(challenge: str, file: Path, data_dir: Path | None) -> None:
    """Write where CHALLENGE's truth has values to FILE (NetCDF): what participants need of it."""
    from oceanbench.challenge import Challenge
    from oceanbench.data.files import sha256, write_netcdf
    from oceanbench.kinds import CHALLENGE_KINDS
    from oceanbench.kinds.places import places_of

    loaded = Challenge.load(challenge)
    _check_file(loaded, file, data_dir)
    if "target" not in CHALLENGE_KINDS[loaded.kind].roles:
        raise OceanbenchError(
            f"{loaded.name}: is of kind '{loaded.kind}', which has no datasets of role 'target'; "
            "evaluate where the truth is"
        )
    places = places_of(loaded.open(loaded.truth_name, data_dir)[[*loaded.truth.variables]])
    write_netcdf(places, file)
    counts = {str(name): int(array.sum()) for name, array in places.data_vars.items()}
    whole, folders = file.resolve(), [f.resolve() for f in loaded.folders(data_dir)]
    inside = [whole.relative_to(f) for f in folders if whole.is_relative_to(f)]
    path = min(inside, key=lambda p: len(p.parts), default=Path(file.name)).as_posix()
    declared = {"role": "target", "path": path, "variables": {n: n for n in counts}}
    named = ", ".join(f"{name}: {name}" for name in counts)
    tell(
        {"file": file, "points": counts, "target": {**declared, "sha256": sha256(file)}},
        [
            *(f"{name}: {count} points" for name, count in counts.items()),
            f"{file}: where the truth of {loaded.name} has values; declare it among datasets as",
            f"  target: {{role: target, path: {path}, variables: {{{named}}}}}",
            *([] if inside else [f"and move it to {folders[0]}: it is looked for there"]),
        ],
    )


@export.command()
@click.argument("challenge")
@click.argument("file", type=FILE)
@click.option("--base", default="", metavar="ADDRESS", help="Of the folder that has the files.")
@click.option("--published", type=DAY, help="Day on which the challenge was.")
@click.option("--validate", is_flag=True, help="Exit 1 if the standard's validator refuses it.")
@data_dir_option
@output_mode
def croissant(
    challenge: str,
    file: Path,
    base: str,
    published: datetime | None,
    validate: bool,
    data_dir: Path | None,
) -> None:
    """Write Croissant metadata of CHALLENGE's datasets to FILE (JSON-LD)."""
    from oceanbench.boards.exports.croissant import croissant as metadata
    from oceanbench.boards.exports.croissant import problems, to_json
    from oceanbench.challenge import Challenge
    from oceanbench.data.files import write_text

    loaded = Challenge.load(challenge)
    _check_file(loaded, file, data_dir)
    day = published.date() if published else None
    content = metadata(loaded, data_dir=data_dir, published=day, base=base)
    write_text(to_json(content), file)
    wrong, recommended = problems(file) if validate else ([], [])
    for line in recommended:
        say(f"warning: {line}", err=True)
    known = [part["@id"] for part in content["distribution"]]
    verdict = f"{file}: {len(known)} files and archives of {loaded.name}"
    tell({"metadata": file, "distribution": known, "problems": wrong}, [*wrong, verdict])
    if wrong:
        sys.exit(1)
