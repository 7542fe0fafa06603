"""File names: four ways to call an object, the reference's byte for byte (spec/storage.md 5).

Names are bytes. UIDs come from the peer and may contain anything but NUL. A name is one path component and harmless
to shells and terminals: everything but letters, digits, blanks and ``. _ : @ -`` becomes an underscore, as in the
reference since its repair (CVE-2026-5663; 3.6.8 replaces slashes alone), and the prefix keeps ``.`` and ``..`` away.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import threading
import time
from collections.abc import Callable

from dcmrecv.config import FilenameMode
from dcmrecv.uids import file_prefixes

__all__ = ["Namer", "UidSource", "new_uid"]

_UNKNOWN = b"UNKNOWN"
_UNKNOWN_SHORT = b"XX"
_UID_PREFIX = b"1.2.276.0.7230010.3.1.4"
_UID_LENGTH = 64
_SAFE = bytes(
    code if chr(code).isascii() and (chr(code).isalnum() or code in b" ._:@-") else ord("_")
    for code in range(256)
)
"""Translates a value of a peer to a part of a file name."""
_CLOCK_STEP = 1_000_000
"""Microseconds; a clock that is set back by more is believed, as the reference does."""


def _gethostid() -> int:
    """Return gethostid(3); systems without it get a number that is constant for the host name."""
    try:
        return int(ctypes.CDLL(None).gethostid())
    except (AttributeError, OSError):
        import zlib

        return zlib.crc32(os.uname().nodename.encode("utf-8", "surrogateescape"))


class UidSource:
    """New UIDs in the reference's shape: prefix, host, process, time, counter (spec/storage.md 5.3)."""

    def __init__(self, host_number: Callable[[], int] = _gethostid) -> None:
        self._host_number = host_number
        self._lock = threading.Lock()
        self._pid = 0
        self._counter = itertools.count()
        self._host = b""

    def next(self) -> bytes:
        pid = os.getpid()
        with self._lock:
            if pid != self._pid:  # first use, or a forked worker
                self._pid = pid
                self._host = b"%d" % (self._host_number() & 0xFFFFFFFF)
                self._counter = itertools.count(time.time_ns() // 1000 % 1_000_000 + 2)
            number = next(self._counter)
        return b"%s.%s.%d.%d.%d" % (_UID_PREFIX, self._host, pid, int(time.time()), number)


_uids = UidSource()


def new_uid() -> bytes:
    """Return a new UID, at most 64 characters."""
    return _uids.next()[:_UID_LENGTH]


class Namer:
    """Makes the name of an object. Safe for use by many threads."""

    def __init__(self, mode: FilenameMode, extension: bytes) -> None:
        self.mode = mode
        self.replaces = mode is FilenameMode.DEFAULT
        """True if an object replaces an older one of its name. The names of the other modes are never given
        twice: two processes may well make the same one, and both objects have been or will be acknowledged."""
        self.looks = mode is FilenameMode.SHORT_UNIQUE
        """True if the reference looks for a file of the name before it takes it."""
        self._extension = extension
        self._plain_extension = extension.replace(b"/", b"_")
        self._prefixes = file_prefixes()  # read now: a shortage of descriptors must not meet the first object
        self._lock = threading.Lock()
        self._start = int(time.time())
        self._last_time = 0
        makers: dict[FilenameMode, Callable[[bytes, bytes], bytes]] = {
            FilenameMode.DEFAULT: self._default,
            FilenameMode.UNIQUE: self._unique,
            FilenameMode.SHORT_UNIQUE: self._short_unique,
            FilenameMode.SYSTEM_TIME: self._system_time,
        }
        self.name: Callable[[bytes, bytes], bytes] = makers[mode]
        """(SOP class UID, SOP instance UID) -> file name."""

    def _default(self, sop_class: bytes, sop_instance: bytes) -> bytes:
        prefix = self._prefixes.get(sop_class, _UNKNOWN)
        return b"%s.%s%s" % (prefix, sop_instance.translate(_SAFE), self._plain_extension)

    def _unique(self, sop_class: bytes, sop_instance: bytes) -> bytes:
        return b"%s.X.%s%s" % (self._prefixes.get(sop_class, _UNKNOWN), new_uid(), self._extension)

    def _short_unique(self, sop_class: bytes, sop_instance: bytes) -> bytes:
        prefix = self._prefixes.get(sop_class, _UNKNOWN_SHORT)
        # The reference's digits come from the time of each store and the low halves of a linear generator:
        # 1,024 names a second, the same ones in every process, 65,536 in all.
        digits = os.urandom(4).hex().encode("ascii")
        return b"%s_%08x%s%s" % (prefix, self._start, digits, self._plain_extension)

    def _system_time(self, sop_class: bytes, sop_instance: bytes) -> bytes:
        seconds, microseconds = divmod(self._microseconds(), 1_000_000)
        stamp = time.strftime("%Y%m%d%H%M%S", time.localtime(seconds)).encode("ascii")
        return b"%s.%06d.%s%s" % (
            stamp,
            microseconds,
            self._prefixes.get(sop_class, _UNKNOWN),
            self._extension,
        )

    def _microseconds(self) -> int:
        """Return the time in microseconds since 1970, each but once, even if the clock stands or steps back."""
        with self._lock:
            now = time.time_ns() // 1000
            if 0 <= self._last_time - now < _CLOCK_STEP:
                now = self._last_time + 1
            self._last_time = now
        return now
