"""Pages of a competition: the card, rules and scores, how to enter, terms."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oceanbench.boards.site.beside import card_of
from oceanbench.boards.site.rules import declared_scores, rules_of
from oceanbench.challenge import Challenge
from oceanbench.data import shipped
from oceanbench.declaration.consistency import NO_INPUTS
from oceanbench.kinds import CHALLENGE_KINDS

AnyArray = NDArray[Any]
FEW = 40  # values of an uneven axis, which are listed


def overview(challenge: Challenge) -> str:
    """Card of a challenge, or its title."""
    return card_of(challenge) or f"# {challenge.title}\n"


def pages(challenge: Challenge, data_dir: Path | None = None) -> Iterator[tuple[str, bytes]]:
    """Card, rules and scores, how to enter, terms.

    Parameters
    ----------
    challenge : from :meth:`Challenge.load`
    data_dir : folder of the challenge's files
    """
    yield "pages/overview.md", overview(challenge).encode()
    rules = [f"| {heading} | {text} |" for heading, text in rules_of(challenge)]
    scores = [
        f"| {score['label']} | {score['claim']} | {score['options']} |"
        for score in declared_scores(challenge)
    ]
    lines = ["# Rules", "", "| | |", "| --- | --- |", *rules]
    lines += ["", "# Scores", "", "| score | is | options |", "| --- | --- | --- |", *scores]
    lines += ["", f"{challenge.ranking.label} ranks.", "", "# Grid and times to submit", ""]
    lines += _dimensions(challenge, data_dir)
    yield "pages/rules.md", "\n".join([*lines, ""]).encode()
    variables = ", ".join(
        f"`{name}` [{variable.units}]" for name, variable in challenge.submission.variables.items()
    )
    enter = [
        "# How to enter",
        "",
        f"Send a zip of one NetCDF file (or Zarr store `NAME.zarr`) with {variables}, on the grid "
        "and times that the rules list, as in the starting kit.",
        "",
        *_at_home(challenge),
        "",
        "`result.json` in the output of a submission has every score with its interval.",
    ]
    yield "pages/enter.md", "\n".join([*enter, ""]).encode()
    licence = challenge.licence or "ask the organiser"
    terms = (
        f"# Terms\n\nTerms of the data: {licence}.\n\nWhat is sent is read as data, and scored.\n"
    )
    yield "pages/terms.md", terms.encode()


def _dimensions(challenge: Challenge, data_dir: Path | None) -> Iterator[str]:
    """Size, first and last of every dimension of what is to be submitted."""
    kind = CHALLENGE_KINDS[challenge.kind]
    if words := kind.elsewhere(challenge):
        yield f"{words.capitalize()}."
        return
    target = kind.target(challenge, data_dir)
    yield "| dimension | size | first | last | step |"
    yield "| --- | --- | --- | --- | --- |"
    for name, size in target.sizes.items():
        axis = target.coords.get(name)
        told = ["–"] * 3
        if axis is not None:
            told = [_written(axis.values[0]), _written(axis.values[-1]), _step(axis.values)]
        yield f"| {name} | {size} | {' | '.join(told)} |"


def _step(values: AnyArray) -> str:
    """Step of an even axis; all values of another, if they are few."""
    if values.dtype.kind not in "Mfiu":
        return "–"
    steps = np.diff(values)
    even = steps if steps.dtype.kind != "m" else steps / np.timedelta64(1, "D")
    if steps.size and np.allclose(even, even[0], rtol=1e-4, atol=0):
        return f"{even[0]:.6g}" + (" d" if steps.dtype.kind == "m" else "")
    listed = ", ".join(_written(value) for value in values)
    return listed if values.size <= FEW else "as in the starting kit"


def _written(value: Any) -> str:
    if isinstance(value, np.datetime64):
        return str(value.astype("datetime64[s]")).removesuffix("T00:00:00")
    return f"{value:.8g}" if isinstance(value, np.floating) else str(value)


def _at_home(challenge: Challenge) -> Iterator[str]:
    """What participants can do themselves: score what is shipped, read what is public."""
    called, truth = challenge.called, challenge.truth_name
    yield "The scores of the board are computed here, from what is sent."
    if challenge.is_shipped:
        yield f"Whoever has the files of `{truth}` too computes the same ones with"
    else:
        yield f"`{truth}` is not public, so that nobody can compute them elsewhere. The public data"
        yield "are what methods may read; in their folder,"
    yield from ("", "```", f"pip install {requirements(challenge)[0]}")
    if challenge.is_shipped:
        yield from (f"oceanbench evaluate {called} my_estimates.nc", "```")
        return
    name = next((n for n, d in challenge.datasets.items() if d.role not in NO_INPUTS), None)
    yield "oceanbench show challenge.yaml"
    does = "shows what is asked"
    if name is not None:
        opened = f"Challenge.load('challenge.yaml').open('{name}')"
        yield f'python -c "from oceanbench.challenge import Challenge; print({opened})"'
        does += ", reads an input"
    if challenge.target_name is not None:
        yield "oceanbench run my_method.py challenge.yaml"
        yield "oceanbench validate challenge.yaml my_estimates.nc"
        does += ", runs a method, and says whether a file could be scored"
    yield from ("```", "", f"{does}.")


def requirements(challenge: Challenge) -> list[str]:
    """What pip installs to score the challenge."""
    command = shipped.data_command(challenge.path.parent, challenge.truth.path)
    more = [] if command is None else [command.removeprefix("pip install ")]
    return [f"oceanbench-challenges=={version('oceanbench-challenges')}", *more]
