"""Commands that score: evaluate, run."""

from __future__ import annotations

import shlex
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from oceanbench.cli.describing import WithMethod
from oceanbench.cli.options import (
    FILE,
    Finite,
    board_option,
    budget_option,
    data_dir_option,
    declared_options,
    device_option,
    figures_option,
    kept_option,
    kept_sums,
    output_mode,
    output_option,
    seed_option,
    settings_option,
)
from oceanbench.cli.printing import pairs, say, tell, width
from oceanbench.cli.recording import evaluation, with_budget
from oceanbench.cli.sharing import executor_of, sharing_options
from oceanbench.cli.validating import tell_valid
from oceanbench.errors import OceanbenchError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from oceanbench.challenge import Challenge
    from oceanbench.result import Result
    from oceanbench.submission import Submission


@dataclass(frozen=True)
class Scoring:
    """What is scored, and where the results go."""

    challenge: Challenge
    output: Path
    data_dir: Path | None
    figures: bool
    workers: int
    scheduler: str | None
    cache: bool
    board: bool
    budget: float = 1.0


@click.command()
@click.argument("challenge")
@click.argument("file", type=FILE, required=False)
@click.option("--name", help="Name on the leaderboard; by default that of the file.")
@click.option("--method", default="", help="What made the maps, in a few words.")
@click.option("--authors", default="", help="Who submits.")
@click.option("--reference", default="", help="Paper or repository of the method.")
@click.option("--notes", default="", help="Shown in the last column of the leaderboard.")
@declared_options
@output_option
@data_dir_option
@figures_option
@sharing_options
@kept_option
@budget_option
@board_option
@output_mode
@click.option("--only", multiple=True, metavar="LABEL", help="Score this alone; nothing is saved.")
@click.option("--sandbox", is_flag=True, help="Score in a child process without network.")
@click.option("--memory", type=Finite(min=0.5), default=2.0, show_default=True, help="Its GiB.")
@click.option("--seconds", type=Finite(min=1), default=600.0, show_default=True, help="Its time.")
def evaluate(
    challenge: str,
    file: Path | None,
    name: str | None,
    method: str,
    authors: str,
    reference: str,
    notes: str,
    output: Path,
    data_dir: Path | None,
    figures: bool,
    workers: int,
    scheduler: str | None,
    cache: bool,
    budget: float,
    board: bool,
    only: tuple[str, ...],
    sandbox: bool,
    memory: float,
    seconds: float,
    **declared: str,
) -> None:
    """Score FILE on CHALLENGE; without FILE, run the reference method first."""
    if sandbox:
        from oceanbench.cli.sandbox import sandboxed

        again = [word for word in sys.argv[1:] if word != "--sandbox"]
        sys.exit(sandboxed(again, memory=memory, seconds=seconds))

    from oceanbench.challenge import Challenge
    from oceanbench.data.checks.budget import Budget
    from oceanbench.submission import Submission, name_of

    if only:
        _check_only(file, {"--board": board, "--figures": figures})
    loaded = Challenge.load(challenge, Budget().times(budget))
    described = {"method": method, "authors": authors, "reference": reference, "notes": notes}
    scoring = Scoring(loaded, output, data_dir, figures, workers, scheduler, cache, board, budget)
    if file is None:
        if loaded.reference_method is None:
            raise OceanbenchError(f"{loaded.name} names no reference method; give a FILE")
        _run(loaded.reference_method, scoring, name=name, described=described, declared=declared)
        return
    submission = Submission(name or name_of(file), file, **described, **declared)
    if only:
        _score_only(submission, scoring, only)
        return
    _score(submission, scoring, {"command": evaluation(loaded, submission, data_dir, budget)})


def _check_only(file: Path | None, others: Mapping[str, bool]) -> None:
    """Refuse --only without a FILE, or with what needs a result that is saved."""
    if file is None:
        raise OceanbenchError("--only: scores a FILE; give one")
    for option in (name for name, given in others.items() if given):
        raise OceanbenchError(f"{option}: needs all scores; leave it out, or --only")


@click.command(cls=WithMethod)
@click.argument("method")
@click.argument("challenge")
@click.option("--name", help="Name on the leaderboard; by default that of the method.")
@click.option("--weights", type=FILE, help="File of 'oceanbench train'; by default METHOD's own.")
@settings_option
@device_option
@seed_option
@declared_options
@output_option
@data_dir_option
@figures_option
@sharing_options
@kept_option
@budget_option
@board_option
@output_mode
def run(
    method: str,
    challenge: str,
    name: str | None,
    weights: Path | None,
    settings: tuple[str, ...],
    device: str,
    seed: int,
    output: Path,
    data_dir: Path | None,
    figures: bool,
    workers: int,
    scheduler: str | None,
    cache: bool,
    budget: float,
    board: bool,
    **declared: str,
) -> None:
    """Run METHOD on CHALLENGE, then score what it made, or validate it where the truth is kept."""
    from oceanbench.challenge import Challenge
    from oceanbench.data.checks.budget import Budget

    loaded = Challenge.load(challenge, Budget().times(budget))
    scoring = Scoring(loaded, output, data_dir, figures, workers, scheduler, cache, board, budget)
    chosen = {"weights": weights, "settings": pairs(settings), "device": device, "seed": seed}
    _run(method, scoring, name=name, declared=declared, options=chosen)


