"""Free space on the output file system, looked at now and then (``--min-free-space``, an addition)."""

from __future__ import annotations

import os
import time

__all__ = ["FreeSpace"]

_LOOK_AGAIN = 0.25
"""Seconds for which an answer of the file system is believed."""


class FreeSpace:
    """Says whether more than *minimum* bytes are free for us at *path*."""

    def __init__(self, path: bytes, minimum: int) -> None:
        self._path = path
        self._minimum = minimum
        self._next = 0.0
        self._enough = True

    def enough(self) -> bool:
        """Return False while less than the minimum is free. An unreadable file system is not full."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _LOOK_AGAIN
            try:
                status = os.statvfs(self._path)
            except OSError:
                return True
            self._enough = status.f_bavail * status.f_frsize >= self._minimum
        return self._enough
