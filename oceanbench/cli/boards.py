"""Commands on results: leaderboard, check, verify."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from oceanbench.cli.options import FILE, FOLDER, Finite, budget_option, data_dir_option
from oceanbench.cli.printing import say
from oceanbench.errors import OceanbenchError


@click.command()
@click.argument("challenge", required=False)
@click.option(
    "--format", "form", type=click.Choice(["md", "csv", "html"]), default="md", show_default=True
)
@click.option("--results", type=FOLDER, help="Folder of results; by default the shipped one.")
@click.option("--write", is_flag=True, help="Render every board beside the results.")
@click.option("--check", is_flag=True, help="Exit 1 if a rendered board is stale.")
def leaderboard(
    challenge: str | None, form: str, results: Path | None, write: bool, check: bool
) -> None:
    """Print, render or verify leaderboards."""
    from oceanbench.boards import ranking, rendering
    from oceanbench.challenge import Challenge, load_all
    from oceanbench.data import files as disk
    from oceanbench.data import shipped

    folder = results or shipped.folder("leaderboards")
    chosen = [Challenge.load(challenge)] if challenge else list(load_all().values())
    skipped: list[str] = []
    if write or check:
        files = rendering.rendered(chosen, folder, skipped)
        stale = rendering.stale(files)
        for path in stale:
            if write:
                disk.write_text(files[path], path)
            say(f"{path}: {'written' if write else 'stale'}")
        _warn(skipped)
        if stale and not write:
            say("run: oceanbench leaderboard --write", err=True)
        if (stale and not write) or skipped:
            sys.exit(1)
        say(f"{len(files)} files are up to date")
        return
    shown = [ranking.board(c, ranking.load_results(c, [folder], skipped)) for c in chosen]
    _warn(skipped)
    if form == "html":
        click.echo(rendering.to_html(shown))
        return
    for one in shown:
        click.echo(rendering.to_markdown(one) if form == "md" else rendering.to_csv(one))


def _warn(skipped: list[str]) -> None:
    for problem in skipped:
        say(f"not ranked: {problem}", err=True)


@click.command()
@click.argument("challenge")
@click.argument("result", type=FILE)
@click.option("--reference", type=FILE, required=True, help="Result to compare with.")
@click.option("--tolerance", type=Finite(min=0), default=0.0, show_default=True, help="Relative.")
@click.option(
    "--absolute", type=Finite(min=0), default=1e-9, show_default=True, help="Added to it."
)
def check(challenge: str, result: Path, reference: Path, tolerance: float, absolute: float) -> None:
    """Exit 1 if a score of RESULT is worse than that of the reference."""
    from tabulate import tabulate

    from oceanbench.boards.escaping import terminal
    from oceanbench.boards.regression import compare
    from oceanbench.challenge import Challenge
    from oceanbench.result import Result

    loaded = Challenge.load(challenge)
    found = Result.load(result)
    if found.challenge["name"] != loaded.name:
        raise OceanbenchError(
            f"{result}: is a result of {found.challenge['name']}, expected {loaded.name}"
        )
    rows = compare(found, Result.load(reference), tolerance=tolerance, absolute=absolute)
    table = [
        [terminal(r.label), r.reference, r.found, r.worse_by, r.tolerance, r.verdict] for r in rows
    ]
    heads = ["score", "reference", "found", "worse by", "allowed", "verdict"]
    click.echo(tabulate(table, heads, tablefmt="github", floatfmt=".6g", missingval="–"))
    if any(r.failed for r in rows):
        sys.exit(1)


@click.command()
@click.argument("result", type=FILE)
@click.option("--submission", "file", type=FILE, required=True, help="The file that was scored.")
@click.option("--challenge", help="Path of the challenge.yaml, if it is not a shipped one.")
@data_dir_option
@budget_option
def verify(
    result: Path, file: Path, challenge: str | None, data_dir: Path | None, budget: float
) -> None:
    """Score the submission again; exit 1 if RESULT says something else."""
    from oceanbench.boards.regression import differences
    from oceanbench.challenge import Challenge
    from oceanbench.data.checks.budget import Budget
    from oceanbench.evaluate import evaluate as score
    from oceanbench.result import Result
    from oceanbench.submission import Submission

    claimed = Result.load(result)
    known = Budget().times(budget)
    loaded = Challenge.load(challenge or str(claimed.challenge["name"]), known)
    words = {k: str(claimed.submission.get(k, "")) for k in ("members", "observations")}
    submission = Submission(claimed.name, file, **words)
    if submission.sha256 != claimed.submission["sha256"]:
        say(f"{file} is not the file of {result}: its sha256 differs", err=True)
        sys.exit(1)
    wrong = differences(claimed, score(loaded, submission, data_dir=data_dir))
    for line in wrong[:10]:
        say(f"{result.name} says {line}")
    if wrong:
        say(f"{len(wrong)} differences", err=True)
        sys.exit(1)
    say(f"{result}: {len(claimed.scores)} scores verified")
