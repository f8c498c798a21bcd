"""What looks wrong in estimates at points, though it can be scored: warnings, with the cure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from oceanbench.arrays import BoolArray, FloatArray
from oceanbench.scoring.matching import Matched

FEW = 30  # points, with which nothing is said
ALIKE = 0.5  # correlation from which an estimate is taken for one of the truth
UNITS = 8.0  # times as variable as the truth: no smoothing does that, a unit does
NEARER = 0.5  # of the squared error, where another step, row or column fits
REPEATED = 0.05  # of the points, and twice the share in the truth: no map has one value so often
MOST_LOOKED_AT = 100_000  # points, for values that are repeated
MOST_COMPONENTS = 100  # of windows whose order is looked at
TOO_NEAR = 1e-6  # of the truth's variance, up to a factor and an offset: no estimate is as near
STEPS = {
    ("time", 1): "one step later",
    ("time", -1): "one step earlier",
    ("latitude", 1): "one row further north",
    ("latitude", -1): "one row further south",
    ("longitude", 1): "one column further east",
    ("longitude", -1): "one column further west",
}
TURNED = {"latitude": "upside down", "longitude": "with east and west exchanged"}


def warnings_of(matched: Mapping[tuple[str, str], Matched]) -> list[str]:
    """Warnings about the estimates of every variable, through the first of its masks.

    Parameters
    ----------
    matched : by variable and mask, on maps, along tracks or in windows; of others nothing is said
    """
    first: dict[str, Matched] = {}
    for (variable, _), piece in matched.items():
        first.setdefault(variable, piece)
    return [
        f"'{variable}' {found}"
        for variable, piece in first.items()
        for found in (_wrong(piece) if "latitude" in piece.truth.coords else _exchanged(piece))
    ]


def _wrong(piece: Matched) -> Iterator[str]:
    dims = tuple(str(dim) for dim in piece.truth.dims)
    seen = (piece.weights > 0).broadcast_like(piece.truth).transpose(*dims).values
    maps = piece.estimate.transpose(*dims).values
    estimate = maps[seen].astype(np.float64)
    truth = piece.truth.values[seen].astype(np.float64)
    if truth.size < FEW or not truth.std() > 0:
        return
    unit = str(piece.truth.attrs.get("units", "1"))
    if not np.ptp(estimate) > 0:
        yield f"is {estimate[0]:g} everywhere: a scale_factor of 0, or a fill; write the values"
        return
    alike = float(np.corrcoef(estimate, truth)[0, 1])
    ratio = float(estimate.std() / truth.std())
    error = estimate - truth
    if ratio > UNITS or (alike > ALIKE and ratio < 1.0 / UNITS):
        yield f"varies {ratio:.3g} times as much as the truth: in another unit? write it in {unit}"
    elif alike < -ALIKE:
        yield "is the opposite of the truth: its sign is turned; turn it back"
    elif (found := _repeated(estimate, truth)) is not None:
        yield (
            f"is {found[0]:g} at {found[1]:.0%} of the points: a fill that is not declared, or "
            "parts of the file that were not written; write all values, and _FillValue"
        )
    elif 1.0 - alike**2 < TOO_NEAR:
        yield (
            "is the truth, up to a factor, an offset and rounding: no estimate is so near; say "
            "where it comes from"
        )
    elif abs(error.mean()) > max(3.0 * error.std(), 0.5 * truth.std()):
        yield (
            f"is {error.mean():+.3g} {unit} from the truth everywhere: another reference level; "
            f"take {error.mean():.3g} off"
        )
    elif len(dims) == 3:
        yield from _shifted(maps, piece.truth.values, seen, dims, float((error**2).mean()))


def _exchanged(piece: Matched) -> Iterator[str]:
    """Components of windows that fit the truth far better in another order."""
    dims = [str(dim) for dim in piece.truth.dims]
    if not {"window", "component"} <= set(dims) or piece.truth.sizes["component"] > MOST_COMPONENTS:
        return
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415  (maps need not wait for it)

    order = [*(dim for dim in dims if dim != "component"), "component"]
    size = piece.truth.sizes["component"]
    seen = (piece.weights > 0).broadcast_like(piece.truth).transpose(*order).values
    whole = seen.reshape(-1, size).all(axis=1)
    arrays = (piece.estimate, piece.truth)
    estimate, truth = (a.transpose(*order).values.reshape(-1, size)[whole] for a in arrays)
    if len(truth) < FEW or not (np.isfinite(estimate).all() and np.isfinite(truth).all()):
        return
    error = ((estimate**2).mean(0)[:, None] + (truth**2).mean(0)) - 2.0 * (
        estimate.T @ truth
    ) / len(truth)
    rows, found = linear_sum_assignment(error)
    there, at_home = float(error[rows, found].sum()), float(np.trace(error))
    fits = there < NEARER * min(at_home, float(truth.var(0).sum()))  # not only less badly
    if fits and (found != rows).any():
        names = piece.truth["component"].values
        moved = ", ".join(f"{names[j]} for {names[i]}" for i, j in enumerate(found) if i != j)
        yield (
            f"fits the truth better with components in another order, {moved} (its squared error "
            f"falls to {there / at_home:.0%}): write them in the order of the coordinate"
        )


def _repeated(estimate: FloatArray, truth: FloatArray) -> tuple[float, float] | None:
    """Value that an estimate has far more often than the truth has any, and its share."""
    step = -(-estimate.size // MOST_LOOKED_AT)
    values, counts = np.unique(estimate[::step], return_counts=True)
    usual = np.unique(truth[::step], return_counts=True)[1].max()
    most, of = counts.max(), estimate[::step].size
    if most <= max(REPEATED * of, 2 * usual):
        return None
    return float(values[counts.argmax()]), float(most / of)


def _shifted(
    estimate: FloatArray, truth: FloatArray, seen: BoolArray, dims: tuple[str, ...], at_home: float
) -> Iterator[str]:
    """Maps that fit the truth far better a step, a row or a column away, or turned over."""
    if at_home <= 1e-12 * float(np.nanmean(truth**2)):
        return
    for (dim, step), what in STEPS.items():
        there = _squared(estimate, truth, seen, dims.index(dim), step)
        if there < NEARER * at_home:
            yield (
                f"fits the truth better {what} (its squared error falls to {there / at_home:.0%}): "
                f"it is shifted; correct the coordinate '{dim}'"
            )
            return
    for dim, what in TURNED.items():
        axis = dims.index(dim)
        there = _squared(np.flip(estimate, axis), truth, seen, axis, 0)
        if there < NEARER * at_home:
            yield (
                f"fits the truth better {what} (its squared error falls to {there / at_home:.0%}): "
                f"its rows or columns are in another order than the coordinate '{dim}' says"
            )
            return


def _squared(
    estimate: FloatArray, truth: FloatArray, seen: BoolArray, axis: int, step: int
) -> float:
    """Mean squared error, where both have a value, of an estimate that stands a step further."""
    here = np.arange(max(0, -step), truth.shape[axis] - max(0, step))
    error = estimate.take(here + step, axis) - truth.take(here, axis)
    squares = error[seen.take(here, axis)].astype(np.float64) ** 2
    return float(np.nanmean(squares)) if np.isfinite(squares).any() else np.inf
