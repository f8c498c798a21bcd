"""A challenge of windows, from its declaration to its board, and what is refused on the way."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import yaml
from command import Command
from matches import draw, matched_by_score
from rows import every
from window_worlds import World, world

from oceanbench.challenge import Challenge
from oceanbench.errors import OceanbenchError
from oceanbench.evaluate import evaluate
from oceanbench.figures.style import View
from oceanbench.figures.windows import errors, windows
from oceanbench.methods.inputs import Inputs
from oceanbench.scoring.matching import Coverage, Matched
from oceanbench.submission import Submission


@cache
def lorenz() -> World:
    """Windows of Lorenz-96; nobody changes them."""
    return world(windows=10, times=24)


@cache
def loop() -> World:
    """Windows of the overturning; nobody changes them."""
    return world("amoc", windows=10, times=24, training_times=60)


def declare(folder: Path, **changes: Any) -> Path:
    """A toy challenge of windows in a folder; a change to None removes a key."""
    folder.mkdir(exist_ok=True)
    datasets: dict[str, Any] = {}
    truth = lorenz().truth.to_dataset(name="state")
    truth["late"] = (truth["time"] > 0.6).broadcast_like(truth["state"].isel(component=0))
    truth["late"] = truth["late"].astype("int8")
    for name, dataset, role in (
        ("truth", truth, "truth"),
        *((n, d, d.attrs["role"]) for n, d in lorenz().inputs.items()),
    ):
        dataset.drop_attrs().to_netcdf(folder / f"{name}.nc", engine="h5netcdf")
        datasets[name] = {"role": role, "path": f"{name}.nc", "variables": {"state": "state"}}
    content = {
        "name": "toy_windows",
        "version": 1,
        "title": "Toy windows",
        "kind": "windows",
        "model": {"name": "lorenz96", "parameters": {"forcing": 8.0}},
        "datasets": datasets,
        "submission": {"variables": {"state": {"units": "1", "valid_range": [-100, 100]}}},
        "masks": {
            "all": {},
            "observed": {"observed_in": "observations"},
            "unobserved": {"unobserved_in": "observations"},
            "interior": {"elapsed": [0.2, 1.0]},
            "late": {"flagged": "late"},
            "early": {"unflagged": "late"},
        },
        "metrics": [
            {"metric": "mse", "label": "MSE"},
            {"metric": "mse", "label": "R-score", "mask": "observed"},
            {"metric": "mse", "label": "I-score", "mask": "unobserved", "shown": False},
            {"metric": "mse", "label": "interior", "mask": "interior"},
            {"metric": "mse", "label": "late", "mask": "late"},
            {"metric": "mse", "label": "early", "mask": "early"},
            {"metric": "crps", "label": "CRPS", "digits": 5},
        ],
        "rank_by": "MSE",
        "reference_method": "linear_interpolation",
    }
    content = {k: v for k, v in {**content, **changes}.items() if v is not None}
    path = folder / "challenge.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False))
    return path


@pytest.fixture
def challenge(tmp_path: Path) -> Challenge:
    return Challenge.load(declare(tmp_path / "toy"))


def submit(folder: Path, state: xr.DataArray | xr.Dataset, name: str = "mine") -> Submission:
    dataset = state if isinstance(state, xr.Dataset) else state.to_dataset(name="state")
    dataset.drop_attrs().to_netcdf(folder / f"{name}.nc", engine="h5netcdf")
    return Submission(name, folder / f"{name}.nc")


def offset(by: float) -> xr.DataArray:
    """The truth, wrong by the same at every point."""
    return lorenz().truth + by


def test_every_mask_looks_where_it_says(challenge, tmp_path):
    seen = lorenz().inputs["observations"]["state"].notnull()
    time = lorenz().truth["time"]
    error = xr.where(seen, 1.0, 2.0) + 10.0 * (time > 0.6) + 30.0 * ((time < 0.2) | (time > 1.0))
    result = evaluate(challenge, submit(tmp_path, lorenz().truth + error))
    square, inside = error**2, (time >= 0.2) & (time <= 1.0)
    expected = {
        "MSE": square.mean(),
        "R-score": square.where(seen).mean(),
        "I-score": square.where(~seen).mean(),
        "interior": square.where(inside).mean(),
        "late": square.where(time > 0.6).mean(),
        "early": square.where(time <= 0.6).mean(),
    }
    for label, value in expected.items():
        assert result.score(label).value == pytest.approx(float(value), rel=1e-6)
    assert result.series[0]["window"] == list(range(10))


def test_the_truth_scores_ideally_and_order_of_dimensions_does_not_matter(challenge, tmp_path):
    turned = lorenz().truth.transpose("component", "time", "window")
    assert evaluate(challenge, submit(tmp_path, turned)).score("MSE").value == 0.0


def test_members_and_deviations_are_scored_as_distributions(challenge, tmp_path):
    random = np.random.default_rng(0)
    members = xr.concat(
        [offset(0.0) + random.standard_normal(lorenz().truth.shape) for _ in range(8)], "member"
    )
    found = evaluate(challenge, submit(tmp_path, members))
    assert found.score("MSE").value == pytest.approx(1 / 8, rel=0.1)
    single = evaluate(challenge, submit(tmp_path, members.isel(member=0), "single"))
    assert found.score("CRPS").value < single.score("CRPS").value
    normal = xr.Dataset({"state": offset(0.5), "state_std": xr.full_like(lorenz().truth, 0.5)})
    assert evaluate(challenge, submit(tmp_path, normal, "normal")).score("CRPS").value > 0


def spoiled(**changes: Any) -> xr.DataArray:
    return lorenz().truth.assign_coords(**changes)


REFUSED = {
    "a window missing": (lambda: lorenz().truth.isel(window=slice(1, None)), "9 of window"),
    "windows in another order": (lambda: lorenz().truth.isel(window=range(9, -1, -1)), "order"),
    "other times": (lambda: spoiled(time=2 * lorenz().truth["time"].values), "time"),
    "dates": (
        lambda: spoiled(time=np.datetime64("2020-01-01", "ns") + np.arange(24)), "numbers since",
    ),
    "no component": (lambda: lorenz().truth.isel(component=0, drop=True), "dimension 'component'"),
    "one dimension more": (lambda: lorenz().truth.expand_dims(lead=2), "lead"),
    "a hole": (lambda: lorenz().truth.where(lorenz().truth["window"] != 3), "have no value"),
    "out of range": (lambda: offset(1e4), "outside [-100, 100]"),
    "whole numbers": (lambda: lorenz().truth.astype(int), "floating point"),
}  # fmt: skip


@every("case", REFUSED)
def test_wrong_submissions_are_refused_in_words(case, challenge, tmp_path):
    make, words = REFUSED[case]
    with pytest.raises(OceanbenchError) as refusal:
        evaluate(challenge, submit(tmp_path, make()))
    assert words in str(refusal.value), refusal.value
    assert "mine" in str(refusal.value)


DECLARATIONS = {
    "domain": ({"domain": {"longitude": [0, 1], "latitude": [0, 1], "time": ["2020-01-01"] * 2}},
               "neither domain nor periods"),
    "mask of a place": ({"masks": {"all": {"latitude": [0, 1]}}}, "unknown key 'latitude'"),
    "unknown observations": ({"masks": {"all": {"observed_in": "observed"}}}, "'observations'"),
    "unknown sampling": ({"masks": {"all": {"sampling": "every_20"}}}, "sampling"),
    "metric of maps": ({"metrics": [{"metric": "resolved_wavelength", "label": "MSE"}]}, "grid"),
    "metric of days": ({"metrics": [{"metric": "daily_rmse_score", "label": "MSE"}]}, "dates"),
    "cyclic beside a model": ({"cyclic": True}, "'cyclic' is what the model says"),
    "process noise below zero": ({"process_noise": -1.0}, "process_noise"),
    "scores of no posterior": ({"metrics": [{"metric": "posterior_bias", "label": "MSE"}]},
                               "needs a dataset of role 'posterior'"),
    "fill": ({"submission": {"variables": {"state": {"units": "1"}}, "missing": "fill"}}, "fill"),
}  # fmt: skip


@every("case", DECLARATIONS)
def test_wrong_declarations_are_refused_in_words(case, tmp_path):
    changes, words = DECLARATIONS[case]
    with pytest.raises(OceanbenchError) as refusal:
        Challenge.load(declare(tmp_path / "toy", **changes))
    assert words in str(refusal.value), refusal.value


def test_a_flag_that_is_not_there_is_refused(tmp_path):
    path = declare(tmp_path / "toy", masks={"all": {"flagged": "off"}}, metrics=[
        {"metric": "mse", "label": "MSE"}
    ])  # fmt: skip
    with pytest.raises(OceanbenchError, match="no flag 'off'"):
        evaluate(Challenge.load(path), submit(tmp_path, lorenz().truth))


def test_methods_learn_without_the_observations_and_never_see_the_truth(challenge):
    assert "observations" not in Inputs(challenge, for_training=True)
    inputs = Inputs(challenge)
    assert sorted(inputs) == sorted(lorenz().inputs)
    with pytest.raises(OceanbenchError, match="no method receives it"):
        inputs["truth"]
    attributes = inputs["observations"].attrs
    assert (attributes["model"], attributes["model_forcing"]) == ("lorenz96", 8.0)
    assert "noise_variance" in inputs["observations"].coords
    assert "late" not in inputs["observations"]


def test_the_whole_road(oceanbench: Command, tmp_path):
    path = declare(tmp_path / "toy")
    code, out, err = oceanbench("evaluate", path, "--board")
    assert (code, err) == (0, "")
    assert "intervals over windows" in out and "CPU [s/window]" in out
    assert "R-score" in out and "\nI-score" in out  # in the table of scores
    board = out[out.index("# Toy windows") :]
    assert "R-score" in board and "I-score" not in board
    code, out, _ = oceanbench("show", path)
    assert code == 0 and "lorenz96 (forcing = 8)" in out
    code, out, err = oceanbench("run", "oi", path)
    assert code == 2 and "oi: is a method for maps and tracks" in err
    code, out, err = oceanbench("run", "space_time_oi", "ssh_osse_jet")
    assert code == 2 and "is a method for windows" in err
    result = tmp_path / "results" / "toy_windows" / "linear_interpolation"
    code, out, _ = oceanbench(
        "verify", f"{result}.json", "--submission", f"{result}.nc", "--challenge", path
    )
    assert (code, out[-16:]) == (0, "scores verified\n")
    code, _, err = oceanbench("validate", path, f"{result}.nc")
    assert (code, err) == (0, "")


def test_samplings_are_a_dimension_of_their_own(tmp_path):
    labels = ["dense", "thin"]
    seen = loop().inputs["observations"]["state"]
    both = xr.concat(
        [seen, seen.where(seen["time"] % 80 == 0)],
        xr.DataArray(labels, dims="sampling", name="sampling"),
    )
    path = declare(
        tmp_path / "toy",
        samplings=labels,
        model={"name": "amoc"},
        masks={"all": {}, "thin": {"sampling": "thin"}, "seen": {"observed_in": "observations"}},
        metrics=[
            {"metric": "component_nmse", "label": "NMSE"},
            {"metric": "component_nmse", "label": "NMSE thin", "mask": "thin"},
            {"metric": "rmse", "label": "RMSE seen", "mask": "seen"},
        ],
        rank_by="NMSE",
    )
    for name, dataset in {
        "truth": loop().truth.to_dataset(name="state"),
        **loop().inputs,
        "observations": both.to_dataset(name="state"),
    }.items():
        dataset.drop_attrs().to_netcdf(path.parent / f"{name}.nc", engine="h5netcdf")
    challenge = Challenge.load(path)
    assert dict(challenge.target().sizes) == {
        "sampling": 2, "window": 10, "time": 24, "component": 3,
    }  # fmt: skip
    error = xr.DataArray([0.0, 0.1], {"sampling": labels}, "sampling")
    result = evaluate(challenge, submit(tmp_path, loop().truth + error))
    truth = loop().truth
    expected = float((0.01 / truth.var(("window", "time"))).mean())
    assert result.score("NMSE thin").value == pytest.approx(expected)
    assert result.score("NMSE").value == pytest.approx(expected / 2)
    count = both.notnull().sum(("window", "time", "component"))
    share = float(count.sel(sampling="thin") / count.sum())
    assert result.score("RMSE seen").value == pytest.approx(0.1 * np.sqrt(share))
    with pytest.raises(OceanbenchError, match="expected \\(sampling, window, time, component\\)"):
        evaluate(challenge, submit(tmp_path, truth))
    wrong = (loop().truth + error).assign_coords(sampling=["thin", "dense"])
    with pytest.raises(OceanbenchError, match="of sampling"):
        evaluate(challenge, submit(tmp_path, wrong))


def with_posterior(folder: Path, posterior: xr.DataArray) -> Path:
    """A challenge in two samplings, with members of the posterior of each."""
    labels = ["dense", "thin"]
    seen = lorenz().inputs["observations"]["state"]
    both = xr.concat([seen, seen], xr.DataArray(labels, dims="sampling", name="sampling"))
    path = declare(folder, samplings=labels, process_noise=0.5)
    content = yaml.safe_load(path.read_text())
    state = {"variables": {"state": "state"}}
    content["datasets"]["posterior"] = {"role": "posterior", "path": "posterior.nc", **state}
    content["masks"] = {"all": {}, "thin": {"sampling": "thin"}}
    content["metrics"] = [
        {"metric": "posterior_bias", "label": "bias"},
        {"metric": "posterior_bias", "label": "bias thin", "mask": "thin"},
    ]
    content["rank_by"] = "bias"
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False))
    both.to_dataset(name="state").to_netcdf(folder / "observations.nc", engine="h5netcdf")
    posterior.to_dataset(name="state").to_netcdf(folder / "posterior.nc", engine="h5netcdf")
    return path


def test_every_sampling_has_a_posterior_of_its_own(tmp_path: Path) -> None:
    """Members about the truth with another deviation in either sampling."""
    draws = np.random.default_rng(0).standard_normal((60, *lorenz().truth.shape))
    draws = (draws - draws.mean(0)) / draws.std(0, ddof=1)
    width = xr.DataArray([1.0, 2.0], {"sampling": ["dense", "thin"]}, "sampling")
    members = lorenz().truth + width * xr.DataArray(draws, dims=("member", *lorenz().truth.dims))
    challenge = Challenge.load(with_posterior(tmp_path / "toy", members))
    estimate = (lorenz().truth + 1.0).expand_dims(sampling=["dense", "thin"])
    result = evaluate(challenge, submit(tmp_path, estimate))
    assert result.score("bias thin").value == pytest.approx(0.5, rel=1e-6)
    assert result.score("bias").value == pytest.approx(np.sqrt((1.0 + 0.25) / 2), rel=1e-6)
    with pytest.raises(OceanbenchError, match="no input 'posterior'"):
        Inputs(challenge)["posterior"]
    assert Inputs(challenge)["observations"].attrs["process_noise"] == 0.5


POSTERIORS = {
    "one sampling for all": (lambda p: p.isel(sampling=0, drop=True), "one for every sampling"),
    "samplings in another order": (lambda p: p.isel(sampling=[1, 0]), "its samplings are"),
    "a window missing": (lambda p: p.isel(window=slice(1, None)), "the posterior has 9 of window"),
    "few members": (lambda p: p.isel(member=slice(10)), "has 10 members of the posterior"),
}


@every("case", POSTERIORS)
def test_posteriors_of_something_else_are_refused_in_words(case: str, tmp_path: Path) -> None:
    change, words = POSTERIORS[case]
    members = lorenz().truth.expand_dims(member=60, sampling=["dense", "thin"])
    challenge = Challenge.load(with_posterior(tmp_path / "toy", change(members)))
    estimate = lorenz().truth.expand_dims(sampling=["dense", "thin"])
    with pytest.raises(OceanbenchError) as refusal:
        evaluate(challenge, submit(tmp_path, estimate))
    assert words in str(refusal.value), refusal.value


@pytest.mark.slow
def test_figures_show_the_windows_their_errors_and_their_calibration(tmp_path, challenge):
    """The worst window is among those shown; the error in time is that of the estimate."""
    estimate = lorenz().truth.copy(deep=True)
    estimate[{"window": 7}] += 1.0
    spread = xr.full_like(estimate, 0.5)
    submission = submit(tmp_path, xr.Dataset({"state": estimate, "state_std": spread}))
    files = draw(challenge, submission, tmp_path / "figures")
    assert [f.name for f in files] == [
        "state_windows.png", "state_rmse.png", "state_calibration.png",
    ]  # fmt: skip
    assert all(f.read_bytes()[:4] == b"\x89PNG" for f in files)
    (matched,) = [
        m for k, m in matched_by_score(challenge, submission).items() if k == ("state", "all")
    ]
    view = View("mine on toy", "state", "1", matched)
    titles = [a.get_title() for a in windows(view).axes]
    assert "truth, worst: window 7" in titles
    in_time, ordered = errors(view).axes
    (line,) = in_time.lines
    np.testing.assert_allclose(line.get_ydata(), np.sqrt(1.0 / 10))
    assert ordered.lines[0].get_ydata()[-1] == pytest.approx(1.0)


def test_few_components_are_lines_and_samplings_have_looks_of_their_own():
    labels = [f"every {n}" for n in range(10)]
    truth = loop().truth.expand_dims(sampling=labels)
    shift = xr.DataArray(0.01 * np.arange(10), {"sampling": labels}, "sampling")
    estimate, everywhere = truth + shift, xr.ones_like(truth)
    matched = Matched(estimate, truth, everywhere, Coverage(1, 1), estimate)
    view = View("mine on toy", "state", "1", matched)
    lines = windows(view).axes
    assert len(lines) == 9 and "every 4" in lines[0].get_title()
    in_time, ordered = errors(view).axes
    assert len({(li.get_color(), li.get_linestyle()) for li in in_time.lines}) == 10
    assert [t.get_text() for t in ordered.get_legend().texts] == labels
    for number, line in enumerate(in_time.lines):
        np.testing.assert_allclose(line.get_ydata(), 0.01 * number, atol=1e-12)
