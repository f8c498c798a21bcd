"""Command that lets a method learn: train."""

from __future__ import annotations

from pathlib import Path

import click

from oceanbench.cli.describing import WithMethod
from oceanbench.cli.options import (
    FILE,
    budget_option,
    data_dir_option,
    device_option,
    output_mode,
    output_option,
    seed_option,
    settings_option,
)
from oceanbench.cli.printing import pairs, tell


@click.command(cls=WithMethod)
@click.argument("method")
@click.argument("challenge")
@click.option("--name", help="Name of the weights; by default that of the method.")
@click.option("--config", type=FILE, help="YAML file of fields that depart from a preset.")
@click.option("--init", type=FILE, help="Weights of METHOD from which to go on.")
@settings_option
@device_option
@seed_option
@output_option
@data_dir_option
@budget_option
@output_mode
def train(
    method: str,
    challenge: str,
    name: str | None,
    config: Path | None,
    init: Path | None,
    settings: tuple[str, ...],
    device: str,
    seed: int,
    output: Path,
    data_dir: Path | None,
    budget: float,
) -> None:
    """Train METHOD on the training period of CHALLENGE; run then uses its weights."""
    from oceanbench.challenge import Challenge
    from oceanbench.data.checks.budget import Budget
    from oceanbench.methods.training import train as train_method

    path, weights = train_method(
        method,
        Challenge.load(challenge, Budget().times(budget)),
        output=output,
        name=name,
        settings=pairs(settings, preset=config),
        device=device,
        seed=seed,
        data_dir=data_dir,
        init=init,
    )
    count = sum(tensor.numel() for tensor in weights.tensors.values())
    seconds = weights.provenance["seconds"]
    size = f"{count} number{'s' if count > 1 else ''}"
    tell(
        {"weights": path, "method": weights.method["name"], "numbers": count, "seconds": seconds},
        [f"{path}: weights of {weights.method['name']}, {size}, {seconds:.0f} s"],
    )
