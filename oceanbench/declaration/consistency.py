"""Whether the sections of a challenge.yaml go together; every refusal names key, value and cure.

What a kind has is told by tables of it; what only one kind asks for is checked by that kind.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Literal

from oceanbench.declaration.metric_rows import MetricRow
from oceanbench.declaration.section import Dates, Period, Section
from oceanbench.declaration.sections import Dataset, Domain, SubmissionRules
from oceanbench.errors import did_you_mean
from oceanbench.metrics import METRICS
from oceanbench.metrics.metric import Metric

LEARNED: tuple[Literal["training", "validation"], ...] = ("training", "validation")  # by methods
HIDDEN = ("truth", "observed_truth", "posterior")  # roles that no method ever receives
NO_INPUTS = (*HIDDEN, "target")  # that it is not given as inputs
MOST_SCORES = 20_000
MOST_NODES = 2**30  # of the maps that a method fills
RULES = ("variables", "units", "aliases", "valid_range", "missing", "min_coverage")  # of all kinds
BEFORE_OR_AFTER = "end it before or begin it after, or scores mean nothing"


def check_datasets(
    datasets: Mapping[str, Dataset],
    kind: str,
    *,
    roles: Collection[str],
    layouts: Collection[str],
    truth_layouts: Sequence[str],
) -> None:
    """Refuse roles that the kind does not have, and a truth that is missing or shown to methods.

    Parameters
    ----------
    datasets : by name
    kind : of the challenge
    roles, layouts : that its datasets may have
    truth_layouts : of which its truth has to have one
    """
    for name, dataset in datasets.items():
        for key, found, known in (
            ("role", dataset.role, roles),
            ("layout", dataset.layout, layouts),
        ):
            if found not in known:
                raise ValueError(
                    f"datasets.{name}.{key}: kind '{kind}' has no '{found}'; "
                    f"{did_you_mean(found, known)}"
                )
    truths = [n for n, d in datasets.items() if d.role == "truth"]
    if len(truths) != 1:
        raise ValueError(
            f"datasets: {len(truths)} have role 'truth' ({', '.join(truths) or 'none'}), "
            "expected exactly one"
        )
    found = datasets[truths[0]].layout
    if found not in truth_layouts:
        needed = " or ".join(f"'{layout}'" for layout in truth_layouts)
        raise ValueError(f"datasets.{truths[0]}: layout is '{found}', kind '{kind}' needs {needed}")
    _check_target(datasets, truths[0])
    hidden = {d.path for d in datasets.values() if d.role in HIDDEN}
    for name, dataset in datasets.items():
        given = dataset.role in ("observations", "auxiliary", "target")
        given = (given and not dataset.of_delivery) or dataset.role == "first_guess"
        if given and dataset.path in hidden:
            raise ValueError(
                f"datasets.{name}.path: {dataset.path} is the truth's; methods would read it"
            )
        if dataset.daily_mean and dataset.layout != "grid":
            raise ValueError(f"datasets.{name}.daily_mean: is for layout 'grid'; remove it")
        if not dataset.is_observed_truth and dataset.of_observed_truth:
            key = dataset.of_observed_truth[0]
            raise ValueError(f"datasets.{name}.{key}: is for role 'observed_truth'; remove it")
        if dataset.of_delivery and "first_guess" not in roles:
            key = dataset.of_delivery[0]
            raise ValueError(f"datasets.{name}.{key}: kind '{kind}' does not read it; remove it")
        _check_uses(name, datasets)


def _check_uses(name: str, datasets: Mapping[str, Dataset]) -> None:
    """Refuse a first guess that was made of what there is not, or of what no method may see."""
    for used in datasets[name].uses:
        if used not in datasets:
            hint = did_you_mean(used, datasets)
            raise ValueError(f"datasets.{name}.uses: unknown '{used}'; {hint}")
        if used == name or datasets[used].role in HIDDEN:
            what = "itself" if used == name else "what it is scored with"
            raise ValueError(
                f"datasets.{name}.uses: '{used}' is {what}; name the inputs that it was made of"
            )


def _check_target(datasets: Mapping[str, Dataset], truth: str) -> None:
    """Refuse a target that is not of the truth's variables and layout."""
    targets = [name for name, dataset in datasets.items() if dataset.role == "target"]
    if len(targets) > 1:
        raise ValueError(f"datasets: {' and '.join(targets)} have role 'target'; keep one")
    for name in targets:
        if datasets[name].layout != datasets[truth].layout:
            raise ValueError(
                f"datasets.{name}: layout is '{datasets[name].layout}', and that of '{truth}' is "
                f"'{datasets[truth].layout}'; a target is at the truth's places"
            )
        if set(datasets[name].variables) != set(datasets[truth].variables):
            raise ValueError(
                f"datasets.{name}.variables: {list(datasets[name].variables)}, expected the "
                f"truth's {list(datasets[truth].variables)}"
            )


