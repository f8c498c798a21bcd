"""A call of a method runs in a process of its own, which gets arrays and keeps nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from operator import attrgetter
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from rows import every

from oceanbench.cli.commands import main
from oceanbench.cli.sandbox import sandboxed
from oceanbench.errors import OceanbenchError
from oceanbench.methods.isolation import MethodServer
from oceanbench.methods.server import Answer

Asking = Callable[..., Answer]
METHOD = """
import os
import numpy as np
from oceanbench.errors import OceanbenchError
CALLS = []
def count(inputs, target, **options):
    CALLS.append(target)
    return len(CALLS)
def look(inputs, target, **options):
    seen = inputs["sea"]
    return [seen["ssh"].encoding, seen.encoding, seen["time"].encoding, seen.attrs,
            {n: np.asarray(seen["ssh"].isel(time=slice(1, 3))).tolist() for n in inputs}]
def fill(inputs, target, **options):
    return target.fillna(2.0), bool(target["ssh"].isnull().all())
def greedy(inputs, target, **options):
    return inputs["truth"]
def wrong(inputs, target, **options):
    raise ValueError("no such luck\\nand more")
def refuses(inputs, target, **options):
    raise OceanbenchError("mine: needs more; give more")
def lacks(inputs, target, **options):
    import nonexistent_package.part
def dies(inputs, target, **options):
    os._exit(3)
def ends(inputs, target, **options):
    os._exit(0)
def prints(inputs, target, **options):
    print("a\\x1b[31mb\\tc")
    raise ValueError("\\x1b]0;title\\a")
def sends(inputs, target, **options):
    return lambda: 1
def killed(inputs, target, **options):
    os.kill(os.getpid(), 9)
TOTAL = [5]
def add(number):
    if number == 13:
        raise ValueError("unlucky")
    if number == 14:
        os._exit(4)
    TOTAL[0] += number
    return TOTAL[0]
