"""What is kept of a training: a row now and then, once each, over interruptions."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest
import torch

from oceanbench.learning import history
from oceanbench.learning.training import TrainingSchedule, fit

SCHEDULE = TrainingSchedule(steps=40, rate=1e-2, warm_up=5, validations=8)


class InterruptionError(Exception):
    """The machine goes down."""


def train(folder: Path, *, interrupted: int | None = None) -> None:
    """Train a small network whose history is kept, from a checkpoint if there is one."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = torch.nn.Linear(3, 1)
    drawn = 0

    def draw(random: torch.Generator) -> torch.Tensor:
        nonlocal drawn
        drawn += 1
        if interrupted is not None and drawn > interrupted:
            raise InterruptionError
        return torch.randn(16, 3, generator=random)

    def loss(points: torch.Tensor, _: float) -> torch.Tensor:
        return (network(points) - points.sum(1, keepdim=True)).square().mean()

    def score() -> float:
        return float(loss(torch.ones(2, 3), 1.0))

    kept = folder / "checkpoint.safetensors"
    with history.recorded(folder / "mine.csv", resumes=True):
        fit(network, draw, loss, score, schedule=SCHEDULE, seed=1, checkpoint=kept, label="mine")


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "mine.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_step_of_a_short_training_and_every_validation_has_a_row(tmp_path: Path) -> None:
    train(tmp_path)
    found = rows(tmp_path)
    assert [int(row["step"]) for row in found] == list(range(1, 41))
    validated = [row for row in found if row["validation"]]
    assert [int(row["step"]) for row in validated] == list(range(5, 45, 5))
    losses = [float(row["loss"]) for row in found]
    assert losses[-1] < losses[0] and all(map(math.isfinite, losses))
    best = [float(row["best"]) for row in validated]
    assert best == sorted(best, reverse=True)
    assert {row["training"] for row in found} == {"mine"}


def test_what_was_interrupted_goes_on_and_has_no_row_twice(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    train(whole)
    with pytest.raises(InterruptionError):
        train(tmp_path, interrupted=13)
    assert len(rows(tmp_path)) == 13
    train(tmp_path)
    columns = ("step", "loss", "validation", "best")
    again, once = ([[row[c] for c in columns] for row in rows(f)] for f in (tmp_path, whole))
    assert [row[0] for row in again] == [row[0] for row in once]
    assert [row[2:] for row in again] == [row[2:] for row in once]


def test_another_run_begins_anew_and_without_one_nothing_is_written(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    with history.recorded(path, resumes=False):
        history.note("first", 10, 10, 0.5, (0.4, 0.4))
    with history.recorded(path, resumes=False):
        history.note("second", 10, 1000, 0.5)
        history.note("second", 11, 1000, 0.5)
    assert [row["training"] for row in rows(tmp_path)] == ["second"]
    history.note("third", 10, 10, 0.5)
    assert len(rows(tmp_path)) == 1
