"""Pages of a competition: the card, rules and scores, how to enter, terms."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version

from oceanbench.boards.site.rules import declared_scores, rules_of
from oceanbench.challenge import Challenge
from oceanbench.data import shipped


def card_of(challenge: Challenge) -> str:
    """Card of a challenge, or its title."""
    path = challenge.path.parent / "README.md"
    return path.read_text(encoding="utf-8") if path.is_file() else f"# {challenge.title}\n"


def pages(challenge: Challenge) -> Iterator[tuple[str, bytes]]:
    """Card, rules and scores, how to enter, terms."""
    yield "pages/overview.md", card_of(challenge).encode()
    rules = [f"| {heading} | {text} |" for heading, text in rules_of(challenge)]
    scores = [
        f"| {score['label']} | {score['claim']} | {score['options']} |"
        for score in declared_scores(challenge)
    ]
    lines = ["# Rules", "", "| | |", "| --- | --- |", *rules]
    lines += ["", "# Scores", "", "| score | is | options |", "| --- | --- | --- |", *scores]
    lines += ["", f"{challenge.ranking.label} ranks."]
    yield "pages/rules.md", "\n".join([*lines, ""]).encode()
    variables = ", ".join(
        f"`{name}` [{variable.units}]" for name, variable in challenge.submission.variables.items()
    )
    requirement = requirements(challenge)[0]
    enter = [
        "# How to enter",
        "",
        f"Send a zip of one NetCDF file (or Zarr store `NAME.zarr`) with {variables}, as in the "
        "starting kit. Without a computer of the organiser's, the same scores come from",
        "",
        "```",
        f"pip install {requirement}",
        f"oceanbench evaluate {challenge.called} my_estimates.nc",
        "```",
        "",
        "`result.json` in the output of a submission has every score with its interval.",
    ]
    yield "pages/enter.md", "\n".join([*enter, ""]).encode()
    licence = challenge.licence or "ask the organiser"
    terms = (
        f"# Terms\n\nTerms of the data: {licence}.\n\nWhat is sent is read as data, and scored.\n"
    )
    yield "pages/terms.md", terms.encode()


def requirements(challenge: Challenge) -> list[str]:
    """What pip installs to score the challenge."""
    command = shipped.data_command(challenge.path.parent, challenge.truth.path)
    more = [] if command is None else [command.removeprefix("pip install ")]
    return [f"oceanbench-challenges=={version('oceanbench-challenges')}", *more]
