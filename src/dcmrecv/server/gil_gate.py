"""A gate for short pieces of work, so that threads do not contend for the interpreter lock (the GIL).

Python offers the GIL to the other threads at every system call, and a small object needs seven of these: eight
busy associations would wake each other for every call. A thread that waits for the gate does not contend for
the GIL. The gate is an optimisation only: when its holder takes long, on a slow disk or for a peer that does
not read, it stands open until that holder is through.
"""

from __future__ import annotations

import threading

from dcmrecv.server import limits

__all__ = ["GateTicket", "GilGate"]


class GilGate:
    """The gate, shared by the threads of a process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.open = False


class GateTicket:
    """One thread's way through the gate."""

    __slots__ = ("_gate", "_inside")

    def __init__(self, gate: GilGate | None) -> None:
        """Without a *gate* nobody waits."""
        self._gate = gate
        self._inside = False

    def enter(self) -> None:
        """Wait until no other thread is inside, at most `limits.GATE_SECONDS`."""
        gate = self._gate
        if gate is None or (gate.open and gate.lock.locked()):
            return
        self._inside = gate.lock.acquire(timeout=limits.GATE_SECONDS)
        if not self._inside:
            gate.open = True

    def leave(self) -> None:
        """Let the next thread in, if we are inside. Call before every wait for the peer."""
        if self._inside:
            self._inside = False
            gate = self._gate
            assert gate is not None
            gate.open = False
            gate.lock.release()
