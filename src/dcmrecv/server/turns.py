"""Threads take turns at short pieces of work, so that they do not take the interpreter lock from each other.

Python hands the interpreter lock to whoever waits for it at every system call, and a small object needs seven
of these: eight busy associations wake each other for every one. Who waits for a turn does not wait for the
interpreter lock. Nobody relies on it: a turn that takes long, on a slow disk or for a peer that
does not read, suspends the whole thing until it is over.
"""

from __future__ import annotations

import threading

from dcmrecv.server import limits

__all__ = ["Turn", "Turns"]


class Turns:
    """Whose turn it is. Shared by the threads of a process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.suspended = False


class Turn:
    """The turn of one thread."""

    __slots__ = ("_mine", "_turns")

    def __init__(self, turns: Turns | None) -> None:
        """*turns* None: everybody works whenever he likes."""
        self._turns = turns
        self._mine = False

    def take(self) -> None:
        """Wait for our turn, but not long."""
        turns = self._turns
        if turns is None or (turns.suspended and turns.lock.locked()):
            return
        self._mine = turns.lock.acquire(timeout=limits.TURN_SECONDS)
        if not self._mine:
            turns.suspended = True

    def give_back(self) -> None:
        """Let the next one work, if it is our turn. To be called before every wait for the peer."""
        if self._mine:
            self._mine = False
            turns = self._turns
            assert turns is not None
            turns.suspended = False
            turns.lock.release()
