"""Texts of strangers, made harmless for what shows them: one function a medium.

HTML is escaped by its template. None of these changes what an honest text says.
"""

from __future__ import annotations

import html
import re

from oceanbench.errors import terminal

__all__ = ["csv_cell", "markdown", "terminal"]

NUMBER = re.compile(r"[-+]?\d[\d.]*(e[-+]?\d+)?( \[[-\d., ]+\])?( \(partial\))?")
FORMULA = tuple("=+-@＝＋－＠")  # what a spreadsheet begins to calculate at


def markdown(text: object) -> str:
    """One line of Markdown: no HTML, columns, links or images."""
    line = html.escape(terminal(text).replace("\\", "\\\\"), quote=False)
    return line.replace("|", "\\|").replace("](", "]\\(").replace("][", "]\\[").replace("`", "\\`")


def csv_cell(text: object) -> str:
    """A cell of CSV that no spreadsheet takes for a formula."""
    line = terminal(text)
    bare = line.lstrip()
    return f"'{line}" if bare.startswith(FORMULA) and not NUMBER.fullmatch(bare) else line
