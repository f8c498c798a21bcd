"""Training: deterministic, judged by validation, and the same after an interruption."""

from __future__ import annotations

import json
import math
import pickle
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from rows import every
from safetensors import torch as safetensors
from torch import Tensor

from oceanbench import progress
from oceanbench.errors import OceanbenchError
from oceanbench.learning.checkpoints import Progress
from oceanbench.learning.training import TrainingSchedule, fit, ramp

SCHEDULE = TrainingSchedule(steps=40, rate=1e-2, warm_up=5, validations=8)


class InterruptionError(Exception):
    """The machine goes down."""


def network() -> torch.nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))


def target(points: Tensor) -> Tensor:
    return points.sum(1, keepdim=True).sin()


def draw(random: torch.Generator) -> Tensor:
    return torch.randn(16, 3, generator=random)


CHECKS = draw(torch.Generator().manual_seed(99))


def train(
    *,
    seed: int = 1,
    schedule: TrainingSchedule = SCHEDULE,
    checkpoint: Path | None = None,
    interrupted: int | None = None,
    scores: Callable[[int], float] | None = None,
) -> tuple[dict[str, Tensor], Progress]:
    """Weights and progress of a training that may break off while it draws a batch."""
    net, drawn, judged = network(), 0, 0

    def drawing(random: torch.Generator) -> Tensor:
        nonlocal drawn
        drawn += 1
        if drawn == interrupted:
            raise InterruptionError
        return draw(random)

    def loss(batch: Tensor, made: float) -> Tensor:
        assert 0.0 <= made < 1.0
        return (net(batch) - target(batch)).pow(2).mean()

    def score() -> float:
        nonlocal judged
        judged += 1
        found = float((net(CHECKS) - target(CHECKS)).pow(2).mean())
        return found if scores is None else scores(judged)

    made = fit(
        net, drawing, loss, score, schedule=schedule, seed=seed, checkpoint=checkpoint, label="toy"
    )
    return dict(net.state_dict()), made


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(v, other[k]) for k, v in one.items())


def test_the_loss_falls() -> None:
    _, made = train(schedule=TrainingSchedule(steps=200, rate=2e-2))
    assert len(made.scores) == 10
    assert made.best == min(made.scores) < 0.5 * made.scores[0]


def test_what_was_trained_before_is_kept_if_nothing_is_better() -> None:
    """The network that a training begins with is validated too, if it was trained before."""
    for rising, kept in ((float, True), (lambda judged: -judged, False)):
        net, scored = network(), iter(range(1, 100))
        first = {name: value.clone() for name, value in net.state_dict().items()}
        made = fit(
            net,
            draw,
            lambda batch, _: (net(batch) - target(batch)).pow(2).mean(),  # noqa: B023
            lambda: rising(next(scored)),  # noqa: B023
            schedule=SCHEDULE,
            seed=1,
            begun=True,
        )
        assert len(made.scores) == SCHEDULE.validations + 1
        assert same(first, dict(net.state_dict())) is kept


def test_how_it_stands_is_told_every_minute_where_there_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter(range(0, 10_000, 4))  # seconds
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(clock)))
    train()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3  # of 160 seconds: at 32, 92 and 152
    assert re.fullmatch(r"toy: 8 of 40, loss \d\S+, validation \S+, best \S+, 2 min left", lines[0])
    slow = iter(range(0, 10_000, 40))
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(slow)))
    train()
    first = capsys.readouterr().err.splitlines()[0]  # before anything was validated
    assert re.fullmatch(r"toy: 1 of 40, loss \d\S+, 26 min left", first)
    monkeypatch.setattr(progress.time, "monotonic", lambda: 0.0)
    train()
    assert not capsys.readouterr().err


def test_the_same_seed_gives_the_same_weights_and_another_one_others() -> None:
    assert same(train(seed=1)[0], train(seed=1)[0])
    assert not same(train(seed=1)[0], train(seed=2)[0])


@pytest.mark.parametrize("interrupted", [3, 6, 23, 40])
def test_an_interrupted_training_resumes_to_the_same_weights(
    tmp_path: Path, interrupted: int
) -> None:
    """Bit by bit, wherever it broke off: before the first checkpoint, between two, at the end."""
    expected, whole = train()
    file = tmp_path / "new" / "toy.safetensors"
    with pytest.raises(InterruptionError):
        train(checkpoint=file, interrupted=interrupted)
    found, made = train(checkpoint=file)
    assert same(found, expected)
    assert made.scores == whole.scores
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_finished_training_is_not_repeated(tmp_path: Path) -> None:
    file = tmp_path / "toy.safetensors"
    expected, _ = train(checkpoint=file)
    found, made = train(checkpoint=file, interrupted=1)
    assert same(found, expected) and made.step == SCHEDULE.steps


