"""Do the tests notice? Small faults are put into the code, one at a time, and the tests run.

    python tests/benchmarks/mutants.py --count 200 --seed 0 --jobs 2

A fault that no test notices (a survivor) is printed as ``file:line: before → after``. The faults
are drawn with a seed, and what has been tried stands in the output, a line each: the same command
goes on where it was stopped, and a larger count adds to it.
"""

from __future__ import annotations

import argparse
import ast
import copy
import itertools
import json
import os
import queue
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ["metrics", "scoring", "data", "declaration"]
METRICS = [  # the quick ones first
    "tests/metrics/spectral",
    "tests/metrics/test_closed_forms.py",
    "tests/metrics/test_golden.py",
    "tests/metrics/probabilistic",
    "tests/metrics",
]
TESTS = {  # of a room, the ones that are nearest to it first
    "metrics": [*METRICS, "tests/scoring"],
    "scoring": ["tests/scoring", *METRICS, "tests/data"],
    "data": ["tests/data", "tests/test_challenge.py", "tests/test_submission.py", "tests/scoring"],
    "declaration": ["tests/test_challenge.py", "tests/test_submission.py", "tests/kinds"],
}
COPIED, LINKED = ["oceanbench", "tests"], ["challenges", "baselines", "leaderboards", "shared"]
SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.And: ast.Or,
    ast.Or: ast.And,
}
REVERSED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.Gt,
    ast.LtE: ast.GtE,
    ast.Gt: ast.Lt,
    ast.GtE: ast.LtE,
}


@dataclass(frozen=True)
class Mutant:
    """One fault: what stands between two places of a file, and what is put there instead."""

    file: str
    line: int
    start: int  # in bytes
    end: int
    before: str
    after: str

    def __str__(self) -> str:
        """As an editor finds it."""
        return f"{self.file}:{self.line}: {self.before} → {self.after}"

    def applied(self, source: bytes) -> bytes:
        """Source of the file with the fault in it."""
        return source[: self.start] + self.after.encode() + source[self.end :]


def faults(node: ast.AST) -> Iterator[ast.AST]:
    """Small faults that an expression may have instead of itself."""
    match node:
        case ast.Compare():
            for number, operator in enumerate(node.ops):
                for table in (SWAPPED, REVERSED):
                    if type(operator) in table:
                        other = copy.deepcopy(node)
                        other.ops[number] = table[type(operator)]()
                        yield other
        case ast.BinOp(op=ast.Add() | ast.Sub()) | ast.BoolOp():
            other = copy.deepcopy(node)
            other.op = SWAPPED[type(node.op)]()
            yield other
        case ast.UnaryOp(op=ast.Not()):
            yield node.operand
        case ast.Constant(value=bool()):
            yield ast.Constant(not node.value)
        case ast.Constant(value=int()):
            yield ast.Constant(node.value + 1)
        case ast.Constant(value=float()):
            yield ast.Constant(node.value / 2 if node.value else 0.1)


def expressions(node: ast.AST) -> Iterator[ast.AST]:
    """All below a node but annotations and texts."""
    for name, field in ast.iter_fields(node):
        if name in ("annotation", "returns"):
            continue
        for child in field if isinstance(field, list) else [field]:
            if isinstance(child, ast.AST) and not isinstance(child, ast.JoinedStr):
                yield child
                yield from expressions(child)


def mutants_of(path: Path, root: Path = ROOT) -> list[Mutant]:
    """All the faults that are tried in a file, in order."""
    source = path.read_bytes()
    starts = [0, *itertools.accumulate(map(len, source.splitlines(keepends=True)))]
    found = []
    for node in expressions(ast.parse(source)):
        for fault in faults(node):
            start = starts[node.lineno - 1] + node.col_offset
            end = starts[node.end_lineno - 1] + node.end_col_offset
            before = " ".join(source[start:end].decode().split())
            after = ast.unparse(fault)
            after = after if isinstance(fault, ast.Constant) else f"({after})"
            name = path.relative_to(root).as_posix()
            found.append(Mutant(name, node.lineno, start, end, before, after))
    return found


