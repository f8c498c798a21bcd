"""The ``oceanbench`` command: each command parses, calls one function, and prints.

Nothing numeric is imported before a command needs it, so that ``--help`` answers at once.
"""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from oceanbench.errors import OceanbenchError

if TYPE_CHECKING:
    from concurrent.futures import Executor
    from contextlib import AbstractContextManager

    from oceanbench.challenge import Challenge
    from oceanbench.result import Result
    from oceanbench.submission import Submission

FOLDER = click.Path(path_type=Path)
FILE = click.Path(path_type=Path)
data_dir_option = click.option(
    "--data-dir", type=FOLDER, help="Folder that holds the challenge's files."
)
output_option = click.option(
    "--output",
    type=FOLDER,
    default=Path("results"),
    show_default=True,
    help="Folder for results, maps and weights.",
)
settings_option = click.option(
    "--set", "settings", multiple=True, metavar="OPTION=VALUE", help="Method's option."
)
device_option = click.option(
    "--device", default="auto", show_default=True, help="auto, cpu, cuda, …"
)
seed_option = click.option("--seed", type=int, default=0, show_default=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="oceanbench-challenges", prog_name="oceanbench")
def cli() -> None:
    """Ocean data challenges: evaluate a submission, run a method, rank the results.

    CHALLENGE is the name of a shipped challenge or the path of a challenge.yaml; METHOD the name of
    a baseline or the path of a method file.
    """


@cli.command("list")
def list_() -> None:
    """List the shipped challenges and baselines."""
    from oceanbench.challenge import load_all
    from oceanbench.data import shipped

    click.echo("Challenges")
    for name, challenge in load_all().items():
        click.echo(f"  {name:28} {challenge.kind:8} {challenge.title}")
    click.echo("Methods")
    for name in shipped.names("baselines"):
        claim, kinds = _described(shipped.folder("baselines") / f"{name}.py")
        click.echo(f"  {name:28} {claim} ({', '.join(kinds) or 'any kind'})")


@cli.command()
@click.argument("challenge")
@data_dir_option
def show(challenge: str, data_dir: Path | None) -> None:
    """Show a challenge: domain, periods, datasets, scores and rules."""
    from oceanbench.challenge import Challenge

    _show(Challenge.load(challenge), data_dir)


@cli.command()
@click.argument("challenge")
@data_dir_option
@click.option("--offline", is_flag=True, help="Only verify; open no connection.")
def fetch(challenge: str, data_dir: Path | None, offline: bool) -> None:
    """Verify a challenge's files and download what can be downloaded."""
    from oceanbench.challenge import Challenge

    loaded = Challenge.load(challenge)
    for name in loaded.datasets:
        click.echo(f"{name}: {loaded.fetch(name, data_dir, offline=offline)}")


@cli.command()
@click.argument("challenge")
@click.argument("file", type=FILE)
@data_dir_option
def validate(challenge: str, file: Path, data_dir: Path | None) -> None:
    """Check that FILE could be evaluated, without scoring it."""
    from oceanbench.challenge import Challenge
    from oceanbench.evaluate import matched_by_score
    from oceanbench.metrics.probabilistic.points import described
    from oceanbench.submission import Submission

    loaded = Challenge.load(challenge)
    if loaded.kind == "forecasts":
        from oceanbench.kinds.forecasts.scoring.scores import score_forecasts

        found = score_forecasts(loaded, Submission(_stem(file), file), data_dir=data_dir)
        for row in found.coverage:
            lacks = f", partial: {', '.join(row['missing'])}" if row["missing"] else ""
            at = f" at {row['against']}" if row.get("against") else ""
            click.echo(
                f"{row['variable']}{at}, mask {row['mask']}: {row['scored']} of {row['points']} "
                f"values can be scored{lacks}"
            )
        click.echo(f"{file} can be evaluated on {loaded.name}.")
        return
    matched = matched_by_score(loaded, Submission(_stem(file), file), data_dir=data_dir)
    for (variable, mask), part in matched.items():
        cover = part.coverage
        click.echo(
            f"{variable}, mask {mask}: {cover.scored} of {cover.points} points can be scored, "
            f"{described(part.distribution)}"
        )
    click.echo(f"{file} can be evaluated on {loaded.name}.")


