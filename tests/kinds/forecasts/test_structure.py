"""Scores of forecasts that no sum over cells gives: spectra, ranks and whole maps, by lead."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from forecast_worlds import CLIMATE, CONTENT, DEPTHS, LEADS, OCEAN, STARTS, declare, perfect
from rows import every

from oceanbench.challenge import Challenge
from oceanbench.errors import OceanbenchError
from oceanbench.evaluate import evaluate, evaluated
from oceanbench.metrics import METRICS, Flagged
from oceanbench.metrics.cases import total
from oceanbench.metrics.spectral.zonal import zonal_energy_ratio, zonal_spectra
from oceanbench.result import Result
from oceanbench.submission import Submission

ROWS = [
    {"metric": "rmse", "label": "zos", "variable": "zos", "leads": "pooled"},
    {"metric": "crps", "label": "CRPS", "variable": "zos"},
    {"metric": "spread_skill", "label": "spread/error", "variable": "zos"},
    {"metric": "energy_score", "label": "energy", "variable": "zos", "masks": ["ocean", "open"]},
    {"metric": "geostrophic_rmse", "label": "currents", "variable": "zos",
     "masks": ["ocean", "south"]},
    {"metric": "reliability_index", "label": "ranks", "variable": "zos", "bins": 6,
     "masks": ["ocean", "south"]},
    {"metric": "zonal_energy_ratio", "label": "small scales", "variable": "zos",
     "longest_km": 300.0, "masks": ["ocean", "south"]},
    {"metric": "zonal_energy_ratio", "label": "large scales", "variable": "zos",
     "longest_km": 500.0, "shortest_km": 300.0, "masks": ["ocean", "south"]},
    {"metric": "zonal_energy_ratio", "label": "of anomalies", "variable": "zos",
     "relative_to": "climatology"},
    {"metric": "zonal_energy_ratio", "label": "KE", "variable": "uo", "plus": "vo",
     "depth": DEPTHS[0], "longest_km": 300.0},
    {"metric": "zonal_wavelength", "label": "λ", "variable": "zos"},
    {"metric": "isotropic_wavelength", "label": "λ in all directions", "variable": "zos",
     "mask": "open"},
]  # fmt: skip
MASKS = {**CONTENT["masks"], "open": {"longitude": [-59, -55.25], "latitude": [20, 30]}}
USED = ["zos", "uo", "vo"]
FEW, DAYS = 3, [1, 5]  # starts and leads, of those of the world


@pytest.fixture(scope="module")
def challenge(tmp_path_factory: pytest.TempPathFactory) -> Challenge:
    starts = {"first": str(STARTS[0]), "last": str(STARTS[FEW - 1]), "step_days": 7}
    folder = tmp_path_factory.mktemp("toy")
    path = declare(folder, metrics=ROWS, masks=MASKS, starts=starts, leads=DAYS)
    return Challenge.load(path)


def submit(folder: Path, dataset: xr.Dataset, name: str = "mine") -> Submission:
    dataset = dataset.isel(start=slice(FEW))
    dataset.to_netcdf(folder / f"{name}.nc", engine="h5netcdf")
    return Submission(name, folder / f"{name}.nc")


def members(count: int, size: float = 0.02) -> xr.Dataset:
    """The truth, with an error that all members share and one of each; single where count is 0."""
    random = np.random.default_rng(3)
    truth = perfect()[USED].isel(depth=[0])

    def changed(field: xr.DataArray) -> xr.DataArray:
        common = random.standard_normal(field.shape)
        if count:
            field = field.expand_dims(member=count).copy()
        own = random.standard_normal(field.shape)
        return (field + size * (common + own)).astype("f4")

    return truth.map(changed)


def oracle(row, dataset: xr.Dataset, exact: xr.Dataset) -> float | Flagged:
    """Score of the whole fields, by the function of the metric."""

    def fields(source: xr.Dataset, name: str) -> xr.DataArray:
        field = source[name].astype(float).isel(start=slice(FEW)).rename(start="time")
        field = field.sel(depth=row.depth) if row.depth is not None else field
        return field.sel(lead=DAYS if row.lead is None else row.lead)

    metric, base = METRICS[row.metric], 0.0
    if row.relative_to == "climatology":
        base = CLIMATE[row.variable].astype(float)
    tables = []
    for name in row.of_variables:
        estimate, truth = fields(dataset, name) - base, fields(exact, name) - base
        y, x = truth["latitude"], truth["longitude"]
        inside = (y <= 25) if row.mask == "south" else (x >= -59 if row.mask == "open" else y < 91)
        weights = (np.cos(np.deg2rad(y)) * inside).broadcast_like(truth)
        weights = weights.where(truth.notnull(), 0.0).transpose(*truth.dims)
        if not metric.probabilistic and "member" in estimate.dims:
            estimate = estimate.mean("member")
        if row.plus is None:
            return metric.function(estimate, truth, weights, **row.options)
        tables.append(zonal_spectra(estimate, truth, weights))
    return zonal_energy_ratio(total(tables), **row.options)


@pytest.mark.parametrize("count", [0, 5])
def test_scores_are_those_of_the_whole_fields(count, challenge, tmp_path):
    dataset, exact = members(count), perfect()
    result = evaluate(challenge, submit(tmp_path, dataset))
    found = {score.label: score for score in result.scores}
    for row in challenge.scores:
        if row.depth == DEPTHS[1] or row.variable in ("thetao", "so") or row.metric == "skill":
            continue
        wanted, score = oracle(row, dataset, exact), found[row.label]
        if isinstance(wanted, Flagged):
            value = None if np.isnan(wanted.value) else pytest.approx(wanted.value)
            assert (score.value, score.flag) == (value, wanted.flag), row.label
        else:
            assert score.value == pytest.approx(wanted, rel=1e-7, abs=1e-9), row.label
            assert score.flag is None and score.n > 0


@pytest.mark.slow
def test_the_truth_is_perfect_and_a_smooth_forecast_shows(challenge, tmp_path):
    truth = perfect()[USED].isel(depth=[0])
    best = evaluate(challenge, submit(tmp_path, truth))
    assert best.score("KE day 5").value == pytest.approx(1.0, abs=1e-12)
    assert best.score("λ day 5").flag == "resolved_below_grid"
    smooth = truth.rolling(longitude=7, center=True, min_periods=1).mean().where(truth.notnull())
    result = evaluate(challenge, submit(tmp_path, smooth, "smooth"))
    small, large = (result.score(f"{s} scales day 5 (ocean)").value for s in ("small", "large"))
    assert small < large - 0.1
    assert result.score("KE day 5").value < 0.7
    noisy = evaluate(challenge, submit(tmp_path, members(0), "noisy"))
    assert noisy.score("small scales day 5 (ocean)").value > 1.1  # noise is energy too


@pytest.mark.slow
def test_workers_send_tables_that_give_the_same_scores(challenge, tmp_path):
    mine = submit(tmp_path, members(5))
    _, alone = evaluated(challenge, mine)
    with ThreadPoolExecutor(2) as pool:
        _, together = evaluated(challenge, mine, executor=pool)
    assert together.scores == alone.scores
    assert alone.table.cases
    sent = pickle.loads(pickle.dumps(together.table))
    assert sent.cases.keys() == alone.table.cases.keys()
    assert sent.terms.keys() == alone.table.terms.keys()


def climatological(count: int) -> xr.Dataset:
    """Members that are drawn as the truth is."""
    days = OCEAN["time"].values.astype("M8[D]")
    random = np.random.default_rng(1)
    drawn = random.choice(np.flatnonzero(days < STARTS[-1]), (STARTS.size, len(LEADS), count))
    chosen = xr.DataArray(drawn, dims=("start", "lead", "member"))
    fields = OCEAN[["zos"]].isel(time=chosen).drop_vars("time")
    return fields.assign_coords(start=perfect()["start"], lead=perfect()["lead"])


@pytest.mark.slow
def test_ranks_are_flat_where_members_are_drawn_as_the_truth_is(challenge, tmp_path):
    flat = evaluate(challenge, submit(tmp_path, climatological(20)))
    good = evaluate(challenge, submit(tmp_path, members(20)[["zos"]], "good"))
    copies = perfect()[["zos"]].isel(lead=[0] * len(LEADS)).assign_coords(lead=LEADS)
    copies = evaluate(challenge, submit(tmp_path, copies.expand_dims(member=5), "copies"))
    label = "ranks day 5 (ocean)"
    assert good.score(label).value < 0.03  # the truth is one more draw about what they share
    assert good.score(label).value < flat.score(label).value < 0.5  # few independent maps
    assert copies.score(label).value > 1.0  # the truth is outside of all of them
    label = "energy day 5 (ocean)"
    assert good.score(label).value < flat.score(label).value


def test_what_lacks_is_not_submitted(challenge, tmp_path):
    result: Result = evaluate(challenge, submit(tmp_path, perfect()[["zos", "uo"]]))
    assert result.score("KE day 1").flag == "not_submitted"
    single = evaluate(challenge, submit(tmp_path, perfect()[["zos"]], "single"))
    assert single.score("ranks day 1 (ocean)").flag == "deterministic"
    assert single.score("energy day 1 (ocean)").flag is None  # the RMSE of each map


WRONG = {
    "of one": ({"metric": "zonal_energy_ratio", "label": "KE", "plus": "vo"}, "plus: vo is added"),
    "no energy": (
        {"metric": "rmse", "label": "KE", "variable": "uo", "plus": "vo"}, "for scores of energy"
    ),
    "unknown": (
        {"metric": "zonal_energy_ratio", "label": "KE", "variable": "uo", "plus": "v"},
        "unknown 'v'",
    ),
    "against points": (
        {"metric": "zonal_energy_ratio", "label": "KE", "against": "track"},
        "is of maps, and 'track' is of points",
    ),
    "no sum": ({"metric": "small_scale_variance", "label": "rough"}, "not for forecasts"),
}  # fmt: skip


@every("case", WRONG)
def test_wrong_rows_are_refused(case, tmp_path):
    row, words = WRONG[case]
    with pytest.raises(OceanbenchError) as refusal:
        Challenge.load(declare(tmp_path / "toy", metrics=[ROWS[0], row]))
    assert words in str(refusal.value), refusal.value
