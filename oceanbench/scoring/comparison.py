r"""Which of many submissions can be told apart, the error of all comparisons together controlled.

Every pair is compared by the differences of the influences of the same cases: what makes a day hard
is common to both, and cancels. The probabilities of all pairs are adjusted by Holm's method, so
that among submissions that are equal the chance of telling any two of them apart is 5 %, however
many there are. The memory of a difference is judged by its own series and, as far as a few more of
its kind would tell, by those of all pairs: a single short one knows too little of it to reach
probabilities that stand a correction for many comparisons.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from oceanbench.arrays import BoolArray, FloatArray
from oceanbench.scoring.memory import likelihoods, spread
from oceanbench.scoring.statistics import LEVEL, Influence

LENT = 5.0  # differences, at most, whose evidence of memory is lent to each
SAME = 1e-6  # relative difference of scores that is none: single precision


@dataclass(frozen=True)
class Standing:
    """A submission in a comparison.

    Attributes
    ----------
    order : its score, or minus that where higher is better
    influence : of the cases on it; None where there is none to compare by
    cases : what has to be the same for two submissions to be compared by it: cases and, where
        none are dropped, points
    """

    order: float
    influence: Influence | None
    cases: tuple[bytes, ...]


def told_apart(rows: Sequence[Standing]) -> BoolArray:
    """Which submissions are better than which, as far as can be told: ``found[i, j]``, i than j.

    Two that cannot be compared by their cases (scored at other times or points, or without
    influences) stand as their scores do, unless these are the same. What is better than a better
    one is better.

    Parameters
    ----------
    rows : of one board

    Returns
    -------
    (n, n), a strict order

    References
    ----------
    Holm (1979), A simple sequentially rejective multiple test procedure
    """
    n = len(rows)
    found = np.zeros((n, n), dtype=bool)
    probability = probabilities(rows)
    pairs = [(i, j) for i in range(n) for j in range(i)]
    tested = [pair for pair in pairs if np.isfinite(probability[pair])]
    adjusted = holm(np.array([probability[pair] for pair in tested]))
    apart = dict(zip(tested, adjusted < 1.0 - LEVEL, strict=True))
    for i, j in pairs:
        if apart.get((i, j), not _same(rows[i].order, rows[j].order)):
            first, second = (i, j) if rows[i].order < rows[j].order else (j, i)
            found[first, second] = True
    for k in range(n):
        found |= found[:, [k]] & found[[k]]
    return found


def probabilities(rows: Sequence[Standing]) -> FloatArray:
    """Probability of a difference as large as that of each pair, if there is none.

    Returns
    -------
    (n, n), symmetric; NaN where two are not comparable by their cases
    """
    n = len(rows)
    found = np.full((n, n), np.nan)
    groups: dict[tuple[bytes, ...], list[int]] = {}
    for i, row in enumerate(rows):
        if row.influence is not None:
            groups.setdefault(row.cases, []).append(i)
    for members in groups.values():
        if len(members) > 1:
            known = [rows[i].influence for i in members]
            found[np.ix_(members, members)] = _of_group([f for f in known if f is not None])
    return found


def holm(probability: FloatArray) -> FloatArray:
    """Probabilities adjusted for their number, by Holm's method."""
    order = np.argsort(probability, kind="stable")
    count = probability.size - np.arange(probability.size)
    adjusted = np.empty_like(probability)
    adjusted[order] = np.minimum(np.maximum.accumulate(probability[order] * count), 1.0)
    return adjusted


def ranks(better: BoolArray) -> list[int]:
    """One more than the number of those that are better, of every submission."""
    return [1 + int(column.sum()) for column in better.T]


def letters(better: BoolArray) -> list[str]:
    """Letters of the groups within which no two are told apart: two that share one are not.

    Parameters
    ----------
    better : of :func:`told_apart`, the rows in the order in which groups get their letters

    References
    ----------
    Piepho (2004), An algorithm for a letter-based representation of all-pairwise comparisons,
    doi:10.1198/1061860043515
    """
    n = len(better)
    apart = better | better.T
    groups: list[frozenset[int]] = [frozenset(range(n))] if n else []
    for i, j in zip(*np.nonzero(np.triu(apart)), strict=True):
        split = [g - {k} for g in groups if {i, j} <= g for k in (int(i), int(j))]
        kept = [g for g in groups if not {i, j} <= g]
        for group in split:
            if not any(group <= other for other in kept):
                kept = [g for g in kept if not g <= group] + [group]
        groups = kept
    groups.sort(key=sorted)
    names = [_letter(k) for k in range(len(groups))]
    return ["".join(a for a, g in zip(names, groups, strict=True) if i in g) for i in range(n)]


def _of_group(known: Sequence[Influence]) -> FloatArray:
    """Probabilities of all pairs of submissions that were scored on the same cases."""
    common = {f.scale for f in known}
    if len(common) > 1:
        known = [f.unscaled() for f in known]
    value = np.array([f.value for f in known])
    series = np.stack([f.of_case for f in known])
    i, j = np.triu_indices(len(known), 1)
    difference, of_case = value[i] - value[j], series[i] - series[j]
    found = spread(of_case, dated=known[0].dated, evidence=_evidence(of_case, len(known)))
    tail = found.tail(difference)
    size = np.ones(len(i)) if known[0].scale.bounded else np.abs(value)[[i, j]].max(axis=0)
    tail = np.where(np.abs(difference) <= SAME * size, 1.0, tail)
    result = np.ones((len(known), len(known)))
    result[i, j] = result[j, i] = tail
    return result


def _evidence(differences: FloatArray, submissions: int) -> FloatArray | float:
    """What the differences of all pairs make likely, that is lent to each.

    The mean of their likelihoods, for as many as are thought to be independent of one pair.
    """
    known = differences[np.abs(differences).max(axis=1) > SAME]
    lent = min(LENT, submissions / 2 - 1.0)
    if not len(known) or lent <= 0.0:
        return 0.0
    evidence: FloatArray = lent * likelihoods(known).mean(axis=0)
    return evidence


def _same(first: float, second: float) -> bool:
    return abs(first - second) <= SAME * max(abs(first), abs(second))


def _letter(number: int) -> str:
    """A … z, aa, ab, … ."""
    first, second = divmod(number, 26)
    return (_letter(first - 1) if first else "") + chr(ord("a") + second)
