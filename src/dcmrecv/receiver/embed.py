"""`Receiver`, the class that programs used before there was `AE`. Deprecated; it goes with version 1.0."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dcmrecv.config import Config
from dcmrecv.receiver.ae_server import AE
from dcmrecv.receiver.received import HANDLER_MEMORY

if TYPE_CHECKING:
    from dcmrecv.observer import ReceiverObserver
    from dcmrecv.receiver.ae_server import AssociationServer
    from dcmrecv.receiver.pynetdicom_events import HandlerBinding

__all__ = ["Receiver"]


class Receiver:
    """``AE.from_config(config)``, its server and what is bound to it. It may be started again."""

    def __init__(
        self,
        config: Config | None = None,
        *,
        handlers: Sequence[HandlerBinding] = (),
        handler_memory: int | None = None,
        observer: ReceiverObserver | None = None,
    ) -> None:
        """The server is made by `start`."""
        warnings.warn(
            "dcmrecv.Receiver is deprecated: use dcmrecv.AE.from_config(config).start_server(block=False)",
            DeprecationWarning,
            stacklevel=2,
        )
        self.config = config or Config()
        self.ae = AE.from_config(self.config)
        self.port = 0
        self._handlers = handlers
        self._memory = HANDLER_MEMORY if handler_memory is None else handler_memory
        self._observer = observer
        self._server: AssociationServer | None = None

    def start(self) -> None:
        """Open the port and begin to receive. Raises what `AE.start_server` raises, and RuntimeError."""
        if self._server is not None:
            raise RuntimeError("the receiver runs already")
        self._server = self.ae.start_server(
            block=False,
            evt_handlers=self._handlers,
            observer=self._observer,
            handler_memory=self._memory,
        )
        self.port = self._server.port

    def stop(self, grace: float | None = None) -> None:
        """Shut down (`AssociationServer.shutdown`) if it runs."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown(grace)

    def __enter__(self) -> Receiver:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()
