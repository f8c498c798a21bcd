"""The process that methods run in: it has imported what they need, and forks one for each call.

It computes nothing itself, so that nothing of one call is left for the next: no thread, no device,
no array. What runs is told by :mod:`oceanbench.methods.isolation`, which the forked process also
asks for its inputs.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import resource
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from oceanbench.errors import OceanbenchError, in_one_line
from oceanbench.methods.importing import escaped, imported, lacks
from oceanbench.methods.remote_inputs import Empty, RemoteInputs

ANSWERED = 86  # how a process ends that has sent what was asked: not as a method that ends it
LONGEST = 1800  # CPU seconds of a session, after which the system ends it


class Call(NamedTuple):
    """A call of a function of a method.

    Attributes
    ----------
    method : file
    function : of it
    inputs : names of those that may be asked for
    target : what is to be filled
    arguments : keywords
    """

    method: Path
    function: str
    inputs: list[str]
    target: Empty
    arguments: Mapping[str, Any]


class Session(NamedTuple):
    """A method that is asked again and again in one process, which remembers.

    Attributes
    ----------
    method : file
    serve : the module of the method -> what answers each question
    """

    method: Path
    serve: Callable[[ModuleType], Callable[[Any], Any]]


class Answer(NamedTuple):
    """What a call returned, and the CPU time that it took."""

    value: Any
    cpu_seconds: float


class Failure(NamedTuple):
    """Why a call returned nothing, in one line."""

    words: str


def send(connection: Connection, message: Any) -> None:
    """Send by plain pickle: tensors travel as values, not as handles to shared memory."""
    connection.send_bytes(pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL))


def receive(connection: Connection) -> Any:
    """Receive what :func:`send` sent."""
    return pickle.loads(connection.recv_bytes())


def serve(descriptor: int) -> None:
    """Import and fork as told through a connection, until its other end is closed."""
    connection = Connection(descriptor)
    with escaped():
        _serve(connection)


def _serve(connection: Connection) -> None:
    while True:
        try:
            message = receive(connection)
        except (EOFError, OSError):
            return
        if isinstance(message, Call | Session):
            _fork(connection, message)
        else:
            for name in message:
                with contextlib.suppress(Exception):  # the method's own import will say it
                    importlib.import_module(name)


def _fork(connection: Connection, call: Call | Session) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads of BLAS, which survive forks
        child = os.fork()
    if child == 0:
        code = 1
        try:
            if isinstance(call, Session):
                _converse(connection, call)
            else:
                _answer(connection, call)
            code = ANSWERED
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.waitstatus_to_exitcode(status) != ANSWERED:
        killed = os.WIFSIGNALED(status)
        how = f"by signal {os.WTERMSIG(status)}" if killed else f"with {os.WEXITSTATUS(status)}"
        stem = call.method.stem
        words = f"{stem}: its process ended {how}, perhaps for lack of memory; give it more"
        send(connection, Failure(words))


def _answer(connection: Connection, call: Call) -> None:
    """Call the method, and send what it returns."""

    def value() -> Any:
        module = imported(call.method)
        inputs = RemoteInputs(call.inputs, lambda question: _asked(connection, question))
        target = call.target.filled()
        begin = time.process_time()
        found = getattr(module, call.function)(inputs, target, **call.arguments)
        if hasattr(found, "load"):
            found = found.load()
        return Answer(found, time.process_time() - begin)

    what = f"{call.function}()"
    _deliver(connection, _told(value, call.method, what), call.method, what)


def _converse(connection: Connection, session: Session) -> None:
    """Answer one question after the other, until there is none; a failure is the last answer."""
    served: list[Callable[[Any], Any]] = []
    resource.setrlimit(resource.RLIMIT_CPU, (LONGEST, LONGEST + 10))

    def value() -> Any:
        module = None if served else imported(session.method)
        begin = time.process_time()
        if module is not None:
            served.append(session.serve(module))
        found = served[0](question)
        return Answer(found, time.process_time() - begin)

    while (question := receive(connection)) is not None:
        found = _told(value, session.method, "it")
        if not _deliver(connection, found, session.method, "it"):
            return


def _told(value: Callable[[], Any], method: Path, what: str) -> Any:
    """Value of a function, or the words of its failure."""
    found: Any
    try:
        found = value()
    except OceanbenchError as problem:
        found = Failure(str(problem))
    except ModuleNotFoundError as problem:
        found = Failure(lacks(method, problem))
    except BaseException as problem:  # whatever a method raises is told, in its own words
        traceback.print_exc()
        first = "; ".join(traceback.format_exception_only(problem)).splitlines()[0]
        found = Failure(f"{method.stem}: {what} failed, {first}")
    sys.stdout.flush()
    sys.stderr.flush()
    return found


def _deliver(connection: Connection, found: Any, method: Path, what: str) -> bool:
    """Send an answer; false of a failure, which an answer is that cannot be sent."""
    try:
        send(connection, found)
    except (pickle.PicklingError, AttributeError, TypeError, RecursionError) as problem:
        words = f"{method.stem}: {what} returned what cannot be sent"
        found = Failure(f"{words}, {in_one_line(problem, 200)}; return arrays")
        send(connection, found)
    return not isinstance(found, Failure)


def _asked(connection: Connection, question: Any) -> Any:
    """Reply to a question about inputs."""
    send(connection, question)
    reply = receive(connection)
    if isinstance(reply, Failure):
        raise OceanbenchError(reply.words)
    return reply
