"""Whether the sections of a challenge.yaml go together; every refusal names key, value and cure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal

from oceanbench.declaration import Dataset, Dates, Domain, Mask, MetricRow, Period, SubmissionRules
from oceanbench.errors import did_you_mean
from oceanbench.kinds.forecasts import rules
from oceanbench.metrics import METRICS

LAYOUTS = {  # of the truth, by kind
    "maps": "grid",
    "tracks": "track",
    "windows": "windows",
    "forecasts": "grid",
}
LEARNED: tuple[Literal["training", "validation"], ...] = ("training", "validation")  # by methods
BEFORE_OR_AFTER = "end it before or begin it after, or scores mean nothing"


def check_datasets(datasets: Mapping[str, Dataset], kind: str, periods: Collection[str]) -> None:
    """Refuse roles that the kind does not have, and a truth that is missing or shown to methods.

    Parameters
    ----------
    datasets : by name
    kind : of the challenge
    periods : names of those that it declares
    """
    truths = [n for n, d in datasets.items() if d.role == "truth"]
    if len(truths) != 1:
        raise ValueError(
            f"datasets: {len(truths)} have role 'truth' ({', '.join(truths) or 'none'}), "
            "expected exactly one"
        )
    found, needed = datasets[truths[0]].layout, LAYOUTS[kind]
    if found != needed:
        raise ValueError(
            f"datasets.{truths[0]}: layout is '{found}', kind '{kind}' needs '{needed}'"
        )
    hidden = {d.path for d in datasets.values() if d.role in ("truth", "observed_truth")}
    for name, dataset in datasets.items():
        if dataset.role in (*rules.ROLES, "observed_truth") and kind != "forecasts":
            raise ValueError(f"datasets.{name}: role '{dataset.role}' is for kind 'forecasts'")
        if dataset.role in LEARNED and kind != "windows" and dataset.role not in periods:
            raise ValueError(f"datasets.{name}: role '{dataset.role}' needs periods.{dataset.role}")
        if dataset.role in ("observations", "auxiliary") and dataset.path in hidden:
            raise ValueError(
                f"datasets.{name}.path: {dataset.path} is the truth's; methods would read it"
            )


def check_periods(periods: Mapping[Period, Dates], domain: Domain | None) -> None:
    """Refuse periods that are empty, and those that methods learn from where they must not."""
    for name, (start, end) in periods.items():
        if start > end:
            raise ValueError(f"periods.{name}: {start}..{end} is empty; write [first, last]")
    if domain is None:
        return
    training, validation = (periods.get(name) for name in LEARNED)
    for name, found, what, other, cure in (
        ("training", training, "forbidden", periods.get("forbidden"), "shorten it"),
        ("validation", validation, "forbidden", periods.get("forbidden"), "shorten it"),
        ("validation", validation, "training", training, "keep them apart"),
        ("training", training, "evaluation", domain.time, BEFORE_OR_AFTER),
        ("validation", validation, "evaluation", domain.time, BEFORE_OR_AFTER),
    ):
        if found and other and found[0] <= other[1] and other[0] <= found[1]:
            raise ValueError(
                f"periods.{name}: {found[0]}..{found[1]} touches the {what} period "
                f"{other[0]}..{other[1]}; {cure}"
            )


def check_masks(
    masks: Mapping[str, Mask], kind: str, samplings: Sequence[str], observations: Sequence[str]
) -> None:
    """Refuse masks that the kind does not have, or that look at what there is not.

    Parameters
    ----------
    masks : by name
    kind : of the challenge
    samplings : that it declares
    observations : names of the datasets with that role
    """
    for name, mask in masks.items():
        wrong = mask.of_places if kind == "windows" else mask.of_windows
        if wrong:
            raise ValueError(f"masks.{name}.{wrong[0]}: kind '{kind}' has no such part")
        if kind == "forecasts" and mask.time is not None:
            raise ValueError(f"masks.{name}.time: starts are what is chosen; remove it")
        if mask.sampling is not None and mask.sampling not in samplings:
            hint = did_you_mean(mask.sampling, samplings)
            raise ValueError(f"masks.{name}.sampling: unknown '{mask.sampling}'; {hint}")
        for chosen in (mask.observed_in, mask.unobserved_in):
            if chosen is not None and chosen not in observations:
                hint = did_you_mean(chosen, observations)
                raise ValueError(f"masks.{name}: no observations '{chosen}'; {hint}")


def check_submission(submission: SubmissionRules, kind: str, truth: Dataset) -> None:
    """Refuse rules for submissions that the kind does not have, or variables of no truth."""
    if kind != "maps" and submission.missing == "fill":
        raise ValueError("submission.missing: 'fill' is for maps; write refuse or drop")
    if kind == "forecasts" and submission.regrid != "refuse":
        raise ValueError("submission.regrid: forecasts stay on the truth's grid; remove it")
    if set(submission.variables) != set(truth.variables):
        raise ValueError(
            f"submission.variables: {list(submission.variables)} and the truth's "
            f"{list(truth.variables)} differ; name the same variables in both"
        )


def check_row(
    row: MetricRow,
    kind: str,
    *,
    submitted: Sequence[str],
    derived: Collection[str],
    masks: Collection[str],
    roles: Collection[str],
) -> None:
    """Refuse a metric that the kind does not have, or that looks at what there is not.

    Parameters
    ----------
    row : of the metrics
    kind : of the challenge
    submitted, derived : names of variables
    masks : their names
    roles : of the datasets
    """
    if row.variable is None and len(submitted) > 1 and kind != "forecasts":
        raise ValueError(f"variable: is missing; say which, one of {list(submitted)}")
    known = [*submitted, *derived]
    for key, named, among in (
        ("variable", row.variable, known),
        ("plus", row.plus, known),
        ("mask", row.mask, masks),
    ):
        if named is not None and named not in among:
            raise ValueError(f"{key}: unknown '{named}'; {did_you_mean(named, among)}")
    metric = METRICS[row.metric]
    if metric.needs not in ("any", LAYOUTS[kind]):
        raise ValueError(f"metric: '{row.metric}' needs a {metric.needs}, kind is '{kind}'")
    if metric.daily and kind == "windows":
        raise ValueError(f"metric: '{row.metric}' goes over days, windows have no dates")
    if kind == "forecasts":
        rules.check_row(row, roles)
    elif row.of_forecasts:
        raise ValueError(f"{row.of_forecasts[0]}: is for kind 'forecasts', kind is '{kind}'")


def check_labels(labels: Sequence[str], what: str) -> None:
    """Refuse a label that is given twice."""
    for label in labels:
        if labels.count(label) > 1:
            raise ValueError(f"{what} '{label}' is given twice; labels are unique")
