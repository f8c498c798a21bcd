"""Forecasts from observations: what a challenge must say of deliveries, and what was known when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import xarray as xr

from oceanbench.arrays import TimeArray
from oceanbench.declaration import Dataset, Declaration
from oceanbench.errors import OceanbenchError
from oceanbench.kinds.forecasts.schedule import ForecastKeys, keys, schedule_of

LEARNED_FROM = ("training", "validation")  # roles whose dates are not those of the starts
DELIVERED = ("observations", "first_guess")  # roles whose values are known later than they are of
APART = 3.0  # decorrelation times between what is learned from and what is scored
ONLY_OBSERVATIONS = "is for 'inputs: observations'; remove it"


def known_at(dataset: xr.Dataset, start: np.datetime64) -> xr.Dataset:
    """Dataset as it is known at a start.

    Observations count as known when they were delivered, first guesses when they were issued, and
    all others at their own time; what is learned from has other dates, and is known as a whole.

    Raises
    ------
    OceanbenchError
        if observations or first guesses have no dates
    """
    if dataset.attrs.get("role") in LEARNED_FROM:
        return dataset
    dated = [d for d in ("start", "time") if d in dataset.dims and dataset[d].dtype.kind == "M"]
    if not dated and dataset.attrs.get("role") in DELIVERED:
        raise OceanbenchError(
            f"dataset '{dataset.attrs.get('name', '')}': its times are no dates, so that nobody "
            "knows when it was delivered; write them as dates"
        )
    for dim in dated:
        dataset = dataset.isel({dim: _delivered(dataset, dim) <= start})
    return dataset


def _delivered(dataset: xr.Dataset, dim: str) -> TimeArray:
    """When each was known."""
    for name in ("available", "issued"):
        if name in dataset.coords and dataset[name].dims == (dim,):
            return np.asarray(dataset[name].values)
    latency = round(float(dataset.attrs.get("latency_days", 0.0)) * 86_400_000)
    return np.asarray(dataset[dim].values + np.timedelta64(latency, "ms"))


def check_dates(dataset: xr.Dataset, name: str) -> None:
    """Refuse observations that were delivered before they were made, and first guesses that knew.

    Parameters
    ----------
    dataset : with the coordinates of its deliveries
    name : of it, for messages

    Raises
    ------
    OceanbenchError
        with the first date that cannot be
    """
    for before, after, what, cure in (
        ("time", "available", "was available before it was made", "correct the delivery times"),
        ("newest", "issued", "was issued before its newest observation was made", "correct them"),
    ):
        if before not in dataset.coords or after not in dataset.coords:
            continue
        wrong = dataset[after].values < dataset[before].values
        if wrong.any():
            first, second = (str(dataset[n].values[wrong][0])[:19] for n in (after, before))
            raise OceanbenchError(
                f"dataset '{name}': what {what} ({first}, and {second}) knows the future; {cure}"
            )


def check_delivery(declaration: Declaration) -> None:
    """Refuse deliveries that are not said, or that only forecasts from observations have."""
    own, datasets = keys(declaration), declaration.datasets
    if own.inputs == "analyses":
        _refuse_all(own, datasets)
        return
    if not any(dataset.role == "observations" for dataset in datasets.values()):
        raise ValueError("inputs: 'observations', and no dataset has role 'observations'; add one")
    for name, dataset in datasets.items():
        _check_dataset(name, dataset)
        if dataset.role == "initial" and dataset.path == declaration.truth.path:
            raise ValueError(
                f"datasets.{name}.path: {dataset.path} is the truth's, of which methods would see "
                "every start; give nowcasts of the observations"
            )
    _check_observed(own, datasets)
    _check_damping(own, [dataset.role for dataset in datasets.values()])
    if own.decorrelation_days is None:
        raise ValueError(
            "decorrelation_days: is missing; say in how many days an anomaly loses all but 1/e: "
            f"periods that are learned from end {APART:g} times as long before what is scored"
        )
    _check_periods(declaration, own.decorrelation_days)


def _refuse_all(own: ForecastKeys, datasets: Mapping[str, Dataset]) -> None:
    if 0 in own.leads:
        raise ValueError("leads: 0 is the analysis itself, which is given; begin with 1")
    for key in ("damping", "decorrelation_days", "centred_rmse"):
        if getattr(own, key):
            raise ValueError(f"{key}: {ONLY_OBSERVATIONS}")
    for name, dataset in datasets.items():
        if dataset.role == "first_guess":
            raise ValueError(f"datasets.{name}.role: 'first_guess' {ONLY_OBSERVATIONS}")
        if dataset.of_delivery:
            raise ValueError(f"datasets.{name}.{dataset.of_delivery[0]}: {ONLY_OBSERVATIONS}")


def _check_dataset(name: str, dataset: Dataset) -> None:
    where, given = f"datasets.{name}", set(dataset.of_delivery)
    if dataset.role == "observations":
        if (dataset.latency_days is None) == (dataset.available is None):
            raise ValueError(
                f"{where}: says {'both' if dataset.available else 'neither'} latency_days and "
                "available, expected one: when an observation is there to be used"
            )
        given -= {"latency_days", "available"}
    elif dataset.role == "first_guess":
        if dataset.issued is None or dataset.level is None:
            raise ValueError(f"{where}: issued and level are missing; say when it was known")
        given -= {"issued", "newest", "level", "validation_rmse", "uses"}
    if given:
        raise ValueError(f"{where}.{min(given)}: role '{dataset.role}' has none; remove it")


def _check_observed(own: ForecastKeys, datasets: Mapping[str, Dataset]) -> None:
    """Refuse a truth that a method was given: what was observed about the start and delivered."""
    for name, dataset in datasets.items():
        if not dataset.is_observed_truth:
            continue
        for other, given in datasets.items():
            if given.role != "observations" or given.path != dataset.path:
                continue
            first = 24.0 * own.leads[0] + dataset.hours[0]
            if given.latency_days is None or 24.0 * given.latency_days + first <= 0.0:
                raise ValueError(
                    f"datasets.{name}: observations of '{other}' that may have been delivered by "
                    "the start are its truth; give latency_days that reaches beyond hours, or "
                    "leave it out"
                )


def _check_damping(own: ForecastKeys, roles: Sequence[str]) -> None:
    if not own.damping:
        return
    if len(own.damping) != len(own.leads):
        raise ValueError(
            f"damping: {len(own.damping)} factors and {len(own.leads)} leads; give one for each"
        )
    if not {"initial", "climatology"} <= set(roles):
        raise ValueError(
            "damping: is of the anomaly of the nowcast; add datasets of role 'initial' and "
            "'climatology'"
        )


def _check_periods(declaration: Declaration, decorrelation_days: float) -> None:
    """Refuse periods that remember the days that are scored."""
    schedule = schedule_of(declaration)
    scored = (schedule.starts[0] + schedule.leads[0], schedule.starts[-1] + schedule.leads[-1])
    gap = int(np.ceil(APART * decorrelation_days))
    for name in LEARNED_FROM:
        if name not in declaration.periods:
            continue
        first, last = (_day(day) for day in declaration.periods[name])
        if last + gap > scored[0] and first - gap < scored[1]:
            raise ValueError(
                f"periods.{name}: {first}..{last} is less than {gap} days, {APART:g} decorrelation "
                f"times, from what is scored, {scored[0]}..{scored[1]}; move it away"
            )


def _day(day: date) -> np.datetime64:
    return np.datetime64(day, "D")
