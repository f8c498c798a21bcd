"""A row of the metrics of a challenge of forecasts stands for many scores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeVar

from oceanbench.declaration import Dataset
from oceanbench.declaration.consistency import MOST_SCORES
from oceanbench.errors import OceanbenchError, did_you_mean
from oceanbench.kinds.forecasts.forecast_rows import ForecastRow, Shown
from oceanbench.kinds.forecasts.observations.rows import scores_against
from oceanbench.metrics import METRICS

Depths = Sequence[float | None]
T = TypeVar("T", str, int, float)


def expand(
    rows: Sequence[ForecastRow],
    depths: Mapping[str, Depths],
    leads: Sequence[int],
    masks: Sequence[str],
    observed: Mapping[str, Dataset] | None = None,
) -> list[ForecastRow]:
    """One row for each score: of one variable, mask, depth and lead (None for all leads pooled).

    What a row names in the singular is not repeated in the labels of its scores.

    Parameters
    ----------
    rows : as declared
    depths : of every variable; ``(None,)`` of one on the surface
    leads, masks : of the challenge
    observed : datasets of observations to score against

    Raises
    ------
    OceanbenchError
        if a row names what the challenge does not have
    """
    expanded: list[ForecastRow] = []
    for index, row in enumerate(rows):
        try:
            scores = (
                _scores(row, depths, leads, masks)
                if row.against is None
                else _scores_against(row, observed or {}, leads, masks)
            )
            found = list(islice(scores, MOST_SCORES + 1 - len(expanded)))
        except OceanbenchError as problem:
            raise OceanbenchError(f"metrics[{index}].{problem}") from problem
        if len(expanded) + len(found) > MOST_SCORES:
            return [*expanded, *found]  # too many, which the challenge refuses
        if not found:
            raise OceanbenchError(f"metrics[{index}]: no variable has depth {row.depths}; see it")
        expanded += found
    return expanded


def _scores(
    row: ForecastRow, depths: Mapping[str, Depths], leads: Sequence[int], masks: Sequence[str]
) -> Iterator[ForecastRow]:
    variables = _chosen("variable", row.variable, row.variables, list(depths))
    if row.depth_bin is not None or row.together:
        raise OceanbenchError("against: is missing; depth_bin and together are for observations")
    through, days = _through(row, masks), _days(row, leads)
    known = sorted({d for column in depths.values() for d in column if d is not None})
    levels = _chosen("depth", row.depth, row.depths, known)
    choosing = row.depth is not None or row.depths is not None
    for variable in variables:
        column = [d for d in depths[variable] if d in levels or (d is None and not choosing)]
        for depth in column:
            for mask in through:
                for lead in days:
                    words = [row.label]
                    words += [variable] if row.variable is None and len(depths) > 1 else []
                    if depth is not None and row.depth is None and len(depths[variable]) > 1:
                        words.append(f"{depth:.3g} m")
                    if row.lead is None and lead is not None and len(leads) > 1:
                        words.append(f"day {lead}")
                    words += [f"({mask})"] if len(through) > 1 else []
                    yield row.model_copy(
                        update={
                            "label": " ".join(words),
                            "variable": variable,
                            "mask": mask,
                            "depth": depth,
                            "lead": lead,
                            "shown": _is_shown(row.shown, variable, mask, depth, lead),
                        }
                    )


def _scores_against(
    row: ForecastRow, observed: Mapping[str, Dataset], leads: Sequence[int], masks: Sequence[str]
) -> Iterator[ForecastRow]:
    for score in scores_against(row, observed, _days(row, leads), _through(row, masks)):
        shown = _is_shown(row.shown, str(score.variable), str(score.mask), None, score.lead)
        yield score.model_copy(update={"shown": shown})


def _through(row: ForecastRow, masks: Sequence[str]) -> Sequence[str]:
    return _chosen("mask", row.mask, row.masks, masks) if row.mask or row.masks else masks[:1]


def _days(row: ForecastRow, leads: Sequence[int]) -> Sequence[int | None]:
    """Leads that a row chooses; None stands for all of them pooled."""
    if row.leads == "pooled" or METRICS[row.metric].summed == "leads":
        return [None]
    if row.pooled is not None:
        _chosen("lead", None, row.pooled, leads)
        return [None]
    return _chosen("lead", row.lead, row.leads, leads)


def _chosen(what: str, one: T | None, several: Sequence[T] | None, known: Sequence[T]) -> list[T]:
    """What a row names, or all there are."""
    if one is not None and several is not None:
        raise OceanbenchError(f"{what}: given beside {what}s; keep one of them")
    chosen = [one] if one is not None else list(several if several is not None else known)
    for value in chosen:
        if value not in known:
            raise OceanbenchError(
                f"{what}: unknown '{value}'; {did_you_mean(str(value), map(str, known))}"
            )
    return chosen


def _is_shown(
    shown: bool | Shown, variable: str, mask: str, depth: float | None, lead: int | None
) -> bool:
    if isinstance(shown, bool):
        return shown
    return (
        (shown.variables is None or variable in shown.variables)
        and (shown.masks is None or mask in shown.masks)
        and (shown.depths is None or depth is None or depth in shown.depths)
        and (shown.leads is None or lead is None or lead in shown.leads)
    )
