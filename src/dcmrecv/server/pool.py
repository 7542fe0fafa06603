"""Threads that accept and serve connections: each accepts for itself, nobody hands connections over.

A thread waits in `accept`, serves what it gets and returns to `accept` (leader and followers: the kernel
wakes one). As long as fewer associations run than allowed there is always one more thread waiting, so a
connection never waits for another. Beyond the limit connections wait in the listen queue, as they do with
the reference.
"""

from __future__ import annotations

import errno
import socket
import threading
import time
from collections.abc import Callable
from typing import TypeAlias

from dcmrecv.server import limits

__all__ = ["ServeConnection", "ThreadPool"]

ServeConnection: TypeAlias = Callable[[socket.socket, tuple[str, int]], None]

_PEER_GONE = {errno.ECONNABORTED, errno.EINTR, errno.EPROTO, errno.EPERM, errno.ENETDOWN, errno.EHOSTUNREACH}


class ThreadPool:
    """Serves the connections of one listening socket until it is stopped."""

    def __init__(self, listener: socket.socket, serve: ServeConnection, *, limit: int = 0) -> None:
        """*serve* handles one connection, sees to its close and raises nothing; *limit* 0 means no limit."""
        self._listener = listener
        self._serve = serve
        self._limit = limit
        self._lock = threading.Lock()
        self._idle = 0
        self._threads = 0
        self._stopping = False
        self._empty = threading.Event()

    @property
    def serving(self) -> int:
        """Number of connections being served."""
        return self._threads - self._idle

    @property
    def stopped(self) -> bool:
        """True once `stop` was called."""
        return self._stopping

    def start(self) -> None:
        """Begin to accept."""
        with self._lock:
            self._spawn()

    def stop(self) -> None:
        """Accept no more. Threads that wait end at once; threads that serve end after their connection."""
        with self._lock:
            self._stopping = True
            if not self._threads:
                self._empty.set()
        try:
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the waiting threads on Linux
        except OSError as error:
            if error.errno not in (errno.ENOTCONN, errno.EBADF, errno.EINVAL):
                raise
        self._listener.close()

    def join(self, timeout: float) -> bool:
        """Wait until every thread has ended; return False if *timeout* seconds were not enough."""
        return self._empty.wait(timeout)

    def _spawn(self) -> None:
        """Add a waiting thread; the lock is held."""
        self._threads += 1
        self._idle += 1
        try:
            threading.Thread(target=self._work, name=f"association-{self._threads}", daemon=True).start()
        except RuntimeError:
            # The system gives no more threads: connections wait in the listen queue until one is free.
            self._threads -= 1
            self._idle -= 1
            if not self._threads:
                raise

    def _work(self) -> None:
        accept = self._listener.accept
        try:
            while not self._stopping:
                try:
                    connection, address = accept()
                except OSError as error:
                    if self.stopped or error.errno == errno.EINVAL:
                        break  # shut down, maybe by another process that serves the same socket
                    if error.errno not in _PEER_GONE:
                        # Descriptors or memory are short, or worse: whatever it is, it must not make us deaf.
                        time.sleep(limits.ACCEPT_PAUSE)
                    continue
                with self._lock:
                    self._idle -= 1
                    if not self._idle and not self._stopping and not (0 < self._limit <= self._threads):
                        self._spawn()
                try:
                    self._serve(connection, (address[0], address[1]))
                except BaseException:
                    connection.close()
                    raise
                finally:
                    with self._lock:
                        self._idle += 1
                        surplus = self._idle > limits.IDLE_THREADS
                if surplus:
                    break
        finally:
            with self._lock:
                self._idle -= 1
                self._threads -= 1
                if self._stopping and not self._threads:
                    self._empty.set()
