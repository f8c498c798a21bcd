"""Formulas become MathML when a page is built: browsers draw it without a script or a network.

arithmatex has marked the formulas of the page and of the docstrings in it, as TeX; latex2mathml
translates them. A formula that it cannot read, or reads only in part, stops the build.
"""

from __future__ import annotations

import html
import re
from typing import Any
from xml.etree.ElementTree import fromstring

from latex2mathml.converter import convert

MARKED = re.compile(
    r'<(?P<tag>span|div) class="arithmatex">\s*'
    r"(?:\\\((?P<inline>.*?)\\\)|\\\[(?P<display>.*?)\\\])\s*</(?P=tag)>",
    re.DOTALL,
)
COMMAND = re.compile(r"\\[A-Za-z]+")
SIZED = re.compile(r"(\\[bB]igg?[lrm]?)\s*\\([A-Za-z]+)")
DELIMITERS = {"langle": "⟨", "rangle": "⟩", "lVert": "‖", "rVert": "‖"}


def on_page_content(content: str, page: Any, **_: Any) -> str:
    """Replace the marked formulas of a page."""
    try:
        return translated(content)
    except ValueError as error:
        raise SystemExit(f"{page.file.src_uri}: {error}") from error


def translated(content: str) -> str:
    """HTML whose marked formulas are MathML."""
    return MARKED.sub(_replacement, content)


def _replacement(found: re.Match[str]) -> str:
    display = found["display"] is not None
    formula = html.unescape(found["display"] if display else found["inline"])
    tag = found["tag"]
    return f'<{tag} class="arithmatex">{mathml(formula, display=display)}</{tag}>'


def mathml(formula: str, *, display: bool) -> str:
    """MathML of a formula in TeX; ValueError where a command or a brace is not understood."""
    formula = " ".join(formula.split())
    bare = re.sub(r"\\[{}]", "", formula)
    if bare.count("{") != bare.count("}"):
        raise ValueError(f"formula {formula!r} has {{ and }} that do not match")
    # Behind \Bigl and the like latex2mathml takes characters only, no commands.
    plain = SIZED.sub(
        lambda m: f"{m[1]}{DELIMITERS[m[2]]}" if m[2] in DELIMITERS else m[0], formula
    )
    try:
        text = convert(plain, display="block" if display else "inline")
        shown = "".join(fromstring(text).itertext())
    except Exception as error:  # latex2mathml has no common class of errors
        raise ValueError(f"formula {formula!r} cannot be read: {error!r}") from error
    unread = COMMAND.findall(shown)
    if unread:
        raise ValueError(f"formula {formula!r} has {unread[0]}, which latex2mathml does not know")
    return text
