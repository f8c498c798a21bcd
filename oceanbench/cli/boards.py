"""Commands on boards: leaderboard, verify."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from oceanbench.cli.options import FILE, FOLDER, budget_option, data_dir_option, output_mode
from oceanbench.cli.printing import mode, say, tell
from oceanbench.errors import OceanbenchError

if TYPE_CHECKING:
    from oceanbench.challenge import Challenge


@click.command()
@click.argument("challenge", required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(["md", "csv", "html", "json"]),
    default="md",
    show_default=True,
)
@click.option("--results", type=FOLDER, help="Folder of results; by default the shipped one.")
@click.option("--write", is_flag=True, help="Render every board beside the results.")
@click.option("--check", is_flag=True, help="Exit 1 if a rendered board is stale.")
@click.option("--site", type=FOLDER, metavar="DIR", help="Write a site of boards into DIR.")
@click.option(
    "--challenges", type=FOLDER, metavar="DIR", help="Boards of DIR/*/challenge.yaml instead."
)
@click.option("--verify", "again", type=FOLDER, help="Score the submissions in FOLDER again.")
@data_dir_option
@output_mode
def leaderboard(
    challenge: str | None,
    form: str,
    results: Path | None,
    write: bool,
    check: bool,
    site: Path | None,
    challenges: Path | None,
    again: Path | None,
    data_dir: Path | None,
) -> None:
    """Print, render or verify leaderboards, or write a site of them."""
    from oceanbench.boards import ranking, rendering
    from oceanbench.data import files as disk
    from oceanbench.data import shipped

    if results is not None and not results.is_dir():
        raise OceanbenchError(f"{results}: no such folder of results; correct --results")
    folder = results or shipped.folder("leaderboards")
    chosen = _chosen(challenge, challenges)
    if again is not None:
        _verify_all(chosen, folder, again, data_dir)
        return
    skipped: list[str] = []
    if site is not None:
        from oceanbench.boards.site.site import write_site

        own = folder != shipped.folder("leaderboards") and any(one.is_shipped for one in chosen)
        folders = [shipped.folder("leaderboards"), folder] if own else [folder]
        count = write_site(chosen, folders, site, skipped=skipped)
        _warn(skipped)
        home = site / "index.html"
        tell({"site": home, "files": count}, [f"{home}: {count} files; open it in a browser"])
        return
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
        tell({"up_to_date": len(files)}, [f"{len(files)} files are up to date"])
        return
    known = [(c, ranking.load_results(c, [folder], skipped)) for c in chosen]
    _warn(skipped)
    if form == "json" or mode() == "json":
        from oceanbench.boards.records import board_record

        records = [board_record(*one) for one in known]
        click.echo(json.dumps(records, ensure_ascii=False, indent=1))
        return
    shown = [ranking.board(*one) for one in known]
    if form == "html":
        click.echo(rendering.to_html(shown))
        return
    for one in shown:
        click.echo(rendering.to_markdown(one) if form == "md" else rendering.to_csv(one))


def _chosen(challenge: str | None, folder: Path | None) -> list[Challenge]:
    """One challenge, all of a folder, or all that are shipped."""
    from oceanbench.challenge import Challenge, load_all

    if challenge is not None and folder is not None:
        raise OceanbenchError(f"found CHALLENGE {challenge} and --challenges; give one of them")
    if challenge is not None:
        return [Challenge.load(challenge)]
    if folder is None:
        return list(load_all().values())
    found = [Challenge.load(path) for path in sorted(folder.glob("*/challenge.yaml"))]
    if not found:
        raise OceanbenchError(f"{folder}: no folder in it has a challenge.yaml; correct it")
    names = [one.name for one in found]
    if twice := [name for name in names if names.count(name) > 1]:
        raise OceanbenchError(f"{folder}: two challenges are called '{twice[0]}'; rename one")
    return found


def _verify_all(
    challenges: Sequence[Challenge], folder: Path, submissions: Path, data_dir: Path | None
) -> None:
    """Score every submission that is there again; exit 1 if a row says something else."""
    from oceanbench.boards.ranking import load_results
    from oceanbench.boards.verification import file_of, verified

    skipped: list[str] = []
    known = [(c, r) for c in challenges for r in load_results(c, [folder], skipped)]
    _warn(skipped)
    there = [(c, r, path) for c, r in known if (path := file_of(r, submissions)) is not None]
    wrong = 0
    for challenge, result, path in there:
        lines = verified(result, challenge, path, data_dir)
        wrong += bool(lines)
        verdict = f"{len(lines)} differences, first {lines[0]}" if lines else "verified"
        say(f"{challenge.name}/{result.name}: {verdict}")
    say(f"{len(there)} of {len(known)} submissions are in {submissions}")
    if wrong or skipped:
        sys.exit(1)


def _warn(skipped: list[str]) -> None:
    for problem in skipped:
        say(f"not ranked: {problem}", err=True)


@click.command()
@click.argument("result", type=FILE)
@click.option("--submission", "file", type=FILE, required=True, help="The file that was scored.")
@click.option("--challenge", help="Path of the challenge.yaml, if it is not a shipped one.")
@data_dir_option
@budget_option
@output_mode
def verify(
    result: Path, file: Path, challenge: str | None, data_dir: Path | None, budget: float
) -> None:
    """Score the submission again; exit 1 if RESULT says something else."""
    from oceanbench.boards.verification import verified
    from oceanbench.challenge import Challenge
    from oceanbench.data.checks.budget import Budget
    from oceanbench.result import Result

    claimed = Result.load(result)
    known = Budget().times(budget)
    loaded = Challenge.load(challenge or str(claimed.challenge["name"]), known)
    wrong = verified(claimed, loaded, file, data_dir)
    verdict = f"{result}: {len(claimed.scores)} scores verified"
    tell(
        {"result": result, "scores": len(claimed.scores), "differences": wrong},
        [f"{result.name} says {line}" for line in wrong[:10]] or [verdict],
    )
    if wrong:
        say(f"{len(wrong)} difference{'s' if len(wrong) > 1 else ''}", err=True)
        sys.exit(1)
