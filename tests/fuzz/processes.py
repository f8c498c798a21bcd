"""Commands in forked children: how each ended, how long it took, and how much memory."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import oceanbench.boards.rendering  # what commands import, once for all children
import oceanbench.evaluate  # noqa: F401
from oceanbench.cli.commands import main
from oceanbench.learning.tensor_files import safetensors

safetensors()


class Ending(NamedTuple):
    """How a command ended: its code (negative of a signal), what it said, seconds and bytes."""

    code: int
    output: str
    errors: str
    seconds: float
    memory: int

    @property
    def fault(self) -> str | None:
        """What is wrong with it; None for a command that did its work, or refused in one line."""
        said = self.errors.strip().splitlines()
        if self.code not in (0, 1, 2):
            return f"ended with {self.code}"
        if "Traceback" in self.errors or "oceanbench: unexpected" in self.errors:
            return "a traceback, or an error that nobody refused"
        if self.code == 2 and not (said and said[-1].startswith("oceanbench: ")):
            return "no line at its end"
        if any(not c.isprintable() for line in said for c in line):
            return "control characters"
        return None


def child(work: Callable[[], None], place: Path, *, seconds: int = 30) -> Ending:
    """Run something in a forked child, that ends when it takes too long."""
    outputs = [place / "stdout", place / "stderr"]
    begin = time.perf_counter()
    number = os.fork()
    if number == 0:
        code = 70
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(seconds)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            streams = [
                path.open("w", encoding="utf-8", errors="backslashreplace") for path in outputs
            ]
            for descriptor, stream in zip((1, 2), streams, strict=True):
                os.dup2(stream.fileno(), descriptor)
            sys.stdout, sys.stderr = streams
            os.chdir(place)
            try:
                work()
                code = 0
            except SystemExit as stop:
                code = int(stop.code or 0)
            for stream in streams:
                stream.flush()
        finally:
            os._exit(code)
    _, status, used = os.wait4(number, 0)
    seconds_taken = time.perf_counter() - begin
    texts = []
    for path in outputs:
        texts.append(path.read_text(encoding="utf-8", errors="backslashreplace"))
        with contextlib.suppress(OSError):
            path.unlink()
    code = os.waitstatus_to_exitcode(status)
    return Ending(code, *texts, seconds_taken, used.ru_maxrss * 1024)


def command(arguments: list[str], place: Path) -> Ending:
    """Run ``oceanbench`` with these arguments in a child."""

    def work() -> None:
        sys.argv = ["oceanbench", *arguments]
        main()

    return child(work, place)
