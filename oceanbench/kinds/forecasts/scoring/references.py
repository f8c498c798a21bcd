"""What forecasts are compared with: truth, persistence, climatology, as maps by day."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from oceanbench.declaration import Declaration
from oceanbench.kinds.forecasts.daily_maps import Maps
from oceanbench.kinds.forecasts.grid import Grid
from oceanbench.kinds.forecasts.opening import maps_of


@dataclass(frozen=True)
class References:
    """What forecasts are compared with, as maps by day."""

    truth: Maps
    persistence: Maps | None
    climatology: Maps | None
    wet: Maps | None

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
        truth, grid = maps_of(declaration, against or declaration.truth_name, data_dir=data_dir)

        def of(role: str) -> Maps | None:
            name = next(iter(declaration.of_role(role)), None)
            if name is None:
                return None
            if declaration.datasets[name].optional and not declaration.present(name, data_dir):
                return None
            return maps_of(declaration, name, grid, data_dir)[0]

        return cls(truth, of("initial"), of("climatology"), of("mask")), grid

    @property
    def known(self) -> set[str | None]:
        """What scores can be relative to, None being nothing."""
        maps = {"persistence": self.persistence, "climatology": self.climatology}
        return {None, *(name for name, there in maps.items() if there is not None)}
