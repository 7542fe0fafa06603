"""What the system may run out of, reported once when a shortage begins and once when it ends."""

from __future__ import annotations

import enum
import time
from collections.abc import Callable

from dcmrecv.observer import ReceiverEvent, ShortageBegan, ShortageEnded
from dcmrecv.server import limits

__all__ = ["Resource", "Shortages"]


class Resource(enum.Enum):
    """What may be short."""

    DESCRIPTORS = "file descriptors"
    THREADS = "threads"
    MEMORY = "memory"


class Shortages:
    """The shortages of a process. `found` by any thread, `look` by one."""

    def __init__(self, observe: Callable[[ReceiverEvent], None]) -> None:
        """*observe* takes `ShortageBegan` and `ShortageEnded`."""
        self._observe = observe
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
        self._report(resource)

    def _report(self, resource: Resource) -> None:
        if resource in self._reported:
            return
        try:
            self._reported.add(resource)
            self._observe(ShortageBegan(resource.value))
        except MemoryError:
            self._reported.discard(resource)  # `look` tries again

    def look(self) -> None:
        """Find out which shortages are over. Call now and then."""
        now = time.monotonic()
        for resource, last in list(self._found.items()):
            if now - last < limits.SHORTAGE_SECONDS:
                self._report(resource)
            elif self._found.pop(resource, None) is not None and resource in self._reported:
                self._reported.discard(resource)
                self._observe(ShortageEnded(resource.value))
