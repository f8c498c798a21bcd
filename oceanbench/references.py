"""What forecasts are compared with: truth, persistence, climatology, as maps by day."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from oceanbench.challenge import Challenge
from oceanbench.forecasts.maps import Maps
from oceanbench.forecasts.nodes import Grid
from oceanbench.forecasts.rules import REFERENCES


@dataclass(frozen=True)
class References:
    """What forecasts are compared with, as maps by day."""

    truth: Maps
    persistence: Maps | None
    climatology: Maps | None
    wet: Maps | None

    @classmethod
    def open(cls, challenge: Challenge, data_dir: Path | None) -> tuple[References, Grid]:
        """Find the maps of a challenge's references; no map is read."""
        truth, grid = challenge.maps(challenge.truth_name, data_dir=data_dir)
        others = [
            challenge.maps(name, grid, data_dir)[0] if name else None
            for name in (
                next(iter(challenge.of_role(role)), None) for role in (*REFERENCES.values(), "mask")
            )
        ]
        return cls(truth, *others), grid
