"""`AE`, pynetdicom's Application Entity served by this engine, and the servers that it makes."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload

import pynetdicom
from pydicom.uid import UID
from pynetdicom import _config
from pynetdicom.transport import AddressInformation

from dcmrecv import observer as ob
from dcmrecv.config import AddressFamily, LogLevel
from dcmrecv.core.accept_all import is_storage
from dcmrecv.receiver.additions import open_metrics
from dcmrecv.receiver.ae import ReceiverAE, as_text
from dcmrecv.receiver.pynetdicom_events import HandlerBinding, Handlers
from dcmrecv.receiver.python_logging import LEVELS, python_lines
from dcmrecv.receiver.received import HANDLER_MEMORY, HandlerMemory
from dcmrecv.receiver.service import Service
from dcmrecv.receiver.storage_writer import StorageWriter
from dcmrecv.server.listener import open_listener, open_listeners

if TYPE_CHECKING:
    import socket
    import ssl

    from pynetdicom.presentation import PresentationContext

    from dcmrecv.receiver.pynetdicom_association import PynetdicomAssociation
    from dcmrecv.tls.context import TlsServerContext

__all__ = ["AE", "AssociationServer"]

Address: TypeAlias = tuple[str, int] | tuple[str, int, int, int]
"""Of IPv4, or of IPv6 with flow information and scope, as in Python's `socket`."""

_TLS_LEVELS = {level.name[0]: number for level, number in LEVELS.items() if level is not LogLevel.OFF}


class AssociationServer:
    """An `AE` on a port, in threads of its own. The port is open, `start` begins to accept.

    A context manager: at the end of the ``with`` block it is shut down.
    """

    def __init__(
        self,
        ae: AE,
        address: Address | None,
        ae_title: str | None,
        contexts: Sequence[PresentationContext] | None,
        ssl_context: ssl.SSLContext | None,
        evt_handlers: Sequence[HandlerBinding],
        *,
        observer: ob.ReceiverObserver | None,
        handler_memory: int,
    ) -> None:
        """See `AE.make_server`."""
        self.ae = ae
        self.ae_title = ae_title or ae.ae_title
        self.contexts = list(contexts or ae.supported_contexts)
        self.ssl_context = ssl_context
        config = ae.config
        self._handlers = Handlers(
            ae, StorageWriter.from_config(config.storage), HandlerMemory(handler_memory)
        )
        for binding in evt_handlers:
            self.bind(*binding)
        if self._handlers.writer is not None:
            self._handlers.writer.check()
        if config.storage.spool is not None:
            os.listdir(config.storage.spool)
        observers = [*python_lines(config), self._handlers]
        if observer is not None:
            observers.append(observer)
        with ExitStack() as undo:
            tls = self._tls()
            metrics = None
            if config.extras.metrics_port is not None:
                metrics = open_metrics(config)
                undo.callback(metrics.listener.close)
            self._sockets = [undo.enter_context(each) for each in self._listeners(address)]
            self.socket = self._sockets[0]
            self.server_address = self.socket.getsockname()
            self.address_info = AddressInformation.from_tuple(address or self.server_address)
            self._handlers.listening = self.server_address[:2]
            self.service = Service(
                ae,
                self._sockets,
                observers,
                handlers=self._handlers,
                contexts=contexts,
                ae_title=ae_title,
                tls=tls,
                metrics=metrics,
            )
            undo.pop_all()
        self._state = threading.Lock()
        self._is_running = self._is_shut = False
        self._asked = threading.Event()

    def _listeners(self, address: Address | None) -> list[socket.socket]:
        network = self.ae.config.network
        if address is None:
            return open_listeners(network)
        given = AddressInformation.from_tuple(address)
        family = AddressFamily.IPV6 if given.is_ipv6 else AddressFamily.IPV4
        return [open_listener(replace(network, family=family, port=given.port), address=given.as_tuple)]

    def _tls(self) -> TlsServerContext | None:
        if self.ssl_context is not None:
            from dcmrecv.tls.context import TlsServerContext

            return TlsServerContext.of_program(self.ssl_context)
        if self.ae.config.tls is None:
            return None
        from dcmrecv.tls.startup import prepare

        logger = logging.getLogger("dcmrecv.tls")
        return prepare(self.ae.config.tls, lambda level, text: logger.log(_TLS_LEVELS[level], "%s", text))

    @property
    def port(self) -> int:
        """The port listened on; useful with port 0, where the system chooses."""
        return int(self.server_address[1])

    @property
    def active_associations(self) -> list[PynetdicomAssociation]:
        """The connections that are being served."""
        return list(self._handlers.associations)

    def bind(self, event: Any, handler: Callable[..., Any], args: list[Any] | None = None) -> None:
        """Bind *handler* to *event*, also for connections that are open. Raises ValueError (`Handlers.bind`)."""
        self._handlers.bind(event, handler, args)

    def unbind(self, event: Any, handler: Callable[..., Any]) -> None:
        """Take *handler* from *event*."""
        self._handlers.unbind(event, handler)

    def get_events(self) -> list[Any]:
        """Return the events that have handlers."""
        return self._handlers.events()

    def get_handlers(self, event: Any) -> Any:
        """Return the handlers of *event* as pynetdicom does: a tuple for an intervention, else a list."""
        found = self._handlers.of(event)
        if event.is_intervention:
            return found[0] if found else (None, None)
        return found

    def start(self) -> None:
        """Begin to accept connections; returns at once. Raises RuntimeError if it is running or shut down."""
        with self._state:
            if self._is_running or self._is_shut:
                raise RuntimeError("the server is running already, or was shut down")
            self.service.services.observer.observe(ob.Waiting())
            self.service.start(by_itself=True)
            self._is_running = True

    def serve_forever(self, poll_interval: float = 0.5) -> None:
        """Accept connections until another thread calls `shutdown`.

        *poll_interval* is in seconds: a signal that arrives just before the wait does not end it.
        """
        if not self._is_running:
            self.start()
        while not self._asked.wait(poll_interval):
            pass

    def wait(self) -> signal.Signals | None:
        """Accept connections until SIGTERM or SIGINT comes, shut down, and return the signal.

        For the main thread. None: another thread has called `shutdown`.
        """
        arrived: list[int] = []

        def ask(number: int, frame: object) -> None:
            arrived.append(number)
            self._asked.set()

        before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            self.serve_forever()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            self.shutdown()
        return signal.Signals(arrived[0]) if arrived else None

    def shutdown(self, grace: float | None = None) -> None:
        """Accept no more, let running C-STOREs finish within *grace* seconds, then end all connections.

        *grace* None: ``ae.config.network.grace``. May be called again.
        """
        with self._state:
            was_running, self._is_running = self._is_running, False
            was_shut, self._is_shut = self._is_shut, True
            if was_running:
                self.service.stop(grace)
            elif not was_shut:
                self.service.close()
            for each in self._sockets:
                each.close()
            self._asked.set()
        self.ae.forget(self)

    server_close = shutdown

    def __enter__(self) -> AssociationServer:
        return self

    def __exit__(self, *error: object) -> None:
        self.shutdown()


