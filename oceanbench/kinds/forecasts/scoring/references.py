"""What forecasts are compared with: truth, persistence, climatology, as maps by day."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from oceanbench.arrays import AnyFloatArray
from oceanbench.declaration import Declaration
from oceanbench.kinds.forecasts.daily_maps import Maps
from oceanbench.kinds.forecasts.grid import Grid
from oceanbench.kinds.forecasts.opening import declared_grid, maps_of
from oceanbench.kinds.forecasts.rules import DAMPED
from oceanbench.kinds.forecasts.schedule import Column, has_maps, keys


@dataclass(frozen=True)
class References:
    """What forecasts are compared with, as maps by day.

    There is no ``truth`` where that is of points. ``damping`` is the part of the anomaly of a start
    that is left at each lead, where that is a reference too.
    """

    truth: Maps | None
    persistence: Maps | None
    climatology: Maps | None
    wet: Maps | None
    damping: Mapping[int, float] = field(default_factory=dict)

    @classmethod
    def open(
        cls, declaration: Declaration, data_dir: Path | None, against: str = ""
    ) -> tuple[References, Grid]:
        """Find the maps of a challenge's references; no map is read, and optional ones may lack.

        Parameters
        ----------
        declaration, data_dir : of the challenge
        against : name of the target, in the place of the truth; by default the truth
        """
        truth, grid = None, declared_grid(declaration)
        if grid is None or has_maps(declaration):
            truth, grid = maps_of(declaration, against or declaration.truth_name, data_dir=data_dir)

        def of(role: str) -> Maps | None:
            name = next(iter(declaration.of_role(role)), None)
            if name is None:
                return None
            if declaration.datasets[name].optional and not declaration.present(name, data_dir):
                return None
            return maps_of(declaration, name, grid, data_dir)[0]

        own = keys(declaration)
        damping = dict(zip(own.leads, own.damping, strict=True)) if own.damping else {}
        return cls(truth, of("initial"), of("climatology"), of("mask"), damping), grid

    @property
    def known(self) -> set[str | None]:
        """What scores can be relative to, None being nothing."""
        maps = {"persistence": self.persistence, "climatology": self.climatology}
        found = {None, *(name for name, there in maps.items() if there is not None)}
        return found | ({DAMPED} if self.damping and found >= maps.keys() else set())

    def sea(
        self, variable: str, days: Sequence[np.datetime64], depths: Column
    ) -> AnyFloatArray | None:
        """Maps (day, depth, latitude, longitude) with a value where forecasts are scored.

        They are the truth's; where that is of points, those of what is usual; None where there is
        neither, and every node counts.
        """
        maps = self.truth or self.climatology
        return None if maps is None else maps.read_days(variable, days, depths)

    def of_leads(
        self,
        wanted: Collection[str | None],
        variable: str,
        start: np.datetime64,
        leads: Sequence[int],
        depths: Column,
    ) -> dict[str, AnyFloatArray]:
        """Maps (lead, depth, latitude, longitude) of references of a start.

        Parameters
        ----------
        wanted : names of references, of which those that are not known are left out
        variable, start, leads, depths : of the forecast that they are compared with
        """
        found: dict[str, AnyFloatArray] = {}
        wanted = set(wanted) & self.known
        if "climatology" in wanted and self.climatology is not None:
            days = [start + lead for lead in leads]
            found["climatology"] = self.climatology.read_days(variable, days, depths)
        if not wanted & {"persistence", DAMPED} or self.persistence is None:
            return found
        first = self.persistence.read(variable, start, depths)
        if "persistence" in wanted:
            found["persistence"] = np.broadcast_to(first, (len(leads), *first.shape))
        if DAMPED in wanted and self.climatology is not None:
            usual = self.climatology.read_days(
                variable, [start, *(start + n for n in leads)], depths
            )
            left = np.array([self.damping[lead] for lead in leads])[:, None, None, None]
            found[DAMPED] = usual[1:] + left * (first - usual[0])
        return found
