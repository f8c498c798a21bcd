"""Do the tests notice? Small faults are put into the code, one at a time, and the tests run.

    python tests/benchmarks/mutants.py --count 200 --seed 0 --work results/mutants

The tests run once with every line noted that they reach in the rooms to be tried. A fault costs
only the tests that reach its line, then those that reach its module, the nearest and quickest
first, until one fails. Where it is inside a function, they run in a fork of a process that has
collected all tests, in which the function's code is changed; else (tables, defaults) in a fork
that has imported the libraries only.

The faults are drawn with a seed. ``--work`` keeps the tests' lines and, a line each, what was
tried: the same command goes on where it was stopped, and a larger count adds to it. Survivors,
those that no test notices, are printed as ``file:line:column: before → after``, and
``--retry TESTS`` tries them again with these tests alone, such as ``--retry tests --marked slow``
with the slow ones. Coverage of statements comes with it.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import json
import os
import random
import resource
import shutil
import signal
import sys
import traceback
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from faults import Mutant, mutants_of, put_in
from reached import Touched, coverage, marked

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ["metrics", "scoring", "data", "declaration"]
TESTS = ["metrics", "scoring", "data", "kinds", "test_challenge.py", "test_submission.py"]
LIBRARIES = "xarray pandas scipy.stats scipy.signal scipy.interpolate scipy.ndimage torch xrft zarr"
LIBRARIES += " h5netcdf dask.array pydantic numpy_groupies contourpy pooch click jinja2 safetensors"
LIBRARIES += " tabulate scores.probability"
COPIED, LINKED = ["oceanbench", "tests"], ["challenges", "baselines", "leaderboards", "shared"]
QUIET = "-q -n0 -pno:cacheprovider -pno:benchmark -Wignore::pytest.PytestAssertRewriteWarning"


class Noticed:
    """Plugin of pytest: the first test that fails, or what could not be imported."""

    def __init__(self) -> None:
        """Nothing has failed."""
        self.by: str | None = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Only the first: the tests stop there."""
        if report.failed:
            self.by = self.by or report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A module that cannot be imported is noticed too."""
        if report.failed:
            self.by = self.by or f"import of {report.nodeid}"


class Trials(Noticed):
    """Plugin of pytest: instead of all tests, for every fault those that may notice it."""

    def __init__(self, trial: Trial, mutants: list[Mutant]) -> None:
        """The faults are inside functions."""
        super().__init__()
        self.trial, self.mutants = trial, mutants

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """In a fork each."""
        items = {item.nodeid: item for item in session.items}
        for mutant in self.mutants:
            self.trial.tries(
                mutant, lambda names, m=mutant: self.runs([items[n] for n in names], m)
            )
        return True

    def runs(self, items: list[pytest.Item], mutant: Mutant) -> str | None:
        """The first that fails with the fault in it."""
        path = self.trial.tree / mutant.file
        put_in(path.read_bytes(), path)
        for item, following in zip(items, [*items[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if self.by:
                break
        return self.by


def in_fork(work: Path, limit: int, action: Callable[[], Any]) -> Any:
    """What an action returns that is done in a fork, or ``timeout`` if it was killed."""
    answer = work / f"answer{os.getpid()}.json"
    answer.write_text('"timeout"')
    child = os.fork()
    if not child:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))
        signal.alarm(10 * limit)
        try:
            answer.write_text(json.dumps(action()))
        except BaseException:
            answer.write_text(json.dumps(f"broken: {traceback.format_exc()}"))
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # what the tests left behind
    told = json.loads(answer.read_text())
    answer.unlink()
    if str(told).startswith("broken"):
        raise RuntimeError(told)
    return told


def session(work: Path, plugin: Any, *arguments: str) -> int:
    """Status of pytest in the tree."""
    tree, log = (
        str(work / "tree"),
        os.open(work / "pytest.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
    )
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.chdir(tree)
    sys.path[:] = [tree, *(path for path in sys.path if not path.startswith(str(ROOT)))]
    here = str(Path(__file__).parent)  # where processes that tests spawn find this program's parts
    os.environ["PYTHONPATH"] = os.pathsep.join([tree, here])
    options = [*QUIET.split(), "-m", "", f"--basetemp={work / 'tmp'}"]
    return int(pytest.main([*options, *arguments], [plugin]))


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


def told_of_lines(work: Path, files: list[str], tests: list[str]) -> dict[str, Any]:
    """Seconds and lines of every test, from a run in which the files are marked."""
    sound = {name: (work / "tree" / name).read_bytes() for name in files}
    for name, source in sound.items():
        (work / "tree" / name).write_text(marked(source, name))

    def told() -> dict[str, Any]:
        touched = Touched()
        with suppress(Warning):  # of what failed tests left behind, an error when pytest ends
            session(work, touched, *tests)
        return touched.told

    answer = in_fork(work, 3600, told)
    for name, source in sound.items():
        (work / "tree" / name).write_bytes(source)
    return answer


@dataclass
class Trial:
    """All that a fault is tried with, and what came of those that were tried."""

    work: Path
    told: dict[str, Any]
    budget: float
    limit: int

    @property
    def tree(self) -> Path:
        """Copy of the checkout."""
        return self.work / "tree"

    @property
    def outcomes(self) -> dict[str, dict[str, Any]]:
        """By fault; the last counts."""
        path = self.work / "outcomes.jsonl"
        rows = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return {row["mutant"]: row for row in map(json.loads, rows)}

    def selected(self, mutant: Mutant) -> list[str]:
        """Tests that reach the fault's line, then others of its module; the nearest first.

        What runs only when it is imported, like a table, is everyone's.
        """
        every: dict[str, dict[str, list[int]]] = self.told["lines"]
        of_file = [name for name in every if mutant.file in every[name]]
        on_line = [name for name in of_file if mutant.lines & set(every[name][mutant.file])]
        imported = every if self.is_imported(mutant) else []
        stages = [
            nearest(mutant, stage, self.told["seconds"]) for stage in (on_line, of_file, imported)
        ]
        names = list(dict.fromkeys(itertools.chain(*stages)))
        spent = itertools.accumulate(self.told["seconds"][name] for name in names)
        return names[: max(1, bisect_right(list(spent), self.budget))]

    def is_imported(self, mutant: Mutant) -> bool:
        """Whether its line runs when its module is imported."""
        return bool(mutant.lines & set(self.told["imports"].get(mutant.file, [])))

    def tries(self, mutant: Mutant, runs: Callable[[list[str]], str | None]) -> None:
        """Note the outcome of a fault, in a tree that is as it was afterwards."""
        path, began = self.tree / mutant.file, sum(os.times()[:4])
        names, sound, times = self.selected(mutant), path.read_bytes(), path.stat()
        try:
            path.write_bytes(mutant.applied(sound))
            by = in_fork(self.work, self.limit, lambda: runs(names)) if names else None
        finally:
            path.write_bytes(sound)
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        seconds = round(sum(os.times()[:4]) - began, 2)
        row = {"mutant": str(mutant), "by": by, "tests": len(names), "seconds": seconds}
        with (self.work / "outcomes.jsonl").open("a", encoding="utf-8") as output:
            output.write(json.dumps(row, ensure_ascii=False) + "\n")

    def runs_afresh(self, names: list[str]) -> str | None:
        """The first test that fails where nothing is imported yet."""
        noticed = Noticed()
        status = session(self.work, noticed, "-x", *names)
        return noticed.by or (f"status {status}" if status else None)


def nearest(mutant: Mutant, tests: Iterable[str], seconds: dict[str, float]) -> list[str]:
    """Tests by the name, folder and cost of their file, which keeps its tests together."""
    path, cost = Path(mutant.file), Counter[str]()
    for name in tests:
        cost[name.split("::")[0]] += seconds[name]

    def distance(name: str) -> tuple[int, float, str, float]:
        file = name.split("::", maxsplit=1)[0]
        near = 2 * (path.stem in Path(file).stem) + (path.parent.name in file)
        return -near, cost[file], file, seconds[name]

    return sorted(tests, key=distance)


def main() -> None:
    """Try the faults that have not been tried, and print those that survive."""
    parser = argparse.ArgumentParser(description="Put faults into the code and run its tests.")
    parser.add_argument("--root", type=Path, default=ROOT, help="checkout to be tried")
    parser.add_argument("--rooms", nargs="+", default=ROOMS, help="files and folders of it")
    parser.add_argument("--tests", nargs="+", default=TESTS, help="those that should notice")
    parser.add_argument("--marked", default="not slow", help="of these tests, as of pytest -m")
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

    tests = options.retry or [f"tests/{name}" for name in options.tests]
    tests = ["-m", options.marked, *tests]
    kept = work / ("retried.json" if options.retry else "touched.json")
    if options.retry or not kept.exists():
        kept.write_text(json.dumps(told_of_lines(work, files, tests)))
    told = json.loads(kept.read_text())
    for name in told.get("failed", []):
        print(f"fails without a fault: {name}")  # noqa: T201
        told["lines"].pop(name, None)
    kept.with_suffix(".txt").write_text("\n".join(coverage(tree, files, told)))

    trial, sample = Trial(work, told, options.budget, options.timeout), pool[: options.count]
    known = {name: bool(row["by"]) for name, row in trial.outcomes.items()}
    again = False if options.retry else None
    waiting = [mutant for mutant in sample if known.get(str(mutant)) is again]
    inside = [m for m in waiting if m.inside and not trial.is_imported(m)]
    in_fork(work, 36_000, lambda: session(work, Trials(trial, inside), *tests))
    for mutant in waiting:
        if mutant not in inside:
            trial.tries(mutant, trial.runs_afresh)
    found = trial.outcomes
    tried = [str(mutant) for mutant in sample if str(mutant) in found]
    survivors = [name for name in tried if not found[name]["by"]]
    print(*survivors, sep="\n")  # noqa: T201
    print(f"{len(survivors)} of {len(tried)} survive")  # noqa: T201


if __name__ == "__main__":
    main()
