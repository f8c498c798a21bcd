"""Anomalies about a climatology under the name that methods are taught them by.

They are read where forecasts are made (:mod:`oceanbench.forecasting.anomalies`).
"""

from oceanbench.forecasting.anomalies import Climate, Series, days_of, maps_of, nodes_of, of_role

__all__ = ["Climate", "Series", "days_of", "maps_of", "nodes_of", "of_role"]
