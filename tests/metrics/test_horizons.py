"""Horizons: how many days ahead a skill is surely there, and where it falls to a level."""

from __future__ import annotations

import numpy as np
import pytest

from oceanbench.metrics.horizons import Horizon, LeadSkills, horizon, horizon_at

LEADS = np.array([0.0, 1.0, 3.0, 7.0, 14.0])


def skills(*values: float, width: float = 0.1) -> LeadSkills:
    skill = np.array(values)
    return LeadSkills(LEADS, skill, skill - width, skill + width)


def test_the_horizon_is_the_last_lead_before_skill_may_be_lost():
    assert horizon(skills(0.9, 0.7, 0.4, 0.05, -0.3)) == Horizon(3.0, 3.0, 7.0)
    assert horizon(skills(0.9, 0.7, -0.4, 0.5, 0.5)) == Horizon(1.0, 1.0, 1.0)


def test_a_horizon_beyond_the_last_lead_and_none_have_flags():
    assert horizon(skills(0.9, 0.8, 0.7, 0.6, 0.5)) == Horizon(14.0, 14.0, 14.0, "beyond_last_lead")
    assert horizon(skills(0.05, 0.8, 0.7, 0.6, 0.5)) == Horizon(None, flag="none")
    assert horizon_at(skills(0.3, 0.2, 0.1, 0.0, 0.0)) == Horizon(None, flag="none")
    beyond = horizon_at(skills(0.9, 0.8, 0.7, 0.6, 0.5))
    assert beyond == Horizon(14.0, 14.0, 14.0, "beyond_last_lead")


def test_a_level_is_reached_between_leads():
    found = horizon_at(skills(0.96, 0.76, 0.56, 0.16, 0.0), skill=0.36)
    assert (found.days, found.flag) == (pytest.approx(5.0), None)
    assert (found.low, found.high) == (pytest.approx(4.0), pytest.approx(6.0))
