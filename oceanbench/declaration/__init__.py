"""The sections of challenge.yaml, frozen and strict, and their refusals in one line."""

from oceanbench.declaration.declaration import Declaration
from oceanbench.declaration.metric_rows import MetricRow
from oceanbench.declaration.reading import one_line, read_yaml
from oceanbench.declaration.section import (
    Dates,
    Day,
    Flag,
    Interval,
    Lead,
    Number,
    Period,
    Section,
    Text,
)
from oceanbench.declaration.sections import (
    BoxMask,
    Dataset,
    Domain,
    FieldMask,
    MarineService,
    Mask,
    ModelSpec,
    Published,
    Source,
    Starts,
    SubmissionRules,
    SubmittedVariable,
    TargetGrid,
    std_name,
    time_slice,
)

__all__ = [
    "BoxMask",
    "Dataset",
    "Dates",
    "Day",
    "Declaration",
    "Domain",
    "FieldMask",
    "Flag",
    "Interval",
    "Lead",
    "MarineService",
    "Mask",
    "MetricRow",
    "ModelSpec",
    "Number",
    "Period",
    "Published",
    "Section",
    "Source",
    "Starts",
    "SubmissionRules",
    "SubmittedVariable",
    "TargetGrid",
    "Text",
    "one_line",
    "read_yaml",
    "std_name",
    "time_slice",
]
