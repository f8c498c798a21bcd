"""Processes that share every batch train the network that one process trains with all of it."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
import threading
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from places import WORLDS
from safetensors.torch import load_file
from torch import Tensor

from oceanbench.errors import OceanbenchError
from oceanbench.learning.distributed import Team, together
from oceanbench.learning.training import TrainingSchedule, fit

SCHEDULE = TrainingSchedule(steps=20, rate=1e-2, warm_up=5, validations=4, average=0.9, decay=1e-3)
SCRIPT = """
import json, sys
from dataclasses import replace
from safetensors.torch import save_file
sys.path.insert(0, sys.argv[1])
from map_worlds import inputs
from oceanbench.assimilation.fourdvarnet.maps.configuration import MapConfiguration
from oceanbench.assimilation.fourdvarnet.maps.training import train_members, training_data
from oceanbench.learning.distributed import together
configuration = MapConfiguration(
    first_guess="mean", step_degrees=0.25, days=5, hidden=4, prior_hidden=2, iterations=2, scenes=1,
    crop=8, batch=4, steps=8, reduced=False)
with together(int(sys.argv[2])) as team:
    data = training_data(inputs(60, error=0.02), configuration, name="mine")
    weights = train_members(data, configuration, name="mine", members=1, seed=0, device="cpu",
                            checkpoint=sys.argv[3], team=team)
save_file({k: v.contiguous() for k, v in weights.items()}, sys.argv[3] + "/weights.safetensors")
print(json.dumps([team.number, team.count]))
"""


@cache
def network() -> torch.nn.Module:
    """Made once, before threads that would share the state of torch's random numbers."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layers = (torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
        return torch.nn.Sequential(*layers).double()


def train(team: Team, checkpoint: Path | None = None) -> dict[str, Tensor]:
    net = copy.deepcopy(network())

    def draw(random: torch.Generator) -> Tensor:
        whole = torch.randn(12, 3, generator=random, dtype=torch.float64)
        return whole[team.number :: team.count]

    def loss(batch: Tensor, made: float) -> Tensor:
        return (net(batch) - batch.sum(1, keepdim=True).sin()).pow(2).mean()

    def score() -> float:
        points = torch.ones(4, 3, dtype=torch.float64)
        return float((net(points) - 0.1).pow(2).mean())

    fit(net, draw, loss, score, schedule=SCHEDULE, seed=1, checkpoint=checkpoint, team=team)
    return dict(net.state_dict())


def in_threads(count: int, folder: Path) -> list[dict[str, Tensor]]:
    """Training by threads that stand for processes, each with a checkpoint of its own."""
    network()
    barrier, given = threading.Barrier(count), [torch.zeros(0)] * count
    found: list[dict[str, Tensor]] = [{} for _ in range(count)]

    def run(number: int) -> None:
        def mean(values: Tensor) -> Tensor:
            given[number] = values
            barrier.wait(60)
            result = torch.stack(given).mean(0)
            barrier.wait(60)
            return result

        file = folder / f"{number}.safetensors"
        found[number] = train(Team(number, count, "cpu", mean), file)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@pytest.mark.parametrize("count", [2, 3])
def test_parts_of_a_batch_teach_what_the_whole_does(count: int, tmp_path: Path) -> None:
    expected = train(Team())
    for found in in_threads(count, tmp_path):
        for name, value in expected.items():
            torch.testing.assert_close(found[name], value, rtol=1e-10, atol=1e-13)
    assert [file.name for file in tmp_path.iterdir()] == ["0.safetensors"]


def test_a_process_that_keeps_its_gradients_to_itself_would_be_noticed(tmp_path: Path) -> None:
    """The mutant: without the mean, every process learns from its own part alone."""
    expected = train(Team())
    found = train(Team(0, 2, "cpu", lambda values: values))
    assert any(not torch.allclose(found[name], value) for name, value in expected.items())


def test_one_process_needs_nothing() -> None:
    with together(1, device="cpu") as team:
        assert team == Team()
    Team(0, 2).check(4, "mine")
    with pytest.raises(OceanbenchError, match=r"mine: processes=3: a batch of 4 .* divides 4"):
        Team(0, 3).check(4, "mine")
    with (
        pytest.raises(OceanbenchError, match="processes=0, nodes=1: expected at least one"),
        together(0),
    ):
        pass


def test_without_fabric_the_cure_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lightning_fabric", None)
    with (
        pytest.raises(OceanbenchError, match=r"pip install 'oceanbench-challenges\[train\]'"),
        together(2),
    ):
        pass


@pytest.mark.slow
@pytest.mark.skipif(
    find_spec("lightning_fabric") is None,
    reason="lightning-fabric is not installed: pip install 'oceanbench-challenges[train]'",
)
def test_two_processes_train_the_maps_that_one_does(tmp_path: Path) -> None:
    found = {}
    for count in (1, 2):
        folder = tmp_path / str(count)
        folder.mkdir()
        (tmp_path / "train.py").write_text(SCRIPT, encoding="utf-8")
        command = [sys.executable, "train.py", str(WORLDS), str(count), str(folder)]
        run = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
        assert [json.loads(line) for line in run.stdout.splitlines()] == [[0, count]]
        assert sorted(f.name for f in folder.iterdir()) == [
            "mine-0.safetensors",
            "weights.safetensors",
        ]
        found[count] = load_file(folder / "mine-0.safetensors")
    for name, value in found[1].items():
        if name.startswith("network."):
            torch.testing.assert_close(found[2][name], value, rtol=1e-4, atol=1e-5)
