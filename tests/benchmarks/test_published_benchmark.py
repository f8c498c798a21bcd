"""What the published 4DVarNet costs here, against the package that published it.

    pip install --no-deps ocean4dvarnet==1.0.6
    OMP_NUM_THREADS=1 pytest -s tests/benchmarks/test_published_benchmark.py

The base configuration (15 days, 32 channels of the prior, 48 of the memory, ten steps) with the
same weights on the same data, each in a process of its own, in turn; the least CPU time counts.
Targets: inference on 15 × 240 × 240 with at most a third of the package's peak memory and no
slower; a training step in bfloat16 at least 1.7 times faster than the package's on 15 × 96 × 96;
and memory of inference that does not grow with the steps. Memory is a test; a timing is a report.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from places import WORLDS

SIDES = {"inference": 240, "training": 96}
ROUNDS, CALLS = 3, 5
CASE = """
import json, sys, time
from pathlib import Path
from types import SimpleNamespace
import numpy as np, torch
from oceanbench.assimilation.fourdvarnet.maps.configuration import MapConfiguration, network
from oceanbench.assimilation.fourdvarnet.published.network import Modulator, Prior, Solver
case = json.loads(sys.argv[1])
sys.path.insert(0, case["tests"])
from published_package import theirs

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(l.split()[1]) for l in lines if l.startswith("VmHWM")) / 1024

def solver(steps):
    torch.manual_seed(0)
    if case["whose"] == "unrolled":
        return network(MapConfiguration(update="lstm", hidden=48, prior_hidden=32, coarsen=2,
                                 iterations=steps, reduced=False))
    package = theirs()
    peer = package.GradSolver(
        prior_cost=package.BilinAEPriorCost(15, 32, downsamp=2, bilin_quad=False),
        obs_cost=package.BaseObsCost(),
        grad_mod=package.ConvLstmGradModel(15, 48, dropout=0.1),
        n_step=steps,
        lr_grad=1e3,
    )
    if case["whose"] == "package":
        return peer
    made = Solver(Prior(15, 32, quadratic=False), Modulator(15, 48), steps=steps,
                  reduced=case["whose"] == "bfloat16")
    made.load_state_dict(peer.state_dict())
    return made

def call(net, side):
    random = torch.Generator().manual_seed(1)
    values = torch.randn(1, 15, side, side, generator=random)
    observed = torch.rand(values.shape, generator=random) < 0.05
    batch = SimpleNamespace(input=torch.where(observed, values, torch.nan))
    net.train(case["what"] == "training")
    for parameter in net.parameters():
        parameter.grad = None
    begin = time.process_time()
    if case["whose"] == "package":
        found = net(batch)
    elif case["what"] == "training":
        found = net(values, observed)
    else:
        with torch.inference_mode():
            given = (values, observed, values * observed)
            found = net(*given[: 3 if case["whose"] == "unrolled" else 2])
    if case["what"] == "training":
        found.square().mean().backward()
    return time.process_time() - begin, found.detach()

call(solver(1), 16)
before, net = peak(), solver(case["steps"])
times = [call(net, case["side"])[0]]
top = peak()
times += [call(net, case["side"])[0] for _ in range(case["calls"] - 1)]
if case["whose"] == "package":  # the masks of dropout depend on the layout of the memory
    net.grad_mod.dropout.p = 0.0
elif case["whose"] != "unrolled":
    net.grad_mod.dropout = 0.0
np.save(case["file"], call(net, case["side"])[1].numpy())
print(json.dumps([min(times), top - before]))
"""


def measured(
    folder: Path, whose: str, what: str, *, steps: int = 10, calls: int = CALLS, exact: bool = False
) -> tuple[float, float]:
    """CPU seconds of the fastest call, and megabytes beyond those of an idle process.

    An exact peak, at which no memory is kept that was freed, costs time.
    """
    case = {"whose": whose, "what": what, "side": SIDES[what], "steps": steps, "calls": calls}
    case |= {"tests": str(WORLDS), "file": str(folder / f"{whose}.npy")}
    command = [sys.executable, "-c", CASE, json.dumps(case)]
    environment = os.environ | ({"MALLOC_MMAP_THRESHOLD_": "65536"} if exact else {})
    run = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    seconds, memory = json.loads(run.stdout.splitlines()[-1])
    return seconds, memory


@pytest.fixture(autouse=True)
def _package() -> None:
    if find_spec("ocean4dvarnet") is None:
        pytest.skip("ocean4dvarnet is not installed: pip install --no-deps ocean4dvarnet==1.0.6")


@pytest.mark.parametrize("what", SIDES)
def test_against_the_package(what: str, tmp_path: Path, capsys: Any) -> None:
    found: dict[str, tuple[float, float]] = {}
    for _ in range(ROUNDS):
        for whose in ("package", "single", "bfloat16"):
            again = measured(tmp_path, whose, what)
            best = found.get(whose, again)
            found[whose] = (min(again[0], best[0]), max(again[1], best[1]))
    seconds, memory = found["package"]
    expected = np.load(tmp_path / "package.npy")
    lines = [f"\n{what}, 15 × {SIDES[what]} × {SIDES[what]}: {seconds:.3f} s, {memory:.0f} MB"]
    for whose in ("single", "bfloat16"):
        difference = np.abs(np.load(tmp_path / f"{whose}.npy") - expected).max()
        lines.append(
            f"  {whose}: {seconds / found[whose][0]:.2f} times faster, memory divided by "
            f"{memory / found[whose][1]:.2f}, largest difference {difference:.1e} of "
            f"{np.abs(expected).max():.2g}"
        )
    with capsys.disabled():
        sys.stdout.write("\n".join(lines) + "\n")
    if what == "inference":
        assert all(found[whose][1] < memory / 3 for whose in ("single", "bfloat16"))


@pytest.mark.parametrize("whose", ["single", "unrolled"])
def test_memory_of_inference_does_not_grow_with_the_steps(whose: str, tmp_path: Path) -> None:
    few, many = (
        measured(tmp_path, whose, "inference", steps=steps, calls=1, exact=True)[1]
        for steps in (3, 20)
    )
    assert many < 1.01 * few
