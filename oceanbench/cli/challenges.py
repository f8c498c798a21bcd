"""Commands on challenges and their data: list, show, fetch, validate, catalog."""

from __future__ import annotations

from pathlib import Path

import click

from oceanbench.cli.options import FILE, data_dir_option
from oceanbench.cli.printing import described, facts, stem


@click.command("list")
def list_() -> None:
    """List the shipped challenges and baselines."""
    from oceanbench.challenge import load_all
    from oceanbench.data import shipped

    click.echo("Challenges")
    for name, challenge in load_all().items():
        click.echo(f"  {name:28} {challenge.kind:8} {challenge.title}")
    click.echo("Methods")
    for name in shipped.names("baselines"):
        claim, kinds = described(shipped.folder("baselines") / f"{name}.py")
        click.echo(f"  {name:28} {claim} ({', '.join(kinds) or 'any kind'})")


@click.command()
@click.argument("challenge")
@data_dir_option
def show(challenge: str, data_dir: Path | None) -> None:
    """Show a challenge: domain, periods, datasets, scores and rules."""
    from oceanbench.challenge import Challenge

    for line in facts(Challenge.load(challenge), data_dir):
        click.echo(line)


@click.command()
@click.argument("challenge")
@data_dir_option
@click.option("--offline", is_flag=True, help="Only verify; open no connection.")
def fetch(challenge: str, data_dir: Path | None, offline: bool) -> None:
    """Verify a challenge's files and download what can be downloaded."""
    from oceanbench.challenge import Challenge

    loaded = Challenge.load(challenge)
    for name in loaded.datasets:
        click.echo(f"{name}: {loaded.fetch(name, data_dir, offline=offline)}")


@click.command()
@click.argument("challenge")
@click.argument("file", type=FILE)
@data_dir_option
def validate(challenge: str, file: Path, data_dir: Path | None) -> None:
    """Check that FILE could be evaluated, without scoring it."""
    from oceanbench.challenge import Challenge
    from oceanbench.kinds import CHALLENGE_KINDS
    from oceanbench.submission import Submission

    loaded = Challenge.load(challenge)
    submitted = Submission(stem(file), file).submitted
    for line in CHALLENGE_KINDS[loaded.kind].validate(loaded, submitted, data_dir):
        click.echo(line)
    click.echo(f"{file} can be evaluated on {loaded.name}.")


@click.group()
def catalog() -> None:
    """Catalogs of datasets for other tools (intake)."""


@catalog.command()
@click.argument("challenge")
@click.argument("file", type=FILE)
@data_dir_option
def export(challenge: str, file: Path, data_dir: Path | None) -> None:
    """Write the intake catalog of CHALLENGE to FILE (YAML)."""
    from oceanbench.challenge import Challenge

    loaded = Challenge.load(challenge)
    loaded.catalog(data_dir).to_yaml_file(str(file))
    click.echo(f"{file}: catalog of {loaded.name}")
