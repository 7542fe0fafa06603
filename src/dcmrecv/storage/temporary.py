"""Files that are being written: hidden names, locks that show they are, and the removal of orphans.

A temporary that waits for more of its object is locked (flock(2)) by the process that writes it, so any process
that can open it can tell, in whatever container or process namespace it runs and however much of /proc it sees.
A small object is not locked: it has its name some microseconds after it was created. So what a look for orphans
can lock and what has not been written to for `SETTLED_AGE` belongs to no process any more. Where locks may not reach,
more time must pass: two hosts that share a file system may have the same name and machine id, so what another boot
has left waits for `RESTART_AGE`; what another host has left, and everything on a file system without locks,
waits for `FOREIGN_AGE`. A running transfer writes at least once in every `dcmrecv.server.limits.PDU_SECONDS`.

Should all of this be wrong, no object is lost: it is published from its open descriptor (`storage.publish`).
"""

from __future__ import annotations

import fcntl
import itertools
import os
import time
import zlib
from typing import NamedTuple

__all__ = [
    "FOREIGN_AGE",
    "RESTART_AGE",
    "SETTLED_AGE",
    "Leftovers",
    "TemporaryNames",
    "hold",
    "remove_orphans",
]

_PREFIX = b".dcmrecv-"
_SUFFIX = b".tmp"
_OPEN = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

SETTLED_AGE = 5.0
"""Seconds without a write after which a temporary of this boot without a lock is taken for dead."""
FOREIGN_AGE = 24 * 3600.0
"""Seconds without a write after which a temporary of another host is taken for dead."""
RESTART_AGE = 1800.0
"""The same for one of another boot of this host, and for one in which nothing has been written yet: three
times `dcmrecv.server.limits.PDU_SECONDS`."""


class Leftovers(NamedTuple):
    """What a look for orphans came to."""

    removed: int
    undecided: int
    """Temporaries of which only time can show whether they are in use, and those that cannot be removed."""


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(4096)
    except OSError:
        return b""


def _place() -> bytes:
    """Return what distinguishes this host and boot from others, 2 x 8 hexadecimal digits."""
    host = os.uname().nodename.encode("utf-8", "surrogateescape") + _read("/etc/machine-id")
    boot = _read("/proc/sys/kernel/random/boot_id")
    return b"%08x.%08x" % (zlib.crc32(host), zlib.crc32(boot))


class TemporaryNames:
    """Names for the temporaries of this process. Make one after a fork, not before."""

    def __init__(self, directory: bytes) -> None:
        """*directory* is where most of them are to lie."""
        token = os.urandom(8).hex().encode("ascii")
        self._stem = b"%s%s.%d.%s." % (_PREFIX, _place(), os.getpid(), token)
        self._path = directory.replace(b"%", b"%%") + b"/" + self._stem + b"%d" + _SUFFIX
        self._numbers = itertools.count()

    def path(self) -> bytes:
        """Return a path in the directory that no file of any process has."""
        return self._path % next(self._numbers)

    def name(self) -> bytes:
        """Return a name that no file of any process has."""
        return b"%s%d%s" % (self._stem, next(self._numbers), _SUFFIX)


def hold(descriptor: int) -> None:
    """Lock a temporary until its descriptor is closed. A file system without locks is left to the clock."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return


def _fields(name: bytes) -> list[bytes] | None:
    """Return host, boot, process, token and number; None for a name that is not ours."""
    if not (name.startswith(_PREFIX) and name.endswith(_SUFFIX)):
        return None
    fields = name[len(_PREFIX) : -len(_SUFFIX)].split(b".")
    if len(fields) != 5 or not all(field.isalnum() for field in fields) or not fields[2].isdigit():
        return None
    return fields


def _age_of_death(fields: list[bytes], place: list[bytes], locked: bool, status: os.stat_result) -> float:
    """Return the seconds without a write after which a temporary that no other process has locked is an orphan."""
    if fields[0] != place[0] or not locked:
        return FOREIGN_AGE
    if fields[1] != place[1] or not status.st_size:
        return RESTART_AGE
    return SETTLED_AGE


def _remove_if_orphan(path: bytes, fields: list[bytes], place: list[bytes]) -> bool | None:
    """Say whether *path* was removed; None if only time can tell. Raises OSError."""
    descriptor = os.open(path, _OPEN)
    try:
        locked = True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False  # a process writes it
        except OSError:
            locked = False
        status = os.fstat(descriptor)
        if not os.path.samestat(status, os.lstat(path)):
            return False
        if time.time() - status.st_mtime <= _age_of_death(fields, place, locked, status):
            return None
        os.unlink(path)
        return True
    finally:
        os.close(descriptor)


def remove_orphans(directory: bytes) -> Leftovers:
    """Remove the temporaries of dead processes in *directory*; return how many, and how many may be dead.

    What cannot be read or removed is left: another start may be luckier, and reception does not depend on it.
    """
    place = _place().split(b".")
    removed = undecided = 0
    try:
        with os.scandir(directory) as entries:
            found = [(entry.name, fields) for entry in entries if (fields := _fields(entry.name)) is not None]
    except OSError:
        return Leftovers(0, 0)
    for name, fields in found:
        try:
            orphan = _remove_if_orphan(directory + b"/" + name, fields, place)
            removed += orphan is True
            undecided += orphan is None
        except FileNotFoundError:
            continue
        except OSError:
            undecided += 1
    return Leftovers(removed, undecided)
