"""The ``oceanbench`` command: each command parses, calls one function, and prints.

Nothing numeric is imported before a command needs it, so that ``--help`` answers at once.
"""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import click

from oceanbench.boards.escaping import terminal
from oceanbench.cli.boards import leaderboard, verify
from oceanbench.cli.challenges import fetch, list_, show
from oceanbench.cli.comparing import check, compare
from oceanbench.cli.examining import doctor
from oceanbench.cli.exporting import catalog, export
from oceanbench.cli.scoring import evaluate, run
from oceanbench.cli.training import train
from oceanbench.cli.validating import validate
from oceanbench.errors import OceanbenchError, in_one_line

OTHER = "oceanbench"  # another project of this name on the package index
PASSED_ON = (OceanbenchError, click.exceptions.Exit, click.ClickException, click.Abort)


class OneLine(click.Group):
    """Commands whose failures, also those that nobody thought of, are one line."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what it did not refuse itself is named with its type."""
        try:
            return super().invoke(ctx)
        except (*PASSED_ON, BrokenPipeError):
            raise
        except Exception as problem:
            if ctx.params["traceback"]:
                raise
            raise OceanbenchError(_unexpected(problem)) from problem


def _unexpected(problem: Exception) -> str:
    said = in_one_line(problem, 300)
    if isinstance(problem, ModuleNotFoundError):
        return f"needs the package '{problem.name}', which is not installed; install it with pip"
    if isinstance(problem, MemoryError):
        return f"out of memory ({said or 'no more to be had'}); give smaller files"
    if isinstance(problem, OSError) and problem.strerror:
        at = f"{problem.filename}: " if problem.filename else ""
        return f"{at}{problem.strerror}; check the path, its rights and the space on the disk"
    return (
        f"unexpected {type(problem).__name__}: {said or 'without a word'}; the input is damaged, "
        "or OceanBench or the method is at fault: 'oceanbench --traceback …' shows where"
    )


@click.group(
    cls=OneLine, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="oceanbench-challenges", prog_name="oceanbench")
@click.option("--traceback", is_flag=True, help="Show where an unexpected error came from.")
def cli(traceback: bool) -> None:
    """Ocean data challenges: evaluate a submission, run a method, rank the results.

    CHALLENGE is the name of a shipped challenge or the path of a challenge.yaml; METHOD the name of
    a baseline or the path of a method file.
    """


for command in (list_, show, fetch, validate, evaluate, run, train, leaderboard, compare):
    cli.add_command(command)
for command in (check, verify, doctor, export, catalog):
    cli.add_command(command)


def main() -> None:
    """Run the command; refuse bad input in one line, with exit code 2."""
    for stream in (sys.stdout, sys.stderr):  # of any encoding: what it lacks is written as \\x…
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    warnings.showwarning = _one_line
    os.putenv("PYTHONSAFEPATH", "1")  # workers take no module from a stranger's folder
    _name_the_other()
    try:
        cli(standalone_mode=False)
    except OceanbenchError as problem:
        _stop(str(problem), 2)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _stop("stopped", 130)
    except click.ClickException as problem:
        if isinstance(problem, getattr(click.exceptions, "NoArgsIsHelpError", ())):
            problem.show()  # the help; before click 8.2 it was no error
            sys.exit(problem.exit_code)
        _stop(f"{problem.format_message()} (oceanbench --help)", problem.exit_code)


def _stop(text: str, code: int) -> None:
    click.echo(f"oceanbench: {terminal(' '.join(text.split()))}", err=True)
    sys.exit(code)


def _name_the_other() -> None:
    """Warn of another distribution whose package has our name: the one shadows the other."""
    with contextlib.suppress(PackageNotFoundError):
        found = version(OTHER)
        click.echo(
            f"warning: the distribution '{OTHER}' {found} installs a package 'oceanbench' too: "
            f"pip uninstall {OTHER}, then install oceanbench-challenges again",
            err=True,
        )


def _one_line(message: Warning | str, *_: Any, **__: Any) -> None:
    """Show a warning of a library as one line."""
    click.echo(f"warning: {terminal(' '.join(str(message).split()))}", err=True)
