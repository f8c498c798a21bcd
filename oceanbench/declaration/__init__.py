"""The sections of challenge.yaml, frozen and strict, and their refusals in one line."""

from oceanbench.declaration.metric_rows import MetricRow, Shown
from oceanbench.declaration.reading import one_line, read_yaml
from oceanbench.declaration.section import Dates, Day, Interval, Number, Period, Section, Text
from oceanbench.declaration.sections import (
    Dataset,
    Domain,
    Mask,
    Published,
    Source,
    Starts,
    SubmissionRules,
    SubmittedVariable,
    TargetGrid,
    Told,
    std_name,
    time_slice,
)

__all__ = [
    "Dataset",
    "Dates",
    "Day",
    "Domain",
    "Interval",
    "Mask",
    "MetricRow",
    "Number",
    "Period",
    "Published",
    "Section",
    "Shown",
    "Source",
    "Starts",
    "SubmissionRules",
    "SubmittedVariable",
    "TargetGrid",
    "Text",
    "Told",
    "one_line",
    "read_yaml",
    "std_name",
    "time_slice",
]