def drawn(files: list[str], count: int, seed: int) -> list[Mutant]:
    """Sample of the faults of all files; a larger one begins with the smaller."""
    paths = [ROOT / name for name in files]
    every = [p for path in paths for p in (sorted(path.rglob("*.py")) if path.is_dir() else [path])]
    pool = [mutant for path in every for mutant in mutants_of(path)]
    random.Random(seed).shuffle(pool)
    return pool[:count]


def tree(place: Path) -> Path:
    """Copy of this checkout, with links to what no fault goes into."""
    for name in COPIED:
        shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", place)
    for name in LINKED:
        if (ROOT / name).exists():
            (place / name).symlink_to(ROOT / name)
    return place


def tests_of(file: str) -> list[str]:
    """Tests that should notice a fault in a file: those of its room."""
    return TESTS[Path(file).parts[1]]


def noticed(place: Path, tests: list[str], limit: float | None = None) -> str:
    """What the tests say of a tree: ``survived``, ``killed`` or ``timeout``."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-x",
        "-q",
        "-n",
        "0",
        "-m",
        "",
        "-p",
        "no:cacheprovider",
    ]
    paths = {"PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            [*command, *(name for name in tests if (place / name).exists())],
            cwd=place,
            env=os.environ | paths,
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "timeout"
    if done.returncode not in (0, 1, 2):  # 2: the tests could not be imported
        raise RuntimeError(f"pytest stops with {done.returncode}: {done.stdout}{done.stderr}")
    return "killed" if done.returncode else "survived"


def tried(
    mutant: Mutant, tests: list[str], trees: queue.Queue[Path], limit: float
) -> tuple[Mutant, dict[str, object]]:
    """A fault and its outcome, in a tree that is as it was afterwards."""
    place, began = trees.get(), time.monotonic()
    path = place / mutant.file
    sound = path.read_bytes()
    try:
        path.write_bytes(mutant.applied(sound))
        outcome = noticed(place, tests, limit)
    finally:
        path.write_bytes(sound)
        trees.put(place)
    return mutant, {"outcome": outcome, "seconds": round(time.monotonic() - began, 1)}


def read(output: Path) -> dict[Mutant, str]:
    """Outcomes that an earlier run has written."""
    known = {}
    for line in output.read_text(encoding="utf-8").splitlines() if output.exists() else []:
        row = json.loads(line)
        outcome, _ = row.pop("outcome"), row.pop("seconds")
        known[Mutant(**row)] = outcome
    return known


def main() -> None:
    """Try the faults that have not been tried, and print those that survive."""
    parser = argparse.ArgumentParser(description="Put faults into the code and run its tests.")
    parser.add_argument("--files", nargs="+", default=[f"oceanbench/{room}" for room in ROOMS])
    parser.add_argument("--tests", nargs="+", help="instead of those of the file's room")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--timeout", type=float, default=600.0, help="seconds a fault may take")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--output", type=Path, default=Path("results/mutants.jsonl"))
    options = parser.parse_args()
    sample = drawn(options.files, options.count, options.seed)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    known = read(options.output)
    waiting = [mutant for mutant in sample if mutant not in known]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(options.jobs) as workers:
        trees: queue.Queue[Path] = queue.Queue()
        for number in range(options.jobs):
            (Path(folder) / str(number)).mkdir()
            trees.put(tree(Path(folder) / str(number)))
        tests = {mutant: options.tests or tests_of(mutant.file) for mutant in waiting}
        for names in {tuple(names) for names in tests.values()}:
            if noticed(Path(folder) / "0", list(names)) != "survived":
                raise SystemExit(f"{' '.join(names)}: fail already without a fault")
        for mutant, row in workers.map(
            lambda m: tried(m, tests[m], trees, options.timeout), waiting
        ):
            with options.output.open("a", encoding="utf-8") as output:
                output.write(json.dumps(asdict(mutant) | row, ensure_ascii=False) + "\n")
            known[mutant] = str(row["outcome"])
    survivors = [str(mutant) for mutant in sample if known[mutant] == "survived"]
    print(*survivors, sep="\n")  # noqa: T201
    print(f"{len(survivors)} of {len(sample)} survive")  # noqa: T201


if __name__ == "__main__":
    main()
