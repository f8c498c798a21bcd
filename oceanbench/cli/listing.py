"""What is shipped, read from the heads of its files alone: nothing numeric is imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from oceanbench.data import shipped

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the fast one, if yaml was built with it
HERE, FETCH, YOURS = "here", "fetch", "yours"


@dataclass(frozen=True)
class Listed:
    """A line of a list.

    Attributes
    ----------
    name : of a challenge or method
    kinds : of challenge
    about : title of a challenge, claim of a method
    data : of a challenge: ``here``, to ``fetch``, or ``yours`` to bring; empty of a method
    """

    name: str
    kinds: tuple[str, ...]
    about: str
    data: str = ""


def listed_challenges() -> list[Listed]:
    """Shipped challenges; what is in their declarations is not checked."""
    found = []
    for name in shipped.names("challenges"):
        folder = shipped.folder("challenges") / name
        content = yaml.load((folder / "challenge.yaml").read_bytes(), Loader=LOADER)
        data = _data(folder, content["datasets"])
        found.append(Listed(name, (content["kind"],), content["title"], data))
    return found


def listed_methods() -> list[Listed]:
    """Shipped methods; none of their files is run."""
    folder = shipped.folder("baselines")
    return [_described(folder / f"{name}.py") for name in shipped.names("baselines")]


def of_kind(found: Sequence[Listed], kind: str | None) -> list[Listed]:
    """Those of a kind of challenge, and those that say none."""
    return [one for one in found if kind is None or kind in one.kinds or not one.kinds]


def lines(found: Sequence[Listed], wide: int, width: int) -> Iterator[str]:
    """Aligned lines: name, kinds, data, and as much of the rest as the terminal has room for."""
    kinds = max((len(_kinds(one)) for one in found), default=0)
    data = max((len(one.data) for one in found), default=0)
    for one in found:
        head = f"  {one.name:{wide}}  {_kinds(one):{kinds}}  "
        head += f"{one.data:{data}}  " if data else ""
        room = max(width - len(head), 20)
        yield head + (one.about if len(one.about) <= room else f"{one.about[: room - 1]}…")


def _kinds(one: Listed) -> str:
    return ", ".join(one.kinds) or "any"


def _data(folder: Path, datasets: Mapping[str, Mapping[str, Any]]) -> str:
    """Whether all that is not optional is here, can be fetched, or is the user's to bring."""
    needed = [d for d in datasets.values() if not d.get("optional")]
    if all(any(_there(place, d["path"]) for place in shipped.data_folders(folder)) for d in needed):
        return HERE
    sources = [d.get("source") or {} for d in needed]
    fetched = ("url", "archive", "copernicusmarine")
    return FETCH if any(key in source for source in sources for key in fetched) else YOURS


def _there(folder: Path, path: str) -> bool:
    return any(True for _ in folder.glob(path))


def _described(path: Path) -> Listed:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds: tuple[str, ...] = ()
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "KINDS":
            kinds = tuple(ast.literal_eval(node.value))
    claim = (ast.get_docstring(tree) or "").split("\n")[0].rstrip(".")
    return Listed(path.stem, kinds, claim)
