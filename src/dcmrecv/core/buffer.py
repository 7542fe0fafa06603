"""The one receive buffer of a connection.

Memory follows the bytes that really arrive: a new connection has a small buffer, and one that fills it gets twice as
much, up to a limit that does not depend on any declared length. What goes beyond the first buffer is charged to the
connection's account (`dcmrecv.memory`), and an empty buffer shrinks again when memory is short.

Bytes are handed out as views and never copied, so a buffer is replaced and never resized.
"""

from __future__ import annotations

from dcmrecv.core import limits
from dcmrecv.memory import Account

__all__ = ["ReceiveBuffer"]


class ReceiveBuffer:
    """Bytes `begin` to `end` of `data` are received and not consumed; who consumes them moves `begin`."""

    __slots__ = ("_account", "_full", "arrivals", "begin", "data", "end", "filled", "size", "view", "wanted")

    def __init__(self, longest_pdu: int, account: Account | None = None) -> None:
        """*longest_pdu*: bytes of the longest P-DATA-TF PDU, with its header."""
        self._account = account
        self._full = max(limits.BUFFER_FULL, 2 * longest_pdu)
        self.size = limits.BUFFER_FIRST
        self.data = bytearray(self.size)
        self.view = memoryview(self.data)
        self.begin = 0
        self.end = 0
        self.filled = False
        """True if the last read left no free byte."""
        self.wanted = 0
        """Bytes of an A-ASSOCIATE-RQ that is being received, or 0: it may be longer than other buffers."""
        self.arrivals = 0
        """How often something has arrived."""

    def __len__(self) -> int:
        return self.end - self.begin

    def room(self) -> memoryview:
        """Return where the next bytes go; never empty once everything that is whole was consumed.

        Views that were handed out earlier are no longer valid. Bytes put here count after `received`.
        """
        begin = self.begin
        if begin == self.end:  # the usual case: everything is consumed
            self.begin = self.end = 0
            return self.view
        if begin:
            # overlapping moves are fine between memoryviews of one object
            self.view[: self.end - begin] = self.view[begin : self.end]
            self.end -= begin
            self.begin = 0
        return self.view[self.end :]

    def received(self, count: int) -> None:
        """*count* bytes were written to the start of the view that `room` returned."""
        self.end += count
        self.filled = self.end == self.size
        self.arrivals += 1

    def grow(self) -> None:
        """Make room after a read that has filled the buffer. Raises `MemoryBudgetExceeded`.

        A larger buffer that only saves reads is not taken when memory is short.
        """
        self.filled = False
        size = min(self.size * 2, max(self._full, self.wanted))
        if size <= self.size:
            return
        account = self._account
        if account is not None:
            if self.begin and not account.relaxed:
                return  # moving what is left makes room, too
            account.charge(size - self.size)
        self._continue_in(size)

    def shrink(self) -> None:
        """Go back to the first size if what is left fits there."""
        if self.size > limits.BUFFER_FIRST and len(self) < limits.BUFFER_FIRST:
            freed = self.size - limits.BUFFER_FIRST
            self._continue_in(limits.BUFFER_FIRST)
            if self._account is not None:
                self._account.give_back(freed)

    def _continue_in(self, size: int) -> None:
        """Continue in a new buffer: the old one may have exported views, so it cannot be resized."""
        data = bytearray(size)
        view = memoryview(data)
        left = len(self)
        view[:left] = self.view[self.begin : self.end]
        self.data, self.view, self.size = data, view, size
        self.begin, self.end = 0, left
        self.filled = False
