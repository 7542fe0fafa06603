"""One serving process: its threads, the running associations, its health and its orderly end."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from dcmrecv import observer as ob
from dcmrecv.config import NetworkConfig
from dcmrecv.server import limits
from dcmrecv.server.accept_queue import AcceptQueue
from dcmrecv.server.admission import Admission, Refused
from dcmrecv.server.association import Association, Services
from dcmrecv.server.descriptors import Descriptors
from dcmrecv.server.listener import ServerError
from dcmrecv.server.passive_close import PassiveClose
from dcmrecv.server.pool import ThreadPool
from dcmrecv.server.shortages import Resource, Shortages
from dcmrecv.threads import start_thread

__all__ = ["Server"]


class Server:
    """Serves the connections of listening sockets in threads until it is drained."""

    def __init__(
        self,
        listeners: Sequence[socket.socket],
        services: Services,
        *,
        max_associations: int = 0,
        admission: Admission | None = None,
    ) -> None:
        """The sockets stay the caller's until `start`."""
        self._listeners = listeners
        self.services = services
        """For the connections to come."""
        self.admission = admission or Admission(NetworkConfig())
        self._limit = max_associations
        self._passive_close = PassiveClose()
        self._shortages = Shortages(services.observer.observe)
        self._descriptors = Descriptors(self._passive_close.close_oldest)
        self._running: set[Association] = set()
        self._unknown: set[socket.socket] = set()  # of a balancer that is yet to say whose they are
        self._draining = False
        self._accepted = 0
        self._well_at = time.monotonic()
        self._pool: ThreadPool | None = None

    @property
    def running(self) -> int:
        """Number of connections being served."""
        return len(self._running)

    def start(self) -> None:
        """Begin to accept connections; return when a thread waits for them. The observer knows that we wait.

        Raises `ServerError`.
        """
        for listener in self._listeners:
            self.services.clocks.bequeath(listener)
        self._queue = AcceptQueue(self._listeners)
        self._pool = ThreadPool(
            self._queue,
            self._serve,
            self._descriptors,
            self._shortages,
            limit=self._limit,
            failed=self._failed,
        )
        pool = self._pool
        pool.alone = True
        end = time.monotonic() + limits.THREAD_START_SECONDS
        while not pool.waiting and not pool.serving:
            if not pool.restore() or time.monotonic() > end:
                raise ServerError("the system gives no thread to serve connections")
            time.sleep(limits.LOOK_AGAIN_SECONDS / 50)
        if pool.serving or self._queue.pending:
            # they came one after the other while we were loading, and begin in this order, as in the reference
            time.sleep(limits.HEAD_START_SECONDS)
        pool.alone = False
        pool.restore()
        self._well_at = time.monotonic()

    # -- health --------------------------------------------------------------------------------------

    def look(self) -> None:
        """Put right what can be, and judge whether connections are accepted.

        Call every `limits.CHECK_SECONDS`, from a thread that serves no connection. Raises nothing.
        """
        try:
            pool = self._pool
            if pool is None or self._draining:
                return
            pool.restore()
            self._descriptors.room(pool.serving)
            self._queue.arm_all()
            self._passive_close.look()
            self._shortages.look()
            accepted, self._accepted = self._accepted, pool.accepted
            accepts = accepted != pool.accepted or (pool.waiting and not self._queue.pending)
            if (accepts or pool.full) and self._queue.listens:
                self._well_at = time.monotonic()
        except MemoryError:
            self._shortages.found(Resource.MEMORY)

    @property
    def healthy(self) -> bool:
        """True if connections were accepted lately, or would have been."""
        return not self._draining and time.monotonic() - self._well_at < limits.DEAF_SECONDS

    @property
    def hopeless(self) -> bool:
        """True if no connection has been accepted for long, for no reason that can pass."""
        return not self._shortages and time.monotonic() - self._well_at >= limits.HOPELESS_SECONDS

    def look_after_itself(self, look: Callable[[], None]) -> None:
        """Have a thread of our own call *look* now and then until `drain`: for programs that embed us.

        Raises `ServerError`.
        """

        def work() -> None:
            while not self._draining:
                time.sleep(limits.CHECK_SECONDS)
                with contextlib.suppress(MemoryError):
                    look()

        if not start_thread(work):
            raise ServerError("the system gives no thread to look after the others")

    def _failed(self, error: BaseException) -> None:
        self.services.observer.observe(ob.InternalError(error))

    # -- the end -------------------------------------------------------------------------------------

    def drain(self, grace: float, *, hurry: Callable[[], bool] = lambda: False) -> None:
        """Accept no more, let running C-STOREs finish within *grace* seconds, then end the rest.

        *hurry* is asked now and then; when it says True the grace time is over.
        """
        self._draining = True
        pool = self._pool
        if pool is None:
            return
        pool.stop()
        if any(association.storing for association in self._running.copy()):
            self.services.observer.observe(ob.StopBegan(grace))
        for sock in self._unknown.copy():
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for association in self._running.copy():
            association.end_soon(at_once=False)
        end = time.monotonic() + grace
        while not pool.join(limits.LOOK_AGAIN_SECONDS):
            if time.monotonic() >= end or hurry():
                break
        for association in self._running.copy():
            association.end_soon(at_once=True)
        pool.join(limits.LAST_WORD_SECONDS)
        self._passive_close.close()

    def _serve(self, sock: socket.socket, address: tuple[str, int]) -> None:
        host = address[0]
        services = self.services
        is_beyond = False
        self._unknown.add(sock)
        try:
            peer = None if self._draining else self.admission.real_peer(sock, address)
            if peer is not None:
                address, host = peer, peer[0]
                is_beyond = self.admission.enter(host)
        except Refused as refused:
            if not self._draining:  # else the stop has woken us
                services.observer.observe(ob.PeerRefused(host, str(refused)))
            sock.close()
            return
        finally:
            self._unknown.discard(sock)
        try:
            if is_beyond:
                services.observer.observe(ob.PeerRefused(host, "limit"))
                services = replace(services, settings=replace(services.settings, is_full=lambda: True))
            self._serve_admitted(services, sock, address)
        finally:
            if peer is not None:
                self.admission.leave(host)

    def _serve_admitted(self, services: Services, sock: socket.socket, address: tuple[str, int]) -> None:
        association = Association(services, self._passive_close, sock, address)
        self._running.add(association)
        try:
            if self._draining:
                association.end_soon(at_once=False)
            association.run()
        finally:
            self._running.discard(association)
            self.services.observer.observe(ob.Waiting())
