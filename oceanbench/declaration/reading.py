"""Reading of challenge.yaml, and its refusals in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from yaml.composer import Composer

from oceanbench.data.files import read_text
from oceanbench.errors import OceanbenchError, in_one_line

MOST_TEXT = 2**18  # bytes of a challenge.yaml
DEEPEST = 16  # values within values
LOADERS: Any = (Composer, yaml.CSafeLoader) if yaml.__with_libyaml__ else (yaml.SafeLoader,)


def read_yaml(path: Path) -> dict[str, Any]:
    """Content of a challenge.yaml: a mapping without aliases, tags or repeated keys."""
    try:
        content = yaml.load(read_text(path, MOST_TEXT), Loader=_OneOfEachKey)
    except (yaml.YAMLError, OSError, ValueError) as problem:
        reason = in_one_line(problem)
        raise OceanbenchError(f"{path}: not valid YAML: {reason}; correct it") from problem
    if not isinstance(content, dict):
        raise OceanbenchError(f"{path}: expected keys such as name, kind, domain; found none")
    return content


class _OneOfEachKey(*LOADERS):  # type: ignore[misc]  # the fast parser, if yaml has it
    """YAML without aliases and without a key given twice, which would hide the first."""

    def __init__(self, text: str) -> None:
        LOADERS[-1].__init__(self, text)
        Composer.__init__(self)
        self.depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("an alias (*name) is used; write the values out")
        if getattr(self.peek_event(), "tag", None) is not None:
            raise yaml.YAMLError("a tag (!name) is used; write plain values")
        if self.depth > DEEPEST:
            raise yaml.YAMLError(f"it is nested more than {DEEPEST} deep")
        self.depth += 1
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                raise yaml.YAMLError("a merge (<<) is used; write the values out")
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    line = key.start_mark.line + 1
                    raise yaml.YAMLError(f"line {line}: key '{key.value}' is given twice")
                seen.add(key.value)
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        return found


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
