"""Listening sockets that any number of threads wait for at once.

A blocking `accept` has only one remedy when the receiver is to stop: `shutdown` of the listening socket. That would
end it for every process that holds it, and a socket inherited from a service manager outlives us. So threads
wait with epoll, for the sockets and for a bell (an eventfd) that rings once, when it is over.

A connection wakes one thread of one process, as a blocking `accept` does: the sockets are watched with
EPOLLEXCLUSIVE, so that the kernel chooses among the worker processes, and edge-triggered, so that it chooses
among the threads. Two connections may come as one such event; therefore a thread that was woken looks, after it has
accepted, whether another connection is there, and then arms the socket anew, which wakes another thread (epoll_ctl(2)).
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
from collections.abc import Sequence

__all__ = ["AcceptQueue"]

_EVENTS = select.EPOLLIN | select.EPOLLET | select.EPOLLEXCLUSIVE


class AcceptQueue:
    """The listening *sockets* of a process. All methods may be called by any thread."""

    def __init__(self, sockets: Sequence[socket.socket]) -> None:
        """Take the sockets over: they are made non-blocking, and `close` closes them."""
        self._sockets = {sock.fileno(): sock for sock in sockets}
        self._kinds = {sock: (int(sock.family), int(sock.type), sock.proto) for sock in sockets}
        self._epoll = select.epoll()
        self._bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._epoll.register(self._bell, select.EPOLLIN)
        # no thread sleeps in this; unlike a poll object it may be asked by several at once
        self._pending = select.epoll()
        for number, sock in self._sockets.items():
            sock.setblocking(False)
            self._epoll.register(number, _EVENTS)
            self._pending.register(number, select.EPOLLIN)
        self.closed = False

    def wait(self, seconds: float) -> socket.socket | None:
        """Wait for a connection; return the socket to accept it from. Call `pass_on` with it afterwards.

        None: *seconds* have passed, or it is over (`ring`), or another thread was faster.
        """
        for number, _ in self._epoll.poll(seconds, 1):
            return self._sockets.get(number)  # None for the bell
        return None

    def accept(self, listener: socket.socket) -> tuple[socket.socket, tuple[str, int]]:
        """Return a connection, blocking, and the peer's address and port. Raises OSError and MemoryError.

        As `socket.accept`, but for a descriptor that is lost when there is no memory for its object.
        """
        number, address = listener._accept()  # type: ignore[attr-defined]
        try:
            return socket.socket(*self._kinds[listener], number), address[:2]
        except BaseException:
            os.close(number)
            raise

    def pass_on(self, listener: socket.socket) -> None:
        """Wake another thread if there is another connection: it may have come with the one that woke this thread."""
        if self.pending:
            self.arm(listener)

    def arm(self, listener: socket.socket) -> None:
        """Have the next connection wake a thread, also one that is there already."""
        # two threads may do this at once: the second finds it done
        with contextlib.suppress(FileNotFoundError):
            self._epoll.unregister(listener)
        with contextlib.suppress(FileExistsError):
            self._epoll.register(listener, _EVENTS)

    def arm_all(self) -> None:
        """Arm all sockets: makes good for a thread that died before it could."""
        for listener in self._sockets.values():
            self.arm(listener)

    @property
    def pending(self) -> bool:
        """True if connections wait to be accepted."""
        return bool(self._pending.poll(0, 1))

    @property
    def listens(self) -> bool:
        """True as long as all sockets do: a process that shares one with us may have shut it down."""
        return all(
            sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) for sock in self._sockets.values()
        )

    def ring(self) -> None:
        """Wake all threads that wait, and those to come."""
        os.eventfd_write(self._bell, 1)

    def close(self) -> None:
        """Close our descriptors of the sockets; no thread may be waiting any more."""
        if not self.closed:
            self.closed = True
            for sock in self._sockets.values():
                sock.close()
            self._epoll.close()
            self._pending.close()
            os.close(self._bell)
