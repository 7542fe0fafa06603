"""Threads that accept and serve connections: each accepts for itself, none hands a connection over.

A thread waits in the `AcceptQueue`, serves the connection it gets and waits again (leader and followers). As long
as fewer associations run than allowed there is always one more thread waiting, so a connection never waits
for another. Beyond the limit connections wait in the listen queue, as they do with the reference.

What keeps accepting alive when memory or threads are short:

- Whatever a connection raises ends that connection and not its thread. A lack of memory ends the thread, too, unless it
  is one of the last: dozens of threads that wait for the same connections have the memory that these need.
- No thread is started under a lock or waited for until it runs (`dcmrecv.threads`).
- A thread accounts for itself, by being in `_threads` and `_waiting` or not: to leave a set takes no memory.
- `restore`, called from outside every second, starts a thread when none waits, for whatever reason. So nothing
  above has to be perfect.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import threading
import time
from collections.abc import Callable
from typing import TypeAlias

from dcmrecv.server import limits
from dcmrecv.server.accept_queue import AcceptQueue
from dcmrecv.server.descriptors import SHORTAGE, Descriptors
from dcmrecv.server.shortages import Resource, Shortages
from dcmrecv.threads import start_thread

__all__ = ["ServeConnection", "ThreadPool"]

ServeConnection: TypeAlias = Callable[[socket.socket, tuple[str, int]], None]

_ANOTHER_WAS_FASTER = frozenset({errno.EAGAIN, errno.EWOULDBLOCK})
_PEER_GONE = frozenset(
    {errno.ECONNABORTED, errno.EINTR, errno.EPROTO, errno.EPERM, errno.ENETDOWN, errno.EHOSTUNREACH}
)


class ThreadPool:
    """Serves the connections of an `AcceptQueue` until it is stopped."""

    def __init__(
        self,
        queue: AcceptQueue,
        serve: ServeConnection,
        descriptors: Descriptors,
        shortages: Shortages,
        *,
        limit: int = 0,
        failed: Callable[[BaseException], None],
    ) -> None:
        """*serve* handles one connection and closes it; *limit* 0 means no limit of connections.

        *failed* is called with what *serve* raised, except for MemoryError, which goes to *shortages*.
        """
        self._queue = queue
        self._serve = serve
        self._descriptors = descriptors
        self._shortages = shortages
        self._limit = limit
        self._failed = failed
        self._threads: set[object] = set()
        self._waiting: set[object] = set()
        self._starting = threading.Lock()  # held by a thread that starts another, never waited for
        self._start_pending = 0.0  # until when the thread started last may still come to life
        self._stopping = False
        self.alone = False
        """While this is set there is one thread only."""
        self.accepted = 0
        """Number of connections so far; when it stands still another thread should look why."""

    @property
    def serving(self) -> int:
        """Number of connections being served."""
        return len(self._threads) - len(self._waiting)

    @property
    def waiting(self) -> int:
        """Number of threads that wait for a connection."""
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """True if no connection is wanted: the limit is reached, or the descriptors are needed for files."""
        return 0 < self._limit <= self.serving or self._descriptors.tight

    def restore(self) -> bool:
        """Start a thread if none waits and one may. Return False if the system gives none."""
        while not self._stopping and not self._waiting and self._starting.acquire(blocking=False):
            try:
                started = self._start_one()
            finally:
                self._starting.release()
            if started is False:
                self._shortages.found(Resource.THREADS)
                return False
            if started is None or self._start_pending:
                break
            # It runs already. If it serves already, its own call may have met our lock: then look once more.
        return True

    def _start_one(self) -> bool | None:
        """Start a thread; None if none may be started, False if the system gives none."""
        now = time.monotonic()
        most = 1 if self.alone else self._limit
        if now < self._start_pending or 0 < most <= len(self._threads):
            return None
        if self._start_pending:  # the thread started last has never come to life
            self._shortages.found(Resource.THREADS)
        self._start_pending = now + limits.THREAD_START_SECONDS
        if start_thread(self._work):
            return True
        self._start_pending = 0.0
        return False

    def stop(self) -> None:
        """Accept no more. Threads that wait end at once; threads that serve end after their connection."""
        self._stopping = True
        self._queue.ring()
        end = time.monotonic() + limits.LAST_WORD_SECONDS
        while self._waiting and time.monotonic() < end:
            time.sleep(limits.LOOK_AGAIN_SECONDS / 10)
        self._queue.close()

    def join(self, seconds: float) -> bool:
        """Wait until every thread has ended; return False if *seconds* were not enough."""
        end = time.monotonic() + seconds
        while self._threads:
            if time.monotonic() >= end:
                return False
            time.sleep(min(seconds, limits.LOOK_AGAIN_SECONDS) / 10)
        return True

    def _work(self) -> None:
        place = object()  # what this thread is known by
        try:
            self._threads.add(place)
            self._start_pending = 0.0
            while not self._stopping and not 0 < self._limit < len(self._threads):
                try:
                    if not self._work_once(place):
                        break
                except MemoryError:
                    self._shortages.found(Resource.MEMORY)
                    if len(self._threads) > limits.SPARE_THREADS:
                        break  # gives back the memory of this thread, a mebibyte
                    time.sleep(limits.ACCEPT_PAUSE)
                except BaseException as error:  # noqa: BLE001 the loop goes on whatever happens
                    self._failed(error)
                    time.sleep(limits.ACCEPT_PAUSE)
        finally:
            self._waiting.discard(place)
            self._threads.discard(place)

    def _work_once(self, place: object) -> bool:
        """Wait for a connection, a while, and serve it; return False if this thread is not needed any more."""
        try:
            self._waiting.add(place)
            listener = self._queue.wait(limits.IDLE_SECONDS)
            if listener is None:
                return len(self._waiting) <= limits.SPARE_THREADS
            try:
                connection = self._accept(listener)
            finally:
                self._queue.pass_on(listener)
        finally:
            self._waiting.discard(place)
        if connection is not None:
            self._serve_one(*connection)
        return len(self._waiting) < (limits.SPARE_THREADS if self._shortages else limits.IDLE_THREADS)

    def _accept(self, listener: socket.socket) -> tuple[socket.socket, tuple[str, int]] | None:
        if self._stopping:
            return None
        if not self._descriptors.room(self.serving):
            self._shortages.found(Resource.DESCRIPTORS)
            time.sleep(limits.ACCEPT_PAUSE)
            return None
        try:
            connection, address = self._queue.accept(listener)
        except OSError as error:
            if error.errno in SHORTAGE:
                self._descriptors.tight = True
            elif error.errno not in _ANOTHER_WAS_FASTER and error.errno not in _PEER_GONE:
                time.sleep(limits.ACCEPT_PAUSE)  # whatever it is, it must not make us deaf
            return None
        self.accepted += 1
        self._descriptors.took(connection.fileno(), self.serving + 1)
        return connection, address

    def _serve_one(self, connection: socket.socket, address: tuple[str, int]) -> None:
        try:
            self.restore()
            self._serve(connection, address)
        except BaseException:
            with contextlib.suppress(OSError):
                connection.close()
            raise
