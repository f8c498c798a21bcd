"""Docstrings are reStructuredText, pages are Markdown: translate formulas and references."""

from __future__ import annotations

import re
from typing import Any

import griffe

FORMULA = re.compile(r"^( *)\.\. math::(.*(?:\n(?: *\n)*\1 +.*)*)", re.MULTILINE)
ROLE = re.compile(r":(func|meth|class|data|mod):`([^`]+)`")
INLINE = re.compile(r":math:`([^`]+)`")


def markdown(text: str) -> str:
    """Docstring with display formulas, inline formulas and names as Markdown writes them."""
    text = FORMULA.sub(lambda m: _display(m[2], m[1]), text)
    text = INLINE.sub(r"$\1$", text)
    text = ROLE.sub(lambda m: f"`{m[2].removeprefix('oceanbench.')}`", text)
    return text.replace("``", "`")


def _display(formula: str, indent: str) -> str:
    """Display formula; lines ended by two backslashes are aligned, as Sphinx does."""
    text = " ".join(formula.split())
    if r"\\" in text and r"\begin" not in text:
        text = rf"\begin{{split}} {text} \end{{split}}"
    return f"{indent}$$\n{indent}{text}\n{indent}$$"


class RestructuredText(griffe.Extension):
    """Translate every docstring when it is read."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Replace the text of the docstring, before its sections are parsed."""
        if obj.docstring:
            obj.docstring.value = markdown(obj.docstring.value)
