"""Files that are being written: hidden names that tell whose they are, and the removal of orphans.

A temporary's name says which host, boot, process namespace and process made it. At a start those whose
process cannot be alive are removed. Those of another host or container may be in use, which cannot be seen
from here, so they go only when nobody has written to them for a day: a running transfer writes at least once
in every `dcmrecv.server.limits.PDU_SECONDS`.
"""

from __future__ import annotations

import itertools
import os
import time
import zlib

__all__ = ["FOREIGN_AGE", "TemporaryNames", "remove_orphans"]

_PREFIX = b".dcmrecv-"
_SUFFIX = b".tmp"

FOREIGN_AGE = 24 * 3600.0
"""Seconds without a write after which a temporary of unknown origin is taken for dead."""


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
    host = os.uname().nodename.encode("utf-8", "surrogateescape")
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


def _is_orphan(name: bytes, place: bytes, modified: float) -> bool:
    fields = name[len(_PREFIX) : -len(_SUFFIX)].split(b".")
    if len(fields) != 6 or not all(field.isalnum() for field in fields):
        return False  # nothing that we made
    host, boot, namespace = place.split(b".")
    if fields[0] == host and fields[1] != boot:
        return True  # this host has been started anew since
    if fields[:3] == [host, boot, namespace] and fields[3].isdigit():
        return (_process_start(int(fields[3])) or b"-") != fields[4]
    return time.time() - modified > FOREIGN_AGE


def remove_orphans(directory: bytes) -> int:
    """Remove the temporaries of dead processes in *directory*; return how many.

    What cannot be read or removed is left: another start may be luckier, and reception does not depend on it.
    """
    place = _place()
    removed = 0
    try:
        with os.scandir(directory) as entries:
            names = [
                entry.name
                for entry in entries
                if entry.name.startswith(_PREFIX) and entry.name.endswith(_SUFFIX)
            ]
    except OSError:
        return 0
    for name in names:
        path = directory + b"/" + name
        try:
            if _is_orphan(name, place, os.lstat(path).st_mtime):
                os.unlink(path)
                removed += 1
        except OSError:
            continue
    return removed
