"""What a challenge of forecasts must say, and what goes without saying."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from oceanbench.declaration import BoxMask, Dataset, Declaration, Domain, Starts
from oceanbench.errors import did_you_mean
from oceanbench.kinds.forecasts.forecast_rows import ForecastRow
from oceanbench.metrics import METRICS

ROLES = ("initial", "climatology", "mask")  # that only forecasts have
REFERENCES = {"persistence": "initial", "climatology": "climatology"}  # role of the dataset of each
DAMPED = "damped_persistence"  # a reference made of both, where factors are declared


def defaults(content: dict[str, Any]) -> dict[str, Any]:
    """Content of a challenge.yaml with masks weighed by area, and a skill against each reference.

    The skill is that of every variable, depth and lead, and against all observations; it is not
    shown on the leaderboard unless the challenge declares it itself.
    """
    masks, metrics = content.get("masks", {"domain": {}}), content.get("metrics")
    if isinstance(masks, dict):
        masks = {
            name: {"weights": "cos_latitude", **mask} if isinstance(mask, dict) else mask
            for name, mask in masks.items()
        }
    if isinstance(metrics, list):
        for name in (name for name, metric in METRICS.items() if metric.of_references):
            damped = bool(content.get("damping"))
            metrics = [
                *metrics,
                *_against_references(name, metrics, content.get("datasets"), damped),
            ]
        metrics = _against_truth(metrics, content.get("datasets"))
    return {**content, "masks": masks, "metrics": metrics}


def _against_truth(rows: Sequence[Any], datasets: Any) -> list[Any]:
    """Rows, against the truth where that is of points and they say nothing else."""
    known = datasets.items() if isinstance(datasets, dict) else ()
    of_points = {"role": "truth", "layout": "points"}
    for name, dataset in known:
        if isinstance(dataset, dict) and of_points.items() <= dataset.items():
            silent = [isinstance(row, dict) and row.get("against") is None for row in rows]
            pairs = zip(rows, silent, strict=True)
            return [{**row, "against": name} if alone else row for row, alone in pairs]
    return list(rows)


def _against_references(
    metric: str, rows: Sequence[Any], datasets: Any, damped: bool
) -> list[dict[str, Any]]:
    """Rows of a metric relative to each reference of a challenge that has no such row."""
    known = [
        (row.get("relative_to"), "against" in row)
        for row in rows
        if isinstance(row, dict) and row.get("metric") == metric
    ]
    declared = datasets if isinstance(datasets, dict) else {}
    roles = {n: d.get("role") for n, d in declared.items() if isinstance(d, dict)}
    observed = [name for name, role in roles.items() if role == "observed_truth"]
    found: list[dict[str, Any]] = []
    references = REFERENCES | ({DAMPED: REFERENCES["persistence"]} if damped else {})
    for name, role in references.items():
        row = {"metric": metric, "relative_to": name, "shown": False}
        if role in roles.values() and (name, False) not in known:
            found.append({**row, "label": f"{metric} / {name}"})
        if role in roles.values() and observed and (name, True) not in known:
            found.append({**row, "label": f"{metric} / {name} at", "against": observed})
    return found


def check_schedule(
    starts: Starts | None, leads: Sequence[int], depths: Sequence[float], domain: Domain | None
) -> None:
    """Refuse starts, leads and depths that are missing, unsorted, or not inside the domain."""
    if starts is None or not leads:
        raise ValueError("starts and leads are missing; kind 'forecasts' needs both")
    for name, values in (("leads", leads), ("depths", depths)):
        if sorted(set(values)) != list(values):
            raise ValueError(f"{name}: {list(values)} do not increase; sort them, each once")
    if domain is None:
        return
    valid = (starts.days[0] + leads[0], starts.days[-1] + leads[-1])
    first, last = (np.datetime64(day, "D") for day in domain.time)
    if valid[0] < first or valid[1] > last:
        raise ValueError(
            f"domain.time: {first}..{last} does not hold all valid days, {valid[0]}..{valid[1]}; "
            "widen it, or change starts and leads"
        )


def check_roles(datasets: Mapping[str, Dataset], variables: Collection[str]) -> None:
    """Refuse two datasets of a role that only one can have, and means of what has one map a day.

    References have all variables of a submission, as each has its skill against them.
    """
    roles = [dataset.role for dataset in datasets.values()]
    for role in ROLES:
        if roles.count(role) > 1:
            raise ValueError(f"datasets: more than one has role '{role}'; keep one")
    for name, dataset in datasets.items():
        lost = [v for v in variables if v not in dataset.variables]
        if lost and dataset.role in REFERENCES.values():
            raise ValueError(
                f"datasets.{name}.variables: no '{lost[0]}', of which forecasts are compared with "
                "it; add it"
            )
        if dataset.daily_mean and dataset.role in ("truth", *ROLES):
            raise ValueError(
                f"datasets.{name}.daily_mean: forecasts are compared with one map a day; write "
                "daily means to the files, and remove it"
            )


def check_observed_truth(declaration: Declaration) -> None:
    """Refuse what asks for maps of a truth that is of points, which has no nodes either."""
    if not declaration.truth.is_observed_truth:
        return
    name = declaration.truth_name
    if declaration.submission.grid is None:
        raise ValueError(
            f"submission.grid: is missing, and the truth, '{name}', has no nodes; add for example "
            "grid: {step_degrees: 0.25}"
        )
    if declaration.target_name is not None:
        raise ValueError(
            f"datasets.{declaration.target_name}: is for a truth of maps, and '{name}' is of "
            "points; remove it"
        )


def check_masks(masks: Mapping[str, BoxMask]) -> None:
    """Refuse masks of dates."""
    for name, mask in masks.items():
        if mask.time is not None:
            raise ValueError(f"masks.{name}.time: starts are what is chosen; remove it")


def check_row(
    row: ForecastRow, roles: Collection[str], variables: Collection[str], *, damped: bool = False
) -> None:
    """Refuse a metric that forecasts cannot have, or that lacks what it departs from."""
    metric = METRICS[row.metric]
    if row.plus is not None and row.plus not in variables:
        raise ValueError(f"plus: unknown '{row.plus}'; {did_you_mean(row.plus, variables)}")
    if metric.summed is None or metric.daily:
        raise ValueError(f"metric: '{row.metric}' is no sum over a field; it is not for forecasts")
    if row.against is not None and metric.needs == "grid":
        raise ValueError(
            f"metric: '{row.metric}' is of maps, and '{row.against}' is of points; "
            "choose another, or leave against out where the truth is of maps"
        )
    if row.plus is not None and not (metric.additive and row.variable not in (None, row.plus)):
        energies = ", ".join(name for name, known in METRICS.items() if known.additive)
        raise ValueError(
            f"plus: {row.plus} is added to one other variable, for scores of energy ({energies}); "
            "write variable and another plus, or leave it out"
        )
    if metric.summed == "leads" and (row.lead is not None or row.leads or row.pooled):
        raise ValueError(f"leads: '{row.metric}' is of all leads; leave them out")
    if row.pooled is not None and (row.lead is not None or row.leads is not None):
        raise ValueError("pooled: are the leads of one score; leave leads and lead out")
    if row.relative_to == DAMPED:
        if not damped:
            raise ValueError(f"relative_to: {DAMPED} needs the key damping, a factor for each lead")
    elif row.relative_to is not None and REFERENCES[row.relative_to] not in roles:
        raise ValueError(
            f"relative_to: {row.relative_to} needs a dataset with role "
            f"'{REFERENCES[row.relative_to]}'; add it"
        )
    departs = metric.of_anomalies or metric.summed == "leads"
    if departs and row.relative_to is None:
        raise ValueError(f"metric: '{row.metric}' is of anomalies; add relative_to: climatology")
