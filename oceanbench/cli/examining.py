"""Command that looks a challenge over before it is published: doctor."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from oceanbench.cli.options import FILE, budget_option, data_dir_option, output_mode
from oceanbench.cli.printing import mode, tell, width

if TYPE_CHECKING:
    from oceanbench.kinds.findings import Finding
    from oceanbench.methods.examination import Examination, Rehearsal, Seen


@click.command()
@click.argument("challenge")
@click.option("--method", metavar="METHOD", help="To rehearse with; by default the reference.")
@click.option(
    "--days",
    type=click.IntRange(0, 10_000),
    default=5,
    show_default=True,
    help="Days, windows or starts of the rehearsal; 0 for none.",
)
@click.option(
    "--figure",
    type=FILE,
    help="Picture of places and times; by default CHALLENGE_overview.png.",
)
@data_dir_option
@budget_option
@output_mode
def doctor(
    challenge: str,
    method: str | None,
    days: int,
    figure: Path | None,
    data_dir: Path | None,
    budget: float,
) -> None:
    """Look CHALLENGE over before it is published; exit 1 if it would stop participants.

    Opens all that it declares, compares units, ranges, times and places, says which scores have no
    value, rehearses the reference method on a few cases, and draws one picture.
    """
    from oceanbench.challenge import Challenge
    from oceanbench.data.checks.budget import Budget
    from oceanbench.figures.overview import draw_overview
    from oceanbench.figures.style import check_format
    from oceanbench.methods.examination import examined
    from oceanbench.methods.method_file import check_kind, load_method

    loaded = Challenge.load(challenge, Budget().times(budget))
    picture = figure or Path(f"{loaded.name}_overview.png")
    check_format(picture)
    if method is not None:
        check_kind(*load_method(method), loaded)
    found = examined(loaded, data_dir=data_dir, method=method, days=days)
    drawn = draw_overview(loaded, found.datasets, picture) if found.datasets else None
    tell(_record(found, drawn), _lines(found, drawn) if mode() == "text" else ())
    if found.stops:
        sys.exit(1)


def _record(found: Examination, picture: Path | None) -> dict[str, Any]:
    from dataclasses import asdict

    rehearsal = found.rehearsal
    return {
        "challenge": found.challenge.name,
        "stops": found.stops,
        "findings": [asdict(one) for one in found.findings],
        "datasets": [asdict(one) for one in found.seen],
        "rehearsal": rehearsal
        and {
            "method": rehearsal.method,
            "cases": rehearsal.cases,
            "cpu_seconds": rehearsal.cpu_seconds,
            "scores": [asdict(s) for s in rehearsal.result.scores] if rehearsal.result else [],
        },
        "figure": picture,
        "seconds": round(found.seconds, 2),
    }


def _lines(found: Examination, picture: Path | None) -> Iterator[str]:
    """What is there, what was rehearsed, and the findings, worst first."""
    challenge = found.challenge
    yield f"{challenge.name}, version {challenge.version}: {challenge.title}"
    if found.seen:
        yield ""
        yield from _table(found.seen)
    if found.rehearsal is not None:
        yield ""
        yield from _rehearsal(found.rehearsal)
    yield ""
    yield from _findings(found.findings)
    if picture is not None:
        yield f"{picture}: where and when there is what"
    verdict = "participants would be stopped" if found.stops else "nothing stops participants"
    yield f"{challenge.name}: {verdict} ({found.seconds:.0f} s)"


def _table(seen: list[Seen]) -> Iterator[str]:
    """A row a variable, without the columns that find no room."""
    from tabulate import tabulate

    heads = ["dataset", "role", "variable", "times", "values", "missing", "mean ± deviation"]
    first = {one.dataset: one for one in reversed(seen)}
    rows = [
        [
            one.dataset if one is first[one.dataset] else "",
            one.role.replace("_", " "),
            f"{one.variable} [{one.units}]",
            one.times + ("" if one.read == one.of else f" ({one.read} of {one.of} read)"),
            "–" if one.low is None else f"{one.low:.3g} … {one.high:.3g}",
            f"{one.holes:.0%}",
            "–" if one.mean is None else f"{one.mean:.3g} ± {one.deviation:.2g}",
        ]
        for one in seen
    ]
    for columns in ((0, 1, 2, 3, 4, 5, 6), (0, 1, 2, 3, 4), (0, 2, 3, 4), (0, 2, 3), (0, 3)):
        chosen = [[row[column] for column in columns] for row in rows]
        text = tabulate(chosen, [heads[c] for c in columns], disable_numparse=True)
        if max(map(len, text.splitlines())) <= width():
            break
    yield from text.splitlines()


def _rehearsal(rehearsal: Rehearsal) -> Iterator[str]:
    """Scores of the method on the few cases."""
    found = rehearsal.result.scores if rehearsal.result else []
    scores = [s for s in found if s.value is not None and s.flag is None]
    told = [f"{s.label} {s.value:.3g}" for s in scores[:8]]
    more = f" and {len(scores) - 8} more" if len(scores) > 8 else ""
    head = f"rehearsed: {rehearsal.method} on the first {rehearsal.cases}, "
    text = f"{rehearsal.cpu_seconds:.1f} CPU s: {', '.join(told) or 'no scores'}{more}"
    yield from textwrap.wrap(head + text, width(), subsequent_indent="  ")


def _findings(findings: list[Finding]) -> Iterator[str]:
    """Findings under their severity, each with its cure."""
    from oceanbench.kinds.findings import SEVERITIES

    for severity, meaning in SEVERITIES.items():
        group = [one for one in findings if one.severity == severity]
        if not group:
            continue
        yield f"{severity} ({len(group)}): {meaning}"
        for one in group:
            text = f"{one.about}: {one.text}"
            yield from textwrap.wrap(text, width(), initial_indent="  - ", subsequent_indent="    ")
            if one.cure:
                yield from textwrap.wrap(
                    one.cure, width(), initial_indent="    → ", subsequent_indent="      "
                )
        yield ""
