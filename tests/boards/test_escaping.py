"""Texts of strangers say nothing but themselves, in any medium."""

from __future__ import annotations

import csv
import io
import re

from hypothesis import example, given
from hypothesis import strategies as st
from rows import every

from oceanbench.boards.escaping import csv_cell, markdown, terminal

TEXTS = st.text(st.characters() | st.sampled_from("\x1b\n\r\t|\\`[]()<>!=+-@&\u202e\u2028\x9b"))


@given(TEXTS)
@example("\x1b]0;owned\x07\x1b[2J")
def test_a_terminal_gets_one_line_of_what_can_be_seen(text: str) -> None:
    line = terminal(text)
    assert line.isprintable()
    assert terminal(line) == line


@given(TEXTS)
@example("a\\|b")
@example("![x](http://e/p.png)")
@example("<img src=x onerror=alert(1)>")
def test_markdown_has_no_column_html_link_or_image(text: str) -> None:
    cell = markdown(text)
    assert "\n" not in cell and "<" not in cell and ">" not in cell
    for bar in re.finditer(r"(\\*)([|`])", cell):
        assert len(bar[1]) % 2 == 1, "an escaped backslash leaves the bar bare"
    assert "](" not in cell and "][" not in cell


@given(TEXTS)
@example("=cmd|'/c calc'!A1")
@example(" =1+1")
@example("-2+3+cmd")
def test_a_spreadsheet_calculates_nothing(text: str) -> None:
    written = io.StringIO()
    csv.writer(written).writerow([csv_cell(text)])
    (cell,) = next(csv.reader(io.StringIO(written.getvalue())))
    number = re.fullmatch(r"\s*[-+]?\d[\d., \[\]e+-]*(\(partial\))?", cell)
    assert number or not cell.lstrip().startswith(("=", "+", "-", "@"))


@every("text", ["-0.123 [-0.200, 0.010]", "λx [°]", "≤ 1.00", "–", "4DVar (Lorenz, 1996)", "0.9"])
def test_honest_texts_stay(text: str) -> None:
    assert terminal(text) == markdown(text) == csv_cell(text) == text
