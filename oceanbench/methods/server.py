"""The process that methods run in: it has imported what they need, and forks one for each call.

It computes nothing itself, so that nothing of one call is left for the next: no thread, no device,
no array. What runs is told by :mod:`oceanbench.methods.isolation`, which the forked process also
asks for its inputs.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import pickle
import random
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from oceanbench.errors import OceanbenchError
from oceanbench.methods.confinement import Confinement, adopt, confine, end_all_left, own_folder
from oceanbench.methods.importing import escaped, imported, lacks
from oceanbench.methods.messages import Answer, Ended, Failure, tell
from oceanbench.methods.remote_inputs import Empty, Opened, Read, RemoteInputs

REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS)  # to a call that may keep nothing
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
    confinement : of what it does with files
    folder : in which it gets one of its own
    stirred : whether random numbers that are drawn without a seed are others than in other calls
    """

    method: Path
    function: str
    inputs: list[str]
    target: Empty
    arguments: Mapping[str, Any]
    confinement: Confinement
    folder: str
    stirred: bool


class Session(NamedTuple):
    """A method that is asked again and again in one process, which remembers.

    Attributes
    ----------
    method : file
    serve : the module of the method -> what answers each question
    confinement, folder, stirred : as of a call
    """

    method: Path
    serve: Callable[[ModuleType], Callable[[Any], Any]]
    confinement: Confinement
    folder: str
    stirred: bool


def send(connection: Connection, message: Any) -> None:
    """Tell a method's process: tensors travel as values, not as handles to shared memory."""
    connection.send_bytes(pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL))


def _receive(connection: Connection) -> Any:
    return pickle.loads(connection.recv_bytes())


def serve(descriptor: int) -> None:
    """Import and fork as told through a connection, until its other end is closed."""
    connection = Connection(descriptor)
    adopt()
    with escaped():
        _serve(connection)


def _serve(connection: Connection) -> None:
    while True:
        try:
            message = _receive(connection)
        except (EOFError, OSError):
            return
        if isinstance(message, Call | Session):
            _fork(connection, message)
        else:
            for name in message:
                with contextlib.suppress(Exception):  # the method's own import will say it
                    importlib.import_module(name)


def _fork(connection: Connection, call: Call | Session) -> None:
    """Answer a call in a process of its own, which leaves neither a file nor a process."""
    answers = Connection(recv_handle(connection))
    with own_folder(call.folder) as folder:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # threads of BLAS: they survive
            child = os.fork()
        if child == 0:
            code = 1
            connection.close()
            try:
                confined = confine(call.confinement, folder)
                if isinstance(call, Session):
                    _converse(answers, call, confined)
                else:
                    _answer(answers, call, confined)
                code = ANSWERED
            finally:
                os._exit(code)
        answers.close()
        _, status = os.waitpid(child, 0)
        end_all_left()
    words = ""
    if os.waitstatus_to_exitcode(status) != ANSWERED:
        killed = os.WIFSIGNALED(status)
        how = f"by signal {os.WTERMSIG(status)}" if killed else f"with {os.WEXITSTATUS(status)}"
        stem = call.method.stem
        words = f"{stem}: its process ended {how}, perhaps for lack of memory; give it more"
    tell(connection, Ended(words))


def _module(call: Call | Session) -> ModuleType:
    """Module of the method; of a stirred call, with random states that no other call has.

    All calls are forked from one process, and so from one random state: what a method draws without
    its seed would be the same in each.
    """
    module = imported(call.method)
    if call.stirred:
        random.seed()
        np.random.seed()
        if "torch" in sys.modules:
            sys.modules["torch"].seed()
    return module


def _answer(connection: Connection, call: Call, confined: bool) -> None:
    """Call the method, and tell what it returns."""

    def value() -> Answer:
        module = _module(call)
        inputs = RemoteInputs(call.inputs, lambda question: _asked(connection, question))
        target = call.target.filled()
        begin = time.process_time()
        found = getattr(module, call.function)(inputs, target, **call.arguments)
        if hasattr(found, "load"):
            found = found.load()
        return Answer(found, time.process_time() - begin, confined)

    tell(connection, _told(value, call, f"{call.function}()"))


def _converse(connection: Connection, session: Session, confined: bool) -> None:
    """Answer one question after the other, until there is none; a failure is the last answer."""
    served: list[Callable[[Any], Any]] = []

    def value() -> Answer:
        module = None if served else _module(session)
        begin = time.process_time()
        if module is not None:
            served.append(session.serve(module))
        return Answer(served[0](question), time.process_time() - begin, confined)

    while (question := _receive(connection)) is not None:
        found = _told(value, session, "it")
        tell(connection, found)
        if isinstance(found, Failure):
            return


def _told(value: Callable[[], Answer], call: Call | Session, what: str) -> Answer | Failure:
    """An answer, or the words of a failure."""
    found: Answer | Failure
    try:
        found = value()
    except OceanbenchError as problem:
        found = Failure(str(problem))
    except ModuleNotFoundError as problem:
        found = Failure(lacks(call.method, problem))
    except BaseException as problem:  # whatever a method raises is told, in its own words
        traceback.print_exc()
        first = "; ".join(traceback.format_exception_only(problem)).splitlines()[0]
        cure = "" if call.confinement.keeps else _cure(problem)
        found = Failure(f"{call.method.stem}: {what} failed, {first}{cure}")
    sys.stdout.flush()
    sys.stderr.flush()
    return found


def _cure(problem: BaseException) -> str:
    refused = isinstance(problem, OSError) and problem.errno in REFUSED
    return "; write in tempfile.gettempdir() only, which no other call sees" if refused else ""


def _asked(connection: Connection, question: Opened | Read) -> Any:
    """Reply to a question about inputs."""
    tell(connection, question)
    reply = _receive(connection)
    if isinstance(reply, Failure):
        raise OceanbenchError(reply.words)
    return reply
