"""Recompute rows of the boards, and prove that a change moved no number.

    python tests/benchmarks/board_rows.py record before.json --tree ../checkout_before
    python tests/benchmarks/board_rows.py record after.json
    python tests/benchmarks/board_rows.py compare before.json after.json --tolerance 1e-12
    python tests/benchmarks/board_rows.py golden

``record`` runs the command that a row's result file names (``provenance.command``), with shipped
weights and on one thread, and keeps what the new result says: scores, intervals, flags, coverage,
warnings and series. It goes on where it stopped. ``compare`` exits 1 if a number differs by more
than the tolerance, relative to itself (to the largest of its list, for a series), or if anything
else differs at all. Both records must come from one machine: another one rounds differently.
``golden`` runs the published cases (``tests/metrics/test_golden.py``, to 1e-9), and exits 1 where
one is not at hand; they lie in ``tests/data/golden`` and in ``shared/golden`` beside the checkout.
"""

# ruff: noqa: T201 (a benchmark reports)

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
KEPT = ("scores", "coverage", "series", "warnings")
NO_DIFFERENCE = 1e-15  # absolute: what cancels to nothing has no digits to compare
MAIN = "from oceanbench.cli import main; main()"
WHERE = "import oceanbench; print(oceanbench.__file__)"

# Rows whose method takes less than about a minute of one core, by board.
CHEAP = {
    "gaussian_field_posterior": "climatology linear_interpolation space_time_oi flow_matching "
    "scoring_rule_generator",
    "lorenz63_posterior": "climatology linear_interpolation space_time_oi enks",
    "lorenz96_posterior": "climatology linear_interpolation space_time_oi enks",
    "amoc": "climatology linear_interpolation space_time_oi fourdvarnet_ode fourdvarnet_conv enks "
    "fourdvar_fixed_step",
    "lorenz96": "climatology linear_interpolation enks space_time_oi fourdvarnet_ode "
    "fourdvarnet_conv fourdvar_fixed_step fourdvar_strong",
    "lorenz96_sparse": "climatology linear_interpolation enks space_time_oi fourdvarnet_ode "
    "fourdvarnet_conv fourdvar_fixed_step fourdvar_strong",
    "lorenz96_unsupervised": "climatology linear_interpolation enks space_time_oi fourdvarnet_ode "
    "fourdvarnet_conv fourdvar_fixed_step fourdvar_strong",
    "lorenz96_wrong_model": "climatology linear_interpolation enks space_time_oi fourdvarnet_ode "
    "fourdvarnet_conv fourdvar_fixed_step fourdvar_strong",
    "reanalysis_emulation": "persistence emulator seasonal_climatology climatological_ensemble "
    "damped_persistence linear_inverse_model emulator_ensemble layered_ocean",
    "reanalysis_emulation_probabilistic": "persistence emulator climatological_ensemble "
    "damped_persistence linear_inverse_model emulator_ensemble",
    "ssh_osse_jet": "mean_field oi oi_across_gaps bfn unet learned_correction "
    "learned_correction_ensemble",
    "ssh_osse_jet_noisy": "mean_field oi_across_gaps bfn unet learned_correction "
    "learned_correction_ensemble",
    "ssh_ose_jet": "mean_field oi oi_across_gaps bfn learned_correction "
    "learned_correction_ensemble",
}
ROWS = [f"{challenge}/{row}" for challenge, rows in CHEAP.items() for row in rows.split()]


def words(row: str, tree: Path) -> list[str]:
    """Command of a row without the program's name; weights that it names are the shipped ones."""
    board = json.loads((tree / "leaderboards" / f"{row}.json").read_text(encoding="utf-8"))
    _, *found = shlex.split(board["provenance"]["command"])
    if "--weights" in found:
        place = found.index("--weights") + 1
        wanted = board["provenance"]["options"]["weights"]["sha256"]
        files = sorted((tree / "baselines" / "weights").glob(f"*/{Path(found[place]).name}"))
        same = (f for f in files if hashlib.sha256(f.read_bytes()).hexdigest() == wanted)
        found[place] = str(next(same))
    return found


