"""Bars of one column share an axis on which larger is further right, and outliers are marked."""

from __future__ import annotations

from oceanbench.boards.site.axes import MARGIN, WIDTH, Axis
from oceanbench.result import Interval, Score


def score(value: float | None, reach: float | None = None) -> Score:
    interval = (
        None if reach is None or value is None else Interval(0.95, value - reach, value + reach)
    )
    return Score("rmse", "RMSE", "ssh", "all", value, "m", "lower", None, 9, interval)


def test_places_are_linear_and_fill_the_axis() -> None:
    scores = [score(1.0, 0.5), score(2.0, 0.5), score(1.5, 0.25)]
    axis = Axis.of(scores)
    assert axis is not None and not axis.logarithmic
    bars = [axis.bar(one) for one in scores]
    assert [b.cut for b in bars if b] == [False] * 3
    assert bars[0] and bars[0].low == MARGIN
    assert bars[1] and bars[1].high == WIDTH - MARGIN
    assert bars[2] and bars[2].value == WIDTH / 2


def test_values_that_differ_much_are_shown_by_their_ratios() -> None:
    scores = [score(1.0), score(10.0), score(100.0)]
    axis = Axis.of(scores)
    assert axis is not None and axis.logarithmic
    places = [bar.value for one in scores if (bar := axis.bar(one))]
    assert places[1] == WIDTH / 2


def test_a_value_far_off_is_marked_and_does_not_squeeze_the_others() -> None:
    near = [score(1.0 + 0.01 * i, 0.01) for i in range(8)]
    axis = Axis.of([*near, score(5.0, 0.1)])
    assert axis is not None
    far = axis.bar(score(5.0, 0.1))
    assert far is not None and far.cut and far.value == WIDTH - MARGIN
    first, last = axis.bar(near[0]), axis.bar(near[-1])
    assert first and last and last.value - first.value > WIDTH / 2


def test_there_is_no_axis_without_two_values_and_no_bar_without_one() -> None:
    assert Axis.of([score(1.0), score(None)]) is None
    assert Axis.of([score(1.0), score(1.0)]) is None
    axis = Axis.of([score(1.0), score(2.0)])
    assert axis is not None and axis.bar(score(None)) is None
