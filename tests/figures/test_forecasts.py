"""Figures of forecasts: which there are, and what they show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from forecast_worlds import DEPTHS, STARTS, declare, perfect
from matches import draw

from oceanbench.challenge import Challenge
from oceanbench.evaluate import evaluated
from oceanbench.figures import leads
from oceanbench.figures.forecasts import forecasts
from oceanbench.submission import Submission

ROWS = [
    {"metric": "rmse", "label": "zos", "variable": "zos", "leads": "pooled"},
    {"metric": "activity", "label": "activity", "relative_to": "climatology"},
    {"metric": "spread_skill", "label": "spread/error", "variable": "zos"},
    {"metric": "reliability_index", "label": "ranks", "variable": "zos"},
    {"metric": "zonal_energy_ratio", "label": "KE", "variable": "uo", "plus": "vo",
     "depth": DEPTHS[0]},
]  # fmt: skip
ALWAYS = {"rmse_by_lead"} | {f"{n}_maps" for n in ("zos", "uo", "vo", "ugeo")}


@pytest.fixture(scope="module")
def challenge(tmp_path_factory: pytest.TempPathFactory) -> Challenge:
    starts = {"first": str(STARTS[0]), "last": str(STARTS[1]), "step_days": 7}
    path = declare(tmp_path_factory.mktemp("toy"), metrics=ROWS, starts=starts, leads=[1, 3, 5],
                   derived={"ugeo": "geostrophic_eastward"})  # fmt: skip
    return Challenge.load(path)


def submission(folder: Path, members: int) -> Submission:
    fields = perfect()[["zos", "uo", "vo"]].isel(start=slice(2))
    if members:
        fields = fields.expand_dims(member=members)
    random = np.random.default_rng(0)
    noisy: xr.Dataset = fields.map(lambda f: f + 0.02 * random.standard_normal(f.shape)).astype(
        "f4"
    )
    noisy.to_netcdf(folder / "mine.nc", engine="h5netcdf")
    return Submission("mine", folder / "mine.nc")


@pytest.mark.slow
@pytest.mark.parametrize("members", [0, 5])
def test_every_figure_that_can_be_drawn_is(members, challenge, tmp_path):
    written = draw(challenge, submission(tmp_path, members), tmp_path / "figures")
    expected = ALWAYS | {"anomalies_by_lead", f"uo_vo_{DEPTHS[0]:.3g}m_spectra"}
    if members:
        expected |= {"spread_by_lead", "zos_ranks"}
    assert {path.stem for path in written} == expected
    assert all(path.stat().st_size > 5000 for path in written)


def test_the_lines_are_the_scores(challenge, tmp_path):
    _, scored = evaluated(challenge, submission(tmp_path, 0))
    drawn = dict(forecasts(challenge, "mine", scored))
    (axes,) = [a for a in drawn["rmse_by_lead"].axes if a.get_title() == "zos"]
    lines = {line.get_label(): line.get_ydata() for line in axes.get_lines()}
    assert set(lines) == {"forecast", "persistence", "climatology"}
    skill = [s for s in scored.scores if s.metric == "skill" and s.variable == "zos"]
    for name in ("persistence", "climatology"):
        found = 1 - (lines["forecast"] / lines[name]) ** 2
        wanted = [s.value for s in skill if s.label.startswith(f"skill / {name}")]
        np.testing.assert_allclose(found, wanted, rtol=1e-9)
    (axes,) = drawn["anomalies_by_lead"].axes
    assert len(axes.get_lines()) == 4 + 1  # zos, uo, vo, ugeo and the ideal


def test_few_of_many_are_the_first_the_middle_and_the_last():
    assert leads.few(list(range(1, 11))) == [1, 5, 10]
    assert leads.few([3]) == [3] and leads.few([3, 4]) == [3, 4]