@cli.command()
@click.argument("challenge")
@click.argument("file", type=FILE, required=False)
@click.option("--name", help="Name on the leaderboard; by default that of the file.")
@click.option("--method", default="", help="What made the maps, in a few words.")
@click.option("--authors", default="", help="Who submits.")
@click.option("--reference", default="", help="Paper or repository of the method.")
@click.option("--notes", default="", help="Shown in the last column of the leaderboard.")
@output_option
@data_dir_option
@click.option("--figures", is_flag=True, help="Draw maps, error series and spectra.")
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Processes that share the starts of forecasts.",
)
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
) -> None:
    """Score FILE on CHALLENGE; without FILE, run the reference method first."""
    from oceanbench.challenge import Challenge
    from oceanbench.submission import Submission

    loaded = Challenge.load(challenge)
    if file is None:
        if loaded.reference_method is None:
            raise OceanbenchError(f"{loaded.name} names no reference method; give a FILE")
        reference = loaded.reference_method
        _run(reference, loaded, output, name, None, (), "auto", 0, data_dir, figures, workers)
        return
    submission = Submission(name or _stem(file), file, method, authors, reference, notes)
    command = shlex.join(
        ["oceanbench", "evaluate", loaded.name, file.name, "--name", submission.name]
    )
    _evaluate(loaded, submission, output, data_dir, figures, {"command": command}, workers)


@cli.command()
@click.argument("method")
@click.argument("challenge")
@click.option("--name", help="Name on the leaderboard; by default that of the method.")
@click.option("--weights", type=FILE, help="File of 'oceanbench train'; by default METHOD's own.")
@settings_option
@device_option
@seed_option
@output_option
@data_dir_option
@click.option("--figures", is_flag=True, help="Draw maps, error series and spectra.")
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
) -> None:
    """Run METHOD on CHALLENGE, then score what it made."""
    from oceanbench.challenge import Challenge

    loaded = Challenge.load(challenge)
    _run(method, loaded, output, name, weights, settings, device, seed, data_dir, figures)


@cli.command()
@click.argument("method")
@click.argument("challenge")
@click.option("--name", help="Name of the weights; by default that of the method.")
@settings_option
@device_option
@seed_option
@output_option
@data_dir_option
def train(
    method: str,
    challenge: str,
    name: str | None,
    settings: tuple[str, ...],
    device: str,
    seed: int,
    output: Path,
    data_dir: Path | None,
) -> None:
    """Train METHOD on the training period of CHALLENGE; run then uses its weights."""
    from oceanbench.challenge import Challenge
    from oceanbench.methods.training import train as train_method

    path, weights = train_method(
        method,
        Challenge.load(challenge),
        output=output,
        name=name,
        settings=_pairs(settings),
        device=device,
        seed=seed,
        data_dir=data_dir,
    )
    count = sum(tensor.numel() for tensor in weights.tensors.values())
    seconds = weights.provenance["seconds"]
    size = f"{count} number{'s' if count > 1 else ''}"
    click.echo(f"{path}: weights of {weights.method['name']}, {size}, {seconds:.0f} s")


@cli.command()
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
    from oceanbench.boards import ranking as boards
    from oceanbench.challenge import Challenge, load_all
    from oceanbench.data import files as disk
    from oceanbench.data import shipped

    folder = results or shipped.folder("leaderboards")
    chosen = [Challenge.load(challenge)] if challenge else list(load_all().values())
    if write or check:
        files = boards.rendered(chosen, folder)
        stale = boards.stale(files)
        for path in stale:
            if write:
                disk.write_text(files[path], path)
            click.echo(f"{path}: {'written' if write else 'stale'}")
        if stale and not write:
            click.echo("run: oceanbench leaderboard --write", err=True)
            sys.exit(1)
        click.echo(f"{len(files)} files are up to date")
        return
    shown = [boards.board(c, boards.load_results(c, [folder])) for c in chosen]
    if form == "html":
        click.echo(boards.to_html(shown))
        return
    for one in shown:
        click.echo(boards.to_markdown(one) if form == "md" else boards.to_csv(one))


