"""One budget for the memory that all connections of a process together may pin beyond their base.

A connection's base is small and the same for all: its first receive buffer, its objects, one thread. What a peer can
make grow beyond that (a larger receive buffer, a command in many fragments, a request of thousands of items, what
a data set makes the parser remember) is charged to the connection's `Account` *before* it is allocated. When
a charge would take the total over the budget, the connection that holds most is evicted: it is woken and aborts its
association. So memory is bounded whatever the number of peers, and small associations go on beside greedy ones.

An account may only be charged by the thread that serves its connection.
"""

from __future__ import annotations

import contextlib
import os
import resource
import threading
from typing import Protocol

__all__ = ["Account", "Interruptible", "MemoryBudget", "MemoryBudgetExceeded", "available_memory"]

SHARE = 4
"""The default budget is one part in so many of the memory that the process may have."""

LEAST = 32 << 20
"""Bytes of the default budget where less than that would follow from the limits."""

_SHUT_RD = 0  # of shutdown(2): the thread that reads wakes up
_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


class MemoryBudgetExceeded(Exception):
    """This connection holds most while the budget is used up: its association is to be aborted."""


class Interruptible(Protocol):
    """A socket, as far as a budget needs it."""

    def shutdown(self, how: int, /) -> None: ...


class MemoryBudget:
    """*limit* bytes for all accounts together; the lock guards the total and the set of accounts."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._lock = threading.Lock()
        self._used = 0
        self._holders: set[Account] = set()  # with a charge, and not evicted

    @classmethod
    def default(cls, processes: int = 1) -> MemoryBudget:
        """Return the budget of one of *processes* that share what `available_memory` says."""
        return cls(max(available_memory() // SHARE // processes, LEAST))

    @property
    def used(self) -> int:
        """Bytes charged and not given back; those of evicted connections are not counted."""
        return self._used

    @property
    def relaxed(self) -> bool:
        """True while less than half is used: what only makes a connection faster may be taken."""
        return self._used < self.limit >> 1

    def charge(self, account: Account, size: int) -> None:
        """Charge *size* bytes to *account*; see `Account.charge`."""
        victims: list[Account] = []
        with self._lock:
            if account.evicted:
                raise MemoryBudgetExceeded
            self._used += size
            account.held += size
            self._holders.add(account)
            while self._used > self.limit:
                victim = max(self._holders, key=_held)
                self._holders.discard(victim)
                self._used -= victim.held
                victim.evicted = True
                victims.append(victim)
                if victim is account:
                    break
        for victim in victims:
            if victim is account:
                raise MemoryBudgetExceeded
            victim.wake()

    def give_back(self, account: Account, size: int) -> None:
        """Take *size* bytes off *account*."""
        with self._lock:
            account.held -= size
            if not account.evicted:
                self._used -= size
                if not account.held:
                    self._holders.discard(account)


class Account:
    """What one connection holds of a `MemoryBudget`."""

    __slots__ = ("_budget", "_connection", "evicted", "held")

    def __init__(self, budget: MemoryBudget, connection: Interruptible | None = None) -> None:
        """*connection*'s reading side is shut down when the connection is evicted: its thread then wakes."""
        self._budget = budget
        self._connection = connection
        self.held = 0
        """Bytes charged so far."""
        self.evicted = False
        """True once this connection was the one that held most: it has to end."""

    def charge(self, size: int) -> None:
        """Charge *size* bytes, before they are allocated.

        Raises `MemoryBudgetExceeded` if the budget is used up and no other connection holds more; *size* is then not
        to be allocated, and whatever is held is given back with `close`.
        """
        self._budget.charge(self, size)

    def give_back(self, size: int) -> None:
        """Say that *size* of the charged bytes are free again."""
        self._budget.give_back(self, size)

    @property
    def relaxed(self) -> bool:
        """True while there is plenty: see `MemoryBudget.relaxed`."""
        return self._budget.relaxed

    def wake(self) -> None:
        """Interrupt the thread that waits for this connection's peer."""
        if self._connection is not None:
            with contextlib.suppress(OSError):  # closed meanwhile
                self._connection.shutdown(_SHUT_RD)

    def close(self) -> None:
        """Give everything back: the connection is over."""
        if self.held:
            self._budget.give_back(self, self.held)


def _held(account: Account) -> int:
    return account.held


def available_memory() -> int:
    """Return how many bytes this process may have: by its control group, its address space, or the machine."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
        soft, _ = resource.getrlimit(kind)
        if soft != resource.RLIM_INFINITY:
            limits.append(soft)
    for path in _CGROUP_LIMITS:
        with contextlib.suppress(OSError, ValueError), open(path, encoding="ascii") as file:
            limits.append(int(file.read()))  # "max" is no number
    return min(limits)
