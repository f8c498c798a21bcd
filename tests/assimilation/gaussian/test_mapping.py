"""Estimates of problems: what they hold, and that they resume and do not depend on the workers."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from dense import COVARIANCES, DAY, START, dense_posterior, nodes_of, observed

from oceanbench.assimilation.gaussian.mapping import MappingProblem, estimate_all, fields_of
from oceanbench.data import files
from oceanbench.errors import OceanbenchError

X, Y, DAYS = np.linspace(0, 600, 4), np.linspace(0, 500, 3), np.arange(10.0, 18.0)


def problem(seed: int = 0, **changes: object) -> MappingProblem:
    o = observed(count=60, seed=seed)
    return replace(MappingProblem(o, DAYS, COVARIANCES["arhan"], X, Y, 12.0), **changes)


PROBLEMS = [
    problem(0, formal_error=True),
    problem(1, members=3),
    problem(2),
    problem(3, covariance=COVARIANCES["gaussian, moving"]),
]


@pytest.fixture
def solved(monkeypatch: pytest.MonkeyPatch) -> list[MappingProblem]:
    """Problems that were solved and not found, in their order; the fifth is interrupted."""
    done: list[MappingProblem] = []
    estimate = MappingProblem.estimate

    def counted(self: MappingProblem) -> dict:
        if len(done) == 4:
            raise KeyboardInterrupt
        done.append(self)
        return estimate(self)

    monkeypatch.setattr(MappingProblem, "estimate", counted)
    return done


def assert_same(found: Iterator, expected: Iterator) -> None:
    for a, b in zip(found, expected, strict=True):
        assert a.keys() == b.keys()
        for name in a:
            np.testing.assert_array_equal(a[name], b[name])


def test_an_estimate_is_the_posterior_of_every_date() -> None:
    p = problem(formal_error=True, members=2)
    found = p.estimate()
    shape = (DAYS.size, Y.size, X.size)
    assert {n: v.shape for n, v in found.items()} == {
        "mean": shape,
        "variance": shape,
        "members": (2, *shape),
    }
    for number, date in enumerate(DAYS):
        mean, covariance = dense_posterior(
            p.observations, p.covariance, nodes_of(X, Y, date), date=date, window=12.0
        )
        np.testing.assert_allclose(found["mean"][number].ravel(), mean, atol=1e-9)
        error = found["variance"][number].ravel()
        np.testing.assert_allclose(error, covariance.diagonal(), atol=1e-9)


def test_the_key_of_a_problem_is_all_that_it_depends_on() -> None:
    o = PROBLEMS[0].observations
    others = [
        problem(observations=replace(o, value=o.value + 1e-12)),
        problem(observations=replace(o, correlated=0.03)),
        problem(dates=DAYS + 1),
        problem(covariance=replace(COVARIANCES["arhan"], shape="gaussian")),
        problem(covariance=replace(COVARIANCES["arhan"], speed_x=-1.0)),
        problem(x=X + 1),
        problem(y=Y + 1),
        problem(window=11.0),
        problem(formal_error=True),
        problem(members=1),
        problem(seed=1),
        problem(seed=1, members=1),
        problem(precision="single"),
    ]
    assert len({p.key for p in [problem(), *others]}) == len(others) + 1
    assert problem().key == problem().key == pickle.loads(pickle.dumps(problem())).key


def test_a_second_run_solves_nothing(tmp_path: Path, solved: list[MappingProblem]) -> None:
    first = list(estimate_all(PROBLEMS, checkpoint=tmp_path / "new" / "folder"))
    assert len(solved) == len(PROBLEMS)
    assert_same(estimate_all(PROBLEMS, checkpoint=tmp_path / "new" / "folder"), iter(first))
    assert len(solved) == len(PROBLEMS)


def test_an_interrupted_run_resumes_with_what_is_missing(
    tmp_path: Path, solved: list[MappingProblem]
) -> None:
    problems = [*PROBLEMS, problem(4), problem(5)]
    with pytest.raises(KeyboardInterrupt):
        list(estimate_all(problems, checkpoint=tmp_path))
    assert sorted(f.name for f in tmp_path.iterdir()) == sorted(f"{p.key}.npz" for p in PROBLEMS)
    solved.clear()
    assert len(list(estimate_all(problems, checkpoint=tmp_path))) == 6
    assert [p.key for p in solved] == [p.key for p in problems[4:]]


def test_a_run_whose_results_are_not_awaited_keeps_whole_files(
    tmp_path: Path, solved: list[MappingProblem]
) -> None:
    run = estimate_all(PROBLEMS, checkpoint=tmp_path)
    next(run)
    run.close()
    (file,) = tmp_path.iterdir()
    with np.load(file) as stored:
        assert set(stored) == {"mean", "variance"}
    list(estimate_all(PROBLEMS, checkpoint=tmp_path))
    assert [p.key for p in solved] == [p.key for p in PROBLEMS]


def test_a_result_that_cannot_be_written_leaves_no_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.Path, "replace", full)
    with pytest.raises(OceanbenchError, match="No space left"):
        list(estimate_all(PROBLEMS[:2], checkpoint=tmp_path))
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_two_workers_give_the_same_numbers_and_share_checkpoints(tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in the workers: sums over other threads round otherwise
    try:
        alone = list(estimate_all(PROBLEMS))
    finally:
        torch.set_num_threads(threads)
    assert_same(estimate_all(PROBLEMS, workers=2, checkpoint=tmp_path), iter(alone))
    expected = {f"{p.key}.npz" for p in PROBLEMS}
    assert {f.name for f in tmp_path.iterdir()} == expected


def test_less_than_one_worker_is_refused() -> None:
    with pytest.raises(OceanbenchError, match="workers 0: expected 1 or more"):
        list(estimate_all(PROBLEMS, workers=0))


def wanted(*dims: str) -> xr.DataArray:
    axes = {
        "time": START + np.arange(DAYS.size) * DAY,
        "latitude": np.array([40.0, 41.0, 42.0]),
        "longitude": np.array([-1.0, 0.0, 1.0, 2.0]),
    }
    empty = np.full([a.size for a in axes.values()], np.nan)
    return xr.DataArray(empty, axes, tuple(axes), name="ssh").transpose(*dims, ...)


@pytest.mark.parametrize("dims", [(), ("longitude", "time")])
def test_fields_are_scaled_and_relative_to_the_mean(dims: tuple[str, ...]) -> None:
    nodes = {"latitude": np.arange(38.0, 45.0), "longitude": np.arange(-4.0, 6.0, 2.0)}
    plane = nodes["latitude"][:, None] + 0.5 * nodes["longitude"]
    mean = xr.DataArray(plane, nodes, ("latitude", "longitude"))
    estimate = problem(formal_error=True).estimate()
    found = fields_of(estimate, wanted(*dims), 0.2, mean)
    assert list(found) == ["ssh", "ssh_std"]
    exact = wanted()["latitude"] + 0.5 * wanted()["longitude"]
    np.testing.assert_allclose(found["ssh"] - exact, 0.2 * estimate["mean"], atol=1e-12)
    np.testing.assert_allclose(found["ssh_std"] ** 2, 0.04 * estimate["variance"], atol=1e-12)
    assert list(fields_of({"mean": estimate["mean"]}, wanted(), 1.0, None)) == ["ssh"]


def test_members_are_a_dimension_of_the_variable() -> None:
    estimate = problem(members=3).estimate()
    found = fields_of(estimate, wanted(), 0.2, None)
    assert list(found) == ["ssh"]
    assert found["ssh"].dims == ("member", "time", "latitude", "longitude")
    np.testing.assert_allclose(found["ssh"], 0.2 * estimate["members"])
