"""One serving process: the pool, the running associations and their orderly end."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

from dcmrecv.observer import Waiting
from dcmrecv.server.association import Association, Services
from dcmrecv.server.passive_close import PassiveClose
from dcmrecv.server.pool import ThreadPool

__all__ = ["Server"]

_LAST_WORD = 1.0
"""Seconds for threads to notice that their sockets were shut down."""

_LOOK_AGAIN = 0.05
"""Seconds between two looks at whether a drain is over or cut short."""


class Server:
    """Serves the connections of *listener* in threads until it is drained."""

    def __init__(self, listener: socket.socket, services: Services, *, max_associations: int = 0) -> None:
        self.services = services
        """For the connections to come."""
        self._pool = ThreadPool(listener, self._serve, limit=max_associations)
        self._lock = threading.Lock()
        self._running: set[Association] = set()
        self._draining = False
        self._passive_close = PassiveClose()

    @property
    def running(self) -> int:
        """Number of connections being served."""
        return len(self._running)

    def start(self) -> None:
        """Begin to accept connections. Returns at once; the observer was told that we wait."""
        self._pool.start()

    def drain(self, grace: float, *, hurry: Callable[[], bool] = lambda: False) -> None:
        """Accept no more, let running C-STOREs finish within *grace* seconds, then end the rest.

        *hurry* is asked now and then; when it says True the grace time is over.
        """
        self._pool.stop()
        with self._lock:
            self._draining = True
            running = list(self._running)
        for association in running:
            association.end_soon(at_once=False)
        end = time.monotonic() + grace
        while not self._pool.join(_LOOK_AGAIN):
            if time.monotonic() >= end or hurry():
                break
        with self._lock:
            running = list(self._running)
        for association in running:
            association.end_soon(at_once=True)
        self._pool.join(_LAST_WORD)
        self._passive_close.close()

    def _serve(self, sock: socket.socket, address: tuple[str, int]) -> None:
        association = Association(self.services, self._passive_close, sock, address)
        with self._lock:
            self._running.add(association)
            draining = self._draining
        if draining:
            association.end_soon(at_once=False)
        try:
            association.run()
        finally:
            with self._lock:
                self._running.discard(association)
            self.services.observer.observe(Waiting())
