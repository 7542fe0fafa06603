"""Connections that wait for their peers to close first (PS3.8 Sta13), as the reference does.

No association's thread waits with them: it would wake up just when the next connection of the same sender
arrives in another thread, and the two would contend for the GIL. The associations that follow close them on
their way, when their own peer has to think (`PassiveClose.sweep`); a thread closes those that nothing follows.

The thread sleeps in epoll. To wake it costs a system call, so `take` does it only if the thread sleeps. Between
the two of them it must not happen that the thread goes to sleep over a connection it has not seen: `take` first
adds the connection and then looks whether the thread sleeps; the thread first says that it sleeps and then
looks for connections. Should the thread not be there at all, for want of memory or threads, `look`, called every
second, does its work.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from dcmrecv.server import limits
from dcmrecv.threads import start_thread

__all__ = ["PassiveClose"]

_PEEK = int(socket.MSG_PEEK | socket.MSG_DONTWAIT)
_FOLLOWED_SECONDS = 0.01
"""How long the thread leaves a connection to those that follow."""


class _Connection(NamedTuple):
    sock: socket.socket
    deadline: float
    farewell: Callable[[], None] | None

    def close(self) -> None:
        try:
            if self.farewell is not None:
                self.farewell()
        finally:
            self.sock.close()


class PassiveClose:
    """Closes connections when their peers have closed them, or are too late, or there are too many."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # for taking connections out
        self._fresh: deque[_Connection] = deque()
        self._watched: deque[_Connection] = deque()  # by the thread
        self._news = select.epoll()
        self._bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._news.register(self._bell, select.EPOLLIN)
        self._works = False
        self._start_pending = 0.0  # until when a thread that was started may come to life
        self._asleep = False
        self._closed = False

    def __len__(self) -> int:
        return len(self._fresh) + len(self._watched)

    def take(self, sock: socket.socket, farewell: Callable[[], None] | None = None) -> None:
        """Close *sock*, to which nothing else will be written, when it is time.

        *farewell* is called just before; it must not wait.
        """
        self._fresh.append(_Connection(sock, time.monotonic() + limits.PASSIVE_CLOSE_SECONDS, farewell))
        if self._closed:
            self._close_all()
        elif self._asleep:
            self._asleep = False
            self._ring()
        elif not self._works:
            self._start()
        if len(self) > limits.MAX_PASSIVE_CLOSES:
            self.close_oldest()

    def sweep(self) -> None:
        """Close what may be closed, unless another thread is just doing that."""
        if self._fresh and self._lock.acquire(blocking=False):
            try:
                _close_ended(self._fresh)
            finally:
                self._lock.release()

    def close_oldest(self) -> bool:
        """Close the connection that has waited longest, to have its descriptor; return False if there is none."""
        try:
            oldest = (self._watched or self._fresh).popleft()
        except IndexError:
            return False
        oldest.close()
        return True

    def look(self) -> None:
        """See that a thread closes the connections. Call now and then."""
        if len(self) and not self._works and not self._start() and self._lock.acquire(blocking=False):
            try:
                _close_ended(self._watched)
                _close_ended(self._fresh)
            finally:
                self._lock.release()
        elif self._fresh and self._asleep:
            self._ring()

    def close(self) -> None:
        """Close all connections, now and those to come."""
        self._closed = True
        self._ring()
        end = time.monotonic() + limits.LAST_WORD_SECONDS
        while self._works and time.monotonic() < end:
            time.sleep(limits.LOOK_AGAIN_SECONDS / 10)
        self._close_all()
        if not self._works and self._bell >= 0:
            bell, self._bell = self._bell, -1
            os.close(bell)
            self._news.close()

    def _start(self) -> bool:
        """Start the thread, unless one was started just now; return False if there is none."""
        now = time.monotonic()
        if now < self._start_pending:
            return True
        self._start_pending = now + limits.THREAD_START_SECONDS
        if not start_thread(self._work):
            self._start_pending = 0.0
            return False
        return True

    def _ring(self) -> None:
        if self._bell >= 0:
            os.eventfd_write(self._bell, 1)

    def _close_all(self) -> None:
        while self.close_oldest():
            pass

    def _work(self) -> None:
        self._works = True
        try:
            while not self._closed:
                self._work_once()
        except MemoryError:
            return  # `look` starts another one
        finally:
            self._works = self._asleep = False

    def _work_once(self) -> None:
        if self._fresh:
            time.sleep(_FOLLOWED_SECONDS)
        with self._lock:
            _close_ended(self._fresh)
            _close_ended(self._watched)
            while self._fresh:
                connection = self._fresh.popleft()
                try:
                    self._news.register(connection.sock, select.EPOLLIN)
                except (OSError, ValueError):  # no memory for it (epoll_ctl(2)): rather too early than never
                    connection.close()
                else:
                    self._watched.append(connection)
            left = self._watched[0].deadline - time.monotonic() if self._watched else None
        self._asleep = True
        if not self._fresh and not self._closed:
            self._news.poll(left if left is None else max(left, 0.0), 1)
        self._asleep = False
        with contextlib.suppress(BlockingIOError):  # the bell has not rung
            os.eventfd_read(self._bell)


def _close_ended(connections: deque[_Connection]) -> None:
    """Close those whose peers have closed or reset them or sent more, and those too late."""
    now = time.monotonic()
    for _ in range(len(connections)):
        try:
            connection = connections.popleft()
        except IndexError:
            return  # `close_oldest` has taken it
        if connection.deadline <= now or _has_news(connection.sock):
            connection.close()
        else:
            connections.append(connection)


def _has_news(sock: socket.socket) -> bool:
    try:
        sock.recv(1, _PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
