"""The ``oceanbench`` command: each command parses, calls one function, and prints.

Nothing numeric is imported before a command needs it, so that ``--help`` answers at once.
"""

from __future__ import annotations

import sys

import click

from oceanbench.cli.boards import check, leaderboard
from oceanbench.cli.challenges import catalog, fetch, list_, show, validate
from oceanbench.cli.scoring import evaluate, run, train, verify
from oceanbench.errors import OceanbenchError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="oceanbench-challenges", prog_name="oceanbench")
def cli() -> None:
    """Ocean data challenges: evaluate a submission, run a method, rank the results.

    CHALLENGE is the name of a shipped challenge or the path of a challenge.yaml; METHOD the name of
    a baseline or the path of a method file.
    """


for command in (list_, show, fetch, validate, evaluate, run, train, leaderboard, check, verify):
    cli.add_command(command)
cli.add_command(catalog)


def main() -> None:
    """Run the command; refuse bad input in one line, with exit code 2."""
    try:
        cli(standalone_mode=False)
    except OceanbenchError as problem:
        click.echo(f"oceanbench: {' '.join(str(problem).split())}", err=True)
        sys.exit(2)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.Abort:
        click.echo("oceanbench: stopped", err=True)
        sys.exit(130)
    except click.ClickException as problem:
        problem.show()
        sys.exit(problem.exit_code)
