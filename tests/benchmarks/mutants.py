"""Do the tests notice? Small faults are put into the code, one at a time, and the tests run.

    python tests/benchmarks/mutants.py --count 200 --seed 0 --work results/mutants

The tests run once with every line noted that they reach in the rooms to be tried. A fault costs
only the tests that reach its line, then those that reach its module, the nearest and quickest
first, until one fails. They run in a fork of this process, which has imported the libraries.

The faults are drawn with a seed. ``--work`` keeps the tests' lines and, a line each, what was
tried: the same command goes on where it was stopped, and a larger count adds to it. Survivors,
those that no test notices, are printed as ``file:line:column: before → after``, and
``--retry TESTS`` tries them again with these tests alone. Coverage of lines comes with it.
"""

from __future__ import annotations

import argparse
import builtins
import importlib
import itertools
import json
import os
import random
import resource
import shutil
import signal
import sys
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from faults import Mutant, marked, mutants_of, statements

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ["metrics", "scoring", "data", "declaration"]
TESTS = ["metrics", "scoring", "data", "kinds", "test_challenge.py", "test_submission.py"]
LIBRARIES = "xarray pandas scipy.stats scipy.signal scipy.interpolate scipy.ndimage torch xrft zarr"
LIBRARIES += " h5netcdf dask.array pydantic numpy_groupies contourpy pooch click jinja2 safetensors"
LIBRARIES += " tabulate scores.probability"
COPIED, LINKED = ["oceanbench", "tests"], ["challenges", "baselines", "leaderboards", "shared"]
QUIET = "-q -n0 -pno:cacheprovider -pno:benchmark -Wignore::pytest.PytestAssertRewriteWarning"
FIRST_PORTION = 2.0  # seconds of tests, since most faults are noticed soon


