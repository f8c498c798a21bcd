"""A progress bar on a terminal, and nothing elsewhere; nor in the workers of a process."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Iterator, Sequence
from typing import TypeVar

import click

T = TypeVar("T")


def progress(items: Sequence[T], label: str) -> Iterator[T]:
    """Go through items, showing a bar on stderr if that is a terminal, and of this process."""
    hidden = not sys.stderr.isatty() or multiprocessing.parent_process() is not None
    with click.progressbar(items, label=label, file=sys.stderr, hidden=hidden) as bar:
        yield from bar
