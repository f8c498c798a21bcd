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
from contextlib import contextmanager, suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from multiprocessing.reduction import send_handle
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType, TracebackType
from typing import Any, Self

import xarray as xr

from oceanbench.errors import OceanbenchError, in_one_line
from oceanbench.methods.confinement import Confinement
from oceanbench.methods.importing import imports, interpreter
from oceanbench.methods.messages import Answer, Ended, Failure, Message, hear
from oceanbench.methods.remote_inputs import Empty, Read, reply
from oceanbench.methods.server import Call, Session, send

Inputs = Mapping[str, xr.Dataset]
Serve = Callable[[ModuleType], Callable[[Any], Any]]
FREE = Confinement()
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
        self._folder = TemporaryDirectory(prefix="oceanbench-")  # gone with this process, at least
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
        self._folder.cleanup()

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
        confinement: Confinement = FREE,
        *,
        stirred: bool = False,
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
        confinement : of what it does with files
        stirred : whether what it draws without a seed is to differ from other calls

        Raises
        ------
        OceanbenchError
            if the method refuses or fails
        """
        told = (method.resolve(), function, list(inputs), Empty.of(target), arguments)
        call = Call(*told, confinement, self._folder.name, stirred)
        try:
            self._import(imports(method) | IMPORTED_LATE)
            with self._forked(call) as ours:
                found = _heard(ours, inputs, read)
            return _answer_of(method, found, hear(self._connection))
        except (EOFError, OSError) as problem:
            raise _gone(method) from problem

    @contextmanager
    def session(
        self,
        method: Path,
        serve: Serve,
        confinement: Confinement = FREE,
        *,
        stirred: bool = False,
    ) -> Iterator[Callable[[Any], Answer]]:
        """Ask a method again and again, in one process that ends with the block.

        Parameters
        ----------
        method : file
        serve : sent to that process, where it is given the module of the method, and returns what
            answers each question, by plain values and arrays
        confinement : of what the method does with files
        stirred : as of a call

        Yields
        ------
        question -> answer, with the CPU time that it took

        Raises
        ------
        OceanbenchError
            if the method refuses or fails; it is asked no more
        """
        self._import(imports(method) | IMPORTED_LATE | {type(serve).__module__})
        session = Session(method.resolve(), serve, confinement, self._folder.name, stirred)
        over = False

        def ask(question: Any) -> Answer:
            nonlocal over
            found = None
            with suppress(OSError):  # it is gone, as is heard next
                send(ours, question)
                found = _heard(ours, {}, None)
            if isinstance(found, Answer):
                return found
            over = True
            try:
                return _answer_of(method, found, hear(self._connection))
            except (EOFError, OSError) as problem:
                raise _gone(method) from problem

        with self._forked(session) as ours:
            try:
                yield ask
            except Exception:
                over = over or self._let_go(ours)
                raise
            over = over or self._let_go(ours)

    def _let_go(self, connection: Connection) -> bool:
        """End a session, whose process waits for a question."""
        with suppress(EOFError, OSError):
            send(connection, None)
            hear(self._connection)
        return True

    @contextmanager
    def _forked(self, told: Call | Session) -> Iterator[Connection]:
        """Connection to a process of a call or a session, for as long as a block lasts."""
        ours, theirs = Pipe()
        with ours:
            with theirs:
                send(self._connection, told)
                send_handle(self._connection, theirs.fileno(), self._process.pid)
            yield ours

    def _import(self, modules: set[str]) -> None:
        if new := sorted(modules - self._imported):
            send(self._connection, new)
            self._imported.update(new)


def _answer_of(method: Path, found: Answer | Failure | None, ended: Message) -> Answer:
    """What a process answered, if it ended as one that answers; else its words are raised."""
    if isinstance(found, Answer) and isinstance(ended, Ended) and not ended.words:
        return found
    said = found if isinstance(found, Failure) else ended
    words = said.words if isinstance(said, Failure | Ended) else ""
    raise OceanbenchError(words or f"{method.stem}: its process ended without an answer")


def _gone(method: Path) -> OceanbenchError:
    return OceanbenchError(
        f"{method.stem}: the process it runs in has ended; run it again, with more memory"
    )


def _heard(
    connection: Connection, inputs: Inputs, read: set[str] | None
) -> Answer | Failure | None:
    """What a call says at last, its questions being answered; None if it is gone before."""
    while True:
        try:
            heard = hear(connection)
        except OceanbenchError as problem:
            return Failure(str(problem))
        except (EOFError, OSError):
            return None
        if isinstance(heard, Answer | Failure):
            return heard
        if isinstance(heard, Read) and read is not None:
            read.add(heard.name)
        with suppress(OSError):  # it is gone, as is heard next
            send(connection, _reply(heard, inputs))


def _reply(question: Message, inputs: Inputs) -> Any:
    try:
        return reply(question, inputs)
    except OceanbenchError as problem:
        return Failure(str(problem))
    except (KeyError, IndexError, TypeError, ValueError) as problem:
        return Failure(f"a method asked for what no input has, {in_one_line(problem, 100)}")
