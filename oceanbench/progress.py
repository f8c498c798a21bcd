"""A progress bar on a terminal; elsewhere nothing but, of what takes minutes, a line a minute."""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import click

from oceanbench.arrays import FloatArray

T = TypeVar("T")
Make = Callable[[], FloatArray]
FIRST, EVERY = 30.0, 60.0  # seconds after which the first line is written, and between lines


def progress(items: Sequence[T], label: str, state: Callable[[], str] | None = None) -> Iterator[T]:
    """Go through items, showing on stderr how far; nothing in the workers of a process.

    Parameters
    ----------
    items : to go through
    label : of the bar
    state : how it stands, in a few words; with it, where stderr is no terminal, a line of it is
        written after half a minute and then every minute
    """
    worker = multiprocessing.parent_process() is not None
    if state is not None and not worker and not sys.stderr.isatty():
        yield from _in_lines(items, label, state)
        return
    hidden = not sys.stderr.isatty() or worker

    def said(_: T | None) -> str | None:
        return None if state is None else state()

    with click.progressbar(
        items, label=label, file=sys.stderr, hidden=hidden, item_show_func=said
    ) as bar:
        yield from bar


@dataclass(frozen=True)
class Stages:
    """How a long computation in stages says how far it is, and where it keeps what is done.

    Attributes
    ----------
    label : put before the name of a stage; with one, lines are written where there is no terminal
    keep : finds the array of a name, or makes and keeps it; by default nothing is kept
    """

    label: str = ""
    keep: Callable[[str, Make], FloatArray] | None = None

    def each(
        self, items: Sequence[T], stage: str, make: Callable[[T], FloatArray]
    ) -> list[FloatArray]:
        """What is made of each item, in their order.

        Parameters
        ----------
        items : of which an array each is made
        stage : its name
        make : the array of an item
        """
        found: list[FloatArray] = []
        state = (lambda: "done") if self.label else None
        for number, item in enumerate(progress(items, f"{self.label}{stage}", state)):
            made = partial(make, item)
            name = f"{stage.replace(' ', '-')}-{number:04d}"
            found.append(made() if self.keep is None else self.keep(name, made))
        return found


def _in_lines(items: Sequence[T], label: str, state: Callable[[], str]) -> Iterator[T]:
    began = time.monotonic()
    due = began + FIRST
    for number, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now >= due:
            left = (now - began) / number * (len(items) - number) / 60.0
            click.echo(
                f"{label}: {number} of {len(items)}, {state()}, {left:.0f} min left", err=True
            )
            due = now + EVERY
