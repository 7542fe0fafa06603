"""Hand log text to a descriptor without ever holding up an association for long.

Standard error may be a pipe without a reader, a closed socket, a full disk or not open at all. The rules:

* one message, or one batch of an association's lines, is one locked write, so lines never interleave;
* a descriptor that takes nothing for `STALL_SECONDS` is called stalled: from then on text is kept (up to
  `BACKLOG_LIMIT` bytes) and tried again with every later write, without waiting;
* beyond that, or when the descriptor reports an error, text is dropped and its lines are counted; the count
  is reported in one line as soon as the descriptor takes text again.

No method raises because of the descriptor.
"""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable

from dcmrecv import text as _text

__all__ = ["BACKLOG_LIMIT", "STALL_SECONDS", "DescriptorWriter", "encode", "occupy_standard_descriptors"]

STALL_SECONDS = 0.5
"""How long one write may wait for a descriptor that makes no progress."""

BACKLOG_LIMIT = 1 << 20
"""Bytes kept for a stalled descriptor."""

_BLOCKING_CHUNK = 4096
"""PIPE_BUF: what a blocking pipe or socket takes without blocking once poll(2) calls it writable."""


def encode(text: str) -> bytes:
    """Return the bytes of *text*, foreign bytes unchanged; never fails."""
    try:
        return _text.to_bytes(text)
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def occupy_standard_descriptors() -> None:
    """Make descriptors 0 to 2 exist, on the null device where the caller closed them.

    Otherwise the next file or socket opened would get number 2, and log lines would go into a received
    object or to a peer.
    """
    while True:
        descriptor = os.open(os.devnull, os.O_RDWR)
        if descriptor > 2:
            os.close(descriptor)
            return
        os.set_inheritable(descriptor, True)


def _own_description(descriptor: int) -> int | None:
    """Return a non-blocking open file description of a pipe or terminal, or None.

    O_NONBLOCK on the inherited one would change it for every other process that shares it.
    """
    try:
        return os.open(
            f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        )
    except OSError:
        return None


class DescriptorWriter:
    """Write whole batches to *descriptor*, under the rules at the top of this module.

    *notice* makes the line that states a number of lost lines.
    """

    def __init__(self, descriptor: int, notice: Callable[[int], bytes] | None = None) -> None:
        self._lock = threading.Lock()
        self._notice = notice
        self._backlog = bytearray()
        self._lost = 0
        self._owned: int | None = None
        self._must_poll = False
        self._descriptor = descriptor
        try:
            mode = os.fstat(descriptor).st_mode
        except OSError:
            return
        if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode):
            self._owned = _own_description(descriptor)
            self._must_poll = self._owned is None
        elif stat.S_ISSOCK(mode):
            self._must_poll = True
        if self._owned is not None:
            self._descriptor = self._owned

    @property
    def lost(self) -> int:
        """Number of lines dropped and not yet reported."""
        return self._lost

    def write(self, data: bytes) -> None:
        """Write *data*; returns after at most `STALL_SECONDS` without progress."""
        with self._lock:
            if self._backlog:
                self._deliver(0)
            if self._lost and not self._backlog:
                self._report_lost()
            if self._lost or (self._backlog and len(self._backlog) + len(data) > BACKLOG_LIMIT):
                self._lost += data.count(b"\n") or 1
                return
            stalled = bool(self._backlog)
            self._backlog += data
            if not stalled:
                self._deliver(STALL_SECONDS)

    def drain(self, seconds: float = STALL_SECONDS) -> None:
        """Try for *seconds* without progress to deliver what a stalled descriptor left."""
        with self._lock:
            self._deliver(seconds)

    def after_fork(self) -> None:
        """Forget, in a forked worker, what the parent will deliver, and the lock a thread may hold there."""
        self._lock = threading.Lock()
        self._backlog = bytearray()
        self._lost = 0

    def close(self) -> None:
        """Deliver what can be delivered and give back an own description; *descriptor* stays open."""
        self.drain()
        with self._lock:
            if self._owned is not None:
                os.close(self._owned)
                self._owned = None
            self._descriptor = -1

    def _report_lost(self) -> None:
        """State the number of lost lines, unless the descriptor still takes nothing."""
        lost, self._lost = self._lost, 0
        if self._notice is None:
            return
        line = self._notice(lost)
        self._backlog += line
        self._deliver(0)
        if self._lost or len(self._backlog) == len(line):
            self._backlog.clear()
            self._lost = lost

    def _deliver(self, seconds: float) -> None:
        """Write what is kept, with at most *seconds* without progress; an error costs all of it."""
        deadline = 0.0
        while self._backlog:
            try:
                written = self._write_some()
            except BlockingIOError:
                written = 0
            except OSError:
                self._lost += self._backlog.count(b"\n") or 1
                self._backlog.clear()
                return
            del self._backlog[:written]
            if not self._backlog or (seconds <= 0 and not written):
                return
            now = time.monotonic()
            if written or not deadline:
                deadline = now + seconds
            elif now >= deadline:
                return
            self._wait(deadline - now)

    def _write_some(self) -> int:
        if not self._must_poll:
            return os.write(self._descriptor, self._backlog)
        return os.write(self._descriptor, self._backlog[:_BLOCKING_CHUNK]) if self._wait(0) else 0

    def _wait(self, seconds: float) -> bool:
        """Wait until the descriptor takes text or reports an error."""
        # Needed only when a descriptor cannot take everything at once.
        import select

        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        return bool(poll.poll(max(0.0, seconds) * 1000))
