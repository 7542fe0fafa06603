"""The one assembly: an AE, engine, observers, TLS and storage become one serving process.

The command line (`dcmrecv.receiver.run`) and programs that embed the receiver both make a `Service` of an open
port and an `AE`. It is loaded when the port is open: connections that arrive meanwhile wait in the listen
queue.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from dcmrecv.memory import MemoryBudget
from dcmrecv.receiver.additions import with_additions
from dcmrecv.receiver.storage_writer import StorageWriter
from dcmrecv.server.admission import Admission
from dcmrecv.server.association import Services
from dcmrecv.server.gil_gate import GilGate
from dcmrecv.server.health import HealthBoard
from dcmrecv.server.listener import addresses
from dcmrecv.server.server import Server
from dcmrecv.threads import processors

if TYPE_CHECKING:
    import socket

    from pynetdicom.presentation import PresentationContext

    from dcmrecv.conditions import Condition
    from dcmrecv.core.acceptor import AcceptorSettings
    from dcmrecv.extras.metrics import MetricsServer
    from dcmrecv.observer import ReceiverObserver
    from dcmrecv.receiver.additions import Metrics
    from dcmrecv.receiver.ae import ReceiverAE
    from dcmrecv.receiver.pynetdicom_events import Handlers
    from dcmrecv.tls.context import TlsServerContext

__all__ = ["Service", "load_ahead"]


def load_ahead(dictionary: Callable[[], object] | None) -> None:
    """Load whatever serving may need, *dictionary* included, before a connection is accepted.

    Later there may be no descriptor or memory left for it. Once it is loaded, worker processes share it. None: the
    handlers are a program's own, and few of them need a dictionary of ours.
    """
    import logging
    import traceback
    import zlib

    from dcmrecv import uids
    from dcmrecv.dataset import deflate, diagnostics, elements

    del logging, traceback, zlib, uids, deflate, diagnostics, elements
    if dictionary is not None:
        dictionary()


class Service:
    """One process that serves the connections of a listening socket, from `start` to `stop`."""

    def __init__(
        self,
        ae: ReceiverAE,
        listeners: Sequence[socket.socket],
        observers: Sequence[ReceiverObserver],
        *,
        handlers: Handlers | StorageWriter,
        contexts: Sequence[PresentationContext] | None = None,
        ae_title: str | None = None,
        tls: TlsServerContext | None = None,
        obstacle: Condition | None = None,
        metrics: Metrics | None = None,
        health: HealthBoard | None = None,
        worker: int = 0,
    ) -> None:
        """Assemble; nothing runs and no connection is accepted before `start`.

        *handlers*: those of a program, or the built-in handler of EVT_C_STORE alone. *contexts* and *ae_title*
        take the place of the AE's own. *obstacle*: why the data dictionary is of no use for DIMSE. *worker* is
        the number of this process under one parent. *health* is where `look` says how this process is.
        """
        self._ae = ae
        self._contexts = contexts
        self._ae_title = ae_title
        self._worker = worker
        self._health = health or HealthBoard()
        self._metrics = metrics
        self._listening = addresses(listeners)
        self._metrics_server: MetricsServer | None = None
        self.store = handlers if isinstance(handlers, StorageWriter) else handlers.writer
        """The built-in handler of EVT_C_STORE, if it is bound at the start."""
        config = ae.config
        observer, self._spool = with_additions(config, observers, metrics, worker)
        if self.store is not None:
            self.store.observe = observer.observe
        services = Services(
            settings=self._settings(),
            clocks=ae.clocks(),
            store=handlers,
            observer=observer,
            tls=tls,
            # where work may take long, in waits for the disk or in handlers, threads wait together
            gate=GilGate(
                short=self.store is not None and not self.store.config.fsync,
                spare_processor=processors() > max(config.network.workers, 1),
            ),
            obstacle=() if obstacle is None else (obstacle,),
            echo=None if isinstance(handlers, StorageWriter) else handlers.echo,
            memory=MemoryBudget.default(config.network.workers),
        )
        self._server = Server(
            listeners,
            services,
            max_associations=config.network.max_associations,
            admission=Admission(config.network),
        )

    def _settings(self) -> AcceptorSettings:
        ae = self._ae
        settings = ae.acceptor_settings(self._contexts, self._ae_title)
        # the connection that is negotiating is one of them
        return replace(settings, is_full=lambda: self._server.running > ae.maximum_associations)

    @property
    def services(self) -> Services:
        """What the associations share."""
        return self._server.services

    def refresh(self) -> None:
        """Take over what has changed in the AE. Connections that are open already keep what they had."""
        self._server.services = replace(
            self._server.services, settings=self._settings(), clocks=self._ae.clocks()
        )

    def take_over(self, ae: ReceiverAE, tls: TlsServerContext | None) -> None:
        """Serve connections to come as *ae*, with its lists of peers, and *tls* say."""
        self._server.admission.allow(ae.config.network)
        self._ae = ae
        self._server.services = replace(self._server.services, tls=tls)
        self.refresh()

    def start(self, *, serve_metrics: bool = True, by_itself: bool = False) -> None:
        """Begin to accept connections, and to answer requests for metrics in this process if there are any.

        *by_itself*: a thread calls `look`. Raises `dcmrecv.server.listener.ServerError` if there are no threads
        to be had, and OSError if there is none for the spool.
        """
        load_ahead(None if self.store is None else self.store.dictionary)
        if self.store is not None:
            self.store.start()
        try:
            if self._spool is not None:
                self._spool.start()
            self._server.start()
            self._judge()
            if by_itself:
                self._server.look_after_itself(self.look)
            if self._metrics is not None and serve_metrics:
                self._metrics_server = self._metrics.serve(lambda: self._health.count, self._listening)
        except BaseException:
            self.stop(0)
            raise

    def look(self) -> None:
        """Put right what can be, and find out whether connections are accepted. Call every second."""
        self._server.look()
        self._judge()
        if self._metrics_server is not None:
            self._metrics_server.look()

    def _judge(self) -> None:
        self._health.found(self._worker, healthy=self._server.healthy, hopeless=self._server.hopeless)

    @property
    def hopeless(self) -> bool:
        """See `Server.hopeless`."""
        return self._server.hopeless

    def stop(self, grace: float | None = None, *, hurry: Callable[[], bool] = lambda: False) -> None:
        """Drain (`Server.drain`) within *grace* seconds, None: as configured, and end."""
        self._health.forget(self._worker)
        self._server.drain(self._ae.config.network.grace if grace is None else grace, hurry=hurry)
        self.close()
        self.services.observer.flush()

    def close(self) -> None:
        """End all but the server: of a service that was never started this is all."""
        if self.store is not None:
            self.store.close()
        if self._spool is not None:
            self._spool.close()
        if self._metrics_server is not None:
            self._metrics_server.close()
        elif self._metrics is not None:
            self._metrics.listener.close()
