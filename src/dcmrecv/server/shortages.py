"""What the system may run out of, reported once when a shortage begins and once when it ends."""

from __future__ import annotations

import enum
import time
from collections.abc import Callable

from dcmrecv.server import limits

__all__ = ["Resource", "Shortages"]


class Resource(enum.Enum):
    """What may be short."""

    DESCRIPTORS = "file descriptors"
    THREADS = "threads"
    MEMORY = "memory"


class Shortages:
    """The shortages of a process. `found` by any thread, `look` by one."""

    def __init__(self, report: Callable[[Resource, bool], None]) -> None:
        """*report* is called with a resource and whether its shortage begins (or ends)."""
        self._report = report
        self._found: dict[Resource, float] = {}  # when it was last found
        self._reported: set[Resource] = set()

    def __bool__(self) -> bool:
        return bool(self._found)

    def found(self, resource: Resource) -> None:
        """*resource* was just found to be short. Raises nothing."""
        try:
            self._found[resource] = time.monotonic()
        except MemoryError:
            return  # there will be another time
        self._tell(resource)

    def _tell(self, resource: Resource) -> None:
        if resource in self._reported:
            return
        try:
            self._reported.add(resource)
            self._report(resource, True)
        except MemoryError:
            self._reported.discard(resource)  # `look` tries again

    def look(self) -> None:
        """Find out which shortages are over. Call now and then."""
        now = time.monotonic()
        for resource, last in list(self._found.items()):
            if now - last < limits.SHORTAGE_SECONDS:
                self._tell(resource)
            elif self._found.pop(resource, None) is not None and resource in self._reported:
                self._reported.discard(resource)
                self._report(resource, False)
