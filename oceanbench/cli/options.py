"""Options that several commands have."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from oceanbench.cli.printing import MODE

RESULTS = Path("results")  # that commands write to
FOLDER = click.Path(path_type=Path)
FILE = click.Path(path_type=Path)


class Finite(click.FloatRange):
    """A number within bounds that is one: neither NaN nor infinite."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the number, or refuse it."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is no finite number", param, ctx)
        return number


data_dir_option = click.option(
    "--data-dir", type=FOLDER, help="Folder that holds the challenge's files."
)
output_option = click.option(
    "--output",
    type=FOLDER,
    default=RESULTS,
    show_default=True,
    help="Folder for results, maps and weights.",
)
settings_option = click.option(
    "--set", "settings", multiple=True, metavar="OPTION=VALUE", help="Method's option."
)
device_option = click.option(
    "--device", default="auto", show_default=True, help="auto, cpu, cuda, …"
)
seed_option = click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True
)
board_option = click.option("--board", is_flag=True, help="Print the whole leaderboard, too.")
figures_option = click.option(
    "--figures", is_flag=True, help="Draw maps, error series and spectra."
)


def _set_mode(context: click.Context, parameter: click.Parameter, chosen: bool) -> None:
    if chosen:
        context.meta[MODE] = str(parameter.name)


def output_mode(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options ``--json`` and ``--quiet``, which say how a command prints."""
    settings: dict[str, Any] = {"is_flag": True, "expose_value": False, "callback": _set_mode}
    command = click.option("--quiet", help="Print errors and warnings only.", **settings)(command)
    return click.option("--json", help="Print JSON, for programs.", **settings)(command)


kept_option = click.option(
    "--cache/--no-cache",
    "cache",
    default=True,
    show_default=True,
    help="Keep sums of reference forecasts for the next time, by checksum.",
)


def kept_sums(cache: bool) -> Path | None:
    """Folder of the sums of references, beside that of downloads; None where they are not kept."""
    from oceanbench.data.files import cache_folder

    return cache_folder() / ".reference_sums" if cache else None


budget_option = click.option(
    "--budget",
    type=Finite(min=1e-6, max=1e6),
    default=1.0,
    show_default=True,
    metavar="FACTOR",
    help="Times what files of strangers may hold.",
)
_DECLARED = (  # by the names of oceanbench.submission.DECLARED
    click.option(
        "--members",
        default="",
        metavar="independent",
        help="Members are independent draws of one distribution.",
    ),
    click.option(
        "--observations",
        default="",
        metavar="NAME,NAME",
        help="Optional datasets of the challenge that the method used; ranked apart.",
    ),
    click.option(
        "--learned-from",
        default="",
        type=click.Choice(["", "observations", "simulation", "truth"]),
        metavar="[observations|simulation|truth]",
        help="What the method learned from: of another world (simulation) or of this one (truth).",
    ),
    click.option(
        "--physics",
        default="",
        metavar="NAME,NAME",
        help="Equations of the method's model, as challenges name those of their truths.",
    ),
    click.option(
        "--seed-of",
        default="",
        metavar="NAME",
        help="Another training of the method in row NAME, which then shows their spread.",
    ),
)


def declared_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options that say what scores, ranks and places on a board depend on."""
    for option in reversed(_DECLARED):
        command = option(command)
    return command