"""
ADDING = attrgetter("add")  # of the module


class Once(dict):  # type: ignore[type-arg]
    """Inputs of which each is opened once, and refused where there is none."""

    def __missing__(self, name: str) -> xr.Dataset:
        raise OceanbenchError(f"no input '{name}'")


@pytest.fixture(scope="module")
def sea(tmp_path_factory: pytest.TempPathFactory) -> xr.Dataset:
    path = tmp_path_factory.mktemp("secret") / "sea.nc"
    values = {"ssh": (("time", "x"), np.arange(8.0).reshape(4, 2), {"units": "m"})}
    made = xr.Dataset(values, {"time": np.arange(4)}, {"role": "observations"})
    made.to_netcdf(path, engine="h5netcdf")
    return xr.open_dataset(path, engine="h5netcdf")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("methods") / "mine.py"
    found.write_text(METHOD, encoding="utf-8")
    return found


@pytest.fixture(scope="module")
def server() -> Iterator[MethodServer]:
    with MethodServer() as found:
        yield found


@pytest.fixture(scope="module")
def call(server: MethodServer, path: Path) -> Asking:
    return lambda function, inputs, target: server.call(path, function, inputs, target, {})


TARGET = xr.Dataset({"ssh": ("time", np.full(4, np.nan), {"units": "m"})}, {"time": np.arange(4)})


def test_nothing_is_kept_between_calls(call: Asking) -> None:
    assert [call("count", {}, TARGET).value for _ in range(3)] == [1, 1, 1]


def test_a_method_gets_values_and_not_where_they_lie(call: Asking, sea: xr.Dataset) -> None:
    assert sea.encoding["source"].endswith("sea.nc")
    *encodings, attributes, values = call("look", Once(sea=sea), TARGET).value
    assert encodings == [{}, {}, {}]
    assert attributes == {"role": "observations"}
    assert values == {"sea": [[2.0, 3.0], [4.0, 5.0]]}


def test_the_target_is_empty_and_what_is_filled_comes_back(call: Asking) -> None:
    (filled, empty), cpu_seconds = call("fill", {}, TARGET.fillna(7.0))
    assert empty
    xr.testing.assert_identical(filled, TARGET.fillna(2.0))
    assert 0.0 < cpu_seconds < 10.0


@every(
    "function, words",
    [
        ("greedy", "^no input 'truth'$"),
        ("wrong", r"^mine: wrong\(\) failed, ValueError: no such luck$"),
        ("refuses", "^mine: needs more; give more$"),
        ("lacks", "^mine.py: needs the package 'nonexistent_package'; install it, for example "),
        ("dies", "^mine: its process ended with 3"),
        ("ends", "^mine: its process ended with 0"),
        ("killed", "^mine: its process ended by signal 9"),
        ("sends", r"^mine: sends\(\) returned what cannot be sent, "),
        ("nowhere", "^mine: nowhere.* failed, AttributeError"),
    ],
)
def test_a_failure_is_one_line_and_the_next_call_is_answered(
    call: Asking, sea: xr.Dataset, function: str, words: str
) -> None:
    with pytest.raises(OceanbenchError, match=words):
        call(function, Once(sea=sea), TARGET)
    assert call("count", {}, TARGET).value == 1


def test_what_a_method_prints_is_escaped(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.py"
    path.write_text(METHOD, encoding="utf-8")
    with MethodServer() as server, pytest.raises(OceanbenchError):
        server.call(path, "prints", {}, TARGET, {})
    out, err = capfd.readouterr()
    assert out == "a\\x1b[31mb\tc\n"
    assert "ValueError: \\x1b]0;title\\x07" in err and "\x1b" not in err


def test_no_module_comes_from_the_folder_that_one_stands_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be a stranger's; an interpreter that is given a program looks there first."""
    method = tmp_path / "mine.py"
    method.write_text("def one(inputs, target):\n    return 1\n", encoding="utf-8")
    folder = tmp_path / "stranger"
    folder.mkdir()
    for name in ("numpy", "xarray", "json", "click"):
        (folder / f"{name}.py").write_text("from pathlib import Path\nPath('ran').touch()\n")
    monkeypatch.chdir(folder)
    with MethodServer() as server:
        assert server.call(method, "one", {}, TARGET, {}).value == 1
    assert sandboxed(["--version"], memory=4, seconds=60) == 0
    monkeypatch.setattr("sys.argv", ["oceanbench", "--version"])
    with suppress(SystemExit):
        main()
    subprocess.run([sys.executable, "-c", "import json"], check=True)  # as workers are started
    assert not (folder / "ran").exists()


def test_a_session_remembers_until_it_ends(server: MethodServer, path: Path) -> None:
    for _ in range(2):
        with server.session(path, ADDING) as ask:
            assert [ask(number).value for number in (1, 2, 3)] == [6, 8, 11]
    assert server.call(path, "count", {}, TARGET, {}).value == 1


@every("number, words", [(13, "^mine: it failed, ValueError: unlucky$"), (14, "ended with 4")])
def test_a_session_that_fails_is_over(
    server: MethodServer, path: Path, number: int, words: str
) -> None:
    with pytest.raises(OceanbenchError, match=words), server.session(path, ADDING) as ask:
        ask(1)
        ask(number)
    assert server.call(path, "count", {}, TARGET, {}).value == 1


def test_an_interruption_ends_the_call_and_its_process(tmp_path: Path) -> None:
    path = tmp_path / "slow.py"
    body = "import time\ndef wait(inputs, target):\n    inputs['x']\n    time.sleep(60)\n"
    path.write_text(body, encoding="utf-8")

    class Interrupting(dict):  # type: ignore[type-arg]
        def __missing__(self, name: str) -> xr.Dataset:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), MethodServer() as server:
        server.call(path, "wait", Interrupting(), TARGET, {})
    assert server.ended
