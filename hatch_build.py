"""Two wheels from one tree: ``challenges/wheels.toml`` says whose data travel in the second.

So do weights that were learned on those challenges.
"""

import tomllib
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

TREE = Path(__file__).parent


def in_data_wheel() -> list[Path]:
    """Folders of data and weights that travel in ``oceanbench-challenges-data``."""
    declared = tomllib.loads((TREE / "challenges" / "wheels.toml").read_text(encoding="utf-8"))
    folders = [TREE / "challenges" / name / "data" for name in declared["in_data_wheel"]]
    for folder in folders:
        if not folder.is_dir():
            raise ValueError(
                f"challenges/wheels.toml: in_data_wheel: no folder {folder}; correct it"
            )
    weights = [TREE / "baselines" / "weights" / name for name in declared["in_data_wheel"]]
    return folders + [folder for folder in weights if folder.is_dir()]


class CustomBuildHook(BuildHookInterface):
    """Add the shipped folders to a wheel; an editable install reads the checkout."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Register what the wheel of this name holds."""
        is_data = self.metadata.core.name == "oceanbench-challenges-data"
        if is_data and self.target_name != "wheel":
            raise ValueError(
                "only a wheel is made here, its source is the whole tree; add -t wheel"
            )
        if self.target_name != "wheel" or version == "editable":
            return
        included, larger = build_data["force_include"], in_data_wheel()
        if is_data:
            for folder in larger:
                place = folder.relative_to(TREE).as_posix()
                included[str(folder)] = f"oceanbench_challenges_data/{place}"
            return
        included[str(TREE / "leaderboards")] = "oceanbench/_data/leaderboards"
        for path in [*(TREE / "challenges").glob("*"), *(TREE / "baselines").glob("*")]:
            for part in sorted(path.glob("*")) if path.is_dir() else [path]:
                if part not in larger and "__pycache__" not in part.parts:
                    place = part.relative_to(TREE).as_posix()
                    included[str(part)] = f"oceanbench/_data/{place}"
