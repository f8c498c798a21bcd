"""First guesses of an operational system of every age, and what is made of them."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
import xarray as xr
from places import ROOT


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "figures"))
    monkeypatch.setattr(import_module("first_guess_system"), "STEP", 0.5)
    return import_module("first_guess_system")


def test_rows_are_made_once_and_shown(
    system: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = import_module("first_guess")
    truth = page.scored()

    def made(_: object, name: str, __: Path) -> xr.Dataset:
        off = 0.05 * (1 + page.LEVELS.index(name))
        return (truth + off).to_dataset(name="ssh")

    monkeypatch.setattr(page, "Inputs", lambda _: {})
    monkeypatch.setattr(page, "forecast", lambda *_: None)
    monkeypatch.setattr(page, "first_guess", made)
    halved = {"duacs": lambda inputs, name: 0.5 * (inputs[name]["ssh"] + truth)}
    monkeypatch.setattr(page, "METHODS", {"first guess": page.METHODS["first guess"]} | halved)
    monkeypatch.setattr(page, "ALONE", {"duacs": lambda _: truth + 0.04})
    page.make(tmp_path, ["first guess", "duacs"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 11 and lines[0] == "first guess | age 0 d: 5.00 cm"
    page.make(tmp_path, ["first guess", "duacs"])
    assert not capsys.readouterr().out
    rows = {p.stem: json.loads(p.read_text()) for p in (tmp_path / "rows").glob("*.json")}
    shown = list(page.table(rows))
    assert shown[2] == "| age 0 d | 5.00 | 2.50 (0.50; worse on 0 days) |"
    assert shown[-1] == "| alone | – | 4.00 |"
    figure = page.draw(rows)
    assert len(figure.axes[0].lines) == 3
