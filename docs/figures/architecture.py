"""Draw the rooms of the package from their imports.

    python docs/figures/architecture.py

Writes ``docs/images/architecture.svg`` and ``architecture_assimilation.svg``; the test of this
script fails while they are not what the imports say. A room is a folder or a module directly in the
package. Rooms stand above what they import; of the arrows, those that follow from others are left
out, and so are those to the ground floor, on which every room may stand.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from graphlib import TopologicalSorter
from html import escape
from itertools import pairwise
from pathlib import Path
from textwrap import wrap

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "images"
PICTURES = {
    "architecture.svg": "oceanbench",
    "architecture_assimilation.svg": "oceanbench/assimilation",
}
GROUND = ("grid", "times", "progress", "arrays", "errors")  # of the whole package

LETTER, SMALL, PAD, GAP, LANE = 8.2, 5.9, 12, 22, 14  # widths, in pixels
LINE, LINES = 36, 3  # letters and lines of what is said of a room
HEIGHT, FLOOR = 72, 120  # of a box, and from one floor to the next

Graph = dict[str, set[str]]


# --- the imports -----------------------------------------------------------------------------


def imported(path: Path) -> set[str]:
    """Dotted names of the modules, and of what may be modules, that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def rooms(folder: str) -> Graph:
    """Rooms of a folder of the package, each with the rooms beside it that it imports."""
    place, prefix = ROOT / folder, folder.replace("/", ".") + "."
    files: dict[str, list[Path]] = {}
    for path in sorted(place.rglob("*.py")):
        name = path.relative_to(place).parts[0].removesuffix(".py")
        if name != "__init__":
            files.setdefault(name, []).append(path)
    found: Graph = {}
    for name, paths in files.items():
        names = {n for path in paths for n in imported(path) if n.startswith(prefix)}
        found[name] = {n.removeprefix(prefix).split(".")[0] for n in names} & set(files) - {name}
    return found


def inside(folder: str, room: str) -> list[str]:
    """Rooms of a room, or its modules where it has no rooms."""
    place = ROOT / folder / room
    children = sorted(place.glob("*/__init__.py")) if place.is_dir() else []
    if children:
        return [child.parent.name for child in children]
    return sorted(p.stem for p in place.glob("*.py") if p.stem != "__init__")


# --- floors ----------------------------------------------------------------------------------


def reached(graph: Graph, start: str) -> set[str]:
    """All that a room imports, directly or not."""
    found: set[str] = set()
    waiting = set(graph[start])
    while waiting:
        found |= waiting
        waiting = {n for name in waiting for n in graph[name]} - found
    return found


def without_circles(graph: Graph) -> Graph:
    """Rooms that import each other in a circle as one, named by all of them."""
    far = {name: reached(graph, name) for name in graph}
    one = {n: " + ".join(sorted({n} | {m for m in far[n] if n in far[m]})) for n in graph}
    joined: Graph = {name: set() for name in one.values()}
    for name, below in graph.items():
        joined[one[name]] |= {one[n] for n in below} - {one[name]}
    return joined


def essential(graph: Graph) -> Graph:
    """Arrows that do not follow from others."""
    far = {name: reached(graph, name) for name in graph}
    return {n: below - {m for b in below for m in far[b]} for n, below in graph.items()}


def floors(graph: Graph) -> list[list[str]]:
    """Rooms by floor, from the top: each as low as what it imports allows."""
    level: dict[str, int] = {}
    for name in TopologicalSorter(graph).static_order():
        level[name] = 1 + max((level[n] for n in graph[name]), default=-1)
    top = max(level.values(), default=-1)
    return [sorted(n for n in graph if level[n] == top - row) for row in range(top + 1)]


def arranged(graph: Graph) -> tuple[list[list[str]], list[list[str]]]:
    """Floors, with a place on each floor that an arrow passes; and the arrows through them."""
    rows = floors(graph)
    row_of = {name: number for number, names in enumerate(rows) for name in names}
    arrows = []
    for name in sorted(graph):
        for below in sorted(graph[name]):
            passed = [f"{name}→{below}@{row}" for row in range(row_of[name] + 1, row_of[below])]
            for place, row in zip(passed, range(row_of[name] + 1, row_of[below]), strict=True):
                rows[row].append(place)
            arrows.append([name, *passed, below])
    near: dict[str, set[str]] = {}
    for arrow in arrows:
        for a, b in pairwise(arrow):
            near.setdefault(a, set()).add(b)
            near.setdefault(b, set()).add(a)
    for sweep in range(24):  # everything moves to the middle of what it is joined to
        order = range(1, len(rows)) if sweep % 2 == 0 else range(len(rows) - 2, -1, -1)
        for row in order:
            beside = rows[row - 1] if sweep % 2 == 0 else rows[row + 1]
            at = {name: (i + 0.5) / len(beside) for i, name in enumerate(beside)}
            own = {name: (i + 0.5) / len(rows[row]) for i, name in enumerate(rows[row])}
            rows[row].sort(key=lambda n: _mean(at[m] for m in near.get(n, ()) if m in at) or own[n])
    return rows, arrows


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found) if found else 0.0