def check_periods(
    periods: Mapping[Period, Dates], domain: Domain | None, datasets: Mapping[str, Dataset]
) -> None:
    """Refuse periods that are empty, and those that methods learn from where they must not."""
    for name, (start, end) in periods.items():
        if start > end:
            raise ValueError(f"periods.{name}: {start}..{end} is empty; write [first, last]")
    if domain is None:
        return
    for dataset_name, dataset in datasets.items():
        if dataset.role in LEARNED and dataset.role not in periods:
            raise ValueError(
                f"datasets.{dataset_name}: role '{dataset.role}' needs periods.{dataset.role}"
            )
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


def check_rules(submission: SubmissionRules, kind: str, keys: Collection[str]) -> None:
    """Refuse rules of a submission that the kind would not keep.

    Parameters
    ----------
    submission : its rules
    kind : of the challenge
    keys : rules that it keeps beside :data:`RULES`; ``fill`` if it can fill holes
    """
    sections: dict[str, Section | None] = {
        "submission": submission,
        "submission.grid": submission.grid,
        **{f"submission.variables.{n}": rules for n, rules in submission.variables.items()},
    }
    for where, section in sections.items():
        for key, field in type(section).model_fields.items() if section is not None else ():
            if key not in (*RULES, *keys) and getattr(section, key) != field.default:
                raise ValueError(f"{where}.{key}: kind '{kind}' has no such rule; remove it")
    if submission.missing == "fill" and "fill" not in keys:
        raise ValueError(
            f"submission.missing: kind '{kind}' cannot 'fill' holes; write refuse or drop"
        )


def check_submission(
    submission: SubmissionRules, truth: Dataset, domain: Domain | None = None
) -> None:
    """Refuse variables of no truth, and a grid finer than anyone could fill."""
    if submission.grid is not None and domain is not None:
        west, east = domain.west_east
        sides = (east - west, domain.latitude[1] - domain.latitude[0])
        days = (domain.time[1] - domain.time[0]).days + 1 + submission.grid.days_after
        nodes = days * math.prod(side / submission.grid.step_degrees + 1 for side in sides)
        if nodes > MOST_NODES:
            raise ValueError(
                f"submission.grid: has {nodes:.3g} nodes, more than {MOST_NODES}; make it coarser"
            )
    if set(submission.variables) != set(truth.variables):
        raise ValueError(
            f"submission.variables: {list(submission.variables)} and the truth's "
            f"{list(truth.variables)} differ; name the same variables in both"
        )


def check_row(
    row: MetricRow,
    kind: str,
    *,
    truth_layout: str,
    dated: bool,
    variables: Sequence[str],
    masks: Collection[str],
) -> None:
    """Refuse a metric that the kind does not have, or that looks at what there is not.

    Parameters
    ----------
    row : of the metrics
    kind : of the challenge
    truth_layout : of the kind
    dated : whether what it scores has dates
    variables, masks : names
    """
    of_one = "variables" not in type(row).model_fields  # else it stands for a score of each
    if row.variable is None and len(variables) > 1 and of_one:
        raise ValueError(f"variable: is missing; say which, one of {list(variables)}")
    for key, named, among in (
        ("variable", row.variable, variables),
        ("mask", row.mask, masks),
    ):
        if named is not None and named not in among:
            raise ValueError(f"{key}: unknown '{named}'; {did_you_mean(named, among)}")
    metric = METRICS[row.metric]
    with_leads = ("leads",) if "leads" in type(row).model_fields else ()
    if metric.needs not in ("any", truth_layout, *with_leads):
        raise ValueError(f"metric: '{row.metric}' needs a {metric.needs}, kind is '{kind}'")
    if metric.daily and not dated:
        raise ValueError(f"metric: '{row.metric}' goes over days, {kind} have no dates")


def check_labels(labels: Sequence[str], what: str) -> None:
    """Refuse a label that is given twice."""
    seen: set[str] = set()
    for label in labels:
        if label in seen:
            raise ValueError(f"{what} '{label}' is given twice; labels are unique")
        seen.add(label)


def check_ranking(label: str, metric: Metric) -> None:
    """Refuse to rank by a score by which nobody is better, or that can be improved at will."""
    if metric.better is None:
        raise ValueError(f"rank_by: '{label}' has no better or worse; rank by another")
    if metric.of_draws:
        raise ValueError(
            f"rank_by: '{label}' is not proper: it trusts that members are independent draws; rank "
            "by the score without 'fair_'"
        )


def check_scores(rows: Sequence[MetricRow]) -> None:
    """Refuse more scores than a board could hold."""
    if len(rows) > MOST_SCORES:
        raise ValueError(f"metrics: stand for more than {MOST_SCORES} scores; list fewer")