@cli.command()
@click.argument("challenge")
@click.argument("result", type=FILE)
@click.option("--reference", type=FILE, required=True, help="Result to compare with.")
@click.option(
    "--tolerance", type=click.FloatRange(min=0), default=0.0, show_default=True, help="Relative."
)
@click.option(
    "--absolute", type=click.FloatRange(min=0), default=1e-9, show_default=True, help="Added to it."
)
def check(challenge: str, result: Path, reference: Path, tolerance: float, absolute: float) -> None:
    """Exit 1 if a score of RESULT is worse than that of the reference."""
    from tabulate import tabulate

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
    table = [[r.label, r.reference, r.found, r.worse_by, r.tolerance, r.verdict] for r in rows]
    heads = ["score", "reference", "found", "worse by", "allowed", "verdict"]
    click.echo(tabulate(table, heads, tablefmt="github", floatfmt=".6g", missingval="–"))
    if any(r.failed for r in rows):
        sys.exit(1)


@cli.command()
@click.argument("result", type=FILE)
@click.option("--submission", "file", type=FILE, required=True, help="The file that was scored.")
@click.option("--challenge", help="Path of the challenge.yaml, if it is not a shipped one.")
@data_dir_option
def verify(result: Path, file: Path, challenge: str | None, data_dir: Path | None) -> None:
    """Score the submission again; exit 1 if RESULT says something else."""
    from oceanbench.boards.regression import differences
    from oceanbench.challenge import Challenge
    from oceanbench.evaluate import evaluate as score
    from oceanbench.result import Result
    from oceanbench.submission import Submission

    claimed = Result.load(result)
    loaded = Challenge.load(challenge or str(claimed.challenge["name"]))
    submission = Submission(claimed.name, file)
    if submission.sha256 != claimed.submission["sha256"]:
        click.echo(f"{file} is not the file of {result}: its sha256 differs", err=True)
        sys.exit(1)
    wrong = differences(claimed, score(loaded, submission, data_dir=data_dir))
    for line in wrong[:10]:
        click.echo(f"{result.name} says {line}")
    if wrong:
        click.echo(f"{len(wrong)} differences", err=True)
        sys.exit(1)
    click.echo(f"{result}: {len(claimed.scores)} scores verified")


@cli.group()
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


def _run(
    method: str,
    challenge: Challenge,
    output: Path,
    name: str | None,
    weights: Path | None,
    settings: tuple[str, ...],
    device: str,
    seed: int,
    data_dir: Path | None,
    figures: bool,
    workers: int = 1,
) -> None:
    from oceanbench.methods.running import run as run_method

    submission, options = run_method(
        method,
        challenge,
        output=output,
        name=name,
        weights=weights,
        settings=_pairs(settings),
        device=device,
        seed=seed,
        data_dir=data_dir,
    )
    used = options["options"].get("weights")
    learned = f", weights {used['file']} trained on {used['challenge']}" if used else ""
    click.echo(f"{submission.path}: maps of {submission.name}{learned}")
    _evaluate(challenge, submission, output, data_dir, figures, options, workers)


def _stem(file: Path) -> str:
    """Name of a submission from its file or glob: what can stand in a file name."""
    kept = re.sub(r"[^\w.-]", "", file.name.removesuffix(file.suffix)).strip(".")
    return kept or "submission"


def _pairs(settings: tuple[str, ...]) -> dict[str, str]:
    """Names and values of the texts OPTION=VALUE."""
    pairs = {}
    for text in settings:
        name, equals, value = text.partition("=")
        if not equals:
            raise OceanbenchError(f"--set {text}: expected OPTION=VALUE, for example noise=0.03")
        pairs[name] = value
    return pairs


def _pool(workers: int) -> AbstractContextManager[Executor | None]:
    """Processes that begin afresh: a fork would share the open files; none for one worker."""
    from concurrent.futures import ProcessPoolExecutor
    from contextlib import nullcontext
    from multiprocessing import get_context

    if workers == 1:
        return nullcontext()
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"))


