"""One process, workers and a cluster give the same; one that ends in the middle costs time."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, nullcontext
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import forecast_worlds
import numpy as np
import pytest
import xarray as xr
from builders import maps, maps_challenge, tracks_challenge, write, write_challenge
from command import Command
from faulty_files import CONTENTS, faultless
from observation_worlds import CONTENT, SEA, declare
from observation_worlds import forecast as forecasts

from oceanbench.challenge import Challenge
from oceanbench.cli import sharing
from oceanbench.errors import OceanbenchError
from oceanbench.evaluate import evaluate
from oceanbench.methods import method_calls
from oceanbench.methods.isolation import MethodServer
from oceanbench.result import Result
from oceanbench.scoring.sharing import SharedWork
from oceanbench.submission import Submission

ALONE = {"profiles": None, "drifters": None, "image": None}
SLA = [row for row in CONTENT["metrics"] if row["label"] == "SLA"]

POOLED = [{"metric": "rmse", "label": "zos", "variable": "zos", "leads": "pooled"}]
WINDOWED = [{"metric": "rmse", "label": "RMSE"}, {"metric": "component_nmse", "label": "NMSE"}]


def toy(kind: str, folder: Path) -> tuple[Challenge, Submission]:
    """A challenge of a kind, and what is submitted to it."""
    path = folder / "mine.nc"
    if kind == "forecasts":
        challenge = Challenge.load(declare(folder / "toy", ALONE, metrics=SLA))
        forecasts(0.1).to_netcdf(path, engine="h5netcdf")
    elif kind == "windows":
        files = faultless(kind)
        content = {"name": "toy", **CONTENTS[kind], "metrics": WINDOWED, "rank_by": "RMSE"}
        at = {"datasets.truth.path": str(files["truth"])}
        challenge = Challenge.load(write_challenge(folder / "toy", content, at))
        return challenge, Submission("mine", files["mine"])
    else:
        made = {"maps": maps_challenge, "tracks": tracks_challenge}[kind]
        challenge = made(folder / "toy")
        write(maps(noise=0.05), path)
    return challenge, Submission("mine", path)


def few(count: int) -> dict[str, Any]:
    """The first starts of forecasts."""
    return forecast_worlds.FORECASTS["starts"] | {"last": str(forecast_worlds.STARTS[count - 1])}


def same(result: Result, other: Result) -> bool:
    kept = ("scores", "coverage", "series", "warnings")
    return all(getattr(result, name) == getattr(other, name) for name in kept)


@pytest.mark.parametrize("kind", ["maps", "tracks", "windows"])
def test_workers_give_identical_scores(kind, tmp_path):
    challenge, mine = toy(kind, tmp_path)
    with ThreadPoolExecutor(2) as pool:
        assert same(evaluate(challenge, mine, executor=pool), evaluate(challenge, mine))


def test_workers_refuse_what_one_process_does(tmp_path):
    challenge = maps_challenge(tmp_path / "toy")
    write(maps(count=3), tmp_path / "mine.nc")
    with ThreadPoolExecutor(2) as pool, pytest.raises(OceanbenchError) as shared:
        evaluate(challenge, tmp_path / "mine.nc", executor=pool)
    with pytest.raises(OceanbenchError) as alone:
        evaluate(challenge, tmp_path / "mine.nc")
    assert str(shared.value) == str(alone.value)


def test_workers_and_a_scheduler_are_not_asked_for_together():
    with (
        pytest.raises(OceanbenchError, match="give one of them"),
        sharing.executor_of(2, "tcp://x:1"),
    ):
        pass


def test_workers_of_a_board_are_for_verifying(monkeypatch, capsys):
    code, _, errors = Command(monkeypatch, capsys)("leaderboard", "lorenz96", "--workers", 2)
    assert code == 2 and "--verify" in errors


# --- a cluster ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed")
    some = {"n_workers": 2, "threads_per_worker": 1, "processes": False}
    with distributed.LocalCluster(**some, dashboard_address=":0") as found:
        yield found


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["maps", "tracks", "windows", "forecasts"])
def test_a_scheduler_gives_identical_scores(kind, tmp_path, cluster, monkeypatch, capsys):
    challenge, mine = toy(kind, tmp_path)
    usual = evaluate(challenge, mine)
    command = Command(monkeypatch, capsys)
    at = ("--scheduler", cluster.scheduler_address)
    places = (challenge.path, mine.path, "--output", tmp_path / "out")
    assert command("evaluate", *places, *at)[0] == 0
    file = tmp_path / "out" / challenge.name / "mine.json"
    assert same(Result.load(file), usual)
    results = ("--results", tmp_path / "out", "--verify", mine.path.parent)
    code, out, _ = command("leaderboard", challenge.path, *results, *at)
    assert code == 0 and "mine: verified" in out


@pytest.fixture(scope="module")
def of_workers() -> Iterator[Callable[[], Any]]:
    """The server of the worker that asks, a thread: one for all of its tasks, which takes time."""
    kept: dict[int, MethodServer] = {}
    with ExitStack() as stack:

        def server() -> Any:
            here = threading.get_ident()
            if here not in kept:
                kept[here] = stack.enter_context(MethodServer())
            return nullcontext(kept[here])

        yield server


METHOD = '''"""Level of the seed, and of the coordinates."""
def estimate(inputs, target, *, device, seed):
    first = [dim for dim in ("latitude", "component") if dim in target.dims][0]
    return target.fillna(0.01 * seed) + 0.01 * target[first]
'''


@pytest.mark.slow
@pytest.mark.parametrize("kind, shared", [("maps", False), ("windows", True), ("forecasts", True)])
def test_a_scheduler_shares_the_calls_of_a_method(
    kind, shared, tmp_path, cluster, of_workers, monkeypatch, capsys
):
    if kind == "forecasts":
        path, method = forecast_worlds.declare(tmp_path / "toy", metrics=POOLED, starts=few(3)), ""
    else:
        path, method = toy(kind, tmp_path)[0].path, tmp_path / "method.py"
        method.write_text(METHOD)
    usual, here = method_calls.MethodServer, threading.get_ident()
    own = lambda: usual() if threading.get_ident() == here else of_workers()  # noqa: E731
    monkeypatch.setattr(method_calls, "MethodServer", own)
    command, log = Command(monkeypatch, capsys), cluster.scheduler.transition_log
    begin = len(log)
    for name, more in (("alone", ()), ("shared", ("--scheduler", cluster.scheduler_address))):
        given = ("run", method or "persistence", path, "--name", name, "--output", tmp_path)
        code, _, errors = command(*given, "--seed", 3, *more)
        assert code == 0, errors
    calls = {entry[0] for entry in list(log)[begin:] if str(entry[0]).startswith("_answers")}
    assert bool(calls) == shared, "of maps one call makes all"
    folder = tmp_path / Challenge.load(path).name
    one, other = (xr.load_dataset(folder / f"{name}.nc") for name in ("alone", "shared"))
    assert one.equals(other)
    assert same(*(Result.load(folder / f"{name}.json") for name in ("alone", "shared")))


@pytest.mark.slow
def test_a_scheduler_that_does_not_answer_is_said(monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(sharing, "PATIENCE", 0.5)
    for address in ("tcp://127.0.0.1:9", "tls://127.0.0.1:9", "tcp://127.0.0.1:notaport", "[::1"):
        with (
            pytest.raises(OceanbenchError, match="no scheduler answers there"),
            sharing.executor_of(1, address),
        ):
            pass


# --- a worker that ends in the middle -----------------------------------------------------------


def squared(folder: Path, main: int, number: int) -> int:
    """Square; the process that is first to reach the third ends there, if it is another's."""
    if number == 3 and os.getpid() != main:
        try:
            (folder / "killed").touch(exist_ok=False)
        except FileExistsError:
            return number**2
        os.kill(os.getpid(), signal.SIGKILL)
    return number**2


