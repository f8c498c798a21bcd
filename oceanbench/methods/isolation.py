"""Call the functions of a method, each call in a process of its own that knows nothing of others.

A method gets arrays and no way to the files that they lie in, and can keep nothing from one call to
the next: what it answers of one case cannot come from what it saw for another. (A method file is
trusted code: this keeps it honest, not captive.)
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing import Pipe
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Self, cast

import xarray as xr

from oceanbench.errors import OceanbenchError
from oceanbench.methods.importing import imports, interpreter
from oceanbench.methods.remote_inputs import Empty, Read, reply
from oceanbench.methods.server import Answer, Call, Failure, Session, receive, send

Inputs = Mapping[str, xr.Dataset]
Serve = Callable[[ModuleType], Callable[[Any], Any]]
IMPORTED_LATE = {"dask.array"}  # by xarray, when it first reads values; where dask is there


class MethodServer:
    """The process that forks one for each call of a method; ended with the block it is used in."""

    def __enter__(self) -> Self:
        """Start it; it imports what it needs while others go on."""
        ours, theirs = Pipe()
        with theirs:
            serve = f"from oceanbench.methods import server; server.serve({theirs.fileno()})"
            self._process = subprocess.Popen(
                interpreter(serve), pass_fds=[theirs.fileno()], start_new_session=True
            )
        self._connection = ours
        self._imported: set[str] = set()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        """End it, and what it may still compute."""
        self._connection.close()
        if problem is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    @property
    def ended(self) -> bool:
        """Whether it is gone."""
        return self._process.poll() is not None

    def call(
        self,
        method: Path,
        function: str,
        inputs: Inputs,
        target: xr.Dataset,
        arguments: Mapping[str, Any],
        read: set[str] | None = None,
    ) -> Answer:
        """Value of a function of a method, and the CPU time that it took.

        Parameters
        ----------
        method : file
        function : of it
        inputs : what it may ask for
        target : variables to fill; of their values nothing is sent
        arguments : keywords
        read : gets the names of the inputs whose values were asked for

        Raises
        ------
        OceanbenchError
            if the method refuses or fails
        """
        call = Call(method.resolve(), function, list(inputs), Empty.of(target), arguments)
        try:
            self._import(imports(method) | IMPORTED_LATE)
            send(self._connection, call)
            while True:
                found = receive(self._connection)
                if isinstance(found, Answer):
                    return found
                if isinstance(found, Failure):
                    raise OceanbenchError(found.words)
                if isinstance(found, Read) and read is not None:
                    read.add(found.name)
                send(self._connection, _reply(found, inputs))
        except (EOFError, OSError) as problem:
            raise _ended(method) from problem

    @contextmanager
    def session(self, method: Path, serve: Serve) -> Iterator[Callable[[Any], Answer]]:
        """Ask a method again and again, in one process that ends with the block.

        Parameters
        ----------
        method : file
        serve : sent to that process, where it is given the module of the method, and returns what
            answers each question

        Yields
        ------
        question -> answer, with the CPU time that it took

        Raises
        ------
        OceanbenchError
            if the method refuses or fails; it is asked no more
        """
        self._import(imports(method) | IMPORTED_LATE | {type(serve).__module__})
        open_still = True

        def ask(question: Any) -> Answer:
            nonlocal open_still
            try:
                send(self._connection, question)
                found = receive(self._connection)
            except (EOFError, OSError) as problem:
                open_still = False
                raise _ended(method) from problem
            if isinstance(found, Failure):
                open_still = False
                raise OceanbenchError(found.words)
            return cast(Answer, found)

        try:
            send(self._connection, Session(method.resolve(), serve))
            yield ask
        finally:
            if open_still and not self.ended:
                send(self._connection, None)

    def _import(self, modules: set[str]) -> None:
        if new := sorted(modules - self._imported):
            send(self._connection, new)
            self._imported.update(new)


def _ended(method: Path) -> OceanbenchError:
    """What is said when the process of the methods is gone."""
    return OceanbenchError(
        f"{method.stem}: the process it runs in has ended; run it again, with more memory"
    )


def _reply(question: Any, inputs: Inputs) -> Any:
    try:
        return reply(question, inputs)
    except OceanbenchError as problem:
        return Failure(str(problem))