def _evaluate(
    challenge: Challenge,
    submission: Submission,
    output: Path,
    data_dir: Path | None,
    figures: bool,
    options: dict[str, Any],
    workers: int = 1,
) -> None:
    from oceanbench.boards import ranking as boards
    from oceanbench.data import shipped
    from oceanbench.evaluate import evaluate as score

    with _pool(workers) as pool:
        result = score(challenge, submission, data_dir=data_dir, options=options, executor=pool)
    known = boards.load_results(challenge, [shipped.folder("leaderboards"), output])
    rows = [r for r in known if r.name != result.name]
    board = boards.board(challenge, [*rows, result], new=[result.name])
    path = result.save(output)
    for warning in result.warnings:
        click.echo(f"warning: {warning}", err=True)
    click.echo(_table(challenge, result))
    click.echo(f"\n{path}: result of {result.name}\n")
    click.echo(boards.to_markdown(board))
    if figures:
        from oceanbench.figures import draw

        for figure in draw(challenge, submission, path.with_suffix(""), data_dir=data_dir):
            click.echo(f"{figure}: figure")


def _table(challenge: Challenge, result: Result) -> str:
    from tabulate import tabulate

    rows = []
    shown = {row.label for row in challenge.scores if row.shown}
    many = challenge.kind == "forecasts"  # of which the result file holds hundreds
    for s in result.scores:
        if many and s.label not in shown:
            continue
        spread = f"[{s.interval.low:.4g}, {s.interval.high:.4g}]" if s.interval else "–"
        rows.append([s.label, s.metric, s.value, s.units, spread, s.flag or "", s.n])
    heads = ["score", "metric", "value", "unit", "95 % interval", "flag", "points"]
    return str(tabulate(rows, heads, tablefmt="github", floatfmt=".5g", missingval="–"))


def _show(challenge: Challenge, data_dir: Path | None) -> None:
    from oceanbench.data import shipped

    click.echo(f"{challenge.name}, version {challenge.version}: {challenge.title}")
    click.echo(f"  kind      {challenge.kind}")
    if (domain := challenge.domain) is not None:
        click.echo(f"  domain    {list(domain.longitude)} °E, {list(domain.latitude)} °N")
        click.echo(f"  scored    {domain.time[0]} to {domain.time[1]}")
    if (model := challenge.model) is not None:
        numbers = ", ".join(f"{k} = {v:g}" for k, v in model.parameters.items())
        click.echo(f"  model     {model.name}{f' ({numbers})' if numbers else ''}")
    if challenge.starts is not None:
        starts, leads = challenge.schedule.starts, challenge.schedule.leads
        click.echo(f"  starts    {starts.size}, {starts[0]} to {starts[-1]}")
        click.echo(f"  leads     {', '.join(map(str, leads))} days")
    if challenge.depths:
        click.echo(f"  depths    {', '.join(f'{d:g}' for d in challenge.depths)} m")
    for name, quantity in challenge.derived.items():
        click.echo(f"  derived   {name} [{challenge.unit_of(name)}], {quantity.replace('_', ' ')}")
    if challenge.samplings:
        click.echo(f"  samplings {', '.join(challenge.samplings)}")
    for period, (first, last) in challenge.periods.items():
        click.echo(f"  {period:9} {first} to {last}")
    rules = challenge.submission
    for name, variable in rules.variables.items():
        click.echo(
            f"  submit    {name} [{variable.units}], regrid: {rules.regrid}, "
            f"missing: {rules.missing}"
        )
    click.echo("  datasets (intake catalog: oceanbench catalog export)")
    for name, dataset in challenge.datasets.items():
        count = len(challenge.present(name, data_dir))
        cure = shipped.data_command(challenge.path.parent, dataset.path) or "oceanbench fetch"
        state = f"{count} file{'s' if count > 1 else ''}" if count else f"not here: {cure}"
        click.echo(f"    {name:28} {dataset.role:13} {dataset.layout:6} {dataset.path} ({state})")
    click.echo("  scores")
    for row in challenge.metrics:
        given = ", ".join(f"{k}: {v}" for k, v in row.options.items())
        ranks = row == challenge.ranking or challenge.ranking.label.startswith(f"{row.label} ")
        ranked = "  ← ranks" if ranks else ""
        click.echo(f"    {row.label:12} {row.metric}{f' ({given})' if given else ''}{ranked}")


def _described(path: Path) -> tuple[str, tuple[str, ...]]:
    """First line of a method file, and the kinds of challenge that it is for; it is not run."""
    import ast

    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds: tuple[str, ...] = ()
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "KINDS":
            kinds = tuple(ast.literal_eval(node.value))
    return (ast.get_docstring(tree) or "").split("\n")[0].rstrip("."), kinds


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