@pytest.mark.slow
def test_a_process_that_is_killed_costs_time(tmp_path):
    work = partial(squared, tmp_path, os.getpid())
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        assert list(SharedWork(work, range(6), pool, "squares")) == [0, 1, 4, 9, 16, 25]
    assert (tmp_path / "killed").exists()


@pytest.mark.slow
def test_workers_of_a_cluster_give_identical_scores_and_refusals_and_one_may_be_killed(tmp_path):
    distributed = pytest.importorskip("distributed")
    challenge, mine = toy("forecasts", tmp_path)
    strict = Challenge.load(declare(tmp_path / "strict", metrics=SLA))
    hole, file = forecasts(), tmp_path / "hole.nc"
    hole["zos"][3, 1, 4, 16] = np.nan
    hole.to_netcdf(file, engine="h5netcdf")
    some = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with (
        distributed.LocalCluster(**some) as found,
        sharing.executor_of(1, found.scheduler_address) as pool,
    ):
        assert same(evaluate(challenge, mine, executor=pool), evaluate(challenge, mine))
        with pytest.raises(OceanbenchError, match=f"1 of {int(SEA.sum())} cells of 'zos'"):
            evaluate(strict, file, executor=pool)
        work = partial(squared, tmp_path, os.getpid())
        assert list(SharedWork(work, range(6), pool, "squares")) == [0, 1, 4, 9, 16, 25]
    assert (tmp_path / "killed").exists()


@pytest.mark.slow
def test_processes_share_the_calls_of_a_method_and_its_scores(tmp_path, monkeypatch, capsys):
    path = declare(tmp_path / "toy", ALONE, metrics=SLA, starts=few(5))
    command = Command(monkeypatch, capsys)
    for name, more in (("alone", ()), ("shared", ("--workers", 2))):
        given = ("run", "persistence", path, "--name", name, "--output", tmp_path)
        code, _, errors = command(*given, *more)
        assert code == 0, errors
    folder = tmp_path / Challenge.load(path).name
    one, other = (xr.load_dataset(folder / f"{name}.nc") for name in ("alone", "shared"))
    assert one.equals(other)
    results = [Result.load(folder / f"{name}.json") for name in ("alone", "shared")]
    assert same(*results)
    assert results[1].provenance["cpu_seconds"] > 0
