"""The ``oceanbench`` command."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oceanbench.cli.commands import cli

__all__ = ["cli", "main"]


def main() -> None:
    """Run the command; stopped in one line, also while it is still being imported."""
    try:
        from oceanbench.cli import commands

        commands.main()
    except KeyboardInterrupt:
        sys.stderr.write("oceanbench: stopped\n")
        sys.exit(130)


def __getattr__(name: str) -> Any:
    """Import the group of commands on first use."""
    if name == "cli":
        from oceanbench.cli import commands

        return commands.cli
    raise AttributeError(f"module 'oceanbench.cli' has no attribute '{name}'")
