"""Innovations on cells, and errors that a whole pass shares."""

from __future__ import annotations

import numpy as np
import pytest

from oceanbench.assimilation.fourdvarnet.anywhere.innovations import Innovations, gate_of

DAYS, SIDE = 40, 40


def passes(shared: float, *, seed: int = 0, nadir: bool = True) -> Innovations:
    """Three straight passes a day: white errors, and one that a pass shares."""
    random = np.random.default_rng(seed)
    cell, track, value = [], [], []
    for number in range(3 * DAYS):
        column = random.integers(SIDE)
        rows = np.arange(SIDE)
        lean = np.clip(column + random.choice([-0.3, 0.3]) * rows, 0, SIDE - 1).astype(int)
        cell.append(np.stack([np.full(SIDE, number // 3), rows, lean], 1))
        track.append(np.full(SIDE, number))
        value.append(random.standard_normal(SIDE) + shared * random.standard_normal())
    size = 3 * DAYS * SIDE
    return Innovations(
        (DAYS, SIDE, SIDE),
        np.concatenate(cell),
        np.concatenate(track),
        np.full(size, nadir),
        np.full(size, 3.0),
        np.concatenate(value),
    )


def test_the_shared_part_of_the_variance_is_found() -> None:
    assert passes(0.0).shared_fraction() == pytest.approx(0.0, abs=0.03)
    assert passes(0.5).shared_fraction() == pytest.approx(0.2, abs=0.05)
    assert gate_of(passes(0.0).shared_fraction()) == 0.0
    assert gate_of(passes(0.5).shared_fraction()) == 1.0


def test_what_neighbouring_passes_share_is_no_error() -> None:
    found = passes(0.0)
    sea = 2.0 * np.cos(found.cell[:, 0] / 9.0)  # the same for all of a day
    both = Innovations(**{**vars(found), "value": found.value + sea})
    assert both.shared_fraction() < 0.1


def test_swaths_and_single_passes_tell_nothing() -> None:
    assert gate_of(passes(0.5, nadir=False).shared_fraction()) == 0.0
    one = passes(0.5)
    first = one.track == 0
    some = {n: v[first] if isinstance(v, np.ndarray) else v for n, v in vars(one).items()}
    assert gate_of(Innovations(**some).shared_fraction()) == 0.0


def test_a_gate_takes_the_mean_of_a_pass_away() -> None:
    found = passes(3.0)
    for taken in (0.0, 0.5, 1.0):
        left = found.gated(taken)
        for number in (0, 17):
            here = found.track == number
            mean = found.value[here].mean()
            expected = mean * (1.0 - taken * SIDE / (SIDE + 6.0))
            assert left.value[here].mean() == pytest.approx(expected)


def test_maps_are_means_weighted_by_samples() -> None:
    cell = np.array([[1, 2, 3], [1, 2, 3], [0, 0, 0]])
    found = Innovations(
        (2, 4, 5),
        cell,
        np.array([0, 1, 1]),
        np.ones(3, bool),
        np.array([1.0, 3.0, 2.0]),
        np.array([4.0, 8.0, -1.0]),
    )
    mean, count = found.maps()
    assert mean[1, 2, 3] == 7.0
    assert count[1, 2, 3] == 4.0
    assert (mean[0, 0, 0], count[0, 0, 0]) == (-1.0, 2.0)
    assert np.count_nonzero(count) == 2
