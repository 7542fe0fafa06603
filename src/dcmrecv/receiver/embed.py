"""The receiver as a part of another program (docs/embedding.md)."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING

from dcmrecv.config import Config
from dcmrecv.observer import ReceiverObserver, Waiting
from dcmrecv.receiver.ae import AE
from dcmrecv.receiver.service import Service
from dcmrecv.server.listener import PortError, open_listener

if TYPE_CHECKING:
    from dcmrecv.receiver.pynetdicom_events import Bindings, HandlerBinding
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
        `dcmrecv.receiver.pynetdicom_events.HANDLER_MEMORY`, 1 GiB); a C-STORE beyond it is answered A700. *observer* is
        told all that happens.

        Raises ValueError for handlers of unknown events and for a configuration of several processes.
        """
        self.config = config or Config()
        self.observer = observer or ReceiverObserver()
        if self.config.network.workers > 1:
            raise ValueError("an embedded receiver is one process: start one in each of yours")
        self._bindings: Bindings | None = None
        if handlers:
            from dcmrecv.receiver.pynetdicom_events import HANDLER_MEMORY, Bindings

            self._bindings = Bindings(handlers, HANDLER_MEMORY if handler_memory is None else handler_memory)
        self.service: Service | None = None
        """What serves, while it runs."""
        self._port = 0
        self._ae: AE | None = None

    @property
    def ae(self) -> AE:
        """The pynetdicom AE that describes this receiver."""
        if self._ae is None:
            self._ae = AE.from_config(self.config)
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
        from dcmrecv.receiver.additions import open_metrics

        if self.service is not None:
            raise RuntimeError("the receiver runs already")
        tls = self._prepare_tls()
        if self.config.storage.spool is not None:
            os.listdir(self.config.storage.spool)
        with ExitStack() as undo:
            metrics = None
            if self.config.extras.metrics_port is not None:
                metrics = open_metrics(self.config)
                undo.callback(metrics.listener.close)
            listener = undo.enter_context(open_listener(self.config.network))
            self._port = listener.getsockname()[1]
            service = Service(
                self.ae, listener, self._observer(), tls=tls, metrics=metrics, bindings=self._bindings
            )
            service.services.observer.observe(Waiting())
            service.start()
            undo.pop_all()
        self.service = service

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
        from dcmrecv.receiver.observer_fanout import ObserverFanout
        from dcmrecv.receiver.pynetdicom_events import HandlerObserver

        listening = ("0.0.0.0", self._port)
        return ObserverFanout([self.observer, HandlerObserver(self._bindings, self.ae, listening)])

    def stop(self, grace: float | None = None) -> None:
        """Accept no more, let running C-STOREs finish within *grace* seconds, then end the rest.

        *grace* None: as configured. Does nothing if the receiver does not run.
        """
        service, self.service = self.service, None
        if service is not None:
            service.stop(grace)

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