class AE(ReceiverAE):
    """`pynetdicom.AE`, served by this engine: Verification and Storage."""

    def __setattr__(self, name: str, value: object) -> None:
        """Set an attribute; running servers take over what they are asked for next."""
        super().__setattr__(name, value)
        for server in self.__dict__.get("_servers", ()):
            server.service.refresh()

    def make_server(  # type: ignore[override]
        self,
        address: Address | None = None,
        ae_title: str | None = None,
        contexts: list[PresentationContext] | None = None,
        ssl_context: ssl.SSLContext | None = None,
        evt_handlers: Sequence[HandlerBinding] | None = None,
        *,
        observer: ob.ReceiverObserver | None = None,
        handler_memory: int = HANDLER_MEMORY,
    ) -> AssociationServer:
        """Open the port *address*, by default that of `config`, and return a server that is not started yet.

        *observer* observes all that happens; what it raises is logged. *handler_memory*: bytes of data sets that
        handlers may have in memory at the same time, of all associations together; a C-STORE beyond it is
        answered A700. The rest is pynetdicom's.

        Raises ValueError for contexts and handlers of services that this engine does not have,
        `dcmrecv.PortError` if the port cannot be opened, OSError if a directory cannot be used,
        `dcmrecv.TlsStartError` and `dcmrecv.AdditionError` for what `config` asks for.
        """
        if self.config.network.workers > 1:
            raise ValueError("a program's receiver is one process: start one in each of yours")
        self._check_contexts(self.supported_contexts if contexts is None else contexts)
        if ae_title is not None:
            ae_title = pynetdicom.AE(as_text(ae_title)).ae_title  # judged as every title is
        server = AssociationServer(
            self,
            address,
            ae_title,
            contexts,
            ssl_context,
            evt_handlers or (),
            observer=observer,
            handler_memory=handler_memory,
        )
        self._servers.append(server)  # type: ignore[arg-type]
        return server

    def _check_contexts(self, contexts: Iterable[PresentationContext]) -> None:
        contexts = list(contexts)
        if not contexts and not self._further and not _config.UNRESTRICTED_STORAGE_SERVICE:
            raise ValueError("No supported Presentation Contexts have been defined")
        for each in contexts:
            if (each.scu_role is None) is not (each.scp_role is None):
                raise ValueError(
                    "The following presentation contexts have inconsistent scu_role/scp_role values"
                    f" (if one is None, both must be): {each.abstract_syntax}"
                )
        listed = {each.abstract_syntax for each in self.config.association.profile.contexts}
        names = {str(each.abstract_syntax) for each in contexts}
        foreign = sorted(
            name for name in names if name.encode() not in listed and not is_storage(name.encode())
        )
        if foreign:
            named = ", ".join(f"{name} ({UID(name).name})" for name in foreign)
            raise ValueError(f"this engine serves Verification and Storage, not {named}")

    @overload  # type: ignore[override]
    def start_server(
        self,
        address: Address | None = None,
        block: Literal[True] = True,
        ssl_context: ssl.SSLContext | None = None,
        evt_handlers: Sequence[HandlerBinding] | None = None,
        ae_title: str | None = None,
        contexts: list[PresentationContext] | None = None,
        *,
        observer: ob.ReceiverObserver | None = None,
        handler_memory: int = HANDLER_MEMORY,
    ) -> None: ...

    @overload
    def start_server(
        self,
        address: Address | None = None,
        *,
        block: Literal[False],
        ssl_context: ssl.SSLContext | None = None,
        evt_handlers: Sequence[HandlerBinding] | None = None,
        ae_title: str | None = None,
        contexts: list[PresentationContext] | None = None,
        observer: ob.ReceiverObserver | None = None,
        handler_memory: int = HANDLER_MEMORY,
    ) -> AssociationServer: ...

    @overload
    def start_server(
        self,
        address: Address | None = None,
        block: bool = True,
        ssl_context: ssl.SSLContext | None = None,
        evt_handlers: Sequence[HandlerBinding] | None = None,
        ae_title: str | None = None,
        contexts: list[PresentationContext] | None = None,
        *,
        observer: ob.ReceiverObserver | None = None,
        handler_memory: int = HANDLER_MEMORY,
    ) -> AssociationServer | None: ...

    def start_server(
        self,
        address: Address | None = None,
        block: bool = True,
        ssl_context: ssl.SSLContext | None = None,
        evt_handlers: Sequence[HandlerBinding] | None = None,
        ae_title: str | None = None,
        contexts: list[PresentationContext] | None = None,
        **more: Any,
    ) -> AssociationServer | None:
        """Serve; see `make_server`. Without *block* return the running server.

        With *block* until `shutdown` is called, or SIGINT or SIGTERM comes: then shut down, and after SIGTERM do
        what the program does at it, which by default is to end.
        """
        server = self.make_server(address, ae_title, contexts, ssl_context, evt_handlers, **more)
        try:
            if not block:
                server.start()
                return server
            if threading.current_thread() is not threading.main_thread():
                server.serve_forever()
                return None
            arrived = server.wait()
        except BaseException:
            server.shutdown(0)
            raise
        if arrived == signal.SIGTERM:
            signal.raise_signal(signal.SIGTERM)  # which would have ended the program, but for us
        return None

    def shutdown(self) -> None:
        """Abort what this AE has requested, and shut its servers down without a grace time."""
        for association in super().active_associations:
            association.abort()
        for server in list(self._servers):
            server.shutdown(0)  # type: ignore[call-arg]

    def forget(self, server: AssociationServer) -> None:
        """Take *server*, which was shut down, from the list of those that are running."""
        with suppress(ValueError):
            self._servers.remove(server)  # type: ignore[arg-type]

    @property
    def active_associations(self) -> list[Any]:
        """Associations that this AE has requested, and those that its servers serve."""
        served = [each for server in self.__dict__.get("_servers", ()) for each in server.active_associations]
        return [*super().active_associations, *served]
