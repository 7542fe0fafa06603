"""From a `Config` to the services of a serving process."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dcmrecv.conditions import Condition
from dcmrecv.core.acceptor import AcceptorSettings
from dcmrecv.dataset.dictionary import builtin_dictionary
from dcmrecv.server.association import Services
from dcmrecv.server.gil_gate import GilGate
from dcmrecv.server.transport import Clocks
from dcmrecv.storage import ObjectStore

if TYPE_CHECKING:
    from dcmrecv.config import Config
    from dcmrecv.dataset.dictionary import DataDictionary
    from dcmrecv.observer import ReceiverObserver
    from dcmrecv.tls import TlsServerContext

__all__ = ["build_services"]


def build_services(
    config: Config,
    observer: ReceiverObserver,
    *,
    tls: TlsServerContext | None,
    dictionary: Callable[[], DataDictionary] | None = None,
    worker: int = 0,
) -> Services:
    """Return what the associations of one process share. *worker* numbers the process under one parent.

    *dictionary* None is the built-in one, which is not read before somebody needs it.
    """
    association = config.association
    obstacle = None if dictionary is None else dictionary().dimse_obstacle
    store = ObjectStore(
        config.storage,
        dictionary=dictionary or builtin_dictionary,
        syntax_name=_syntax_name,
        worker=worker,
    )
    return Services(
        settings=AcceptorSettings.from_config(association),
        clocks=Clocks(association.acse_timeout, association.dimse_timeout),
        store=store,
        observer=observer,
        tls=tls,
        # with --fsync those who wait for the disk wait together
        gate=None if config.storage.fsync else GilGate(),
        obstacle=() if obstacle is None else (Condition(*obstacle),),
    )


def _syntax_name(uid: bytes) -> str:
    from dcmrecv.log.syntax_names import long_name  # for one line about broken data sets alone

    return long_name(uid)