class Touched:
    """Plugin of pytest: seconds and lines of every test that passes."""

    def __init__(self) -> None:
        """Reached is what modules call that are marked; first those of imports."""
        self.reached: set[tuple[str, int]] = set()
        self.told: dict[str, Any] = {"seconds": {}, "lines": {}}
        builtins.__reached__ = self.reached.add  # type: ignore[attr-defined]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Each test begins with nothing reached."""
        self.told.setdefault("imports", self.lines())
        began = sum(os.times()[:4])
        try:
            return (yield)
        finally:
            self.told["seconds"][item.nodeid] = round(sum(os.times()[:4]) - began, 3)
            self.told["lines"][item.nodeid] = self.lines()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test that fails without a fault says nothing about one."""
        if report.failed:
            self.told.setdefault("failed", []).append(report.nodeid)

    def lines(self) -> dict[str, list[int]]:
        """What was reached, by file."""
        found: dict[str, list[int]] = {}
        for name, line in sorted(self.reached):
            found.setdefault(name, []).append(line)
        self.reached.clear()
        return found


class Noticed:
    """Plugin of pytest: the first test that fails, or what could not be imported."""

    def __init__(self) -> None:
        """Nothing has failed."""
        self.told: dict[str, Any] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Only the first: the tests stop there."""
        if report.failed:
            self.told.setdefault("by", report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A module that cannot be imported is noticed too."""
        if report.failed:
            self.told.setdefault("by", f"import of {report.nodeid}")


def forked(
    work: Path, plugin: Touched | Noticed, tests: list[str], limit: int, *options: str
) -> tuple[str, dict[str, Any]]:
    """How the tests end in a fork, within CPU seconds, and what the plugin was told."""
    answer, tree = work / "answer.json", str(work / "tree")
    answer.unlink(missing_ok=True)
    child = os.fork()
    if not child:
        os.setsid()
        log = os.open(work / "pytest.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.chdir(tree)
        sys.path[:] = [tree, *(p for p in sys.path if not p.startswith(str(ROOT)))]
        os.environ["PYTHONPATH"] = tree
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
        signal.alarm(10 * limit)
        status = 70
        try:
            status = pytest.main(
                [*QUIET.split(), f"--basetemp={work / 'tmp'}", *options, *tests], [plugin]
            )
            answer.write_text(json.dumps(plugin.told))
        finally:
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # what the tests left behind
    if status < 0:
        return "timeout", {}
    told = json.loads(answer.read_text())
    return ("killed", {"by": f"status {status}"} | told) if status else ("survived", told)


def prepared(root: Path, work: Path) -> Path:
    """Copy of the tree in ``work``, with links to what no fault goes into."""
    tree = work / "tree"
    for name in COPIED:
        shutil.rmtree(tree / name, ignore_errors=True)
        shutil.copytree(root / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "pyproject.toml", tree)
    for name in LINKED:
        if (root / name).exists() and not (tree / name).exists():
            (tree / name).symlink_to((root / name).resolve())
    return tree


def selected(mutant: Mutant, told: dict[str, Any], budget: float) -> list[list[str]]:
    """Tests that reach the fault's line, then others of its module; in two portions.

    What runs when it is imported only, like a table, is everyone's.
    """
    path, statement = Path(mutant.file), set(range(mutant.first, mutant.last + 1))
    every: dict[str, dict[str, list[int]]] = told["lines"]
    of_file = [name for name in every if mutant.file in every[name]]
    on_line = [name for name in of_file if statement & set(every[name][mutant.file])]
    cost: Counter[str] = Counter()
    for name in on_line or of_file or every:
        cost[name.split("::")[0]] += told["seconds"][name]

    def distance(name: str) -> tuple[int, float, str, float]:
        """By name, folder and cost of the test's file: its tests stay together."""
        file = name.split("::", maxsplit=1)[0]
        near = 2 * (path.stem in Path(file).stem) + (path.parent.name in file)
        return -near, cost[file], file, told["seconds"][name]

    imported = statement & set(told["imports"].get(mutant.file, []))
    stages = [on_line, of_file, every if imported else []]
    ordered = dict.fromkeys(name for stage in stages for name in sorted(stage, key=distance))
    spent = list(itertools.accumulate(told["seconds"][name] for name in ordered))
    names = list(ordered)
    first, last = bisect_right(spent, FIRST_PORTION) + 1, bisect_right(spent, budget) + 1
    return [portion for portion in (names[:first], names[first:last]) if portion]


def told_of_lines(work: Path, files: list[str], tests: list[str]) -> dict[str, Any]:
    """Seconds and lines of every test, from a run in which the files are marked."""
    sound = {name: (work / "tree" / name).read_bytes() for name in files}
    for name, source in sound.items():
        (work / "tree" / name).write_text(marked(source, name))
    _, told = forked(work, Touched(), tests, 3600)
    for name, source in sound.items():
        (work / "tree" / name).write_bytes(source)
    return {key: told[key] for key in ("imports", "seconds", "lines")} | {
        "failed": told.get("failed", [])
    }


def tried(mutant: Mutant, work: Path, portions: list[list[str]], limit: int) -> dict[str, Any]:
    """Outcome of a fault, in a tree that is as it was afterwards."""
    path, began = work / "tree" / mutant.file, os.times()
    sound, times = path.read_bytes(), path.stat()
    try:
        path.write_bytes(mutant.applied(sound))
        for portion in portions:
            outcome, told = forked(work, Noticed(), portion, limit, "-x")
            if outcome != "survived":
                break
    finally:
        path.write_bytes(sound)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    seconds = sum(os.times()[:4]) - sum(began[:4])
    return {"outcome": outcome, "seconds": round(seconds, 1), **told}


def coverage(tree: Path, files: list[str], told: dict[str, Any]) -> Iterator[str]:
    """Share of the statements of every file, and of all, that are reached."""
    tests = [told["imports"], *told["lines"].values()]
    reached, possible = Counter[str](), Counter[str]()
    for file in files:
        found = {line for test in tests for line in test.get(file, [])}
        for name in (file, "all"):
            possible[name] += len(statements((tree / file).read_bytes()))
            reached[name] += len(found)
    for name, count in possible.items():
        yield f"{name}: {reached[name]} of {count} statements, {reached[name] / max(count, 1):.1%}"


def main() -> None:
    """Try the faults that have not been tried, and print those that survive."""
    parser = argparse.ArgumentParser(description="Put faults into the code and run its tests.")
    parser.add_argument("--root", type=Path, default=ROOT, help="checkout to be tried")
    parser.add_argument("--rooms", nargs="+", default=ROOMS, help="files and folders of it")
    parser.add_argument("--tests", nargs="+", default=TESTS, help="those that should notice")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--budget", type=float, default=30.0, help="seconds of tests for a fault")
    parser.add_argument("--timeout", type=int, default=120, help="CPU seconds that are a loop")
    parser.add_argument("--work", type=Path, default=Path("results/mutants"))
    parser.add_argument("--retry", nargs="+", metavar="TEST", help="try the survivors with these")
    options = parser.parse_args()
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    tree = prepared(options.root.resolve(), work)
    paths = [tree / "oceanbench" / room for room in options.rooms]
    modules = [m for p in paths for m in (sorted(p.rglob("*.py")) if p.is_dir() else [p])]
    files = [module.relative_to(tree).as_posix() for module in modules]
    pool = [mutant for module in modules for mutant in mutants_of(module, tree)]
    random.Random(options.seed).shuffle(pool)
    for library in LIBRARIES.split():
        with suppress(ImportError):
            importlib.import_module(library)

    touched = work / "touched.json"
    if not touched.exists():
        tests = [f"tests/{name}" for name in options.tests]
        told = told_of_lines(work, files, tests)
        touched.write_text(json.dumps(told))
    told = json.loads(touched.read_text())
    for name in told["failed"]:
        print(f"fails without a fault: {name}")  # noqa: T201
        told["lines"].pop(name, None)
    (work / "coverage.txt").write_text("\n".join(coverage(tree, files, told)))

    output = work / "outcomes.jsonl"
    rows = output.read_text().splitlines() if output.exists() else []
    known = {row["mutant"]: row for row in map(json.loads, rows)}
    for mutant in pool[: options.count]:
        row = known.get(str(mutant), {"outcome": None})
        if row["outcome"] is None or (options.retry and row["outcome"] == "survived"):
            tests = [options.retry] if options.retry else selected(mutant, told, options.budget)
            row = {"mutant": str(mutant), **tried(mutant, work, tests, options.timeout)}
            known[str(mutant)] = row
            with output.open("a", encoding="utf-8") as rows_out:
                rows_out.write(json.dumps(row, ensure_ascii=False) + "\n")
    survivors = [str(m) for m in pool[: options.count] if known[str(m)]["outcome"] == "survived"]
    print(*survivors, sep="\n")  # noqa: T201
    print(f"{len(survivors)} of {min(options.count, len(pool))} survive")  # noqa: T201


if __name__ == "__main__":
    main()
