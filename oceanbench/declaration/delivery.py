"""When what a dataset holds was known: keys of observations and of first guesses."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from oceanbench.declaration.section import Number, Section, Text


class Delivery(Section):
    """When observations were delivered and first guesses were issued, and what the latter know.

    ``available``, ``issued`` and ``newest`` are names of variables of the files, along time: when
    an observation was there to be used, when a first guess was, and the newest observation that it
    used. ``latency_days`` says it of all observations of a dataset. ``level`` names how good a
    first guess is, ``validation_rmse`` its error in a world of training, and ``uses`` the datasets
    that it has seen.
    """

    latency_days: Annotated[Number, Field(ge=0, le=36_525)] | None = None
    available: Text | None = None
    issued: Text | None = None
    newest: Text | None = None
    level: Text | None = None
    validation_rmse: Annotated[Number, Field(gt=0)] | None = None
    uses: list[Text] = Field(default_factory=list)

    @property
    def of_delivery(self) -> list[str]:
        """Keys of delivery that are given."""
        return [key for key in Delivery.model_fields if key in self.model_fields_set]

    @property
    def dates_of_delivery(self) -> dict[str, str]:
        """Name of the variable of the files that has each date."""
        dates = {"available": self.available, "issued": self.issued, "newest": self.newest}
        return {key: name for key, name in dates.items() if name is not None}

    @property
    def told(self) -> dict[str, Any]:
        """What methods are told beside the dates, as attributes."""
        said = {
            "latency_days": self.latency_days,
            "level": self.level,
            "validation_rmse": self.validation_rmse,
            "uses": ", ".join(self.uses) or None,
        }
        return {key: value for key, value in said.items() if value is not None}
