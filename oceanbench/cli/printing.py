"""What commands print and how they read their arguments: no work is done here."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from oceanbench.boards.escaping import terminal
from oceanbench.errors import OceanbenchError

if TYPE_CHECKING:
    from oceanbench.challenge import Challenge
    from oceanbench.result import Result


def say(text: object, *, err: bool = False) -> None:
    """Print one line, whatever strangers wrote into it."""
    click.echo(terminal(text), err=err)


def stem(file: Path) -> str:
    """Name of a submission from its file or glob: what can stand in a file name."""
    kept = re.sub(r"[^\w.-]", "", file.name.removesuffix(file.suffix)).strip(".")
    return kept or "submission"


def pairs(settings: tuple[str, ...]) -> dict[str, str]:
    """Names and values of the texts OPTION=VALUE."""
    pairs = {}
    for text in settings:
        name, equals, value = text.partition("=")
        if not equals:
            raise OceanbenchError(f"--set {text}: expected OPTION=VALUE, for example noise=0.03")
        pairs[name] = value
    return pairs


def score_table(challenge: Challenge, result: Result) -> str:
    """Scores of a result as a table; where rows stand for many, those that boards show."""
    from tabulate import tabulate

    rows = []
    shown = {row.label for row in challenge.scores if row.shown}
    many = len(challenge.scores) > len(challenge.metrics)  # the result file may hold hundreds
    for s in result.scores:
        if many and s.label not in shown:
            continue
        spread = f"[{s.interval.low:.4g}, {s.interval.high:.4g}]" if s.interval else "–"
        words = [terminal(word) for word in (s.label, s.metric, s.units, s.flag or "")]
        rows.append([*words[:2], s.value, words[2], spread, words[3], s.n])
    heads = ["score", "metric", "value", "unit", "95 % interval", "flag", "points"]
    return str(tabulate(rows, heads, tablefmt="github", floatfmt=".5g", missingval="–"))


def facts(challenge: Challenge, data_dir: Path | None) -> Iterator[str]:
    """What ``show`` says of a challenge, line by line."""
    from oceanbench.data import shipped
    from oceanbench.kinds import CHALLENGE_KINDS

    yield f"{challenge.name}, version {challenge.version}: {challenge.title}"
    yield f"  kind      {challenge.kind}"
    if (domain := challenge.domain) is not None:
        yield f"  domain    {list(domain.longitude)} °E, {list(domain.latitude)} °N"
        yield f"  scored    {domain.time[0]} to {domain.time[1]}"
    kind = CHALLENGE_KINDS[challenge.kind]
    for heading, text in kind.facts(challenge):
        yield f"  {heading:9} {text}"
    if challenge.physics is not None:
        yield f"  physics   {challenge.physics}"
    for period, (first, last) in challenge.periods.items():
        yield f"  {period:9} {first} to {last}"
    rules = challenge.submission
    regrid = f"regrid: {rules.regrid}, " if "regrid" in kind.submission_keys else ""
    for name, variable in rules.variables.items():
        yield f"  submit    {name} [{variable.units}], {regrid}missing: {rules.missing}"
    yield "  datasets (intake catalog: oceanbench catalog export)"
    for name, dataset in challenge.datasets.items():
        count = len(challenge.present(name, data_dir))
        cure = shipped.data_command(challenge.path.parent, dataset.path) or "oceanbench fetch"
        state = f"{count} file{'s' if count > 1 else ''}" if count else f"not here: {cure}"
        yield f"    {name:28} {dataset.role:13} {dataset.layout:6} {dataset.path} ({state})"
    yield "  scores"
    for row in challenge.metrics:
        given = ", ".join(f"{k}: {v}" for k, v in row.options.items())
        ranks = row == challenge.ranking or challenge.ranking.label.startswith(f"{row.label} ")
        ranked = "  ← ranks" if ranks else ""
        yield f"    {row.label:12} {row.metric}{f' ({given})' if given else ''}{ranked}"


def described(path: Path) -> tuple[str, tuple[str, ...]]:
    """First line of a method file, and the kinds of challenge that it is for; it is not run."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds: tuple[str, ...] = ()
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "KINDS":
            kinds = tuple(ast.literal_eval(node.value))
    return (ast.get_docstring(tree) or "").split("\n")[0].rstrip("."), kinds
