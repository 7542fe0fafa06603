"""The one receive buffer of a connection.

Memory follows the bytes that really arrive: a new connection has a small buffer, one that fills it gets twice
as much, up to a limit that does not depend on any declared length. Bytes are handed out as views, never
copied, so a buffer is replaced and never resized.
"""

from __future__ import annotations

from dcmrecv.core import limits

__all__ = ["ReceiveBuffer"]


class ReceiveBuffer:
    """Bytes from `_pos` to `_end` are received and not consumed; `_pdv` to `_pdu_end` are PDVs to look at."""

    __slots__ = (
        "_buffer",
        "_end",
        "_filled",
        "_full",
        "_news",
        "_pdu_begin",
        "_pdu_end",
        "_pdv",
        "_pos",
        "_size",
        "_starved",
        "_view",
        "_wanted",
    )

    def __init__(self, longest_pdu: int) -> None:
        """*longest_pdu*: bytes of the longest P-DATA-TF PDU, with its header."""
        self._size = limits.BUFFER_FIRST
        self._full = max(limits.BUFFER_FULL, 2 * longest_pdu)
        self._buffer = bytearray(self._size)
        self._view = memoryview(self._buffer)
        self._wanted = 0  # a request is being received that needs a buffer of this size
        self._pos = 0
        self._end = 0
        self._filled = False  # the last read left no free byte
        self._starved = False  # what is there is known to be of no use before more has arrived
        self._news = False  # something has arrived since somebody made this False
        self._pdu_begin = 0  # first PDV of the P-DATA-TF PDU that is being taken apart
        self._pdv = 0  # its next PDV
        self._pdu_end = 0  # its end; equal to _pdv if there is none

    def receive_buffer(self) -> memoryview:
        """Return where the next bytes go; never empty once `next_event` has returned None.

        Views of earlier `DataFragments` are no longer valid. Bytes put here count after `bytes_received`.
        """
        if self._filled:
            self._filled = False
            size = min(self._size * 2, max(self._full, self._wanted))
            if size > self._size:
                self._move_to(bytearray(size))
                return self._view[self._end :]
        if self._pos == self._end and self._pdv == self._pdu_end:  # the usual case: everything is consumed
            self._pos = self._end = self._pdv = self._pdu_begin = self._pdu_end = 0
            return self._view
        begin = self._kept
        if begin:
            # overlapping moves are fine between memoryviews of one object
            self._view[: self._end - begin] = self._view[begin : self._end]
            self._shift(begin)
        return self._view[self._end :]

    @property
    def _kept(self) -> int:
        """Where the bytes begin that are still needed: a PDU being taken apart is whole in the buffer."""
        return self._pdv if self._pdv < self._pdu_end else self._pos

    def _move_to(self, buffer: bytearray) -> None:
        """Continue in *buffer*. The old one may have exported views, so it is replaced and never resized."""
        begin = self._kept
        view = memoryview(buffer)
        view[: self._end - begin] = self._view[begin : self._end]
        self._buffer, self._view, self._size = buffer, view, len(buffer)
        self._shift(begin)

    def _shift(self, by: int) -> None:
        self._pos -= by
        self._end -= by
        self._pdv -= by
        self._pdu_begin -= by
        self._pdu_end -= by

    def bytes_received(self, count: int) -> None:
        """*count* bytes were written to the start of the view that `receive_buffer` returned."""
        self._end += count
        self._filled = self._end == self._size
        self._starved = False
        self._news = True

    def receive_data(self, data: bytes | bytearray | memoryview) -> None:
        """Copy *data* in: for tests and small tools. Pull all events between two calls.

        Raises ValueError if *data* is longer than a connection's largest buffer has room for.
        """
        room = self.receive_buffer()
        if len(room) < len(data) and self._size < self._full:
            self._move_to(bytearray(self._full))
            room = self._view[self._end :]
        if len(room) < len(data):
            raise ValueError(f"{len(data)} bytes do not fit into {len(room)}")
        room[: len(data)] = data
        self.bytes_received(len(data))
