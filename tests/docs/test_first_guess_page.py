"""First guesses of an operational system: causal, of every age, and what is made of them."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import xarray as xr
from places import ROOT

from oceanbench.assimilation.observations.superobservations import Samples


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "figures"))
    monkeypatch.setattr(import_module("first_guess_system"), "STEP", 0.5)
    return import_module("first_guess_system")


def seen(count: int = 60) -> Samples:
    random = np.random.default_rng(0)
    time = np.sort(random.uniform(-12.0, 5.0, count))
    east, north = random.uniform(294.0, 306.0, count), random.uniform(32.0, 44.0, count)
    track = np.arange(count) // 4
    return Samples(time, east, north, random.standard_normal(count), track, 0 * track, ("one",))


def test_a_nowcast_knows_nothing_later(system: ModuleType) -> None:
    observed = seen()
    later = replace(observed, value=np.where(observed.time > 0.0, 100.0, observed.value))
    assert (observed.time > 0.0).any()
    np.testing.assert_array_equal(system.nowcast(observed, 0.0), system.nowcast(later, 0.0))


def test_a_nowcast_of_one_sample_is_its_share_times_the_correlation(system: ModuleType) -> None:
    observed = replace(seen(1), time=np.array([-3.5]), value=np.array([0.2]))
    observed = replace(observed, longitude=np.array([300.0]), latitude=np.array([38.0]))
    white, shared = system.WHITE**2 / system.AVERAGED, system.SHARED**2
    share = (0.04 - white - shared) / 0.04  # the signal's of the variance
    found = system.nowcast(observed, 0.0)
    assert found[12, 12] == pytest.approx(0.2 * share * 1.5 * np.exp(-0.5))  # half the memory ago
    assert system.correlation(np.array(180.0), np.array(0.0)) == pytest.approx(0.0, abs=1e-5)


def test_a_zonal_current_stays(system: ModuleType) -> None:
    longitude, latitude = system.nodes()
    height = np.broadcast_to(-0.4 * np.tanh(latitude - 38.0)[:, None], (25, 25)).copy()
    *_, last = system.carried(height, 3)
    inner = slice(3, -3)
    assert np.abs(last - height)[inner, inner].max() < 0.02
    bump = height + 0.3 * np.exp(-((longitude - 300.0) ** 2) - (latitude[:, None] - 38.0) ** 2)
    *_, moved = system.carried(bump, 3)
    assert np.abs(moved - bump)[inner, inner].max() > 0.05  # eddies do not


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
