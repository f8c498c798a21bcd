"""Commands on challenges and their data: list, show, fetch."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

import click

from oceanbench.cli.options import budget_option, data_dir_option, output_mode
from oceanbench.cli.printing import (
    challenge_record,
    facts,
    listed_lines,
    say,
    tell,
    width,
)
from oceanbench.errors import OceanbenchError


@click.command("list")
@click.option("--kind", metavar="KIND", help="Only challenges of KIND, and methods for them.")
@output_mode
def list_(kind: str | None) -> None:
    """List the shipped challenges and baselines."""
    from dataclasses import asdict

    from oceanbench.data.listing import listed_challenges, listed_methods, of_kind

    challenges, methods = of_kind(listed_challenges(), kind), of_kind(listed_methods(), kind)
    wide = max(len(one.name) for one in (*challenges, *methods))
    tell(
        {
            "challenges": [asdict(one) for one in challenges],
            "methods": [asdict(one) for one in methods],
        },
        (
            "Challenges: name, kind, data (here, to fetch, or yours to bring)",
            *listed_lines(challenges, wide, width()),
            "Methods: name, kinds",
            *listed_lines(methods, wide, width()),
            "oceanbench show NAME tells more of either",
        ),
    )


@click.command()
@click.argument("name", metavar="CHALLENGE|METHOD")
@data_dir_option
@output_mode
def show(name: str, data_dir: Path | None) -> None:
    """Show a challenge (periods, datasets, scores, rules) or a method (options, cost, source)."""
    from oceanbench.data import shipped

    if name in shipped.names("baselines") or Path(name).suffix == ".py":
        from oceanbench.cli.describing import described

        method = described(name)
        tell(method.record(), method.lines())
        return
    from oceanbench.challenge import Challenge

    try:
        loaded = Challenge.load(name)
    except OceanbenchError as problem:
        methods = get_close_matches(name, shipped.names("baselines"), n=1)
        hint = f"; or the method {methods[0]!r}?" if methods else ", nor a method"
        raise OceanbenchError(f"{problem}{hint}") from problem
    tell(challenge_record(loaded, data_dir), facts(loaded, data_dir))


@click.command()
@click.argument("challenge")
@data_dir_option
@click.option("--offline", is_flag=True, help="Only verify; open no connection.")
@budget_option
@output_mode
def fetch(challenge: str, data_dir: Path | None, offline: bool, budget: float) -> None:
    """Verify a challenge's files and download what can be downloaded."""
    from oceanbench.challenge import Challenge
    from oceanbench.data.checks.budget import Budget

    loaded = Challenge.load(challenge, Budget().times(budget))
    by_hand = {n for n, d in loaded.datasets.items() if d.source is None or not d.source.fetched}
    found = {}
    for name in sorted(loaded.datasets, key=by_hand.__contains__):  # a refusal ends the command
        found[name] = loaded.fetch(name, data_dir, offline=offline)
        say(f"{name}: {found[name]}")
    tell(found)
