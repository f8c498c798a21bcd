"""Formulas of pages and docstrings are MathML once a page is built: no TeX is left in them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest
from places import ROOT

for package in ("latex2mathml", "griffe", "pymdownx"):
    pytest.importorskip(package, reason="the extra docs is not installed")
markdown = pytest.importorskip("markdown", reason="the extra docs is not installed")

pytestmark = pytest.mark.slow  # they run where the extra is: .ci/run has it for the slow tests
HOOKS = ROOT / "docs" / "hooks"
TEX = re.compile(r"\\\(|\\\[|\$\$|\\[A-Za-z]{2,}")
CODE = re.compile(r"<(code|pre)\b.*?</\1>", re.DOTALL)


def hook(name: str) -> ModuleType:
    spec = spec_from_file_location(name, HOOKS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


formulas, restructured_text = hook("formulas"), hook("restructured_text")


def as_page(text: str) -> str:
    """HTML of a text in Markdown, as mkdocs.yml asks for it."""
    options = {"pymdownx.arithmatex": {"generic": True}}
    page = markdown.Markdown(
        extensions=["tables", "pymdownx.arithmatex", "pymdownx.superfences"],
        extension_configs=options,
    )
    return str(formulas.translated(page.convert(text)))


def docstrings(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            yield restructured_text.markdown(ast.get_docstring(node) or "")


def test_all_formulas_of_pages_are_read() -> None:
    found = 0
    for path in sorted((ROOT / "docs").rglob("*.md")):
        page = as_page(path.read_text(encoding="utf-8"))
        left = TEX.search(CODE.sub("", page))
        assert not left, f"{path.name}: {left[0]} is left in the page"
        found += page.count("<math")
    assert found > 50


def test_all_formulas_of_docstrings_are_read() -> None:
    found = 0
    for folder in ("oceanbench", "baselines"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for text in docstrings(path):
                if "$" not in text:
                    continue
                page = as_page(text)
                left = TEX.search(CODE.sub("", page))
                assert not left, f"{path.name}: {left[0]} is left of {text}"
                found += page.count("<math")
    assert found > 200


def test_formula_keeps_its_form() -> None:
    inline, display = as_page(r"Of $x_k$."), as_page("$$\n\\frac{a < b}{2}\n$$")
    assert '<math xmlns="http://www.w3.org/1998/Math/MathML" display="inline">' in inline
    assert "<msub><mi>x</mi><mi>k</mi></msub>" in inline
    assert 'display="block"' in display
    assert "<mfrac>" in display
    assert "&#x0003C;" in display


def test_lines_of_a_formula_are_aligned() -> None:
    text = restructured_text.markdown(".. math::\n    a &= b \\\\\n    c &= d\n")
    assert as_page(text).count("<mtr>") == 2


def test_large_angle_brackets_are_brackets() -> None:
    assert ">⟨</mo>" in formulas.mathml(r"\Bigl\langle x \Bigr\rangle", display=True)


@pytest.mark.parametrize("formula", [r"\unheardof x", r"\frac{a", r"a &= b"])
def test_formula_that_cannot_be_read_is_refused(formula: str) -> None:
    with pytest.raises(ValueError, match="formula"):
        formulas.mathml(formula, display=False)
