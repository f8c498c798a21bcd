"""HDF5 files read once by a child process, which may crash or hang in our place.

The library trusts the addresses and lengths in a file's headers: some damaged ones send it round in
circles, or out of its memory, where nothing in this process could stop it.
"""

from __future__ import annotations

import faulthandler
import os
import resource
import signal
import threading
import warnings
from pathlib import Path

import h5py

from oceanbench.data import opening
from oceanbench.data.checks.budget import Budget
from oceanbench.data.checks.hdf5_files import check_hdf5
from oceanbench.errors import OceanbenchError

SECONDS = 10  # of the processor that the headers of one file may take
PATIENCE = 6  # times as long it may take to get them, where others use the processor too
DECODED = 2**25  # stored bytes whose chunks may take a second more
MEMORY = 2**30  # bytes that they may take beside what this process has
STATM = Path("/proc/self/statm")  # sizes of this process, in pages
TOO_LARGE = 2  # how a child ends that had not enough of it
_READ: set[tuple[int, ...]] = set()  # files that a child has read to the end


def preflight(file: Path, budget: Budget) -> bool:
    """Refuse a file whose headers cannot be read to the end; one that is unchanged is read once.

    Returns
    -------
    whether a child has read it, and all its chunks hold as many bytes as they should

    Raises
    ------
    OceanbenchError
        if the child crashed or did not end; what else is wrong is left to whoever reads the file.
        Workers that are threads open what the main thread has opened: there nothing is forked, as
        another thread may hold the library's lock, and the child would wait for it in vain
    """
    if threading.current_thread() is not threading.main_thread():
        return True
    if (identity := _identity(file)) in _READ:
        return True
    with warnings.catch_warnings():  # of threads, none of which is in the library now
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            _limit(file)
            _read(file, budget)
            os._exit(0)
        except (MemoryError, OSError, OceanbenchError) as problem:
            if isinstance(problem, MemoryError) or "memory" in str(problem):  # of the library
                os._exit(TOO_LARGE)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        how = (
            "takes forever"
            if name in ("SIGPROF", "SIGALRM")
            else f"crashes the HDF5 library ({name})"
        )
        raise OceanbenchError(
            f"{file}: cannot be read as NetCDF (it {how}); it is damaged: write or fetch it again"
        )
    if os.WEXITSTATUS(status) == TOO_LARGE:
        raise OceanbenchError(
            f"{file}: its headers and texts take more than {MEMORY // 2**30} GiB; leave out the "
            "texts"
        )
    sound = os.WEXITSTATUS(status) == 0
    if sound:  # to the end, whatever the budget
        _READ.add(identity)
    return sound


def _identity(file: Path) -> tuple[int, ...]:
    """What changes when a file is written to or replaced."""
    found = file.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _limit(file: Path) -> None:
    faulthandler.disable()
    for number in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    seconds = SECONDS + file.stat().st_size // DECODED
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.alarm(PATIENCE * seconds)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if STATM.is_file():  # of Linux, alone among systems in heeding this limit
        pages = int(STATM.read_text(encoding="ascii").split()[0])
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        most = pages * resource.getpagesize() + MEMORY
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(resource.RLIMIT_AS, (least, hard))
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)


def _read(file: Path, budget: Budget) -> None:
    """Read all that is read of a file before its values are: headers, names, axes."""
    check_hdf5(file, budget, decoded=True)  # no link is followed
    with h5py.File(file, "r") as opened:
        for array in opened.values():
            if isinstance(array, h5py.Dataset) and array.chunks:
                array.id.chunk_iter(lambda chunk: None)
    dataset = opening.open_file(file, chunks=None)
    for variable in dataset.variables.values():
        if variable.dtype == object and variable.ndim < 2:
            variable.load()