# --- the picture -----------------------------------------------------------------------------


def picture(folder: str) -> str:
    """SVG of the rooms of a folder."""
    graph = without_circles(rooms(folder))
    ground = [name for name in GROUND if name in graph] if folder == "oceanbench" else []
    upper = {n: below - set(ground) for n, below in graph.items() if n not in ground}
    rows, arrows = arranged(essential(upper))
    labels = {name: _label(folder, name) for name in upper}
    size = {n: _width(*labels[n]) if n in labels else LANE for names in rows for n in names}
    spans = [sum(size[n] for n in names) + GAP * (len(names) - 1) for names in rows]
    width = max(spans) + 2 * GAP
    middle: dict[str, tuple[float, float]] = {}
    for number, names in enumerate(rows):
        spare = (width - 2 * GAP - spans[number]) / (len(names) + 1)
        x = GAP + spare
        for name in names:
            middle[name] = x + size[name] / 2, GAP + number * FLOOR
            x += size[name] + GAP + spare
    parts = [_arrow([middle[n] for n in arrow]) for arrow in arrows]
    parts += [_box(*middle[n], size[n], *labels[n]) for n in sorted(labels)]
    bottom = GAP + len(rows) * FLOOR
    if ground:
        text = "  ·  ".join(ground)
        parts.append(
            _box(width / 2, bottom, width - 2 * GAP, text, ["the ground: every room may use these"])
        )
        bottom += FLOOR
    return _svg(width, bottom - FLOOR + HEIGHT + GAP, parts)


def _label(folder: str, name: str) -> tuple[str, list[str]]:
    if " + " in name:
        return name, ["import each other"]
    children = inside(folder, name)
    if not children:
        return name, []
    lines = wrap(", ".join(children), LINE)
    if len(lines) > LINES:
        lines = [*lines[: LINES - 1], lines[LINES - 1].rsplit(", ", 1)[0].rstrip(",") + ", …"]
    return f"{name}/", lines


def _width(head: str, lines: list[str]) -> float:
    return 2 * PAD + max([LETTER * len(head), *(SMALL * len(line) for line in lines)])


def _box(x: float, y: float, width: float, head: str, lines: list[str]) -> str:
    left, first = x - width / 2, y + HEIGHT / 2 + 5 - 7 * len(lines)
    parts = [
        f'<rect x="{left:.1f}" y="{y:.1f}" width="{width:.1f}" height="{HEIGHT}" rx="6"/>',
        f'<text x="{x:.1f}" y="{first:.1f}">{escape(head)}</text>',
    ]
    parts += [
        f'<text class="small" x="{x:.1f}" y="{first + 2 + 14 * n:.1f}">{escape(line)}</text>'
        for n, line in enumerate(lines, start=1)
    ]
    return "\n".join(parts)


def _arrow(places: list[tuple[float, float]]) -> str:
    x, y = places[0][0], places[0][1] + HEIGHT
    path = f"M{x:.1f} {y:.1f}"
    for number, (to, top) in enumerate(places[1:], start=1):
        bend = (y + top) / 2
        path += f" C{x:.1f} {bend:.1f} {to:.1f} {bend:.1f} {to:.1f} {top:.1f}"
        x, y = to, top
        if number < len(places) - 1:
            y = top + HEIGHT
            path += f" V{y:.1f}"
    return f'<path d="{path}"/>'


def _svg(width: float, height: float, parts: list[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}">\n'
        "<style>rect{fill:#eef3f6;stroke:#546e7a} "
        "path{fill:none;stroke:#78909c;marker-end:url(#to)} "
        "text{font:600 14px sans-serif;text-anchor:middle;fill:#263238} "
        "text.small{font:11px sans-serif;fill:#546e7a}</style>\n"
        '<marker id="to" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" '
        'orient="auto"><polygon points="0,0 8,4 0,8" fill="#78909c"/></marker>\n'
        '<rect width="100%" height="100%" style="fill:white;stroke:none"/>'
    )
    return "\n".join([head, *parts, "</svg>", ""])


if __name__ == "__main__":
    for file, folder in PICTURES.items():
        (IMAGES / file).write_text(picture(folder), encoding="utf-8")
        print(IMAGES / file)
