"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path

import click

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
figures_option = click.option(
    "--figures", is_flag=True, help="Draw maps, error series and spectra."
)
workers_option = click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Processes that share the starts of forecasts.",
)
members_option = click.option(
    "--members",
    default="",
    metavar="independent",
    help="Members are independent draws of one distribution.",
)
observations_option = click.option(
    "--observations",
    default="",
    metavar="NAME,NAME",
    help="Optional datasets of the challenge that the method used; ranked apart.",
)
