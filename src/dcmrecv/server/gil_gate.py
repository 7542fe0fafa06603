"""Gates for threads, so that they do not contend for the interpreter lock (the GIL).

Python offers the GIL to the other threads at every system call, and a small object needs seven of these: eight
busy associations would wake each other for every call. And a thread that wants the GIL gets it after the switch
interval from a thread that computes, but then it is any of those that want it: beside twenty peers that keep us
computing, an honest association would wait for twenty intervals at each of its system calls. A thread that
waits for a gate does not contend for the GIL. There are two gates, with one thread inside of each:

- *short* work, a small object or an echo, passes the first one;
- associations that make us compute much for few bytes (endless tiny elements, empty fragments, echoes without a
  pause) pass the second one, so that all the others have one such neighbour at most, whatever their number.

How much an association computes is measured in processor time of its thread. It may have so much for each byte, and
a small share of all time; what it has beyond that is its debt, and an association in debt passes the second gate.

Gates are an optimisation only: when the thread inside takes long, on a slow disk or for a peer that does not
read, the gate stands open until it is through.
"""

from __future__ import annotations

import sys
import threading
import time

from dcmrecv.server import limits

__all__ = ["GateTicket", "GilGate", "share_fairly"]


class _Gate:
    __slots__ = ("entries", "lock", "open", "seconds")

    def __init__(self, seconds: float) -> None:
        self.lock = threading.Lock()
        self.open = False
        self.seconds = seconds
        self.entries = 0

    def enter(self) -> bool:
        """Return True with the lock held; False if the thread inside takes longer than `seconds`."""
        if self.lock.acquire(False):  # the usual case
            self.entries += 1
            return True
        if self.open:
            return False
        entries = self.entries
        while not self.lock.acquire(timeout=self.seconds):
            if self.entries == entries:
                self.open = True
                return False
            entries = self.entries  # another one is inside now
        self.entries += 1
        return True


class GilGate:
    """The two gates, shared by the threads of a process."""

    def __init__(self, *, short: bool = True, spare_processor: bool = False) -> None:
        """*short* False: there is only the second gate, where short work may take long, waiting for the disk.

        *spare_processor*: there are more processors than processes of ours (`GateTicket.may_wait_actively`).
        """
        self.short = _Gate(limits.GATE_SECONDS) if short else None
        self.spare_processor = spare_processor
        self.heavy = _Gate(limits.HEAVY_GATE_SECONDS)


class GateTicket:
    """One thread's way through the gates."""

    __slots__ = (
        "_alone",
        "_computed",
        "_entries",
        "_heavy",
        "_inside",
        "_short",
        "_since",
        "_size",
        "_spare",
        "debt",
    )

    def __init__(self, gates: GilGate) -> None:
        """To be made by the thread that uses it."""
        self._short, self._heavy = gates.short, gates.heavy
        self._spare = gates.spare_processor
        self._inside: _Gate | None = None
        self._entries = -1  # through both gates, when we left one last
        self._alone = False  # no other thread passed a gate between our last two passages
        self._size = 0  # bytes since the last account
        self._computed, self._since = time.thread_time(), time.monotonic()
        self.debt = 0.0
        """Seconds of processor time beyond what is due to every association."""

    def enter(self, size: int) -> None:
        """Wait, if need be and not for long, before the work on *size* bytes that have come."""
        self._alone = self._all_entries() == self._entries
        gate = self._short if size < limits.GATE_BELOW else None
        if self.debt > limits.DEBT_SECONDS:
            gate = self._heavy
        if gate is not None and gate.enter():
            self._inside = gate

    def leave(self, size: int = 0) -> None:
        """Let the next thread in, if we are inside. Call before every wait for the peer.

        The work on *size* bytes is done; what it took is charged, together with that on more bytes when little time
        has passed: to ask for the processor time of a thread is a system call.
        """
        gate = self._inside
        if gate is not None:
            self._inside = None
            self._entries = self._all_entries()
            gate.open = False
            gate.lock.release()
        self._size += size
        now = time.monotonic()
        if now - self._since >= limits.ACCOUNT_SECONDS:
            self._account(now)

    def may_wait_actively(self) -> bool:
        """Return True if no other thread has lately passed a gate, and there is a processor to spare."""
        if not (self._spare and self._alone) or self._short is None or self._all_entries() != self._entries:
            return False
        return not (self._short.lock.locked() or self._heavy.lock.locked())

    def _all_entries(self) -> int:
        return self._heavy.entries + (0 if self._short is None else self._short.entries)

    def waited_actively(self, seconds: float) -> None:
        """That processor time is none that the peer has made us compute.

        No more is forgiven than a wait may last: the thread may have been without a processor meanwhile.
        """
        self._computed += min(seconds, limits.ACTIVE_WAIT_SECONDS)

    def _account(self, now: float) -> None:
        computed = time.thread_time()
        due = self._size * limits.COMPUTE_PER_BYTE + (now - self._since) * limits.COMPUTE_SHARE
        debt = self.debt + computed - self._computed - due
        self._computed, self._since, self._size = computed, now, 0
        self.debt = 0.0 if debt <= 0 else min(debt, limits.MOST_DEBT_SECONDS)


def share_fairly() -> None:
    """Have a thread that computes give up the GIL sooner than after Python's 5 ms: for a process that is all ours."""
    sys.setswitchinterval(limits.SWITCH_SECONDS)
