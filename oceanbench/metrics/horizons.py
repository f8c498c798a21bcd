"""How far ahead forecasts are worth something: skill by lead, and the lead at which it is lost."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from oceanbench.arrays import BoolArray, FloatArray
from oceanbench.metrics.options import Fraction

BEYOND = "beyond_last_lead"
NONE = "none"


class LeadSkills(NamedTuple):
    """Skill against a reference by lead, with the ends of its interval.

    Attributes
    ----------
    leads : (n,) days, increasing
    skill, low, high : (n,)
    """

    leads: FloatArray
    skill: FloatArray
    low: FloatArray
    high: FloatArray


class Horizon(NamedTuple):
    """Days ahead, between two ends; without a value where a flag says why.

    Attributes
    ----------
    days, low, high : None where there is none
    flag : ``beyond_last_lead`` where skill is left at the last lead, ``none`` where there is none
        at the first; None else
    """

    days: float | None
    low: float | None = None
    high: float | None = None
    flag: str | None = None


def horizon(s: LeadSkills) -> Horizon:
    r"""Days ahead to which forecasts surely beat the reference.

    The largest lead :math:`L` such that at every lead from the first day ahead up to it the lower
    end of the interval of skill is above zero. It is a step function of leads that are scored, and
    of chance: rank by an error. The upper end is the largest lead up to which no skill is surely
    lost.

    Parameters
    ----------
    s : skill against a reference, by lead

    Returns
    -------
    days; flagged ``beyond_last_lead`` or ``none``
    """
    surely, perhaps = (_run(end > 0.0) for end in (s.low, s.high))
    if surely == 0:
        return Horizon(None, flag=NONE)
    value, high = (float(s.leads[count - 1]) for count in (surely, perhaps))
    return Horizon(value, value, high, BEYOND if surely == len(s.leads) else None)


def horizon_at(s: LeadSkills, *, skill: Fraction = 0.36) -> Horizon:
    r"""Days ahead at which the skill falls to a level, linear between leads.

    Against climatology a skill of 0.36 is an anomaly correlation of 0.6 for forecasts that are as
    sure as they should be. The interval is where its ends cross the level.

    Parameters
    ----------
    s : skill against a reference, by lead
    skill : the level, between 0 and 1

    Returns
    -------
    days; flagged ``beyond_last_lead`` or ``none``
    """
    if s.skill[0] <= skill:
        return Horizon(None, flag=NONE)
    found = _crossing(s.leads, s.skill, skill)
    low, high = (_crossing(s.leads, end, skill) for end in (s.low, s.high))
    last = float(s.leads[-1])
    ends = (last if low is None else low, last if high is None else high)
    return Horizon(last if found is None else found, *ends, BEYOND if found is None else None)


def _run(good: BoolArray) -> int:
    """How many leads are good before the first that is not."""
    return int(np.argmin(np.append(good, False)))


def _crossing(leads: FloatArray, values: FloatArray, level: float) -> float | None:
    """Lead at which values first fall to a level; None where they never do."""
    below = _run(values > level)
    if below == len(leads):
        return None
    if below == 0:
        return float(leads[0])
    before, after = values[below - 1], values[below]
    part = (before - level) / (before - after)
    return float(leads[below - 1] + part * (leads[below] - leads[below - 1]))
