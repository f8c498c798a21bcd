"""What commands print and how they read their arguments: no work is done here."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from oceanbench.boards.escaping import terminal
from oceanbench.errors import OceanbenchError

if TYPE_CHECKING:
    from oceanbench.challenge import Challenge
    from oceanbench.data.listing import Listed
    from oceanbench.declaration import MetricRow

WIDEST = 36  # letters of a column
SAID_OTHERWISE = {"metric", "label", "shown", "digits", "options", "leads", "depths", "variables"}
MODE = "oceanbench.mode"  # among what the contexts of a command share


def mode() -> str:
    """How a command was asked to print: ``json``, ``quiet``, or else ``text``."""
    context = click.get_current_context(silent=True)
    return str(context.meta.get(MODE, "text")) if context else "text"


def say(text: object, *, err: bool = False) -> None:
    """Print one line for people, whatever strangers wrote into it; errors in every mode."""
    if err or mode() == "text":
        click.echo(terminal(text), err=err)


def tell(record: Any, lines: Iterable[object] = ()) -> None:
    """Print what a command found: lines for people, or a record as JSON, or nothing.

    Parameters
    ----------
    record : of texts, numbers, lists and mappings
    lines : of the same, looked at only if people are to read them
    """
    if mode() == "json":
        click.echo(json.dumps(record, ensure_ascii=False, indent=1, default=str))
    elif mode() == "text":
        for text in lines:
            for line in str(text).split("\n"):
                click.echo(terminal(line))


def width() -> int:
    """Columns of the terminal; 100 where there is none."""
    return shutil.get_terminal_size((100, 24)).columns


def pairs(settings: tuple[str, ...], *, preset: Path | None = None) -> dict[str, str]:
    """Names and values of the texts OPTION=VALUE; a file may stand for the preset."""
    pairs = {} if preset is None else {"preset": str(preset)}
    for text in settings:
        name, equals, value = text.partition("=")
        if not equals:
            raise OceanbenchError(f"--set {text}: expected OPTION=VALUE, for example noise=0.03")
        if name in pairs and preset is not None:
            raise OceanbenchError(f"--config {preset}: --set {text} is given too; name it there")
        pairs[name] = value
    return pairs


def listed_lines(found: Sequence[Listed], wide: int, width: int) -> Iterator[str]:
    """Aligned lines: name, kinds, data, and as much of the rest as the terminal has room for."""
    kinds = max((len(_kinds(one)) for one in found), default=0)
    data = max((len(one.data) for one in found), default=0)
    for one in found:
        head = f"  {one.name:{wide}}  {_kinds(one):{kinds}}  "
        head += f"{one.data:{data}}  " if data else ""
        room = max(width - len(head), 20)
        yield head + (one.about if len(one.about) <= room else f"{one.about[: room - 1]}…")


def _kinds(one: Listed) -> str:
    return ", ".join(one.kinds) or "any"


def challenge_record(challenge: Challenge, data_dir: Path | None) -> dict[str, Any]:
    """What ``show`` says of a challenge, for programs."""
    return {
        "name": challenge.name,
        "version": challenge.version,
        "title": challenge.title,
        "kind": challenge.kind,
        "domain": challenge.domain.model_dump(mode="json") if challenge.domain else None,
        "periods": dict(challenge.periods),
        "physics": challenge.physics,
        "submission": challenge.submission.model_dump(mode="json"),
        "datasets": {
            name: {
                "role": dataset.role,
                "layout": dataset.layout,
                "path": dataset.path,
                "files": len(challenge.present(name, data_dir)),
            }
            for name, dataset in challenge.datasets.items()
        },
        "scores": [row.label for row in challenge.scores],
        "ranked_by": challenge.ranking.label,
    }


def facts(challenge: Challenge, data_dir: Path | None) -> Iterator[str]:
    """What ``show`` says of a challenge, line by line."""
    from oceanbench.data import shipped
    from oceanbench.evaluate import labels_of
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
    yield "  datasets (intake catalog: oceanbench export catalog)"
    wide = min(max(map(len, challenge.datasets)), WIDEST)
    by_hand: dict[str, bool] = {}
    for name, dataset in challenge.datasets.items():
        count = len(challenge.present(name, data_dir))
        cure = shipped.data_command(challenge.path.parent, dataset.path)
        source = dataset.source
        if cure is None and source is not None and source.instructions and not source.fetched:
            cure = "by hand, see below"
            by_hand[source.instructions] = by_hand.get(source.instructions, False) or count == 0
        lacks = f"not here: {cure or 'oceanbench fetch'}"
        lacks = challenge.excuse(name) if challenge.is_kept(name) else lacks
        state = f"{count} file{'s' if count > 1 else ''}" if count else lacks
        yield f"    {name:{wide}} {dataset.role:14} {dataset.layout:6} {dataset.path} ({state})"
    yield from (f"  by hand   {text}" for text, lacking in by_hand.items() if lacking)
    yield "  scores"
    stand_for = [(row, labels_of(challenge, [row])) for row in challenge.metrics]
    wide = min(max(len(_called(row, labels)) for row, labels in stand_for), WIDEST)
    for row, labels in stand_for:
        own = row.model_dump(exclude_defaults=True, exclude=SAID_OTHERWISE)
        if own.get("variable") == next(iter(rules.variables)):
            del own["variable"]
        given = ", ".join(f"{k}: {_in_short(v)}" for k, v in (row.options | own).items())
        many = f", {len(labels)} scores as '{labels[0]}'" if len(labels) > 1 else ""
        ranked = f"  ← '{challenge.ranking.label}' ranks" if len(labels) > 1 else "  ← ranks"
        ranked = ranked if challenge.ranking.label in labels else ""
        words = f"{row.metric}{f' ({given})' if given else ''}{many}{ranked}"
        yield f"    {_called(row, labels):{wide}} {words}"


def _in_short(value: Any) -> str:
    """A value of a declaration, as a page would have it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " and ".join(map(str, value)) if isinstance(value, list) else str(value)


def _called(row: MetricRow, labels: Sequence[str]) -> str:
    """Label of a row of metrics, or in full that of its only score."""
    return labels[0] if len(labels) == 1 else row.label
