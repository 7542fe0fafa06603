"""When each process of a receiver was last found to accept connections: memory that all of them share.

Made before the processes are, so there are no files, and a dead process is not healthy for long. Each process writes
its own place, from outside of the threads that accept (`dcmrecv.server.server.Server.look`); the parent of
workers, the watchdog of the service manager and ``/healthz`` read them.
"""

from __future__ import annotations

import mmap
import time

from dcmrecv.server import limits

__all__ = ["HealthBoard"]


class HealthBoard:
    """One place for each of *processes*."""

    def __init__(self, processes: int = 1) -> None:
        self._found = memoryview(mmap.mmap(-1, processes * 8)).cast("Q")

    def __len__(self) -> int:
        return len(self._found)

    def found_healthy(self, number: int) -> None:
        """Process *number* accepts connections now."""
        self._found[number] = time.monotonic_ns()  # the same clock in all processes

    def forget(self, number: int) -> None:
        """Process *number* does not accept connections any more."""
        self._found[number] = 0

    def healthy(self, number: int) -> bool:
        """Return whether process *number* was found healthy not long ago."""
        found = self._found[number]
        return bool(found) and time.monotonic_ns() - found < (limits.DEAF_SECONDS * 1e9)

    @property
    def count(self) -> int:
        """Number of healthy processes."""
        return sum(self.healthy(number) for number in range(len(self._found)))
