"""Rows of the metrics of a challenge of forecasts, and its masks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, cast

from oceanbench.declaration import (
    BoxMask,
    Declaration,
    Flag,
    Interval,
    Lead,
    MetricRow,
    Number,
    Section,
    Text,
)


class Shown(Section):
    """Which of the scores that a row stands for are on the leaderboard."""

    variables: list[Text] | None = None
    masks: list[Text] | None = None
    leads: list[Lead] | None = None
    depths: list[Number] | None = None


class ForecastRow(MetricRow):
    """A score for each variable, mask, depth and lead.

    They are those that are listed, or of masks the first and of the others all; ``leads: pooled``
    is one score of all leads together, ``pooled`` lists some that one score is of. ``plus`` adds
    the energy of another variable to that of ``variable``: both components of a current have one
    kinetic energy. ``relative_to`` gives the metric anomalies in place of values: from the
    climatology, from persistence, or from persistence of the anomaly as the challenge damps it.

    A row ``against`` observations is a score for each dataset that it lists, or one of all of them
    ``together``, and for each of their depth bins, or for one ``depth_bin``.
    """

    plus: Text | None = None
    lead: Lead | None = None
    depth: Number | None = None
    variables: list[Text] | None = None
    masks: list[Text] | None = None
    leads: list[Lead] | Literal["pooled"] | None = None
    pooled: list[Lead] | None = None
    depths: list[Number] | None = None
    relative_to: Literal["climatology", "persistence", "damped_persistence"] | None = None
    against: Text | list[Text] | None = None
    depth_bin: Interval | None = None
    together: Flag = False
    shown: Flag | Shown = True  # type: ignore[assignment]  # a score of it is or is not

    @property
    def of_variables(self) -> list[str]:
        """Variables that a score, of one variable or of two together, looks at."""
        return [str(self.variable), *([self.plus] if self.plus is not None else [])]

    @property
    def of_a_part(self) -> bool:
        """Whether a score is of one lead or depth, of anomalies, or against observations."""
        parts = (self.lead, self.depth, self.relative_to, self.against)
        return any(part is not None for part in parts)


def masks_of(declaration: Declaration) -> Mapping[str, BoxMask]:
    """Masks of a challenge of forecasts."""
    return cast(Mapping[str, BoxMask], declaration.masks)


def rows_of(declaration: Declaration) -> list[ForecastRow]:
    """Rows of metrics as they are declared."""
    return cast(list[ForecastRow], declaration.metrics)


def scores_of(declaration: Declaration) -> list[ForecastRow]:
    """A row for each score."""
    return cast(list[ForecastRow], declaration.scores)


def ranking_of(declaration: Declaration) -> ForecastRow:
    """Row of the score that ranks."""
    return cast(ForecastRow, declaration.ranking)
