"""Episodes: runs of true, with short gaps bridged."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from rows import every

from oceanbench.times import episodes


@every(
    "gap, expected",
    [
        (0, [(1, 2), (4, 4), (8, 8)]),
        (1, [(1, 2), (4, 4), (8, 8)]),
        (2, [(1, 4), (8, 8)]),
        (3.9, [(1, 4), (8, 8)]),
        (4, [(1, 8)]),
    ],
)
def test_gaps_up_to_the_longest_are_bridged(gap, expected):
    series = np.isin(np.arange(10), [1, 2, 4, 8])
    assert episodes(series, gap) == expected


def test_nothing_is_no_episode():
    assert episodes(np.zeros(5, bool)) == []


@given(st.lists(st.booleans(), max_size=40), st.integers(0, 10))
def test_episodes_hold_every_true_time_and_lie_further_apart_than_the_gap(values, gap):
    series = np.array(values, dtype=bool)
    found = episodes(series, gap)
    inside = np.zeros(series.size, bool)
    for first, last in found:
        assert series[first] and series[last]
        inside[first : last + 1] = True
    assert (inside >= series).all()
    gaps = [b[0] - a[1] for a, b in itertools.pairwise(found)]
    assert all(g > max(gap, 1) for g in gaps)
