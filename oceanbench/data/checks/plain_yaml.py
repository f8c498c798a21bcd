"""YAML that may be a stranger's: plain values, without aliases, tags or repeated keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from yaml.composer import Composer

from oceanbench.data.files import read_text

DEEPEST = 16  # values within values
LOADERS: Any = (Composer, yaml.CSafeLoader) if yaml.__with_libyaml__ else (yaml.SafeLoader,)


def load_plain(path: Path, most: int) -> Any:
    """Content of a regular file of YAML, of at most so many bytes.

    Raises
    ------
    OSError, ValueError, yaml.YAMLError
        if it is none, or holds what is not plain
    """
    return yaml.load(read_text(path, most), Loader=_OneOfEachKey)


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
