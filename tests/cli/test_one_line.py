"""Whatever a command is given, it ends in one line; and its outputs are tried before the work."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import builders
import pytest
from command import Command

from oceanbench.cli import commands, sandbox
from oceanbench.data import files
from oceanbench.errors import OceanbenchError

PROGRAM = [sys.executable, "-c", "from oceanbench.cli import main; main()"]


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    path = builders.write_challenge(tmp_path / "toy", builders.MAPS, {})
    builders.write(builders.maps(), tmp_path / "toy" / "truth.nc")
    builders.write(builders.maps(noise=0.05), tmp_path / "mine.nc")
    return path


def test_a_broken_neighbour_costs_nobody_a_result(
    oceanbench: Command, toy: Path, tmp_path: Path
) -> None:
    assert oceanbench("evaluate", toy, "mine.nc", "--name", "first")[0] == 0
    folder = tmp_path / "results" / "toy_maps"
    content = json.loads((folder / "first.json").read_text())
    for number, part in enumerate(("series", "coverage", "scores", "submission", "provenance")):
        broken = content | {part: [1] if isinstance(content[part], list) else {"options": 5}}
        (folder / f"broken{number}.json").write_text(json.dumps(broken))
    (folder / "nested.json").write_text("[" * 100_000)
    (folder / "columns.json").write_text(
        json.dumps(content | {"series": [content["series"][0] | {"count": [1.0]}]})
    )
    (folder / "unranked.json").write_text(json.dumps(content | {"scores": content["scores"][1:]}))
    code, out, err = oceanbench("evaluate", toy, "mine.nc", "--name", "second", "--board")
    assert code == 0 and (folder / "second.json").is_file()
    assert "second ◀ new" in out and "| first " in out
    named = [line for line in err.splitlines() if line.startswith("not ranked: ")]
    assert len(named) == 8 and "columns.json" in "".join(named)
    assert oceanbench("leaderboard", toy, "--results", tmp_path / "results")[0] == 0
    assert oceanbench("leaderboard", toy, "--results", tmp_path / "results", "--check")[0] == 1


def test_another_project_of_our_name_is_named(
    oceanbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert oceanbench("show", "lorenz96")[2] == ""
    monkeypatch.setattr(commands, "version", lambda name: "9.9")
    said = oceanbench("show", "lorenz96")[2]
    assert said.startswith("warning: the distribution 'oceanbench' 9.9 installs a package")


def test_outputs_are_tried_before_the_work(
    oceanbench: Command, toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        sys.modules["oceanbench.evaluate"], "evaluated", None
    )  # a work that must not begin
    for arguments, words in (
        (["--name", "x" * 240], "more than 100"),
        (["--name", "é" * 60], "more than 100"),
        (["--output", "/proc/nowhere"], "cannot be written"),
        (["--output", "mine.nc"], "cannot be written"),
    ):
        code, _, err = oceanbench("evaluate", toy, "mine.nc", *arguments)
        assert code == 2 and words in err
    code, _, err = oceanbench("catalog", "export", toy, "/proc/nowhere/catalog.yaml")
    assert code == 2 and "cannot be written" in err


def test_tolerances_are_numbers(oceanbench: Command, toy: Path) -> None:
    for option in ("--tolerance", "--absolute"):
        for number in ("nan", "inf", "-1"):
            arguments = ["check", toy, "a.json", "--reference", "a.json", option, number]
            code, out, err = oceanbench(*arguments)
            assert (code, out, len(err.splitlines())) == (2, "", 1)


def test_what_nobody_thought_of_is_one_line_too(
    oceanbench: Command, toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise KeyError("\x1b[2J\nodd")

    monkeypatch.setattr(sys.modules["oceanbench.evaluate"], "evaluated", fails)
    code, _, err = oceanbench("evaluate", toy, "mine.nc")
    assert code == 2 and len(err.splitlines()) == 1 and "\x1b" not in err
    assert "unexpected KeyError" in err and "--traceback" in err
    with pytest.raises(KeyError):
        oceanbench("--traceback", "evaluate", toy, "mine.nc")


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    """A limit of the size of files fails as a full disk does."""
    program = (
        "import resource, builders\n"
        "from pathlib import Path\n"
        "from oceanbench.data import files\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))\n"
        "try:\n"
        "    files.write_netcdf(builders.maps(noise=1.0), Path('mine.nc'))\n"
        "except files.OceanbenchError as problem:\n"
        "    print(problem)\n"
    )
    place = {"PYTHONPATH": os.pathsep.join([str(Path(builders.__file__).parent), *sys.path])}
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True, text=True, check=False, cwd=tmp_path, env=os.environ | place,
    )  # fmt: skip
    assert done.returncode == 0 and done.stderr == ""
    assert "mine.nc: cannot be written (File too large)" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_any_encoding_of_the_terminal_will_do(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONIOENCODING": "latin-1"}
    command = [*PROGRAM, "leaderboard", "ssh_osse_natl60_2020a"]
    done = subprocess.run(command, capture_output=True, check=False, env=environment)
    assert done.returncode == 0 and done.stderr == b""


def test_it_stops_in_one_line_while_it_is_imported() -> None:
    program = (
        "import builtins\n"
        "known = builtins.__import__\n"
        "def stopped(name, *rest):\n"
        "    if name == 'click':\n"
        "        raise KeyboardInterrupt\n"
        "    return known(name, *rest)\n"
        "builtins.__import__ = stopped\n"
        "from oceanbench.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (130, "oceanbench: stopped\n")


@pytest.mark.parametrize("rights", ["a namespace", "none"])
def test_a_sandbox_has_no_network(rights: str) -> None:
    program = (
        "import socket, asyncio\n"
        "from oceanbench.cli import sandbox\n"
        + ("sandbox.NEW_NETWORK = sandbox.NEW_USER = -1\n" if rights == "none" else "")
        + "print(sandbox.without_network())\n"
        "asyncio.run(asyncio.sleep(0))\n"
        "socket.create_connection(('127.0.0.1', PORT), timeout=5)\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        text = program.replace("PORT", str(server.getsockname()[1]))
        done = subprocess.run(
            [sys.executable, "-c", text], capture_output=True, text=True, check=False
        )
    assert done.returncode == 1 and done.stderr.strip().splitlines()[-1].startswith(
        ("PermissionError: the sandbox has no network", "OSError: [Errno 101]")
    )
    if rights == "none":
        assert "sockets are refused" in done.stdout


def test_a_sandbox_scores_alike_and_ends_what_takes_too_long(
    oceanbench: Command, toy: Path, tmp_path: Path
) -> None:
    oceanbench("evaluate", toy, "mine.nc", "--name", "plain")
    code, _, _ = oceanbench("evaluate", toy, "mine.nc", "--name", "boxed", "--sandbox")
    assert code == 0
    plain, boxed = (
        json.loads((tmp_path / "results" / "toy_maps" / f"{n}.json").read_text())["scores"]
        for n in ("plain", "boxed")
    )
    assert plain == boxed
    arguments = ["evaluate", str(toy), str(tmp_path / "mine.nc")]
    with pytest.raises(OceanbenchError, match="stopped after"):
        sandbox.sandboxed(arguments, memory=1, seconds=0.1)
    assert sandbox.sandboxed(arguments, memory=0.05, seconds=60) != 0


def test_what_cannot_be_written_is_told_first(tmp_path: Path) -> None:
    os.mkfifo(tmp_path.parent / "pipe")
    for path in (tmp_path, tmp_path / ("x" * 250), Path("/proc/a/b"), tmp_path.parent / "pipe"):
        with pytest.raises(OceanbenchError, match="cannot be written"):
            files.write_text("", path)
        with pytest.raises(OceanbenchError, match="cannot be written"):
            files.check_writable(path)
    files.check_writable(tmp_path / "new" / "folder" / "a.json")
    assert list(tmp_path.iterdir()) == []
