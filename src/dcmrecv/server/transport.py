"""One connection's bytes and clocks: reads into the acceptor's buffer, sends, and ends the connection.

Sockets stay blocking and the kernel keeps the time (SO_RCVTIMEO), so that a read is one system call. Which
clock runs when is the reference's (spec/network.md d); a limit on a whole PDU is ours.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

from dcmrecv.core.acceptor import Acceptor, Wait
from dcmrecv.server import limits
from dcmrecv.server.gil_gate import GateTicket
from dcmrecv.server.passive_close import PassiveClose

__all__ = ["ByteStream", "Clocks", "SecureStream", "Transport"]

_QUICKACK = getattr(socket, "TCP_QUICKACK", None)  # Linux only
_AT_ONCE = int(socket.MSG_DONTWAIT)
_ABORTIVE_CLOSE = struct.pack("ii", 1, 0)
_BOUNDARY = Wait.PDU_BOUNDARY  # by a plain name where each read passes
_DRIPPING = (Wait.REQUEST_BODY, Wait.PDU_BODY)
_TIMED_AS_A_WHOLE = (Wait.FIRST_HEADER, Wait.PDU_HEADER, Wait.ABORT_WAIT)


@lru_cache(maxsize=16)
def _timeval(seconds: float) -> bytes:
    """Return the C structure that stands for so many *seconds* from now; not zero, which would mean for ever."""
    whole, fraction = divmod(max(seconds, 0.0), 1)
    microseconds = int(fraction * 1_000_000)
    if not whole and not microseconds:
        microseconds = 1
    return struct.pack("ll", min(int(whole), 1 << 31), microseconds)


class ByteStream(Protocol):
    """What a TLS connection and a socket have in common."""

    def recv_into(self, buffer: memoryview, nbytes: int = 0, flags: int = 0, /) -> int | None:
        """Return the number of bytes, 0 at the end; None if something came that is no byte of the peer's yet.

        Raises BlockingIOError if nothing comes in time, with MSG_DONTWAIT if nothing is there.
        """
        ...

    def sendall(self, data: bytes, /) -> None: ...


class SecureStream(ByteStream, Protocol):
    """A `ByteStream` that ends with a message of its own."""

    def close(self) -> None: ...


class Clocks:
    """Seconds for each `Wait`, from the options; shared by all connections."""

    def __init__(self, acse_timeout: float, dimse_timeout: float | None) -> None:
        boundary = limits.READ_SECONDS if dimse_timeout is None else dimse_timeout
        self.seconds: dict[Wait, float] = {
            Wait.FIRST_HEADER: acse_timeout,
            Wait.REQUEST_BODY: limits.READ_SECONDS,
            Wait.PDU_BOUNDARY: boundary,
            Wait.PDU_HEADER: boundary,
            Wait.PDU_BODY: limits.READ_SECONDS,
            Wait.ABORT_WAIT: acse_timeout,
        }
        self.dimse_timeout = dimse_timeout
        self.inherited: float | None = None
        """The time limit of a read that new connections have from their listening socket; None: not known."""

    def bequeath(self, listener: socket.socket) -> None:
        """Have the connections of *listener* begin with the clock of the first header, without a call for each."""
        first = self.seconds[Wait.FIRST_HEADER]
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _timeval(first))
        self.inherited = first


class Transport:
    """The edge between one socket and one `Acceptor`. Used by one thread."""

    __slots__ = (
        "_acknowledge", "_answered", "_boundary", "_clocks", "_deadline", "_handed_over", "_near", "_stream", "_ticket",
        "_timeout", "_tls", "_wait", "sock",
    )  # fmt: skip

    def __init__(self, sock: socket.socket, clocks: Clocks, ticket: GateTicket) -> None:
        """*ticket* says whether waiting actively would be at the cost of other associations."""
        self.sock = sock
        self._stream: ByteStream = sock
        self._clocks = clocks
        self._boundary: float = clocks.seconds[Wait.PDU_BOUNDARY]
        self._timeout: float | None = clocks.inherited
        self._wait: Wait | None = None
        self._deadline = 0.0
        self._acknowledge = False
        self._answered = False  # the peer has not said anything since we have
        self._ticket = ticket
        self._near = False
        self._tls: SecureStream | None = None
        self._handed_over = False

    def use_tls(self, stream: SecureStream) -> None:
        """Read and write through *stream* from now on."""
        self._stream = self._tls = stream
        self._timeout = None  # the handshake had its own

    def receive(
        self, acceptor: Acceptor, wait: Wait, watch: Callable[[memoryview], None] | None = None
    ) -> int:
        """Give *acceptor*, which waits for *wait*, the next bytes, or tell it that the peer or the time is gone.

        *watch* is shown the bytes first. Returns how many there are.
        """
        if wait is not self._wait:
            if wait is _BOUNDARY and self._timeout == self._boundary:
                self._wait = wait  # the usual case: nothing to set
            else:
                self._enter(wait)
        elif wait is not _BOUNDARY and not self._still_in_time(wait):
            self._expired(acceptor, wait)
            return 0
        if self._acknowledge:
            # Linux forgets this; without it a sender that leaves Nagle on waits for our delayed ACK
            self.sock.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)  # type: ignore[arg-type]
        buffer = acceptor.buffer
        room = buffer.room()
        try:
            if self._answered and wait is _BOUNDARY:
                count = self._receive_after_response(room)
            else:
                count = self._stream.recv_into(room)
            while count is None:  # a part of a TLS record
                if wait is Wait.PDU_BOUNDARY:
                    wait = Wait.PDU_HEADER  # its clock: the header is in the record that has begun
                    self._enter(wait)
                elif not self._still_in_time(wait):
                    raise TimeoutError
                count = self._stream.recv_into(room)
        except (BlockingIOError, TimeoutError):
            self._expired(acceptor, wait)
            return 0
        except OSError:
            acceptor.receive_eof(reset=True)
            return 0
        self._answered = False
        if count:
            self._acknowledge = count < limits.QUICKACK_BELOW and _QUICKACK is not None
            if watch is not None:
                watch(room[:count])
            buffer.received(count)
        else:
            acceptor.receive_eof()
        return count

    def send(self, data: bytes) -> None:
        """Send all of *data* in one call. Raises OSError."""
        self._stream.sendall(data)
        self._acknowledge = False
        self._answered = True

    def progressed(self) -> None:
        """A PDU was consumed: the clock of the next one starts anew."""
        self._wait = None

    def close(self) -> None:
        """Close the connection, unless its peer is to do that; TLS says good-bye without waiting for the peer's."""
        if self._handed_over:
            return
        try:
            if self._tls is not None:
                self._tls.close()
        finally:
            self.sock.close()

    def finish(self, acceptor: Acceptor, passive_close: PassiveClose) -> None:
        """End the connection as the reference ends it: who closes first, FIN or RST (spec/network.md 0).

        If that is the peer, *passive_close* takes the socket.
        """
        sock = self.sock
        if acceptor.unread:
            # the reference never read these bytes, and the kernel answers its close with a reset
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORTIVE_CLOSE)
        elif acceptor.wait is Wait.LINGER:
            passive_close.take(sock, None if self._tls is None else self._tls.close)
            self._handed_over = True

    def _receive_after_response(self, room: memoryview) -> int | None:
        """Receive what the peer says to our response; if it is near, look for a moment before sleeping.

        A peer on this host goes on after some 20 microseconds. To sleep until then and to be woken takes longer than
        that, and as much of a processor, as to look again and again. For other peers it would be a waste, and where
        another association has work it would be at its cost.
        """
        stream, ticket = self._stream, self._ticket
        begin = now = time.monotonic()
        if self._near:
            end = begin + limits.ACTIVE_WAIT_SECONDS
            while now < end and ticket.may_wait_actively():
                try:
                    count = stream.recv_into(room, 0, _AT_ONCE)
                except BlockingIOError:
                    now = time.monotonic()
                else:
                    ticket.waited_actively(now - begin)
                    return count
            ticket.waited_actively(now - begin)
        count = stream.recv_into(room)
        self._near = time.monotonic() - begin < limits.NEAR_SECONDS
        return count

    def _enter(self, wait: Wait) -> None:
        self._wait = wait
        seconds = self._clocks.seconds[wait]
        if wait in _DRIPPING:
            self._deadline = time.monotonic() + limits.PDU_SECONDS
        elif wait in _TIMED_AS_A_WHOLE:
            self._deadline = time.monotonic() + seconds
        self._set_timeout(seconds)

    def _still_in_time(self, wait: Wait) -> bool:
        """Check the limit on a whole header or PDU that has already taken more than one read."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            return False
        self._set_timeout(left if wait in _TIMED_AS_A_WHOLE else min(left, self._clocks.seconds[wait]))
        return True

    def _set_timeout(self, seconds: float) -> None:
        if seconds == self._timeout:
            return
        self._timeout = seconds
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _timeval(seconds))

    def _expired(self, acceptor: Acceptor, wait: Wait) -> None:
        """Tell the acceptor what the reference makes of silence in this state (spec/network.md d)."""
        if wait in _TIMED_AS_A_WHOLE or (
            wait in (Wait.PDU_BOUNDARY, Wait.PDU_HEADER) and self._clocks.dimse_timeout is not None
        ):
            acceptor.receive_timeout()
        else:
            acceptor.receive_eof()
