"""The receiver as a part of another program (docs/embedding.md)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from dcmrecv.config import Config
from dcmrecv.observer import ReceiverObserver
from dcmrecv.receiver.ae import build_ae
from dcmrecv.receiver.build import build_services
from dcmrecv.server.listener import PortError, open_listener
from dcmrecv.server.server import Server

if TYPE_CHECKING:
    from pynetdicom.ae import ApplicationEntity

    from dcmrecv.extras.metrics import MetricsServer
    from dcmrecv.receiver.additions import Additions
    from dcmrecv.receiver.handlers import Bindings, HandlerBinding
    from dcmrecv.server.association import Services
    from dcmrecv.tls import TlsServerContext

__all__ = ["PortError", "Receiver"]

_TLS_LEVELS = {
    "T": logging.DEBUG,
    "D": logging.DEBUG,
    "I": logging.INFO,
    "W": logging.WARNING,
    "E": logging.ERROR,
    "F": logging.CRITICAL,
}


class Receiver:
    """Receives and stores as `Config` says, in background threads, until it is stopped.

    Usable as a context manager::

        with Receiver(config) as receiver:
            print(receiver.port)

    It may be started again after it was stopped.
    """

    def __init__(
        self,
        config: Config | None = None,
        *,
        handlers: Sequence[HandlerBinding] = (),
        handler_memory: int | None = None,
        observer: ReceiverObserver | None = None,
    ) -> None:
        """Make a receiver that is not started yet.

        *handlers* are bound to pynetdicom's events: ``(evt.EVT_C_STORE, handler)`` or with a list of further
        arguments. A handler of EVT_C_STORE takes the place of storing. *handler_memory*: bytes of data sets
        that wait for such handlers at the same time, of all associations together (default
        `dcmrecv.receiver.handlers.HANDLER_MEMORY`, 1 GiB); a C-STORE beyond it is answered A700. *observer* is
        told all that happens.

        Raises ValueError for handlers of unknown events and for a configuration of several processes.
        """
        self.config = config or Config()
        self.observer = observer or ReceiverObserver()
        if self.config.network.workers > 1:
            raise ValueError("an embedded receiver is one process: start one in each of yours")
        self._bindings: Bindings | None = None
        if handlers:
            from dcmrecv.receiver.handlers import Bindings

            self._bindings = Bindings(handlers)
        self._handler_memory = handler_memory
        self._server: Server | None = None
        self._services: Services | None = None
        self._additions: Additions | None = None
        self._metrics: MetricsServer | None = None
        self._port = 0
        self._ae: ApplicationEntity | None = None

    @property
    def ae(self) -> ApplicationEntity:
        """The pynetdicom AE that describes this receiver."""
        if self._ae is None:
            self._ae = build_ae(self.config)
        return self._ae

    @property
    def port(self) -> int:
        """The port listened on; useful with port 0, where the system chooses."""
        return self._port

    def start(self) -> None:
        """Open the port and begin to receive. Returns at once.

        Raises `PortError` if the port cannot be opened, `dcmrecv.tls.TlsStartError` if keys or certificates
        cannot be used, `dcmrecv.receiver.additions.AdditionError` if metrics cannot be served, OSError if the
        spool directory cannot be used, and RuntimeError if it runs already.
        """
        from dcmrecv.receiver.additions import Additions, open_metrics

        if self._server is not None:
            raise RuntimeError("the receiver runs already")
        tls = self._prepare_tls()
        metrics = open_metrics(self.config) if self.config.extras.metrics_port is not None else None
        try:
            listener = open_listener(self.config.network)
        except PortError:
            if metrics is not None:
                metrics.listener.close()
            raise
        try:
            self._port = listener.getsockname()[1]
            self._additions = Additions(self.config, self._observer(), metrics)
            self._services = self._build_services(self._additions.observer, tls)
        except BaseException:
            listener.close()
            if metrics is not None:
                metrics.listener.close()
            raise
        self._services.store.start()
        self._server = Server(listener, self._services, max_associations=self.config.network.max_associations)
        self.observer.waiting()
        self._server.start()
        self._metrics = metrics.serve() if metrics is not None else None

    def _prepare_tls(self) -> TlsServerContext | None:
        if self.config.tls is None:
            return None
        from dcmrecv.tls import prepare

        logger = logging.getLogger("dcmrecv.tls")
        return prepare(self.config.tls, lambda level, text: logger.log(_TLS_LEVELS[level], "%s", text))

    def _observer(self) -> ReceiverObserver:
        """Return the observer given to us, with the handlers listening as well if there are any."""
        if self._bindings is None:
            return self.observer
        from dcmrecv.receiver.handlers import HandlerObserver
        from dcmrecv.receiver.observer_fanout import Fanout

        listening = ("0.0.0.0", self._port)
        return Fanout([self.observer, HandlerObserver(self._bindings, self.ae, listening)])

    def _build_services(self, observer: ReceiverObserver, tls: TlsServerContext | None) -> Services:
        from dataclasses import replace

        from dcmrecv.dataset.dictionary import builtin_dictionary

        services = build_services(self.config, observer, tls=tls, dictionary=builtin_dictionary)
        if self._bindings is None:
            return services
        services = replace(services, gate=None)
        from pynetdicom import evt

        from dcmrecv.receiver.handlers import HANDLER_MEMORY, HandlerStore

        if self._bindings.binds(evt.EVT_C_STORE):
            limit = HANDLER_MEMORY if self._handler_memory is None else self._handler_memory
            store = HandlerStore(self.config.storage, self._bindings, limit, dictionary=builtin_dictionary)
            services = replace(services, store=store)
        if self._bindings.binds(evt.EVT_C_ECHO):
            services = replace(services, echo=self._bindings.echo)
        return services

    def stop(self, grace: float | None = None) -> None:
        """Accept no more, let running C-STOREs finish within *grace* seconds, then end the rest.

        *grace* None: as configured. Does nothing if the receiver does not run.
        """
        server, self._server = self._server, None
        if server is None:
            return
        assert self._services is not None
        assert self._additions is not None
        self._additions.stopping()
        server.drain(self.config.network.grace if grace is None else grace)
        self._services.store.close()
        self._additions.close()
        if self._metrics is not None:
            self._metrics.close()
            self._metrics = None
        self.observer.flush()

    def __enter__(self) -> Receiver:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
