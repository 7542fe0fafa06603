"""Files that are being written: hidden names that tell whose they are, and the removal of orphans.

A temporary's name says which host, boot, process namespace and process made it. At a start those whose
process cannot be alive are removed. What another boot or another process namespace of this host has left (a
container that was started again) is removed when nobody has written to it for a while: two containers on two
hosts that share a file system may well have the same host name. Those of another host may be in use, which
cannot be seen from here, so they go only when nobody has written to them for a day: a running transfer writes
at least once in every `dcmrecv.server.limits.PDU_SECONDS`. Should an estimate be wrong, the writer's rename
fails: its object is refused with A700, never acknowledged and lost.
"""

from __future__ import annotations

import itertools
import os
import time
import zlib
from typing import NamedTuple

__all__ = ["FOREIGN_AGE", "RESTART_AGE", "Leftovers", "TemporaryNames", "remove_orphans"]

_PREFIX = b".dcmrecv-"
_SUFFIX = b".tmp"

FOREIGN_AGE = 24 * 3600.0
"""Seconds without a write after which a temporary of unknown origin is taken for dead."""
RESTART_AGE = 1800.0
"""The same for one of another boot or process namespace of this host: three times
`dcmrecv.server.limits.PDU_SECONDS`."""


class Leftovers(NamedTuple):
    """What a look for orphans came to."""

    removed: int
    undecided: int
    """Temporaries of which only time can tell whether they are anybody's, and those that cannot be removed."""


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(4096)
    except OSError:
        return b""


def _process_start(pid: int) -> bytes:
    """Return the start time of a process in clock ticks since boot; empty if there is no such process."""
    fields = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    return fields[19] if len(fields) > 19 else b""


def _place() -> bytes:
    """Return what tells this host, boot and process namespace from others, 3 x 8 hexadecimal digits."""
    host = os.uname().nodename.encode("utf-8", "surrogateescape") + _read("/etc/machine-id")
    boot = _read("/proc/sys/kernel/random/boot_id")
    try:
        namespace = os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        namespace = 0
    return b"%08x.%08x.%08x" % (zlib.crc32(host), zlib.crc32(boot), namespace & 0xFFFFFFFF)


class TemporaryNames:
    """Names for the temporaries of this process. Make one after a fork, not before."""

    def __init__(self) -> None:
        pid = os.getpid()
        self._stem = b"%s%s.%d.%s." % (_PREFIX, _place(), pid, _process_start(pid) or b"0")
        self._numbers = itertools.count()

    def next(self) -> bytes:
        """Return a name that no file of this process has."""
        return b"%s%d%s" % (self._stem, next(self._numbers), _SUFFIX)


def _fields(name: bytes) -> list[bytes] | None:
    """Return host, boot, namespace, process, its start and number; None for a name that is not ours."""
    fields = name[len(_PREFIX) : -len(_SUFFIX)].split(b".")
    if len(fields) != 6 or not all(field.isalnum() for field in fields) or not fields[3].isdigit():
        return None
    return fields


def _is_orphan(fields: list[bytes], place: list[bytes], idle: float) -> bool | None:
    """Say whether the process that made a temporary is dead; None if nobody can tell yet."""
    if fields[:3] == place:
        return (_process_start(int(fields[3])) or b"-") != fields[4]
    limit = RESTART_AGE if fields[0] == place[0] else FOREIGN_AGE
    return True if idle > limit else None


def remove_orphans(directory: bytes) -> Leftovers:
    """Remove the temporaries of dead processes in *directory*; return how many, and how many may be dead.

    What cannot be read or removed is left: another start may be luckier, and reception does not depend on it.
    """
    place = _place().split(b".")
    removed = undecided = 0
    try:
        with os.scandir(directory) as entries:
            names = [
                entry.name
                for entry in entries
                if entry.name.startswith(_PREFIX) and entry.name.endswith(_SUFFIX)
            ]
    except OSError:
        return Leftovers(0, 0)
    for name in names:
        fields = _fields(name)
        if fields is None:
            continue
        path = directory + b"/" + name
        try:
            orphan = _is_orphan(fields, place, time.time() - os.lstat(path).st_mtime)
            if orphan:
                os.unlink(path)
                removed += 1
            undecided += orphan is None
        except FileNotFoundError:
            continue
        except OSError:
            undecided += 1
    return Leftovers(removed, undecided)
