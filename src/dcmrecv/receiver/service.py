"""The one assembly: an AE, engine, observers, TLS and storage become one serving process.

The command line (`dcmrecv.receiver.run`) and programs that embed the receiver both make a `Service` of an open
port and an `AE`. It is loaded when the port is open: connections that arrive meanwhile wait in the listen
queue.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from dcmrecv.conditions import Condition
from dcmrecv.dataset.dictionary import builtin_dictionary
from dcmrecv.memory import MemoryBudget
from dcmrecv.receiver.additions import Additions
from dcmrecv.server.association import Services
from dcmrecv.server.gil_gate import GilGate
from dcmrecv.server.server import Server
from dcmrecv.storage import ObjectStore

if TYPE_CHECKING:
    import socket

    from dcmrecv.config import Config
    from dcmrecv.core.acceptor import AcceptorSettings
    from dcmrecv.dataset.dictionary import DataDictionary
    from dcmrecv.extras.metrics import MetricsServer
    from dcmrecv.observer import ReceiverEvent, ReceiverObserver
    from dcmrecv.receiver.additions import Metrics
    from dcmrecv.receiver.ae import AE
    from dcmrecv.receiver.pynetdicom_events import Bindings
    from dcmrecv.tls import TlsServerContext

__all__ = ["Service", "object_store"]


def object_store(
    config: Config,
    *,
    dictionary: Callable[[], DataDictionary] | None = None,
    observe: Callable[[ReceiverEvent], None] | None = None,
) -> ObjectStore:
    """Return the store that *config* describes; *observe* takes what concerns its directory.

    *dictionary* None is the built-in one, which is not read before a data set needs it.
    """
    return ObjectStore(
        config.storage,
        dictionary=dictionary or builtin_dictionary,
        syntax_name=_syntax_name,
        observe=observe,
    )


class Service:
    """One process that serves the connections of a listening socket, from `start` to `stop`."""

    def __init__(
        self,
        ae: AE,
        listener: socket.socket,
        observer: ReceiverObserver,
        *,
        tls: TlsServerContext | None = None,
        dictionary: Callable[[], DataDictionary] | None = None,
        metrics: Metrics | None = None,
        bindings: Bindings | None = None,
        worker: int = 0,
    ) -> None:
        """Assemble; the threads of the additions start here, connections are accepted after `start`.

        *worker* is the number of this process under one parent. *bindings* are the handlers of a program. If
        this raises (OSError: the spool directory cannot be used), nothing is left running and *listener* is
        still open.
        """
        config = ae.config
        self._ae = ae
        self._metrics = metrics
        self._metrics_server: MetricsServer | None = None
        obstacle = None if dictionary is None else dictionary().dimse_obstacle
        self.store = object_store(config, dictionary=dictionary, observe=self._observe)
        if bindings is not None:
            self.store = bindings.store(self.store)
        settings = self._settings()
        self._additions = Additions(config, observer, metrics, number=worker)
        try:
            services = Services(
                settings=settings,
                clocks=ae.clocks(),
                store=self.store,
                observer=self._additions.observer,
                tls=tls,
                # with --fsync those who wait for the disk wait together; handlers of programs may take long
                gate=None if config.storage.fsync or bindings is not None else GilGate(),
                obstacle=() if obstacle is None else (Condition(*obstacle),),
                echo=None if bindings is None else bindings.echo,
                memory=MemoryBudget.default(config.network.workers),
            )
            self._server = Server(listener, services, max_associations=config.network.max_associations)
        except BaseException:
            self._additions.close()
            raise

    def _settings(self) -> AcceptorSettings:
        ae = self._ae
        # the connection that is negotiating is one of them
        return replace(ae.acceptor_settings(), is_full=lambda: self._server.running > ae.maximum_associations)

    @property
    def services(self) -> Services:
        """What the associations share."""
        return self._server.services

    def refresh(self) -> None:
        """Take over what has changed in the AE. Connections that are open already keep what they had."""
        self._server.services = replace(
            self._server.services, settings=self._settings(), clocks=self._ae.clocks()
        )

    def _observe(self, event: ReceiverEvent) -> None:
        self._additions.observer.observe(event)

    def start(self, *, look_for_orphans: bool = True, serve_metrics: bool = True) -> None:
        """Begin to accept connections, and to answer requests for metrics in this process if there are any.

        *look_for_orphans*: remove what dead processes left half-written, in the background.
        """
        if look_for_orphans:
            self.store.start()
        self._server.start()
        if self._metrics is not None and serve_metrics:
            try:
                self._metrics_server = self._metrics.serve()
            except BaseException:
                self.stop(0)
                raise

    def stop(self, grace: float | None = None, *, hurry: Callable[[], bool] = lambda: False) -> None:
        """Drain (`Server.drain`) within *grace* seconds, None: as configured, and end."""
        self._additions.stopping()
        self._server.drain(self._ae.config.network.grace if grace is None else grace, hurry=hurry)
        self.store.close()
        self._additions.close()
        if self._metrics_server is not None:
            self._metrics_server.close()
        self.services.observer.flush()


def _syntax_name(uid: bytes) -> str:
    from dcmrecv.uids import long_name  # for one line about broken data sets alone

    return long_name(uid)
