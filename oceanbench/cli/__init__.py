"""The ``oceanbench`` command."""

from oceanbench.cli.commands import cli, main

__all__ = ["cli", "main"]
