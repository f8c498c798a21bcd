"""What a kind would ignore, a declaration of it may not say."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import yaml
from places import ROOT
from rows import every

from oceanbench.challenge import Challenge
from oceanbench.errors import OceanbenchError

OF_KIND = {
    "maps": "ssh_osse_jet",
    "tracks": "ssh_ose_jet",
    "windows": "lorenz96",
    "forecasts": "reanalysis_emulation",
}
NOT_KEPT: dict[str, dict[str, Any]] = {  # by kind: rules of a submission that mean nothing there
    "maps": {},
    "tracks": {},
    "windows": {
        "regrid": "linear",
        "crop_to_domain": True,
        "max_step_days": 2.0,
        "grid": {"step_degrees": 1.0},
    },
    "forecasts": {"regrid": "linear", "crop_to_domain": True, "max_step_days": 2.0},
}


def content(kind: str) -> dict[str, Any]:
    path = ROOT / "challenges" / OF_KIND[kind] / "challenge.yaml"
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert loaded["kind"] == kind
    return deepcopy(loaded)


@every("kind", NOT_KEPT)
def test_a_rule_that_a_kind_would_ignore_is_refused(kind, tmp_path):
    path = tmp_path / "challenge.yaml"

    def refused(words: str, changed: dict[str, Any]) -> None:
        path.write_text(yaml.safe_dump(changed), encoding="utf-8")
        with pytest.raises(OceanbenchError, match=words) as refusal:
            Challenge.load(path)
        assert "\n" not in str(refusal.value)

    if kind == "tracks":
        changed = content(kind)
        changed["submission"]["regrid"] = "refuse"
        refused("submission.regrid: maps are interpolated to tracks", changed)
    for rule, value in NOT_KEPT[kind].items():
        changed = content(kind)
        changed["submission"][rule] = value
        refused(f"submission.{rule}: kind '{kind}' has no such rule; remove it", changed)
    changed = content(kind)
    changed["submission"]["missing"] = "fill"
    if kind != "maps":
        refused(f"submission.missing: kind '{kind}' cannot 'fill' holes", changed)
    if kind != "forecasts":
        changed = content(kind)
        name = next(iter(changed["submission"]["variables"]))
        changed["submission"]["variables"][name]["surface"] = True
        refused(rf"submission.variables.{name}.surface: kind '{kind}' has no such", changed)
    else:
        changed["submission"] |= {
            "missing": "refuse",
            "grid": {"step_degrees": 0.5, "days_after": 1},
        }
        refused("submission.grid.days_after: kind 'forecasts' has no such rule", changed)


@every("kind", NOT_KEPT)
def test_what_goes_without_saying_may_be_said(kind, tmp_path):
    changed = content(kind)
    regrid = "linear" if kind == "tracks" else "refuse"
    changed["submission"] |= {"crop_to_domain": False, "regrid": regrid}
    (tmp_path / "challenge.yaml").write_text(yaml.safe_dump(changed), encoding="utf-8")
    assert Challenge.load(tmp_path).kind == kind


@every("kind", ["tracks", "windows", "forecasts"])
def test_a_daily_mean_of_what_has_none_is_refused(kind, tmp_path):
    changed = content(kind)
    truth = next(n for n, d in changed["datasets"].items() if d["role"] == "truth")
    changed["datasets"][truth]["daily_mean"] = True
    (tmp_path / "challenge.yaml").write_text(yaml.safe_dump(changed), encoding="utf-8")
    with pytest.raises(OceanbenchError, match=rf"datasets.{truth}.daily_mean: .*remove it"):
        Challenge.load(tmp_path)
