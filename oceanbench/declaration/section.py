"""What every section of challenge.yaml is: frozen and strict."""

from __future__ import annotations

import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from oceanbench.errors import did_you_mean

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Text = Annotated[str, Field(strict=True, min_length=1)]
Flag = Annotated[bool, Field(strict=True)]
Interval = tuple[Number, Number]
Date = Annotated[  # what nanoseconds since 1970 can count
    datetime.date, Field(ge=datetime.date(1678, 1, 1), le=datetime.date(2261, 12, 31))
]
Dates = tuple[Date, Date]
Day = Annotated[int, Field(strict=True, ge=1, le=36_525)]
Lead = Annotated[int, Field(strict=True, ge=0, le=36_525)]  # days; 0 is the start itself
Period = Literal["spin_up", "training", "validation", "forbidden"]


class Section(BaseModel):
    """A section of challenge.yaml: frozen, and unknown keys are errors with a suggestion."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, value: Any) -> Any:
        if isinstance(value, dict) and cls.model_config.get("extra") == "forbid":
            for key in value:
                if key not in cls.model_fields:
                    hint = did_you_mean(str(key), cls.model_fields)
                    raise ValueError(f"unknown key '{key}'; {hint}")
        return value
