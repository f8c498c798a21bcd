"""What the doctor finds in a challenge before it is published."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import builders
import forecast_worlds
import numpy as np
import pytest
import window_worlds
import xarray as xr
from command import Command

BEFORE = 20  # days of observations on both sides of what is scored
STRIP = {
    "role": "observations",
    "layout": "track",
    "path": "strip.nc",
    "variables": {"ssh": "ssh"},
    "units": "m",
}


ZERO = '''"""Zero."""
def estimate(inputs, target, *, device, seed):
    return target.fillna(0.0)
'''


def strip(*, sign: float = 1.0, factor: float = 1.0, after: int = BEFORE) -> xr.Dataset:
    """Points of the smooth field all over the domain, forty a day."""
    count = 40 * (BEFORE + 15 + after)
    random = np.random.default_rng(1)
    time = builders.FIRST + (np.arange(count) / 40.0 - BEFORE) * builders.DAY
    latitude, longitude = random.uniform(33, 36, count), random.uniform(-65, -61, count)
    ssh = sign * factor * builders.smooth(time, latitude, longitude)
    axes = {"time": time, "latitude": ("time", latitude), "longitude": ("time", longitude)}
    return xr.Dataset({"ssh": ("time", ssh)}, coords=axes)


def world(folder: Path, observed: xr.Dataset | None = None, **changes: Any) -> Path:
    """Path of a toy challenge with observations."""
    content = {
        "datasets__strip": STRIP,
        "reference_method": "mean_field",
        "licence": "none",
        "metrics": [{"metric": "rmse", "label": "RMSE"}],
    }
    toy = builders.maps_challenge(folder, **(content | changes))
    builders.write(strip() if observed is None else observed, folder / "strip.nc")
    (folder / "README.md").write_text("# Toy\n")
    return toy.path


def of_severity(out: str, severity: str) -> dict[str, str]:
    """What was found, by what it is about."""
    found = json.loads(out)["findings"]
    return {one["about"]: one["text"] for one in found if one["severity"] == severity}


def test_a_sound_challenge_passes_with_a_picture(oceanbench: Command, tmp_path: Path) -> None:
    path = world(tmp_path / "toy")
    code, out, err = oceanbench("doctor", path, "--days", 3)
    assert (code, err) == (0, "")
    assert "rehearsed: mean_field on the first 3 days" in out
    assert "nothing stops participants" in out
    assert "misleads" not in out
    assert "remark (1)" in out and "no sha256" in out
    assert (tmp_path / "toy_maps_overview.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    "observed, about, said",
    [
        (strip(factor=100.0), "strip", "times as much as the truth"),
        (strip(sign=-1.0), "strip", "has a correlation of -0.99 with the truth"),
        (strip(after=0), "observations", "reach 0 days after what is scored, fewer than 14: there"),
    ],
)
def test_what_misleads_does_not_stop(
    oceanbench: Command, tmp_path: Path, observed: xr.Dataset, about: str, said: str
) -> None:
    wide = {"ssh": {"units": "m", "valid_range": [-500, 500]}}
    path = world(tmp_path / "toy", observed, submission__variables=wide)
    code, out, _ = oceanbench("doctor", path, "--days", 0, "--json", "--figure", "a.svg")
    assert code == 0
    assert said in of_severity(out, "misleads")[about]
    assert (tmp_path / "a.svg").is_file()


@pytest.mark.parametrize("missing, severity", [(3, "remark"), (4, "misleads")])
def test_a_few_days_between_passes_are_the_orbits(
    oceanbench: Command, tmp_path: Path, missing: int, severity: str
) -> None:
    seen = strip(after=13)  # a day fewer than the margin that is asked for
    day = ((seen["time"] - builders.FIRST) / builders.DAY).values
    seen = seen.isel(time=(day < 4) | (day >= 4 + missing))
    path = world(tmp_path / "toy", seen)
    out = oceanbench("doctor", path, "--days", 0, "--json")[1]
    other = "remark" if severity == "misleads" else "misleads"
    assert f"{missing} of 15 scored days" in of_severity(out, severity)["observations"]
    assert "observations" not in of_severity(out, other)


def test_a_truth_that_is_too_large_is_not_tried(
    oceanbench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oceanbench.kinds.examining.MOST_TRUTH", 100)
    path = world(tmp_path / "toy", strip(sign=-1.0))
    out = oceanbench("doctor", path, "--days", 0, "--json")[1]
    assert "is not tried on so many" in of_severity(out, "remark")["truth"]
    assert "strip" not in of_severity(out, "misleads")


def test_too_few_days_for_intervals(oceanbench: Command, tmp_path: Path) -> None:
    path = world(tmp_path / "toy", domain__time=["2012-10-22", "2012-10-26"])
    out = oceanbench("doctor", path, "--days", 0, "--json")[1]
    assert "no interval, for want of cases" in of_severity(out, "misleads")["score RMSE"]
    assert "rank_by" not in of_severity(out, "misleads")
    rows = [{"metric": "rmse_score_std", "label": "σ"}]  # of which zeros have the ideal
    path = world(tmp_path / "other", metrics=rows, rank_by="σ")
    out = oceanbench("doctor", path, "--days", 0, "--json")[1]
    assert "ideal of what knows nothing" in of_severity(out, "misleads")["rank_by"]


def test_what_stops_is_named_with_its_cure(oceanbench: Command, tmp_path: Path) -> None:
    path = world(
        tmp_path / "toy",
        masks={"domain": {}, "later": {"time": ["2013-01-01", "2013-01-02"]}},
        datasets__strip={**STRIP, "path": "gone.nc", "source": {"url": "https://a.b/gone.nc"}},
    )
    text = path.read_text().replace(
        "label: RMSE", "label: RMSE\n- metric: rmse\n  label: late\n  mask: later"
    )
    path.write_text(text)
    code, out, _ = oceanbench("doctor", path, "--json")
    assert code == 1
    stops = of_severity(out, "stops")
    assert "late cannot be computed" in stops["mask later"]
    assert "no file" in stops["strip"]
    cures = [one["cure"] for one in json.loads(out)["findings"] if one["about"] == "strip"]
    assert cures[0].startswith("run 'oceanbench fetch toy/challenge.yaml'")
    code, out, _ = oceanbench("doctor", path)
    assert code == 1 and "participants would be stopped" in out


def test_a_challenge_of_tracks(oceanbench: Command, tmp_path: Path) -> None:
    rows = [{"metric": "rmse", "label": "RMSE"}]
    content = {"datasets__strip": STRIP, "metrics": rows, "licence": "none"}
    toy = builders.tracks_challenge(tmp_path / "toy", **content)
    builders.write(strip(), tmp_path / "toy" / "strip.nc")
    (tmp_path / "zero.py").write_text(ZERO)
    code, out, _ = oceanbench("doctor", toy.path, "--days", 4, "--method", "zero.py", "--json")
    assert code == 0
    found = json.loads(out)
    assert found["rehearsal"]["scores"][0]["n"] == 80, "four passes of twenty points"
    assert list(of_severity(out, "misleads")) == ["method zero"], "it is zero everywhere"


def test_a_method_that_fails_stops(oceanbench: Command, tmp_path: Path) -> None:
    path = world(tmp_path / "toy")
    (tmp_path / "broken.py").write_text(
        '"""None."""\ndef estimate(inputs, target, *, device, seed):\n    return 1\n'
    )
    code, out, _ = oceanbench("doctor", path, "--method", "broken.py", "--json")
    assert code == 1
    assert "returned int" in of_severity(out, "stops")["method broken.py"]


def test_forecasts_without_truth_or_sea(oceanbench: Command, tmp_path: Path) -> None:
    path = forecast_worlds.declare(tmp_path)
    code, out, _ = oceanbench("doctor", path, "--days", 2, "--method", "persistence")
    assert code == 0
    assert "persistence on the first 2 starts" in out
    inland = {"longitude": [-70.0, -69.8], "latitude": [24.0, 26.0]}
    rows = [{"metric": "rmse", "label": "RMSE", "masks": ["ocean", "inland"], "variables": ["zos"]}]
    changes = {"masks": {"ocean": {}, "inland": inland}, "metrics": rows, "rank_by": "rmse"}
    path = forecast_worlds.declare(tmp_path, **changes)
    code, out, _ = oceanbench("doctor", path, "--days", 0, "--json")
    assert code == 1
    (text,) = of_severity(out, "stops").values()
    assert text == "'zos' has no value on 2020-01-06 inside mask 'inland'"


@pytest.mark.slow
def test_forecasts_beyond_the_truth(oceanbench: Command, tmp_path: Path) -> None:
    late = [str(forecast_worlds.FIRST + 1), str(forecast_worlds.STARTS[-1] + 12)]
    starts = {**forecast_worlds.FORECASTS["starts"], "last": str(forecast_worlds.STARTS[-1] + 7)}
    domain = {**forecast_worlds.FORECASTS["domain"], "time": late}
    path = forecast_worlds.declare(tmp_path, starts=starts, domain=domain)
    stops = of_severity(oceanbench("doctor", path, "--days", 0, "--json")[1], "stops")
    assert "no map of 4 days" in stops["truth"] and "no map of" in stops["initial"]


@pytest.mark.parametrize("turned", [pytest.param(False, marks=pytest.mark.slow), True])
def test_windows_out_of_order(oceanbench: Command, tmp_path: Path, turned: bool) -> None:
    made = window_worlds.world("lorenz63", windows=4, times=20, training_times=20)
    made.truth.to_netcdf(tmp_path / "truth.nc")
    seen = made.inputs["observations"].assign_coords(noise_variance=2.0)
    if turned:
        seen = seen.isel(window=slice(None, None, -1)).assign_coords(window=seen["window"])
    seen.drop_attrs().to_netcdf(tmp_path / "seen.nc")
    state = {"variables": {"state": "state"}, "units": "1"}
    content = {
        "name": "toy_windows",
        "version": 1,
        "title": "Toy windows",
        "kind": "windows",
        "datasets": {
            "truth": {"role": "truth", "path": "truth.nc", **state},
            "seen": {"role": "observations", "path": "seen.nc", **state},
        },
        "submission": {"variables": {"state": {"units": "1", "valid_range": [-100, 100]}}},
        "metrics": [{"metric": "mse", "label": "MSE"}, {"metric": "crps", "label": "CRPS"}],
        "rank_by": "MSE",
    }
    path = builders.write_challenge(tmp_path, content, {})
    (tmp_path / "zero.py").write_text(ZERO)
    code, out, _ = oceanbench("doctor", path, "--days", 2, "--json", "--method", "zero.py")
    assert code == 0
    assert json.loads(out)["rehearsal"]["cases"] == "2 windows"
    misleads = of_severity(out, "misleads")
    assert ("its noise_variance says 1.41" in misleads.get("seen", "")) == turned
