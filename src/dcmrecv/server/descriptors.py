"""File descriptors: as many as the system allows, and some kept for the files of running associations.

A connection is one descriptor, and while it sends an object its file needs some more. If connections could take
the last one, running associations would be refused for want of a file. So a connection is accepted only while
enough remain for the files of all that run. POSIX makes it cheap to know: a new descriptor has the lowest
free number, so a thread that gets number N knows that at least N are in use.
"""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Callable

from dcmrecv.server import limits

__all__ = ["Descriptors", "raise_limit"]

SHORTAGE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""What `accept` fails with when the system has not enough to make a connection of one."""


def raise_limit() -> None:
    """Raise the soft limit on descriptors to the hard one; the soft one is for programs that use select(2)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):
            return  # some systems have a hard limit that cannot be reached


class Descriptors:
    """Says whether there are enough to accept another connection."""

    def __init__(self, spare: Callable[[], bool]) -> None:
        """*spare* closes a descriptor that is held without need and returns True, if there is any."""
        self._spare = spare
        self.tight = False
        """True from a connection that met the reserve until there is room again."""

    def took(self, number: int, running: int) -> None:
        """A connection got the descriptor *number*, as one of *running*."""
        self.tight = not self._leaves_enough(number, running)

    def room(self, running: int) -> bool:
        """Return whether another connection may be accepted; closes what can be spared if there is need."""
        while self.tight:
            if self._leaves_enough(_lowest_free(), running + 1):
                self.tight = False
            elif not self._spare():
                return False
        return True

    @staticmethod
    def _leaves_enough(number: int | None, running: int) -> bool:
        if number is None:
            return False
        if running <= 1:  # one is always served
            return True
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        if limit == resource.RLIM_INFINITY:
            return True
        reserved = min(limits.RESERVED_DESCRIPTORS, limit // 4)
        return limit - number > reserved + limits.DESCRIPTORS_EACH * running


def _lowest_free() -> int | None:
    try:
        number = os.eventfd(0, os.EFD_CLOEXEC)
    except OSError:
        return None
    os.close(number)
    return number
