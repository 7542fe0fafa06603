"""Connections that are over and wait for their peers to close first, as the reference does.

No association's thread waits with them: it would wake up just when the next connection of the same sender
arrives in another thread, and the two would take the interpreter lock from each other. The associations that
follow close them on their way, when their own peer has to think; a thread sees to those that nobody follows.
Connections over TLS do not come here: they still have a good-bye to say.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
import time
from collections import deque
from typing import NamedTuple

from dcmrecv.server import limits

__all__ = ["PassiveClose"]

_FOLLOWED_SECONDS = 0.01
"""How long the thread leaves a connection to those that follow."""


class _Connection(NamedTuple):
    sock: socket.socket
    deadline: float


class PassiveClose:
    """Closes connections when their peers have closed them, or are too late, or there are too many."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # for those who take connections out
        self._fresh: deque[_Connection] = deque()
        self._watched: deque[_Connection] = deque()  # by the thread
        self._news = select.epoll()
        self._bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._news.register(self._bell, select.EPOLLIN)
        self._thread: threading.Thread | None = None
        self._asleep = False
        self._closed = False

    def __len__(self) -> int:
        return len(self._fresh) + len(self._watched)

    def take(self, sock: socket.socket) -> None:
        """Close *sock*, to which nothing will be written any more, when it is time."""
        self._fresh.append(_Connection(sock, time.monotonic() + limits.PASSIVE_CLOSE_SECONDS))
        if self._asleep:
            self._asleep = False
            self._ring()
        elif self._thread is None or self._closed:
            self._start()
        if len(self) > limits.MAX_PASSIVE_CLOSES:
            with self._lock:
                if len(self) > limits.MAX_PASSIVE_CLOSES:
                    (self._watched or self._fresh).popleft().sock.close()

    def sweep(self) -> None:
        """Close what may be closed, if nobody else is just doing that."""
        if self._fresh and self._lock.acquire(blocking=False):
            try:
                _close_ended(self._fresh)
            finally:
                self._lock.release()

    def close(self) -> None:
        """Close all connections, now and those to come."""
        self._closed = True
        self._ring()
        thread = self._thread
        if thread is not None:
            thread.join()
        self._close_all()
        with self._lock:
            if self._bell >= 0:
                os.close(self._bell)
                self._bell = -1
                self._news.close()

    def _start(self) -> None:
        with self._lock:
            if self._thread is None and not self._closed:
                thread = threading.Thread(target=self._work, name="passive-close", daemon=True)
                with contextlib.suppress(RuntimeError):  # no more threads: the associations to come do it
                    thread.start()
                    self._thread = thread
        if self._closed:
            self._close_all()

    def _ring(self) -> None:
        with self._lock:
            if self._bell >= 0:
                os.eventfd_write(self._bell, 1)

    def _close_all(self) -> None:
        with self._lock:
            for connections in (self._fresh, self._watched):
                while connections:
                    connections.popleft().sock.close()

    def _work(self) -> None:
        while not self._closed:
            if self._fresh:
                time.sleep(_FOLLOWED_SECONDS)
            with self._lock:
                _close_ended(self._fresh)
                _close_ended(self._watched)
                while self._fresh:
                    connection = self._fresh.popleft()
                    try:
                        self._news.register(connection.sock, select.EPOLLIN)
                    except OSError:  # out of memory for it (epoll_ctl(2)): rather too early than never
                        connection.sock.close()
                    else:
                        self._watched.append(connection)
                left = self._watched[0].deadline - time.monotonic() if self._watched else None
            self._asleep = True
            if not self._fresh and not self._closed:
                self._news.poll(left if left is None else max(left, 0.0), 1)
            self._asleep = False
            with contextlib.suppress(BlockingIOError):  # nobody rang
                os.eventfd_read(self._bell)


def _close_ended(connections: deque[_Connection]) -> None:
    """Close those whose peers have closed or reset them or sent what nobody wants, and those too late."""
    now = time.monotonic()
    for _ in range(len(connections)):
        connection = connections.popleft()
        if connection.deadline <= now or _has_news(connection.sock):
            connection.sock.close()
        else:
            connections.append(connection)


def _has_news(sock: socket.socket) -> bool:
    try:
        sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
