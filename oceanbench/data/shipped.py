"""Where the shipped challenges, baselines and leaderboards lie: in wheels or in the checkout."""

from __future__ import annotations

import importlib.util
import os
import tomllib
from importlib.metadata import version
from pathlib import Path

from oceanbench.errors import OceanbenchError, did_you_mean, terminal

PACKAGE = Path(__file__).parent.parent
DATA_WHEEL = "oceanbench-challenges-data"
DATA_PACKAGE = "oceanbench_challenges_data"
LONGEST = 40  # letters of a name that is refused for its length


def folder(kind: str) -> Path:
    """Folder of the shipped ``challenges``, ``baselines`` or ``leaderboards``."""
    installed = PACKAGE / "_data" / kind
    return installed if installed.is_dir() else PACKAGE.parent / kind


def data_folders(challenge: Path) -> list[Path]:
    """Folders that the paths of a challenge are relative to: its own, then the second wheel's.

    Parameters
    ----------
    challenge : folder of a challenge.yaml; only a shipped one has data in the second wheel
    """
    spec = importlib.util.find_spec(DATA_PACKAGE)
    if spec is None or spec.origin is None or challenge.absolute().parent != folder("challenges"):
        return [challenge]
    return [challenge, Path(spec.origin).parent / "challenges" / challenge.name]


def weights_folders() -> list[Path]:
    """Folders of shipped weights: that of the first wheel, and of the second if it is here."""
    spec = importlib.util.find_spec(DATA_PACKAGE)
    found = [folder("baselines")]
    if spec is not None and spec.origin is not None:
        found.append(Path(spec.origin).parent / "baselines")
    return [place / "weights" for place in found]


def data_command(challenge: Path, path: str) -> str | None:
    """Command that installs the second wheel, where a file of a challenge travels in it.

    Parameters
    ----------
    challenge : folder of the challenge.yaml
    path : of the file, as declared there
    """
    place = Path(os.path.normpath(challenge.absolute() / path))
    if not place.is_relative_to(folder("challenges")):
        return None
    name, *inside = place.relative_to(folder("challenges")).parts
    declared = tomllib.loads((folder("challenges") / "wheels.toml").read_text(encoding="utf-8"))
    if name not in declared["in_data_wheel"] or inside[:1] != ["data"]:
        return None
    return f"pip install {DATA_WHEEL}=={version('oceanbench-challenges')}"


def find(kind: str, name: str, file: str) -> Path:
    """Shipped or user's own file, by name or by path.

    Parameters
    ----------
    kind : ``challenges`` or ``baselines``
    name : name of a shipped one, or a path to a file of the user's own
    file : file of a shipped one, with ``{name}`` for its name
    """
    if name in names(kind):  # before a file of this name that happens to lie here
        return folder(kind) / file.format(name=name)
    given = Path(name)
    try:
        if given.is_file():
            return given
        if (given / "challenge.yaml").is_file():
            return given / "challenge.yaml"
        is_folder = given.is_dir()
    except OSError as problem:  # of a name that none can have
        raise OceanbenchError(
            f"{kind.removesuffix('s')} {terminal(name)[:LONGEST]}…: {problem.strerror}; give the "
            "name of one, or the path of a file"
        ) from problem
    if is_folder:
        if kind == "challenges":
            raise OceanbenchError(f"no challenge.yaml in {given}; give the path of one")
        raise OceanbenchError(f"{given}: a folder; give the path of a file")
    if given.suffix or given.name != name:
        raise OceanbenchError(f"{given}: no such file; give the path of an existing file")
    hint = did_you_mean(name, names(kind))
    raise OceanbenchError(
        f"no {kind.removesuffix('s')} is called '{terminal(name)}'; {hint}, or give the path of a "
        "file"
    )


def names(kind: str) -> list[str]:
    """Names of the shipped challenges or baselines."""
    if kind == "challenges":
        return sorted(p.parent.name for p in folder(kind).glob("*/challenge.yaml"))
    return sorted(p.stem for p in folder(kind).glob("*.py"))
