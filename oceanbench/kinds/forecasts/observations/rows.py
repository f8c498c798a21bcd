"""Rows of metrics against observations, and what a challenge must say of these."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from oceanbench.data.expressions import parse_sum
from oceanbench.declaration import Dataset
from oceanbench.errors import OceanbenchError, did_you_mean
from oceanbench.kinds.forecasts.forecast_rows import ForecastRow
from oceanbench.kinds.forecasts.observations.datasets import anomaly_problem

Bin = tuple[float, float]
ANOMALIES = ("sla", "ssha")  # how names of heights above the mean sea level begin


def check_observed(
    datasets: Mapping[str, Dataset], depths: Mapping[str, Sequence[float | None]]
) -> None:
    """Refuse observations that cannot be scored against.

    Parameters
    ----------
    datasets : of the challenge
    depths : of every variable of a submission; ``(None,)`` of one on the surface
    """
    for name, dataset in datasets.items():
        where = f"datasets.{name}"
        if not dataset.is_observed_truth:
            continue
        for variable in dataset.variables:
            if variable not in depths:
                hint = did_you_mean(variable, depths)
                raise ValueError(f"{where}.variables: no forecast of '{variable}'; {hint}")
        if not 0.0 < dataset.hours[1] - dataset.hours[0] <= 24.0:
            raise ValueError(
                f"{where}.hours: {list(dataset.hours)} is no part of a day, expected [first, last] "
                "at most 24 hours apart, such as [0, 24], or [-12, 12] of fields at 00:00"
            )
        _check_bins(dataset, where, depths)
        _check_mean(datasets, dataset, where)


def _check_bins(dataset: Dataset, where: str, depths: Mapping[str, Sequence[float | None]]) -> None:
    bins = dataset.depth_bins
    edges = [edge for one in bins for edge in one]
    if edges != sorted(edges) or any(top >= bottom for top, bottom in bins):
        raise ValueError(
            f"{where}.depth_bins: {[list(b) for b in bins]} do not increase; write them from the "
            "surface down, such as [[0, 5], [5, 100]]"
        )
    if bins and dataset.depth is not None:
        raise ValueError(f"{where}.depth: one depth needs no depth_bins; keep one of the two keys")
    surface = [v for v in dataset.variables if tuple(depths[v]) == (None,)]
    if surface and (len(bins) > 1 or dataset.depth is not None):
        key = "depth_bins" if bins else "depth"
        raise ValueError(
            f"{where}.{key}: forecasts of '{surface[0]}' are of the surface alone; give one bin, "
            "such as [[0, 5]], whose observations are taken for those of the surface"
        )


def _check_mean(datasets: Mapping[str, Dataset], dataset: Dataset, where: str) -> None:
    """Refuse heights without their mean surface, or with it and no word on the datum."""
    if dataset.mdt is None and dataset.datum is None:
        for variable, expression in dataset.variables.items():
            terms = [name for _, name in parse_sum(expression)]
            anomaly = terms[0].startswith(ANOMALIES) and not variable.startswith(ANOMALIES)
            if anomaly and not any("mdt" in name for name in terms):
                raise ValueError(anomaly_problem(where, expression, variable))
        return
    if len(dataset.variables) > 1:
        raise ValueError(f"{where}: mdt and datum are of one variable; declare the others apart")
    if dataset.datum is None:
        raise ValueError(
            f"{where}.datum: is missing beside mdt; write how many metres are added to "
            "forecast - mdt, 0.0 where both have the same level"
        )
    if dataset.mdt is None:
        return
    (variable,) = dataset.variables
    if any("mdt" in name for _, name in parse_sum(dataset.variables[variable])):
        raise ValueError(f"{where}.mdt: is in variables.{variable} too; keep one of the two")
    field = datasets.get(dataset.mdt)
    if field is None or field.role != "auxiliary" or list(field.variables) != ["mdt"]:
        raise ValueError(
            f"{where}.mdt: '{dataset.mdt}' is no dataset with role: auxiliary, layout: static and "
            "variables: {mdt: …}; declare it, on the nodes of the truth"
        )


def scores_against(
    row: ForecastRow,
    observed: Mapping[str, Dataset],
    leads: Sequence[int | None],
    masks: Sequence[str],
) -> Iterator[ForecastRow]:
    """One row for each score against observations: of one variable, bin, mask and lead.

    Parameters
    ----------
    row : as declared
    observed : datasets of role ``observed_truth``
    leads, masks : that the row has chosen; the lead None is all leads pooled

    Raises
    ------
    OceanbenchError
        if the row names what no such dataset has
    """
    names = [row.against] if isinstance(row.against, str) else list(row.against or ())
    for name in names:
        if name not in observed:
            raise OceanbenchError(
                f"against: no dataset '{name}' of role 'observed_truth'; "
                f"{did_you_mean(name, observed)}"
            )
    if row.depth is not None or row.depths is not None:
        raise OceanbenchError("depth: observations have depth bins; write depth_bin, or remove it")
    for group in [names] if row.together else [[name] for name in names]:
        declared = [observed[name] for name in group]
        variables, bins = _variables(row, declared), _bins(row, declared)
        for variable, depth_bin, mask, lead in product(variables, bins, masks, leads):
            words = [row.label]
            words += [] if row.together or isinstance(row.against, str) else group
            words += [variable] if row.variable is None and len(variables) > 1 else []
            words += [in_words(depth_bin)] if depth_bin and len(bins) > 1 else []
            words += [f"day {lead}"] if row.lead is None and lead is not None else []
            words += [f"({mask})"] if len(masks) > 1 else []
            yield row.model_copy(
                update={
                    "label": " ".join(words),
                    "against": group,
                    "variable": variable,
                    "depth_bin": depth_bin,
                    "mask": mask,
                    "lead": lead,
                }
            )


def in_words(depth_bin: Bin) -> str:
    """Bounds of a depth bin.

    >>> in_words((0.0, 5.0))
    '0-5 m'
    """
    return f"{depth_bin[0]:g}-{depth_bin[1]:g} m"


def _variables(row: ForecastRow, group: Sequence[Dataset]) -> list[str]:
    """Variables that a row chooses of those that all datasets of a group observe."""
    common = [v for v in group[0].variables if all(v in dataset.variables for dataset in group)]
    chosen = [row.variable] if row.variable is not None else row.variables
    found = [v for v in common if chosen is None or v in chosen]
    if not found:
        raise OceanbenchError(
            f"against: {row.against} observe{'s' if len(group) == 1 else ''} "
            f"{', '.join(common) or 'nothing in common'}, not {', '.join(map(str, chosen or ()))}; "
            "choose others"
        )
    return found


def _bins(row: ForecastRow, group: Sequence[Dataset]) -> Sequence[Bin | None]:
    bins = group[0].depth_bins
    if any(dataset.depth_bins != bins for dataset in group):
        raise OceanbenchError(f"together: {row.against} have other depth_bins; give them the same")
    if row.depth_bin is None:
        return bins or (None,)
    if row.depth_bin not in bins:
        raise OceanbenchError(
            f"depth_bin: {list(row.depth_bin)} is none of {[list(b) for b in bins]}; choose one"
        )
    return [row.depth_bin]
