"""Reading of challenge.yaml, and its refusals in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from oceanbench.data.checks.plain_yaml import load_plain
from oceanbench.errors import OceanbenchError, in_one_line

MOST_TEXT = 2**18  # bytes of a challenge.yaml


def read_yaml(path: Path) -> dict[str, Any]:
    """Content of a challenge.yaml: a mapping without aliases, tags or repeated keys."""
    try:
        content = load_plain(path, MOST_TEXT)
    except (yaml.YAMLError, OSError, ValueError) as problem:
        reason = in_one_line(problem)
        raise OceanbenchError(f"{path}: not valid YAML: {reason}; correct it") from problem
    if not isinstance(content, dict):
        raise OceanbenchError(f"{path}: expected keys such as name, kind, domain; found none")
    return content


def one_line(problem: ValidationError, where: str = "") -> str:
    """First error of a validation as 'key: what was found, what was expected'.

    Parameters
    ----------
    problem : of a declaration, or of a part of it
    where : key of that part
    """
    error = problem.errors()[0]
    for part in error["loc"]:
        if isinstance(part, int):
            where += f"[{part}]"
        elif part not in ("str", "dict", "constrained-str") and "[" not in str(part):
            where += f".{part}" if where else str(part)
    found = error.get("input")
    seen = repr(found) if len(repr(found)) < 80 else f"{repr(found)[:60]}…"
    message = error["msg"].removeprefix("Value error, ")
    prefix = f"{where}: " if where else ""
    if error["type"] == "missing":
        return f"{prefix}is missing; add it"
    if error["type"] in ("value_error", "assertion_error"):
        return f"{prefix}{message}"
    return f"{prefix}found {seen}, expected: {lower(message)}{cure(found, error['type'])}"


def cure(found: Any, kind: str) -> str:
    """What to write instead, for the traps of YAML 1.1."""
    if isinstance(found, str) and kind in ("float_type", "int_type"):
        return " (YAML reads 1e-3 as text: write 1.0e-3)"
    if isinstance(found, bool):
        return " (YAML reads yes, no, on, off as true or false: put the text in quotes)"
    return ""


def lower(message: str) -> str:
    """Message of pydantic, to go on a sentence with."""
    message = message.removeprefix("Input should be ")
    return message[0].lower() + message[1:]
