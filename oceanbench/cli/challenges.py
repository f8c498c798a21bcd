"""Commands on challenges and their data: list, show, fetch, validate, catalog."""

from __future__ import annotations

from pathlib import Path

import click

from oceanbench.cli.options import FILE, budget_option, data_dir_option
from oceanbench.cli.printing import described, facts, say, stem


@click.command("list")
def list_() -> None:
    """List the shipped challenges and baselines."""
    from oceanbench.challenge import load_all
    from oceanbench.data import shipped

    say("Challenges")
    known = load_all()
    wide = max(map(len, known), default=0)
    kinds_wide = max((len(c.kind) for c in known.values()), default=0)
    for name, challenge in known.items():
        say(f"  {name:{wide}}  {challenge.kind:{kinds_wide}}  {challenge.title}")
    say("Methods")
    for name in shipped.names("baselines"):
        claim, kinds = described(shipped.folder("baselines") / f"{name}.py")
        say(f"  {name:{wide}}  {claim} ({', '.join(kinds) or 'any kind'})")


@click.command()
@click.argument("challenge")
@data_dir_option
def show(challenge: str, data_dir: Path | None) -> None:
    """Show a challenge: domain, periods, datasets, scores and rules."""
    from oceanbench.challenge import Challenge

    for line in facts(Challenge.load(challenge), data_dir):
        say(line)


@click.command()
@click.argument("challenge")
@data_dir_option
@click.option("--offline", is_flag=True, help="Only verify; open no connection.")
@budget_option
def fetch(challenge: str, data_dir: Path | None, offline: bool, budget: float) -> None:
    """Verify a challenge's files and download what can be downloaded."""
    from oceanbench.challenge import Challenge
    from oceanbench.data.checks.budget import Budget

    loaded = Challenge.load(challenge, Budget().times(budget))
    by_hand = {n for n, d in loaded.datasets.items() if d.source is None or not d.source.fetched}
    for name in sorted(loaded.datasets, key=by_hand.__contains__):  # a refusal ends the command
        say(f"{name}: {loaded.fetch(name, data_dir, offline=offline)}")


@click.command()
@click.argument("challenge")
@click.argument("file", type=FILE)
@data_dir_option
@budget_option
def validate(challenge: str, file: Path, data_dir: Path | None, budget: float) -> None:
    """Check that FILE could be evaluated, without scoring it."""
    from oceanbench.challenge import Challenge
    from oceanbench.data.checks.budget import Budget
    from oceanbench.kinds import CHALLENGE_KINDS
    from oceanbench.submission import Submission

    loaded = Challenge.load(challenge, Budget().times(budget))
    loaded.there(loaded.truth_name, data_dir)
    submitted = Submission(stem(file), file).submitted_to(loaded)
    for line in CHALLENGE_KINDS[loaded.kind].validate(loaded, submitted, data_dir):
        say(line)
    say(f"{file} can be evaluated on {loaded.name}.")


@click.group()
def catalog() -> None:
    """Catalogs of datasets for other tools (intake)."""


@catalog.command()
@click.argument("challenge")
@click.argument("file", type=FILE)
@data_dir_option
def export(challenge: str, file: Path, data_dir: Path | None) -> None:
    """Write the intake catalog of CHALLENGE to FILE (YAML)."""
    import yaml

    from oceanbench.challenge import Challenge
    from oceanbench.data.files import check_writable, write_text

    loaded = Challenge.load(challenge)
    check_writable(file)
    write_text(yaml.safe_dump(loaded.catalog(data_dir).to_dict()), file)
    say(f"{file}: catalog of {loaded.name}")
