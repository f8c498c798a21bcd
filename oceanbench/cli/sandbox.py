"""A command in a child process that cannot take the machine along, nor talk to others.

The child has a limit of memory and of time, writes no large files, and no network: in a namespace
of its own where the system permits that, else by refusing every socket but local ones. It reads and
writes files with the user's own rights.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from oceanbench.errors import OceanbenchError
from oceanbench.methods.confinement import NO_NEW_RIGHTS, entered
from oceanbench.methods.importing import interpreter

GIB = 2**30
NEW_NETWORK = 0x40000000  # of unshare(2)
CHILD = "from oceanbench.cli.sandbox import enter; enter(*sys.argv[1:4], sys.argv[4:])"


def sandboxed(arguments: Sequence[str], *, memory: float, seconds: float) -> int:
    """Run ``oceanbench`` with these arguments in a sandbox; its exit code.

    Parameters
    ----------
    arguments : of the command
    memory : GiB that the child may allocate
    seconds : that it may take

    Raises
    ------
    OceanbenchError
        when it was stopped, or crashed
    """
    network, told = os.pipe()
    command = [
        *interpreter(CHILD),
        str(int(memory * GIB)),
        str(int(seconds) + 1),
        str(told),
    ]
    with subprocess.Popen(
        [*command, *arguments],
        stdin=subprocess.DEVNULL,
        pass_fds=[told],
        start_new_session=True,
    ) as child:
        os.close(told)
        try:
            code = child.wait(timeout=seconds)
        except subprocess.TimeoutExpired as late:
            raise OceanbenchError(
                f"sandbox: stopped after {seconds:g} s; raise --seconds, or refuse the file"
            ) from late
        finally:
            _end(child)
            with os.fdopen(network, "rb") as pipe:
                said = pipe.read().decode()
    if code < 0:
        name = signal.Signals(-code).name
        raise OceanbenchError(
            f"sandbox: the file crashed what reads it ({name}); refuse it, or raise --memory and "
            "--seconds"
        )
    sys.stderr.write(f"sandbox: {said}\n")
    return code


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the child and all that it started."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    child.wait()


def enter(memory: str, seconds: str, told: str, arguments: Sequence[str]) -> None:
    """Limit this process, and run the command in it; the parent is told how the network is shut."""
    limits = {
        resource.RLIMIT_DATA: int(memory),
        resource.RLIMIT_CPU: int(seconds),
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 4 * GIB,
        resource.RLIMIT_NOFILE: 4096,
    }
    for what, most in limits.items():
        hard = resource.getrlimit(what)[1]
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (least, least))
    with os.fdopen(int(told), "w") as pipe:
        pipe.write(without_network())
    sys.argv = ["oceanbench", *arguments]
    from oceanbench.cli import main

    main()


def without_network() -> str:
    """Shut the network of this process for good; how that was done, in words."""
    ctypes.CDLL(None).prctl(NO_NEW_RIGHTS, 1, 0, 0, 0)
    if entered(NEW_NETWORK):
        return "no network (a namespace of its own)"
    sys.addaudithook(_refuse_sockets)
    return "sockets are refused; this system permits no namespace without a network"


def _refuse_sockets(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse sockets but those between processes of this machine, and programs."""
    local = event == "socket.__new__" and arguments[1] == 1  # AF_UNIX, which event loops need
    if event in ("socket.__new__", "socket.connect", "socket.getaddrinfo") and not local:
        raise PermissionError("the sandbox has no network")
