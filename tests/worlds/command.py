"""The command line, called in this process."""

from __future__ import annotations

import pytest

from oceanbench.cli.commands import main


class Command:
    """Runs ``oceanbench``; returns exit code, output and errors."""

    def __init__(self, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]) -> None:
        self.patch, self.capture = patch, capture

    def __call__(self, *arguments: object) -> tuple[int, str, str]:
        self.patch.setattr("sys.argv", ["oceanbench", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        captured = self.capture.readouterr()
        return code, captured.out, captured.err
