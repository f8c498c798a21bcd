"""Calls of a method's functions: here one after the other, or by workers a few at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
import xarray as xr

from oceanbench.declaration import std_name
from oceanbench.errors import OceanbenchError
from oceanbench.kinds.kind import Questions
from oceanbench.methods.confinement import Confinement
from oceanbench.methods.isolation import Inputs, MethodServer, Serve
from oceanbench.methods.messages import Answer, Other
from oceanbench.methods.remote_inputs import Empty
from oceanbench.scoring.sharing import SharedWork

AT_ONCE = 4  # calls of a task at least: a process is started for it, which imports what they need
TASKS = 8  # at least, of many calls: no worker waits long for another


class MethodCalls:
    """Functions of a method file, called in processes of their own.

    Parameters
    ----------
    server : that these processes are forked from
    stem : name of the method
    file : of it
    arguments : keywords of every call
    confinement : of what they do with files
    executor : whose workers are called where there is much to do; None for none

    Attributes
    ----------
    seconds : CPU time of each call
    read : names of the inputs whose values were asked for
    confined : whether the system permitted to confine all of them
    """

    def __init__(
        self,
        server: MethodServer,
        stem: str,
        file: Path,
        arguments: Mapping[str, Any],
        confinement: Confinement,
        executor: Executor | None,
    ) -> None:
        self._server = server
        self._stem, self._file, self._arguments = stem, file.resolve(), arguments
        self._confinement, self._executor = confinement, executor
        self.seconds: list[float] = []
        self.read: set[str] = set()
        self.confined = True

    @classmethod
    @contextmanager
    def served(
        cls,
        stem: str,
        file: Path,
        arguments: Mapping[str, Any],
        confinement: Confinement,
        executor: Executor | None,
    ) -> Iterator[Self]:
        """Calls for as long as a block lasts, with a server of their own."""
        with MethodServer() as server:
            yield cls(server, stem, file, arguments, confinement, executor)

    def of(self, functions: Sequence[str] | Mapping[str, Any]) -> dict[str, Callable[..., Any]]:
        """Functions that call those of the method."""
        return {name: partial(self._called, name) for name in functions}

    @property
    def many(self) -> Callable[[str, Questions], Iterator[xr.Dataset]] | None:
        """Many calls by workers; None without them."""
        return None if self._executor is None else self._by_workers

    def again(self, name: str, questions: Questions) -> Iterator[xr.Dataset]:
        """Calls that repeat others: what is drawn without the seed differs from these."""
        for inputs, target in questions:
            given = (self._file, name, inputs, target, self._arguments, self.read)
            yield self._taken(
                self._server.call(*given, self._confinement, stirred=True), target, name
            )

    @contextmanager
    def session(self, serve: Serve, *, again: bool = False) -> Iterator[Callable[[Any], Any]]:
        """Ask the method again and again, in one process that remembers until the block ends.

        Parameters
        ----------
        serve : as of :meth:`oceanbench.methods.isolation.MethodServer.session`
        again : whether it repeats another session, as :meth:`again` repeats calls
        """
        how = self._confinement
        with self._server.session(self._file, serve, how, stirred=again) as ask:

            def answered(question: Any) -> Any:
                found = ask(question)
                self._count(found)
                return found.value

            yield answered

    def _called(self, name: str, inputs: Inputs, target: xr.Dataset, **given: Any) -> xr.Dataset:
        how = self._confinement
        found = self._server.call(self._file, name, inputs, target, given, self.read, how)
        return self._taken(found, target, name)

    def _taken(self, found: Answer, target: xr.Dataset, name: str) -> xr.Dataset:
        """Estimate of an answer, of which is kept what it cost."""
        self._count(found)
        return checked(found.value, target, f"{self._stem}: {name}()")

    def _count(self, found: Answer) -> None:
        self.seconds.append(found.cpu_seconds)
        self.confined &= found.confined

    def _by_workers(self, name: str, questions: Questions) -> Iterator[xr.Dataset]:
        sent = [(inputs, Empty.of(target)) for inputs, target in questions]
        few = max(AT_ONCE, len(sent) // TASKS)
        groups = [sent[i : i + few] for i in range(0, len(sent), few)]
        work = partial(_answers, self._file, name, self._arguments, self._confinement)
        targets = iter([target for _, target in questions])
        for answers, read in SharedWork(work, groups, self._executor, "calling"):
            self.read |= read
            for answer in answers:
                yield self._taken(answer, next(targets), name)


def _answers(
    file: Path,
    name: str,
    arguments: Mapping[str, Any],
    confinement: Confinement,
    questions: Sequence[tuple[Inputs, Empty]],
) -> tuple[list[Answer], set[str]]:
    """Answers to some questions, and the inputs that were read: what a worker does."""
    read: set[str] = set()
    with MethodServer() as server:
        answers = [
            server.call(file, name, inputs, target.filled(), arguments, read, confinement)
            for inputs, target in questions
        ]
    return answers, read


def checked(estimate: Any, target: xr.Dataset, function: str) -> xr.Dataset:
    """What a function returned, refused where it is no dataset like the target."""
    if not isinstance(estimate, xr.Dataset):
        kind = estimate.kind if isinstance(estimate, Other) else type(estimate).__name__
        raise OceanbenchError(
            f"{function} returned {kind}, expected an xarray.Dataset like its argument target"
        )
    for name in target:
        if name not in estimate:
            raise OceanbenchError(f"{function} returned no variable '{name}'; fill target")
    for name, wanted in target.items():
        for found in (estimate[n] for n in (name, std_name(str(name))) if n in estimate):
            for dim in wanted.dims:
                if dim not in found.dims or not np.array_equal(found[dim], wanted[dim]):
                    raise OceanbenchError(
                        f"{function}: '{found.name}' is not on the coordinates of target ('{dim}' "
                        "differs); fill the arrays of target"
                    )
    return estimate
