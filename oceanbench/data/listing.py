"""What is shipped, read from the heads of its files alone: nothing numeric is imported."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from oceanbench.data import shipped
from oceanbench.errors import OceanbenchError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

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


COLUMNS = [f.name for f in fields(Listed)]


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


def list_challenges(kind: str | None = None) -> pd.DataFrame:
    """Shipped challenges by name: kinds, what they are about, and whose the data are.

    Parameters
    ----------
    kind : of challenge; by default all
    """
    return _table(of_kind(listed_challenges(), kind))


def list_methods(kind: str | None = None) -> pd.DataFrame:
    """Shipped methods by name: kinds of challenge that they are for, and what they claim.

    Parameters
    ----------
    kind : of challenge; by default all
    """
    return _table(of_kind(listed_methods(), kind)).drop(columns="data")


def _table(found: Sequence[Listed]) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415  (slow to import, and the command does without)

    return pd.DataFrame([asdict(one) for one in found], columns=COLUMNS).set_index("name")


def of_kind(found: Sequence[Listed], kind: str | None) -> list[Listed]:
    """Those of a kind of challenge, and those that say none.

    Raises
    ------
    OceanbenchError
        if there is no such kind
    """
    known = {name for one in found for name in one.kinds}
    if kind is not None and kind not in known:
        raise OceanbenchError(f"kind {kind}: unknown; {did_you_mean(kind, known)}")
    return [one for one in found if kind is None or kind in one.kinds or not one.kinds]


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
