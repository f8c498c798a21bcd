"""Scores: values of the sums of statistics of (estimate, truth, weights), and a table of them.

To add a metric, write one function and add one row to :data:`METRICS`, in ``table.py``; the
contract tests, the documentation and the challenges find it there.
"""

from oceanbench.metrics.aligned import Flag, Flagged
from oceanbench.metrics.metric import Metric
from oceanbench.metrics.sums import Sums
from oceanbench.metrics.table import METRICS

__all__ = ["METRICS", "Flag", "Flagged", "Metric", "Sums"]
