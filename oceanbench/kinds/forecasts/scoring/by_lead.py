"""What is found lead by lead: skills, of which horizons are made, and the cases of errors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from oceanbench.kinds.forecasts.forecast_rows import ForecastRow
from oceanbench.kinds.forecasts.scoring.sums import Accumulated
from oceanbench.metrics import METRICS
from oceanbench.metrics.horizons import LeadSkills
from oceanbench.scoring.series import influence_series
from oceanbench.scoring.statistics import interval, of_sums

SKILL = METRICS["skill"]
OF_SUMS = SKILL.of_sums({})


def lead_skills(table: Accumulated, row: ForecastRow) -> LeadSkills | None:
    """Skill of a variable against the reference of a score, at every lead ahead of the start.

    The start itself is left out: forecasts that begin with the nowcast of the reference are as good
    as it there, and would have no horizon. The intervals are paired: both errors are of the same
    starts. None where a lead has too few starts for one.
    """
    columns = []
    for lead in (lead for lead in table.leads if lead > 0):
        sums = table.sums(row.model_copy(update={"lead": lead}))
        if sums is None or OF_SUMS is None:
            return None
        found = interval(sums, OF_SUMS, SKILL.limits)
        if found is None:
            return None
        columns.append((lead, float(SKILL.value_of(sums, {})), found.low, found.high))
    return LeadSkills(*np.array(columns, dtype=np.float64).T) if columns else None


def cases_by_lead(
    table: Accumulated, rows: Sequence[ForecastRow], ranking: ForecastRow
) -> Iterator[dict[str, Any]]:
    """What starts do to the scores of single leads that are else as the one that ranks.

    Two submissions are then compared lead by lead. All other scores would make files large.

    Parameters
    ----------
    table : of a submission that has every start
    rows : of all scores
    ranking : row of the one that ranks
    """
    alike = ("metric", "variable", "mask", "depth", "against", "depth_bin", "relative_to")
    metric = METRICS[ranking.metric]
    resampled = metric.of_sums(ranking.options)
    for row in rows:
        same = all(getattr(row, key) == getattr(ranking, key) for key in alike)
        if not same or row.lead is None or row.label == ranking.label or resampled is None:
            continue
        sums = table.sums(row)
        found = None if sums is None else of_sums(sums, resampled, metric.limits)
        if sums is not None and found is not None:
            where = {"variable": row.variable, "mask": row.mask}
            yield {**where, **influence_series(row.label, sums.case, found)}