def test_the_weights_that_validated_best_are_kept() -> None:
    """The third of eight validations is the best one: those of 15 steps of the same schedule."""
    best, made = train(scores=lambda number: abs(number - 3.0))
    last, _ = train(scores=lambda number: -number)
    assert made.best == 0.0 and made.scores[0] == 2.0
    assert same(best, made.weights) and not same(best, last)


def test_the_mean_of_the_weights_is_validated_and_kept() -> None:
    """Closed form: each step moves the mean by one minus what it leaves, less at first."""
    net, schedule, path = network(), replace(SCHEDULE, average=0.9, validations=1), []

    def loss(batch: Tensor, made: float) -> Tensor:
        path.append(net.get_parameter("0.bias").detach().clone())
        return (net(batch) - target(batch)).pow(2).mean()

    judged = []

    def score() -> float:
        judged.append(net.get_parameter("0.bias").detach().clone())
        path.append(last.get_parameter("0.bias").detach().clone())
        return 1.0

    last = network()
    fit(
        last,
        draw,
        lambda b, m: (last(b) - target(b)).pow(2).mean(),
        lambda: 1.0,
        schedule=replace(schedule, average=0.0),
        seed=1,
    )
    made = fit(net, draw, loss, score, schedule=schedule, seed=1)
    mean = path[1]
    for step, weights in enumerate(path[2:], start=1):
        left = min(0.9, (step + 1) / (step + 10))
        mean = left * mean + (1 - left) * weights
    torch.testing.assert_close(made.weights["0.bias"], mean)
    torch.testing.assert_close(judged[0], mean)


def test_an_interrupted_training_remembers_the_mean(tmp_path: Path) -> None:
    schedule = replace(SCHEDULE, average=0.9)
    expected, _ = train(schedule=schedule)
    file = tmp_path / "toy.safetensors"
    with pytest.raises(InterruptionError):
        train(schedule=schedule, checkpoint=file, interrupted=23)
    assert same(train(schedule=schedule, checkpoint=file)[0], expected)


def test_a_score_that_is_no_number_is_never_the_best() -> None:
    _, made = train(scores=lambda number: math.nan if number != 4 else 5.0)
    assert made.best == 5.0
    with pytest.raises(OceanbenchError, match=r"toy: no finite score in 40 steps"):
        train(scores=lambda number: math.nan)


def test_a_resumed_training_remembers_the_best(tmp_path: Path) -> None:
    file = tmp_path / "toy.safetensors"
    expected, _ = train(scores=lambda number: abs(number - 2.0))
    with pytest.raises(InterruptionError):
        train(checkpoint=file, interrupted=23, scores=lambda number: abs(number - 2.0))
    found, made = train(checkpoint=file, scores=lambda number: 7.0)
    assert same(found, expected) and made.best == 0.0


def test_a_batch_without_a_finite_gradient_changes_nothing_and_many_are_refused(
    tmp_path: Path,
) -> None:
    net = network()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    known = iter([math.inf, math.inf, 1.0, math.inf, math.inf])
    loss = lambda batch, made: (net(batch) * next(known)).pow(2).mean()  # noqa: E731
    once = TrainingSchedule(steps=5, rate=1e-3, warm_up=0, decay=0.0)
    falling = iter(range(9, 0, -1))
    fit(net, draw, loss, lambda: float(next(falling)), schedule=once, seed=0)
    moved = max(float((v - before[k]).abs().max()) for k, v in net.state_dict().items())
    assert 0.0 < moved <= 1.01e-3  # AdamW's first step is as long as the rate, and there was one
    before = {k: v.clone() for k, v in net.state_dict().items()}
    nothing = lambda batch, made: (net(batch) * math.inf).pow(2).mean()  # noqa: E731
    with pytest.raises(OceanbenchError, match=r"toy: no finite gradient in 3 steps in a row"):
        fit(net, draw, nothing, lambda: 1.0, schedule=replace(once, steps=3), seed=0, label="toy")
    assert same(dict(net.state_dict()), before)
    late = lambda batch, made: (net(batch) * (math.inf if made >= 0.5 else 1.0)).pow(2).mean()  # noqa: E731
    kept = {"schedule": replace(once, steps=120, validations=6), "checkpoint": tmp_path / "late"}
    for _ in range(2):  # it is none the better for a resumption in between
        with pytest.raises(OceanbenchError, match="in 50 steps in a row, the last of them 110;"):
            fit(net, draw, late, lambda: 1.0, seed=0, label="toy", **kept)


