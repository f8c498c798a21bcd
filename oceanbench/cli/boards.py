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
from oceanbench.cli.sharing import executor_of, sharing_options
from oceanbench.errors import OceanbenchError

if TYPE_CHECKING:
    from concurrent.futures import Executor

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
@click.option(
    "--results",
    multiple=True,
    type=FOLDER,
    help="Folder of results whose rows stand beside the shipped ones, or several.",
)
@click.option("--challenges", type=FOLDER, help="Folder of challenges; by default the shipped.")
@click.option("--rank-by", metavar="LABEL", help="Score that ranks, in place of the challenge's.")
@click.option("--write", is_flag=True, help="Render every board beside the results.")
@click.option("--check", is_flag=True, help="Exit 1 if a rendered board is stale.")
@click.option("--site", type=FOLDER, metavar="DIR", help="Write a site of boards into DIR.")
@click.option("--verify", "again", type=FOLDER, help="Score the submissions in FOLDER again.")
@sharing_options
@data_dir_option
@output_mode
def leaderboard(
    challenge: str | None,
    form: str,
    results: tuple[Path, ...],
    challenges: Path | None,
    rank_by: str | None,
    write: bool,
    check: bool,
    site: Path | None,
    again: Path | None,
    workers: int,
    scheduler: str | None,
    data_dir: Path | None,
) -> None:
    """Print, render or verify leaderboards, or write a site of them."""
    from oceanbench.boards.finding import as_folders
    from oceanbench.data import shipped

    own, ours = as_folders(results), shipped.folder("leaderboards")
    chosen = _chosen(challenge, challenges)
    if rank_by is not None:
        chosen = [one.ranked_by(rank_by) for one in chosen]
    if again is not None:
        with executor_of(workers, scheduler) as pool:
            _verify_all(chosen, own or [ours], again, data_dir, pool)
        return
    if workers > 1 or scheduler is not None:
        raise OceanbenchError("--workers and --scheduler share what --verify does; add it")
    if site is not None:
        _write_site(chosen, _beside(ours, own, chosen), site)
    elif write or check:
        if len(own) > 1 or rank_by is not None:
            raise OceanbenchError(
                "--write and --check: give one folder of results, beside which the boards lie, and "
                "no --rank-by"
            )
        _render(chosen, own[0] if own else ours, write=write)
    else:
        _print(chosen, _beside(ours, own, chosen), form)


def _beside(ours: Path, own: list[Path], challenges: Sequence[Challenge]) -> list[Path]:
    """The shipped rows and those of one's own folders; of one's own challenges these alone."""
    return [ours, *own] if not own or any(one.is_shipped for one in challenges) else own


def _write_site(challenges: Sequence[Challenge], folders: Sequence[Path], site: Path) -> None:
    """Write the site of some folders of rows."""
    from oceanbench.boards.site.site import write_site

    skipped: list[str] = []
    count = write_site(challenges, folders, site, skipped=skipped)
    _warn(skipped)
    home = site / "index.html"
    tell({"site": home, "files": count}, [f"{home}: {count} files; open it in a browser"])


def _render(challenges: Sequence[Challenge], folder: Path, *, write: bool) -> None:
    """Write the boards that changed beside their results, or exit 1 if there are such."""
    from oceanbench.boards import rendering
    from oceanbench.data import files as disk

    skipped: list[str] = []
    files = rendering.rendered(challenges, folder, skipped)
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


def _print(challenges: Sequence[Challenge], folders: Sequence[Path], form: str) -> None:
    """Print boards."""
    from oceanbench.boards import ranking, rendering
    from oceanbench.boards.finding import load_results

    skipped: list[str] = []
    replaced: list[str] = []
    known = [(c, load_results(c, folders, skipped, replaced)) for c in challenges]
    _warn(skipped)
    for text in replaced:
        say(f"left out: {text}", err=True)
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
    return [Challenge.load(challenge)] if challenge else list(load_all(folder).values())


def _verify_all(
    challenges: Sequence[Challenge],
    folders: Sequence[Path],
    submissions: Path,
    data_dir: Path | None,
    executor: Executor | None,
) -> None:
    """Score every submission that is there again; exit 1 if a row says something else."""
    from functools import partial

    from oceanbench.boards.finding import load_results
    from oceanbench.boards.verification import file_of, verified_apart
    from oceanbench.scoring.sharing import SharedWork

    skipped: list[str] = []
    known = [(c, r) for c in challenges for r in load_results(c, folders, skipped)]
    _warn(skipped)
    there = [(c, r, path) for c, r in known if (path := file_of(r, submissions)) is not None]
    wrong = 0
    found = SharedWork(partial(verified_apart, data_dir), there, executor, "scoring again")
    for (challenge, result, _), lines in zip(there, found, strict=True):
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
