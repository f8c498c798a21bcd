"""Ship the data folders in the wheel; an editable install reads the checkout."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CustomBuildHook(BuildHookInterface):
    """Copy challenges, baselines and leaderboards to ``oceanbench/_data`` of a built wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Register the folders unless this is an editable install."""
        if version != "editable":
            for folder in ("challenges", "baselines", "leaderboards"):
                build_data["force_include"][folder] = f"oceanbench/_data/{folder}"
