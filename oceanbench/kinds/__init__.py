"""Kinds of challenge: what their truth looks like, and all that follows from it.

A new kind is a folder here, whose module ``kind`` makes a :class:`oceanbench.kinds.kind.Kind`, and
a row of :data:`CHALLENGE_KINDS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from oceanbench.kinds.cycles.kind import CYCLES
from oceanbench.kinds.forecasts.kind import FORECASTS
from oceanbench.kinds.kind import Kind
from oceanbench.kinds.maps.kind import MAPS
from oceanbench.kinds.tracks.kind import TRACKS
from oceanbench.kinds.windows.kind import WINDOWS

__all__ = ["CHALLENGE_KINDS", "Kind"]

CHALLENGE_KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "maps": MAPS,
        "tracks": TRACKS,
        "windows": WINDOWS,
        "forecasts": FORECASTS,
        "cycles": CYCLES,
    }
)
