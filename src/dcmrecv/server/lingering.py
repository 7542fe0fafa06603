"""Connections that are over and wait for their peers to close first, as the reference does.

No association's thread waits with them: it would wake up just when the next connection of the same sender
arrives in another thread, and the two would take the interpreter lock from each other. Whoever ends a connection
looks after the others on the way; a thread of its own sees to those that nobody follows.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections import deque

from dcmrecv.server import limits

__all__ = ["Lingering"]

_FOLLOWED_SECONDS = 0.01
"""How long the thread leaves a connection to those that follow."""


class Lingering:
    """Closes connections when their peers have closed them, or are too late, or there are too many."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[tuple[socket.socket, float]] = deque()
        self._news = select.epoll()
        self._thread: threading.Thread | None = None
        self._closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    def take(self, sock: socket.socket) -> None:
        """Close *sock*, to which nothing will be written any more, when it is time."""
        with self._lock:
            self._sweep()
            if self._closed:
                sock.close()
                return
            if len(self._waiting) >= limits.MAX_LINGERING:
                self._waiting.popleft()[0].close()
            self._waiting.append((sock, time.monotonic() + limits.LINGER_SECONDS))
            self._news.register(sock, select.EPOLLIN)
            if self._thread is None:
                thread = threading.Thread(target=self._work, name="lingering", daemon=True)
                with contextlib.suppress(
                    RuntimeError
                ):  # no more threads: the connections to come look after it
                    thread.start()
                    self._thread = thread

    def close(self) -> None:
        """Close all connections and take no more."""
        with self._lock:
            self._closed = True
            for sock, _ in self._waiting:
                with contextlib.suppress(OSError):  # reset by the peer, which is news as well
                    sock.shutdown(socket.SHUT_RDWR)
            thread = self._thread
        if thread is not None:
            thread.join()
        with self._lock:
            self._sweep()
            self._news.close()

    def _sweep(self) -> None:
        """Close what may be closed; the lock is held."""
        now = time.monotonic()
        for _ in range(len(self._waiting)):
            sock, deadline = self._waiting.popleft()
            if deadline <= now or _has_news(sock):
                sock.close()
            else:
                self._waiting.append((sock, deadline))

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._thread = None
                    return
                left = self._waiting[0][1] - time.monotonic()
            self._news.poll(max(left, 0.0), 1)
            time.sleep(_FOLLOWED_SECONDS)
            with self._lock:
                self._sweep()


def _has_news(sock: socket.socket) -> bool:
    """True if the peer has closed or reset the connection, or sent what nobody wants."""
    try:
        sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
