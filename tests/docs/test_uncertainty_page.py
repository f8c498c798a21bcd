"""The example of the page on uncertainty runs as it stands there."""

from __future__ import annotations

import re

import pytest
from places import ROOT

PAGE = ROOT / "docs" / "uncertainty.md"


def test_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(code, str(PAGE), "exec"), {})
    shape, spread, error = re.findall(r"\(.*\)|[\d.]+$|[\d.]+(?= )", capsys.readouterr().out)
    assert shape == "(20, 8, 16, 16)"
    assert float(spread) == pytest.approx(float(error), rel=0.25)
