"""Kind ``forecasts``: several variables from many starts at many leads, compared with maps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from oceanbench.declaration import BoxMask, Declaration, MetricRow
from oceanbench.kinds import gridded
from oceanbench.kinds.forecasts import rules
from oceanbench.kinds.forecasts.derivation import check_derived
from oceanbench.kinds.forecasts.examination import examined, first_starts
from oceanbench.kinds.forecasts.forecast_rows import ForecastRow, masks_of, rows_of
from oceanbench.kinds.forecasts.observations.rows import check_observed
from oceanbench.kinds.forecasts.opening import open_dataset, target
from oceanbench.kinds.forecasts.schedule import (
    ForecastKeys,
    columns_of,
    has_maps,
    keys,
    observed_in,
    schedule_of,
    unit_of,
)
from oceanbench.kinds.forecasts.score_rows import expand
from oceanbench.kinds.forecasts.scoring.scores import evaluated, validated
from oceanbench.kinds.forecasts.starts.delivery import check_delivery
from oceanbench.kinds.forecasts.starts.driving import each_start
from oceanbench.kinds.forecasts.submission import read
from oceanbench.kinds.kind import Cases, Kind, Resources, Submitted
from oceanbench.metrics.probabilistic.points import form_of_members, in_words
from oceanbench.scoring.points import Evaluated


def check(declaration: Declaration) -> None:
    """Refuse a schedule, datasets, masks, rules or rows that forecasts cannot have."""
    gridded.check_places(declaration)
    own = keys(declaration)
    check_derived(own.derived, declaration.submission.variables, own.depths)
    rules.check_schedule(own.starts, own.leads, own.depths, declaration.domain)
    rules.check_roles(declaration.datasets, declaration.submission.variables)
    rules.check_observed_truth(declaration)
    check_delivery(declaration)
    rules.check_masks(masks_of(declaration))
    columns = columns_of(declaration)
    check_observed(declaration.datasets, columns)
    roles = [dataset.role for dataset in declaration.datasets.values()]
    for index, row in enumerate(rows_of(declaration)):
        try:
            rules.check_row(row, roles, columns, damped=bool(own.damping))
        except ValueError as problem:
            raise ValueError(f"metrics[{index}].{problem}") from problem


def score_rows(declaration: Declaration) -> Sequence[MetricRow]:
    """A score for each variable, mask, depth and lead that a row of metrics chooses."""
    return expand(
        rows_of(declaration),
        columns_of(declaration),
        keys(declaration).leads,
        list(declaration.masks),
        observed_in(declaration),
    )


def score(
    declaration: Declaration,
    submitted: Submitted,
    data_dir: Path | None,
    resources: Resources,
) -> Evaluated:
    """Scores of forecasts."""
    return evaluated(declaration, submitted, data_dir=data_dir, resources=resources)


def validate(declaration: Declaration, submitted: Submitted, data_dir: Path | None) -> list[str]:
    """How many values of each variable and mask can be scored."""
    lines = []
    for row in validated(declaration, submitted, data_dir=data_dir):
        lacks = f", partial: {', '.join(row['missing'])}" if row["missing"] else ""
        at = f" at {row['against']}" if row.get("against") else ""
        form = in_words(form_of_members(row["members"]), row["members"])
        lines.append(
            f"{row['variable']}{at}, mask {row['mask']}: {row['scored']} of {row['points']} "
            f"values can be scored, {form}{lacks}"
        )
    return lines


def facts(declaration: Declaration) -> list[tuple[str, str]]:
    """Starts, leads, depths and derived variables."""
    schedule, own = schedule_of(declaration), keys(declaration)
    starts = schedule.starts
    found = [
        ("starts", f"{starts.size}, {starts[0]} to {starts[-1]}"),
        ("leads", f"{', '.join(map(str, schedule.leads))} days"),
    ]
    if own.inputs == "observations":
        found.insert(0, ("inputs", "observations, as they were delivered by each start"))
    if not has_maps(declaration):
        found.append(("truth", "observations, where and when they were made"))
    if own.depths:
        found.append(("depths", f"{', '.join(f'{d:g}' for d in own.depths)} m"))
    for name, quantity in own.derived.items():
        unit = unit_of(declaration, name)
        found.append(("derived", f"{name} [{unit}], {quantity.replace('_', ' ')}"))
    return found


FORECASTS = Kind(
    truth_layout="grid",
    other_truths=("points",),
    roles={
        **gridded.ROLES,
        "initial": "",
        "first_guess": "grid",
        "climatology": "static",
        "mask": "static",
        "observed_truth": "points",
    },
    layouts=(*gridded.LAYOUTS, "points"),
    cases=Cases("starts", dated=True, all_kept=False),
    check=check,
    open=open_dataset,
    target=target,
    read=read,
    score=score,
    validate=validate,
    keys=ForecastKeys,
    mask_keys=BoxMask,
    row_keys=ForecastRow,
    submission_keys=("grid", "step_degrees", "surface"),
    hidden_in_training=("initial",),
    defaults=rules.defaults,
    score_rows=score_rows,
    drive=each_start,
    variables=lambda declaration: list(columns_of(declaration)),
    facts=facts,
    examined=examined,
    shortened=first_starts,
)
