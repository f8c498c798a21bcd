"""Skill by lead with its intervals, of which horizons are made."""

from __future__ import annotations

import numpy as np

from oceanbench.kinds.forecasts.forecast_rows import ForecastRow
from oceanbench.kinds.forecasts.scoring.sums import Accumulated
from oceanbench.metrics import METRICS
from oceanbench.metrics.horizons import LeadSkills
from oceanbench.scoring.statistics import interval

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
