"""The receiver as a part of another program."""

from __future__ import annotations

import logging
from types import TracebackType
from typing import TYPE_CHECKING

from dcmrecv.config import Config
from dcmrecv.journal import Journal
from dcmrecv.receiver.ae import build_ae
from dcmrecv.receiver.build import build_services
from dcmrecv.server.listener import open_listener
from dcmrecv.server.process import Server
from dcmrecv.tls import prepare

if TYPE_CHECKING:
    from pynetdicom.ae import ApplicationEntity

__all__ = ["Receiver"]

_LEVELS = {"F": logging.CRITICAL, "E": logging.ERROR, "W": logging.WARNING}


def _log_tls(letter: str, text: str) -> None:
    logging.getLogger("dcmrecv.tls").log(_LEVELS[letter], "%s", text)


class Receiver:
    """Receives and stores as `Config` says, in background threads, until it is stopped.

    Usable as a context manager::

        with Receiver(config) as receiver:
            print(receiver.port)
    """

    def __init__(self, config: Config | None = None, *, journal: Journal | None = None) -> None:
        self.config = config or Config()
        self.journal = journal or Journal()
        self._server: Server | None = None
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

        Raises `dcmrecv.server.listener.PortError` if the port cannot be opened, and `dcmrecv.tls.TlsStartError`
        if TLS is asked for and its files do not serve; what was wrong with them goes to the logger
        ``dcmrecv.tls``. An encrypted key without a password is asked for at the terminal.
        """
        from dcmrecv.dataset.dictionary import builtin_dictionary

        tls = None if self.config.tls is None else prepare(self.config.tls, _log_tls)
        listener = open_listener(self.config.network)
        self._port = listener.getsockname()[1]
        services = build_services(self.config, self.journal, tls=tls, dictionary=builtin_dictionary)
        services.store.start()
        self._services = services
        self._server = Server(listener, services, max_associations=self.config.network.max_associations)
        self._server.start()

    def stop(self, grace: float | None = None) -> None:
        """Accept no more, let running C-STOREs finish within *grace* seconds, then end the rest."""
        if self._server is None:
            return
        self._server.drain(self.config.network.grace if grace is None else grace)
        self._server = None
        self._services.store.close()
        self.journal.flush()

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
