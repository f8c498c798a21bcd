"""Where the shipped challenges, baselines and leaderboards lie: in the wheel or in the checkout."""

from __future__ import annotations

from pathlib import Path

from oceanbench.errors import OceanbenchError, did_you_mean

PACKAGE = Path(__file__).parent.parent


def folder(kind: str) -> Path:
    """Folder of the shipped ``challenges``, ``baselines`` or ``leaderboards``."""
    installed = PACKAGE / "_data" / kind
    return installed if installed.is_dir() else PACKAGE.parent / kind


def find(kind: str, name: str, file: str) -> Path:
    """Shipped or user's own file, by name or by path.

    Parameters
    ----------
    kind : ``challenges`` or ``baselines``
    name : name of a shipped one, or a path to a file of the user's own
    file : file of a shipped one, with ``{name}`` for its name
    """
    given = Path(name)
    if given.is_file():
        return given
    if (given / "challenge.yaml").is_file():
        return given / "challenge.yaml"
    path = folder(kind) / file.format(name=name)
    if path.is_file():
        return path
    if given.suffix or given.name != name:
        raise OceanbenchError(f"{given}: no such file; give the path of an existing file")
    raise OceanbenchError(
        f"no {kind.removesuffix('s')} is called '{name}'; {did_you_mean(name, names(kind))}, "
        "or give the path of a file"
    )


def names(kind: str) -> list[str]:
    """Names of the shipped challenges or baselines."""
    if kind == "challenges":
        return sorted(p.parent.name for p in folder(kind).glob("*/challenge.yaml"))
    return sorted(p.stem for p in folder(kind).glob("*.py"))
