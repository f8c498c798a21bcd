"""A call of a method runs in a process of its own, which gets arrays and keeps nothing."""

from __future__ import annotations

import json
import os
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
from oceanbench.methods import confinement
from oceanbench.methods.confinement import Confinement
from oceanbench.methods.isolation import MethodServer
from oceanbench.methods.messages import Answer

Asking = Callable[..., Answer]
METHOD = """
import json, os, pickle, signal, tempfile
import numpy as np
from multiprocessing.connection import Connection
from pathlib import Path
from oceanbench.errors import OceanbenchError
from oceanbench.methods.remote_inputs import Read
CALLS = []
def count(inputs, target, **options):
    CALLS.append(target)
    return len(CALLS)
def look(inputs, target, **options):
    seen = inputs["sea"]
    return json.dumps([seen["ssh"].encoding, seen.encoding, seen["time"].encoding, seen.attrs,
            {n: np.asarray(seen["ssh"].isel(time=slice(1, 3))).tolist() for n in inputs}])
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
def silent(inputs, target, **options):
    os._exit(86)
def forged(inputs, target, **options):
    message = pickle.dumps(Trap())
    for n in range(3, 40):
        try:
            Connection(n, readable=False).send_bytes(message)
        except OSError:
            pass
    os._exit(86)
class Trap:
    def __reduce__(self):
        return os._exit, (7,)
def unpickled(inputs, target, **options):
    return target.assign_attrs(trap=Trap()).assign(more=("more", [Trap()]))
def curious(inputs, target, **options):
    inputs["sea"]
    return inputs._ask(Read("sea", "no", ()))
def keeps(inputs, target, places=(), hidden="", **options):
    kept = []
    for place in [*places, tempfile.gettempdir() + "/mine"]:
        try:
            kept.append(Path(place).read_text() if Path(place).exists() else "nothing")
            Path(place).write_text("seen")
        except OSError:
            kept.append("refused")
    try:
        kept.append(Path(hidden).read_text() or "hidden")
    except OSError:
        kept.append("hidden")
    if os.fork() == 0:
        os.setsid()
        signal.pause()
    return kept + [os.getppid()]
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
    *encodings, attributes, values = json.loads(call("look", Once(sea=sea), TARGET).value)
    assert encodings == [{}, {}, {}]
    assert attributes == {"role": "observations"}
    assert values == {"sea": [[2.0, 3.0], [4.0, 5.0]]}


def test_the_target_is_empty_and_what_is_filled_comes_back(call: Asking) -> None:
    (filled, empty), cpu_seconds, _ = call("fill", {}, TARGET.fillna(7.0))
    assert empty
    xr.testing.assert_equal(filled, TARGET.fillna(2.0))
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
        ("silent", "^mine: its process ended without an answer$"),
        ("forged", "^the process of the method said what cannot be read"),
        ("unpickled", "^the process of the method said what cannot be read"),
        ("curious", "^a method asked for what no input has, "),
        ("nowhere", "^mine: nowhere.* failed, AttributeError"),
    ],
)
def test_a_failure_is_one_line_and_the_next_call_is_answered(
    call: Asking, sea: xr.Dataset, function: str, words: str
) -> None:
    with pytest.raises(OceanbenchError, match=words):
        call(function, Once(sea=sea), TARGET)
    assert call("count", {}, TARGET).value == 1


def test_what_is_no_array_is_told_by_its_type(call: Asking) -> None:
    assert call("sends", {}, TARGET).value == ("function",)


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


def test_a_call_keeps_nothing_and_reads_no_data_from_disk(tmp_path: Path) -> None:
    """Neither a file nor a process is left for the next call, and the truth is not to be read."""
    method, hidden = tmp_path / "mine.py", tmp_path / "truth.nc"
    method.write_text(METHOD, encoding="utf-8")
    hidden.write_text("secret")
    (tmp_path / "known").write_text("known")
    places = [str(tmp_path / "known"), str(tmp_path / "new"), "/dev/shm/oceanbench-test"]
    given = {"places": places, "hidden": str(hidden)}
    (tmp_path / "data").mkdir()
    how = Confinement.of([hidden, tmp_path / "data", tmp_path / "data" / "in"], method, keeps=False)
    assert how.hidden == (tmp_path / "data", hidden), "one covers what is in it"
    with MethodServer() as server:
        for _ in range(2):
            value, _, confined = server.call(method, "keeps", {}, TARGET, given, None, how)
            if not confined:
                pytest.skip("this system can confine no process")
            seen = [word for word in value[:-1] if word != "refused"]
            assert seen == ["known", "nothing", "nothing", "nothing", "hidden"]
            left = Path(f"/proc/{value[-1]}/task/{value[-1]}/children").read_text()
            assert left == ""
    assert (tmp_path / "known").read_text() == "known"


def test_without_namespaces_the_kernel_says_what_may_be_opened(tmp_path: Path) -> None:
    hidden, beside, own = (tmp_path / name for name in ("truth.nc", "beside.nc", "own"))
    for path in (hidden, beside):
        path.write_text("x")
    own.mkdir()

    def refused(path: Path, mode: str) -> bool:
        try:
            path.open(mode).close()
        except PermissionError:
            return True
        return False

    child = os.fork()
    if child == 0:
        confinement.entered = lambda namespaces: False
        code = 3
        try:
            if confinement.confine(Confinement((hidden,), False), own):
                opened = (hidden, "r"), (beside, "a"), (beside, "r"), (own / "new", "w")
                code = [refused(*one) for one in opened] != [True, True, False, False]
        finally:
            os._exit(code)
    if (code := os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])) == 3:
        pytest.skip("this system has no Landlock")
    assert code == 0


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