def environment(tree: Path) -> dict[str, str]:
    """Environment in which Python finds the package of a checkout, and takes one thread."""
    return {**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"}


def recomputed(row: str, tree: Path) -> dict[str, Any]:
    """What the result of a new run says."""
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        command = [sys.executable, "-c", MAIN, *words(row, tree), "--device", "cpu"]
        done = subprocess.run(
            [*command, "--output", folder],
            env=environment(tree),
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"{row}: exit code {done.returncode}\n{done.stderr}")
        result = json.loads((Path(folder) / f"{row}.json").read_text(encoding="utf-8"))
    kept = {part: result[part] for part in KEPT}
    kept["submission_sha256"] = result["submission"]["sha256"]
    kept["seconds"] = round(time.perf_counter() - begin, 1)
    return kept


def record(path: Path, tree: Path, only: list[str]) -> None:
    """Recompute the rows that a record lacks; it is written anew after each."""
    found = subprocess.run(
        [sys.executable, "-c", WHERE],
        env=environment(tree),
        cwd=tree,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    if Path(found).parent.parent != tree:
        raise SystemExit(f"oceanbench comes from {found}, expected {tree}")
    rows = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    for row in only or ROWS:
        if row in rows:
            continue
        rows[row] = recomputed(row, tree)
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
        partial.replace(path)
        print(f"{row}: {len(rows[row]['scores'])} scores, {rows[row]['seconds']} s", flush=True)


def differences(place: str, a: Any, b: Any) -> Iterator[tuple[str, float, str]]:
    """Place, relative size (infinite of what is no number) and text of every difference."""
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        for key in a:
            yield from differences(f"{place}.{key}", a[key], b[key])
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        numbers = [abs(x) for x in (*a, *b) if is_number(x)]
        scale = max(numbers, default=0.0)
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            if is_number(x) and is_number(y):
                yield from difference(f"{place}[{i}]", x, y, scale)
            else:
                yield from differences(f"{place}[{i}]", x, y)
    elif is_number(a) and is_number(b):
        yield from difference(place, a, b, max(abs(a), abs(b)))
    elif a != b:
        yield place, float("inf"), f"{a!r}, then {b!r}"


def is_number(value: Any) -> bool:
    """Whether a value of JSON is a number that may carry rounding, or a count."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def difference(place: str, a: float, b: float, scale: float) -> Iterator[tuple[str, float, str]]:
    """The difference of two numbers, if there is one; counts must be equal."""
    if isinstance(a, int) and isinstance(b, int):
        if a != b:
            yield place, float("inf"), f"{a!r}, then {b!r}"
    elif abs(a - b) > NO_DIFFERENCE:
        yield place, abs(a - b) / scale, f"{a!r}, then {b!r}"


def by_label(row: dict[str, Any]) -> dict[str, Any]:
    """Kept parts of a row with the scores by label."""
    scores = {score["label"]: score for score in row["scores"]}
    assert len(scores) == len(row["scores"]), "two scores share a label"
    return {**{part: row[part] for part in KEPT}, "scores": scores}


def compare(first: Path, second: Path, tolerance: float) -> int:
    """Print the largest difference of each row; how many rows differ by more, or are missing."""
    before, after = (json.loads(p.read_text(encoding="utf-8")) for p in (first, second))
    failed = 0
    for row, old in before.items():
        if row not in after:
            print(f"{row}: missing")
            failed += 1
            continue
        found = list(differences(row, by_label(old), by_label(after[row])))
        place, largest, text = max(found, key=lambda one: one[1], default=("", 0.0, ""))
        same = old["submission_sha256"] == after[row]["submission_sha256"]
        count = f"{len(old['scores'])} scores, {len(old['series'])} series"
        files = "submissions equal byte for byte" if same else "submissions differ"
        print(f"{row}: {count}, largest difference {largest:.1e}; {files}")
        if largest > tolerance:
            failed += 1
            print(f"  {place}: {text}")
    print(f"{len(before) - failed} of {len(before)} rows are equal to {tolerance:g}")
    return failed


def golden(tree: Path) -> int:
    """Exit code of the golden tests; a case that is skipped fails."""
    test = ["-q", "-p", "no:cacheprovider", "tests/metrics/test_golden.py"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *test],
        env=environment(tree),
        cwd=tree,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    print(done.stdout)
    return done.returncode or int("skipped" in done.stdout)


def main() -> int:
    """Parse the command line and do what it says."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    recording = commands.add_parser("record", help="Recompute rows.")
    recording.add_argument("path", type=Path)
    recording.add_argument("--only", action="append", default=[], metavar="CHALLENGE/ROW")
    comparing = commands.add_parser("compare", help="Compare two records.")
    comparing.add_argument("first", type=Path)
    comparing.add_argument("second", type=Path)
    comparing.add_argument("--tolerance", type=float, default=1e-12, help="Relative.")
    testing = commands.add_parser("golden", help="Run the golden cases.")
    for one in (recording, testing):
        one.add_argument("--tree", type=Path, default=ROOT, help="Checkout, by default this one.")
    given = parser.parse_args()
    if given.command == "record":
        record(given.path, given.tree.resolve(), given.only)
        return 0
    if given.command == "golden":
        return golden(given.tree.resolve())
    return int(compare(given.first, given.second, given.tolerance) > 0)


if __name__ == "__main__":
    sys.exit(main())
