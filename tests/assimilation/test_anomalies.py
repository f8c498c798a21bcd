"""The name that methods are taught leads to the anomalies of forecasts."""

from __future__ import annotations

from oceanbench.assimilation import anomalies
from oceanbench.forecasting import anomalies as read


def test_the_taught_name_leads_to_the_same_functions() -> None:
    assert anomalies.Climate is read.Climate
    assert all(getattr(anomalies, name) is getattr(read, name) for name in anomalies.__all__)