def test_fixed_parameters_stay() -> None:
    net = network()
    first = net.get_submodule("0")
    for parameter in first.parameters():
        parameter.requires_grad_(False)
    kept = first.get_parameter("weight").clone()
    loss = lambda batch, made: net(batch).pow(2).mean()  # noqa: E731
    fit(net, draw, loss, lambda: 1.0, schedule=TrainingSchedule(steps=5), seed=0)
    assert torch.equal(first.get_parameter("weight"), kept)


def test_a_checkpoint_of_another_training_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "toy.safetensors"
    train(checkpoint=file)
    with pytest.raises(OceanbenchError, match=r"toy\.safetensors: the checkpoint of a training"):
        train(checkpoint=file, seed=2)
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(OceanbenchError, match="not a whole checkpoint"):
        train(checkpoint=file)


def other(file: Path, damage: str) -> bytes:
    """A checkpoint, damaged, of another network, or none."""
    content = file.read_bytes()
    if damage == "pickle":
        torch.save({"network": network().state_dict()}, file)
        return file.read_bytes()
    if damage in ("cut", "nothing", "text"):
        return {"cut": content[:-1], "nothing": b"", "text": b"step: 3\n" * 20}[damage]
    tensors = safetensors.load(content)
    length = int.from_bytes(content[:8], "little")
    metadata = json.loads(content[8 : 8 + length])["__metadata__"]
    if damage == "missing":
        del tensors["network.0.bias"]
    elif damage == "size":
        tensors["best.0.bias"] = torch.zeros(3)
    elif damage == "scores":
        del tensors["scores"]
    elif damage == "random":
        tensors["random"] = torch.zeros(3)
    else:
        metadata["step"] = "many"
    return bytes(safetensors.save(tensors, metadata))


@every(
    "damage",
    ["pickle", "cut", "nothing", "text", "missing", "size", "scores", "random", "step"],
)
def test_a_damaged_or_foreign_checkpoint_is_refused_in_one_line(
    tmp_path: Path, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a pickle is not opened, whatever its name says."""
    file = tmp_path / "toy.safetensors"
    train(checkpoint=file)
    file.write_bytes(other(file, damage))
    monkeypatch.setattr(pickle, "Unpickler", None)
    with pytest.raises(OceanbenchError, match=r"not (a whole|the) checkpoint") as refused:
        train(checkpoint=file)
    assert str(refused.value).startswith(str(file))
    assert "\n" not in str(refused.value) and "remove it" in str(refused.value)


def test_a_checkpoint_belongs_to_what_the_training_is_about(tmp_path: Path) -> None:
    net, file = network(), tmp_path / "toy.safetensors"

    def run(about: str) -> None:
        fit(
            net,
            draw,
            lambda batch, made: net(batch).pow(2).mean(),
            lambda: 1.0,
            schedule=TrainingSchedule(steps=2),
            seed=0,
            checkpoint=file,
            about=about,
        )

    run("sea level")
    run("sea level")
    with pytest.raises(OceanbenchError, match="remove it, or name another folder"):
        run("temperature")


def test_the_rate_rises_and_falls() -> None:
    schedule = TrainingSchedule(steps=100, rate=1.0, warm_up=10, floor=0.01)
    rates = [schedule.rate_at(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == pytest.approx(1.0, abs=0.05) and rates.index(max(rates)) == 9
    assert rates[-1] == pytest.approx(0.01)
    assert rates[10:] == sorted(rates[10:], reverse=True)


@every("steps, validations", [(40, 8), (7, 3), (3, 10), (1, 1)])
def test_the_last_step_is_validated(steps: int, validations: int) -> None:
    schedule = TrainingSchedule(steps=steps, validations=validations)
    when = [step for step in range(steps) if schedule.validates_after(step)]
    assert len(when) == min(steps, validations)
    assert when[-1] == steps - 1


def test_few_iterations_come_first() -> None:
    counts = [ramp(made / 20, 12) for made in range(20)]
    assert counts == sorted(counts)
    assert counts[0] == 4 and set(counts[10:]) == {12}
    assert ramp(0.0, 2) == 2
