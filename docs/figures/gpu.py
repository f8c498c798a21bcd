"""Table of docs/gpu.md, from what tests/device/run.sh left in a folder.

    python docs/figures/gpu.py FOLDER

writes the table between the two marks of the page. Without a folder it says that nothing was
measured.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parents[1] / "gpu.md"
BEGIN, END = "<!-- measured -->", "<!-- /measured -->"
PARTS = {
    "oi": "Optimal interpolation",
    "inference": "4DVarNet, one estimate",
    "training": "4DVarNet, training step",
    "emulator": "Emulator",
    "presets": "Presets for a GPU, training step",
}
HEAD = "| what | GPU | GPU memory | CPU | ratio | difference |\n|---|---|---|---|---|---|"


def table(folder: Path | None) -> str:
    """What was measured, in Markdown."""
    reports = {part: _report(folder, part) for part in PARTS}
    if not any(reports.values()):
        rows = [f"| {title} | not measured | | not measured | | |" for title in PARTS.values()]
        return "\n".join([HEAD, *rows])
    lines = [_machines(reports), "", _tests(folder), "", HEAD]
    for part, title in PARTS.items():
        report = reports[part]
        lines += _rows(title, report) if report else [f"| {title} | not measured | | | | |"]
    missing = [
        f"- {PARTS[part]}{' on ' + error['device'] if error['device'] else ''}: {error['reason']}"
        for part, report in reports.items()
        for error in (report or {}).get("errors", [])
    ]
    return "\n".join([*lines, *(["", "Not measured:", "", *missing] if missing else [])])


def _report(folder: Path | None, part: str) -> dict[str, Any] | None:
    path = None if folder is None else folder / f"{part}.json"
    if path is None or not path.is_file():
        return None
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if found["tiny"]:
        raise SystemExit(f"{path}: tiny sizes, which tell nothing; expected those of run.sh")
    return found


def _machines(reports: dict[str, dict[str, Any] | None]) -> str:
    machine = next(r["machine"] for r in reports.values() if r)
    return (
        f"Measured on {machine['gpu'] or 'no GPU'} and {machine['threads']} threads of the CPU, "
        f"torch {machine['torch']}, Python {machine['python']}."
    )


def _tests(folder: Path | None) -> str:
    path = None if folder is None else folder / "tests.json"
    if path is None or not path.is_file():
        return "The tests were not run."
    return f"Tests: {json.loads(path.read_text(encoding='utf-8'))['summary'].strip('= ')}."


def _rows(title: str, report: dict[str, Any]) -> list[str]:
    whats = list(dict.fromkeys(row["what"] for row in report["rows"]))
    lines = [] if whats else [f"| {title} | not measured | | | | |"]
    for what in whats:
        by_device = {row["device"]: row for row in report["rows"] if row["what"] == what}
        gpu, cpu = by_device.get("cuda"), by_device.get("cpu")
        memory = f"{gpu['megabytes']:,.0f} MB" if gpu and "megabytes" in gpu else ""
        ratio = f"{cpu['seconds'] / gpu['seconds']:.1f}" if gpu and cpu else ""
        error = (gpu or {}).get("relative_difference")
        lines.append(
            f"| {title}: {what} | {_time(gpu)} | {memory} | {_time(cpu)} | {ratio} "
            f"| {'' if error is None else f'{error:.0e}'} |"
        )
    return lines


def _time(row: dict[str, Any] | None) -> str:
    if row is None:
        return "not measured"
    seconds = row["seconds"]
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.1f} ms"


def main() -> None:
    """Write the page."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n{table(folder)}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
