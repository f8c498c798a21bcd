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
import sys
import time
import traceback
import warnings
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from oceanbench.errors import OceanbenchError, in_one_line
from oceanbench.methods.importing import escaped, imported, lacks
from oceanbench.methods.remote_inputs import Empty, RemoteInputs

ANSWERED = 86  # how a process ends that has sent what was asked: not as a method that ends it


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
        if isinstance(message, Call):
            _fork(connection, message)
        else:
            for name in message:
                with contextlib.suppress(Exception):  # the method's own import will say it
                    importlib.import_module(name)


def _fork(connection: Connection, call: Call) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads of BLAS, which survive forks
        child = os.fork()
    if child == 0:
        code = 1
        try:
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
    found: Answer | Failure
    try:
        module = imported(call.method)
        inputs = RemoteInputs(call.inputs, lambda question: _asked(connection, question))
        target = call.target.filled()
        begin = time.process_time()
        value = getattr(module, call.function)(inputs, target, **call.arguments)
        if hasattr(value, "load"):
            value = value.load()
        found = Answer(value, time.process_time() - begin)
    except OceanbenchError as problem:
        found = Failure(str(problem))
    except ModuleNotFoundError as problem:
        found = Failure(lacks(call.method, problem))
    except BaseException as problem:  # whatever a method raises is told, in its own words
        traceback.print_exc()
        first = "; ".join(traceback.format_exception_only(problem)).splitlines()[0]
        found = Failure(f"{call.method.stem}: {call.function}() failed, {first}")
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        send(connection, found)
    except (pickle.PicklingError, AttributeError, TypeError, RecursionError) as problem:
        words = f"{call.method.stem}: {call.function}() returned what cannot be sent"
        send(connection, Failure(f"{words}, {in_one_line(problem, 200)}; return arrays"))


def _asked(connection: Connection, question: Any) -> Any:
    """Reply to a question about inputs."""
    send(connection, question)
    reply = receive(connection)
    if isinstance(reply, Failure):
        raise OceanbenchError(reply.words)
    return reply
