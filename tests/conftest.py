"""Hypothesis runs the same few examples every time, without deadlines; a command to type.

One thread a process: there is a process of tests a core, and small sums gain nothing from threads.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from command import Command
from hypothesis import Phase, settings

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported
settings.register_profile(
    "oceanbench",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=15,
    phases=(Phase.explicit, Phase.generate),  # the examples are small: shrinking is not worth it
)
settings.load_profile("oceanbench")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """All cores for the whole suite; chosen files run in this process, which starts at once."""
    return None if config.args == config.getini("testpaths") else 0


def pytest_collection_finish() -> None:
    """What was imported stays to the end: the search for garbage need not go through it."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def oceanbench(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Command:
    """``oceanbench("show", …)`` in the test's own folder."""
    monkeypatch.chdir(tmp_path)
    return Command(monkeypatch, capsys)


@pytest.fixture(autouse=True)
def one_server_of_methods(monkeypatch: pytest.MonkeyPatch) -> None:
    """All runs of a process of tests share the one that forks: to start it takes seconds."""
    shared = "oceanbench.methods.method_calls.MethodServer"
    monkeypatch.setattr(shared, lambda: nullcontext(_server()))


PREFLIGHT = "oceanbench.data.checks.files.preflight"


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing is kept where the user's own evaluations look."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def sound_headers() -> Iterator[None]:
    """No child reads what tests write before they do: to fork takes longer than to open a file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PREFLIGHT, lambda file, budget: True)
        yield


@pytest.fixture(scope="module")
def unsound_headers(sound_headers: None) -> Iterator[None]:
    """A child reads every file first, as outside the tests: some are damaged."""
    from oceanbench.data.checks.preflight import preflight  # noqa: PLC0415  (slow to import)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PREFLIGHT, preflight)
        yield


@cache
def _server() -> Any:
    from oceanbench.methods.isolation import MethodServer  # noqa: PLC0415  (slow to import)

    return MethodServer().__enter__()


def pytest_sessionfinish() -> None:
    """End it with the tests."""
    if _server.cache_info().currsize:
        _server().__exit__(None, None, None)