def _run(
    method: str,
    scoring: Scoring,
    *,
    name: str | None,
    described: Mapping[str, str] | None = None,
    declared: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
) -> None:
    """Run a method and score what it made; words that are given stand in place of the file's."""
    from oceanbench.methods.running import run as run_method

    with executor_of(scoring.workers, scoring.scheduler) as pool:
        submission, kept = run_method(
            method,
            scoring.challenge,
            output=scoring.output,
            name=name,
            data_dir=scoring.data_dir,
            executor=pool,
            declared=declared,
            **(options or {}),
        )
    given: dict[str, Any] = {key: text for key, text in (described or {}).items() if text}
    submission = replace(submission, **given)
    kept["command"] += with_budget(scoring.budget)
    used = kept["options"].get("weights")
    learned = f", weights {used['file']}" if used else ""
    if used and used["challenge"]:
        learned += f" trained on {used['challenge']}"
    say(f"{submission.path}: estimates of {submission.name}{learned}")
    if not kept["confined"]:
        say("warning: this system confines no process: what the method read is not known", err=True)
    if scoring.challenge.scored_at(scoring.data_dir) == scoring.challenge.truth_name:
        _score(submission, scoring, kept)
    else:
        tell_valid(scoring.challenge, submission, scoring.data_dir)


def _score(submission: Submission, scoring: Scoring, options: dict[str, Any]) -> None:
    """Score a submission, and print its scores beside the leaderboard."""
    from oceanbench.boards.finding import load_results
    from oceanbench.boards.placing import place_of
    from oceanbench.cli import standing
    from oceanbench.data import shipped
    from oceanbench.data.files import check_writable
    from oceanbench.evaluate import evaluated

    challenge = scoring.challenge
    check_writable(scoring.output / challenge.name / f"{submission.name}.json")
    with executor_of(scoring.workers, scoring.scheduler) as pool:
        how: dict[str, Any] = {
            "options": options,
            "executor": pool,
            "kept": kept_sums(scoring.cache),
        }
        result, material = evaluated(challenge, submission, data_dir=scoring.data_dir, **how)
    path = result.save(scoring.output)  # before anything of others can go wrong
    for warning in result.warnings:
        say(f"warning: {warning}", err=True)
    skipped: list[str] = []
    known = load_results(challenge, [shipped.folder("leaderboards"), scoring.output], skipped)
    for problem in skipped:
        say(f"not ranked: {problem}", err=True)
    others = [r for r in known if r.name != result.name]
    hidden = shipped.folder("leaderboards") / challenge.name / path.name
    place = place_of(challenge, [*others, result], result.name)
    found = standing.comparisons(challenge, result, others, place)
    figures: list[Path] = []
    if scoring.figures:
        from oceanbench.figures import draw

        figures = draw(challenge, result.name, material, path.with_suffix(""))
    files = {"result": path, "figures": figures}
    tell(
        {**standing.record(result, place, found), **files},
        (
            *standing.lines(challenge, result, place, found, width()),
            *(f"{figure}: figure" for figure in figures),
            f"{path}: result of {result.name}",
            *(standing.in_place_of(result) if hidden.is_file() and hidden != path else ()),
            *_board(scoring, [*others, result], result.name),
        ),
    )


def _score_only(submission: Submission, scoring: Scoring, labels: Sequence[str]) -> None:
    """Score a submission by some scores, and print them: no board takes what has not all."""
    from oceanbench.boards.ranking import cell_of, heading_of
    from oceanbench.evaluate import evaluated, with_scores

    chosen = with_scores(scoring.challenge, labels)
    with executor_of(scoring.workers, scoring.scheduler) as pool:
        how: dict[str, Any] = {"executor": pool, "kept": kept_sums(scoring.cache)}
        result, _ = evaluated(chosen, submission, data_dir=scoring.data_dir, **how)
    for warning in result.warnings:
        say(f"warning: {warning}", err=True)
    scores = [asdict(score) for score in result.scores]
    lines = [f"{heading_of(score)}: {cell_of(score)}" for score in result.scores]
    few = f"{len(scores)} of {len(chosen.whole)} scores: not saved, as no board takes such a result"
    tell({"submission": submission.name, "scores": scores, "saved": False}, [*lines, few])


def _board(scoring: Scoring, results: list[Result], new: str) -> Iterator[str]:
    """The whole leaderboard with the new row marked, or the command that prints it."""
    from oceanbench.boards.ranking import board
    from oceanbench.boards.rendering import to_markdown

    challenge = scoring.challenge
    called = shlex.quote(challenge.called if challenge.is_shipped else str(challenge.path))
    if scoring.board:
        yield ""
        yield to_markdown(board(challenge, results, new=[new]))
    else:
        folder = shlex.quote(str(scoring.output))
        yield f"oceanbench leaderboard {called} --results {folder}: the whole board"
