"""What a call of a method cannot do: read the data of its challenge from disk, or keep a thing.

Where the system permits namespaces, all folders but one of its own are read-only to a call, and
shared memory is its own; elsewhere, where it has Landlock, that says which files it may open.

Sources: mount_namespaces(7), mount_setattr(2), capabilities(7); Landlock, Linux kernel
documentation, https://docs.kernel.org/userspace-api/landlock.html
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import struct
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

NEW_USER, NEW_IPC, NEW_MOUNTS = 0x10000000, 0x08000000, 0x00020000  # of unshare(2)
BIND, ALL_BELOW, PRIVATE, READ_ONLY = 0x1000, 0x4000, 0x40000, 0x1  # of mount(2)
NO_NEW_RIGHTS, ADOPTS, WITHOUT = 38, 36, 24  # of prctl(2): no_new_privs, subreaper, drop a right
ADMINISTERS, TRACES = 21, 19  # capabilities
MOUNT_SETATTR, RULESET, RULE, RESTRICT = 442, 444, 445, 446  # system calls
WRITES, READS = 1 << 1, 1 << 2  # rights of Landlock
CHANGES = WRITES | sum(1 << bit for bit in range(4, 13))  # removes and makes files of all kinds
SHARED = Path("/dev/shm")
MANY = 20  # hidden files of a folder, which is then hidden
OWN = ("TMPDIR", "NUMBA_CACHE_DIR", "TRITON_CACHE_DIR")  # variables that name a folder to write to


class Confinement(NamedTuple):
    """What calls of a method may do with files.

    Attributes
    ----------
    hidden : files and folders that they cannot read
    keeps : whether they may write anywhere; else only into a folder that goes with the call
    """

    hidden: tuple[Path, ...] = ()
    keeps: bool = True

    @classmethod
    def of(cls, files: Sequence[Path], method: Path, *, keeps: bool) -> Confinement:
        """Hide files, or their folder where it has many of them and not the method."""
        real = {Path(os.path.realpath(file)) for file in files}
        folders = [file.parent for file in real]
        used = [os.path.realpath(place) for place in map(str, (method.parent, *sys.path))]
        for folder in set(folders):
            free = not any(Path(place).is_relative_to(folder) for place in used)
            if folders.count(folder) > MANY and free:
                real.add(folder)
        outer = [place for place in real if not real & set(place.parents)]
        return cls(tuple(sorted(outer)), keeps)


def confine(how: Confinement, folder: Path) -> bool:
    """Confine this process for good; whether the system permits it.

    Parameters
    ----------
    how : it may use files
    folder : of its own, for what it may not keep
    """
    if not how.keeps:
        os.environ.update(dict.fromkeys(OWN, str(folder)))
        tempfile.tempdir = str(folder)
    hidden = [place for place in how.hidden if place.exists()]
    if how.keeps and not hidden:
        return True
    library = ctypes.CDLL(None, use_errno=True)
    if not hasattr(library, "unshare"):  # no Linux
        return False
    library.prctl(NO_NEW_RIGHTS, 1, 0, 0, 0)
    own = None if how.keeps else folder
    if entered(NEW_MOUNTS | (0 if how.keeps else NEW_IPC)):
        return _mounts(library, hidden, own)
    return _rules(library, hidden, own)


def entered(namespaces: int) -> bool:
    """Whether this process got new namespaces, with the user's rights or in one of its own."""
    library = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    if library.unshare(namespaces) == 0:
        return True
    if library.unshare(namespaces | NEW_USER) != 0:
        return False
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        Path("/proc/self", name).write_bytes(text.encode())
    return True


def _mounts(library: ctypes.CDLL, hidden: Sequence[Path], own: Path | None) -> bool:
    """Cover what is hidden, and make all read-only but one folder; then give up the right to."""

    def mount(source: str, place: Path | str, kind: str, flags: int) -> bool:
        words = (source.encode(), os.fsencode(place), kind.encode())
        return bool(library.mount(*words, ctypes.c_ulong(flags), None) == 0)

    def read_only(place: Path | str, *, whether: bool) -> bool:
        change = struct.pack("=4Q", READ_ONLY * whether, READ_ONLY * (not whether), 0, 0)
        where, size = os.fsencode(place), len(change)
        return bool(library.syscall(MOUNT_SETATTR, -100, where, 0x8000, change, size) == 0)

    done = mount("none", "/", "", ALL_BELOW | PRIVATE)
    for place in hidden:
        if place.is_dir():
            done &= mount("tmpfs", place, "tmpfs", READ_ONLY)
        else:
            done &= mount(os.devnull, place, "", BIND)
    if own is not None:
        done &= mount(str(own), own, "", BIND)
        done &= read_only("/", whether=True) and read_only(own, whether=False)
        if SHARED.is_dir():
            done &= mount("tmpfs", SHARED, "tmpfs", 0)
    header, rights = struct.pack("=Ii", 0x20080522, 0), ctypes.create_string_buffer(24)
    library.capget(header, rights)
    words = list(struct.unpack("=6I", rights.raw))  # effective, permitted, inheritable; twice
    for right in (ADMINISTERS, TRACES):
        library.prctl(WITHOUT, right, 0, 0, 0)
        words[:3] = [word & ~(1 << right) for word in words[:3]]
    library.capset(header, struct.pack("=6I", *words))
    return done


def _rules(library: ctypes.CDLL, hidden: Sequence[Path], own: Path | None) -> bool:
    """Let files be opened but those hidden, and written in one folder and on devices only."""
    handled = READS | (0 if own is None else CHANGES)
    rules = library.syscall(RULESET, struct.pack("=Q", handled), 8, 0)
    if rules < 0:
        return False

    def allow(place: Path, rights: int) -> None:
        with contextlib.suppress(OSError):  # gone, or not for this user
            opened = os.open(place, os.O_PATH | os.O_NOFOLLOW)
            library.syscall(RULE, rules, 1, struct.pack("=Qi", rights, opened), 0)
            os.close(opened)

    for place in _beside(Path("/"), hidden):
        allow(place, READS)
    if own is not None:
        allow(own, READS | CHANGES)
        for device in Path("/dev").iterdir():
            allow(device, READS | WRITES if device != SHARED else READS)
    done = library.syscall(RESTRICT, rules, 0) == 0
    os.close(rules)
    return bool(done)


def _beside(folder: Path, hidden: Sequence[Path]) -> Iterator[Path]:
    """Files and folders that hold nothing hidden, and cover all else below a folder."""
    below = [place for place in hidden if place.is_relative_to(folder)]
    if not below:
        yield folder
    elif folder not in below:
        with contextlib.suppress(OSError):
            for entry in os.scandir(folder):
                if not entry.is_symlink():
                    yield from _beside(Path(entry.path), below)


@contextlib.contextmanager
def own_folder(within: str) -> Iterator[Path]:
    """A folder that lasts as long as a block."""
    folder = Path(tempfile.mkdtemp(dir=within))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def adopt() -> None:
    """Become the parent of what children leave behind, where the system has that."""
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).prctl(ADOPTS, 1, 0, 0, 0)


def end_all_left() -> None:
    """End every process that a child has left behind."""
    with contextlib.suppress(ChildProcessError):
        while True:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                for child in _children():
                    os.kill(child, signal.SIGKILL)
                os.waitpid(-1, 0)


def _children() -> Iterator[int]:
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            text = status.read_text(encoding="utf-8", errors="replace")
            if int(text.rpartition(")")[2].split()[1]) == os.getpid():
                yield int(status.parent.name)
