"""How each process of a receiver was found lately: memory that all of them share.

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
    """Two places for each of *processes*: when it last accepted connections, and when it was last worth keeping."""

    def __init__(self, processes: int = 1) -> None:
        times = memoryview(mmap.mmap(-1, processes * 16)).cast("Q")
        self._accepted, self._worth_keeping = times[:processes], times[processes:]

    def __len__(self) -> int:
        return len(self._accepted)

    def found(self, number: int, *, healthy: bool, hopeless: bool) -> None:
        """Process *number* has looked at itself: is it *healthy*, is it *hopeless*? A shortage may make it neither."""
        now = time.monotonic_ns()  # the same clock in all processes
        if healthy:
            self._accepted[number] = now
        if not hopeless:
            self._worth_keeping[number] = now

    def forget(self, number: int) -> None:
        """Process *number* does not accept connections any more."""
        self._accepted[number] = self._worth_keeping[number] = 0

    def worth_keeping(self, number: int) -> bool:
        """Return False if process *number* does not look after itself any more, or found itself hopeless."""
        return _is_recent(self._worth_keeping[number])

    @property
    def count(self) -> int:
        """Number of processes that accept connections."""
        return sum(map(_is_recent, self._accepted))

    @property
    def kept(self) -> int:
        """Number of processes that are worth keeping."""
        return sum(map(_is_recent, self._worth_keeping))


def _is_recent(moment: int) -> bool:
    return bool(moment) and time.monotonic_ns() - moment < limits.DEAF_SECONDS * 1e9
