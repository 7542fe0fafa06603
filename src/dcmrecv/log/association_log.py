"""What the log knows of one connection while it lives, and how its lines are declared.

The lines themselves are in `dcmrecv.log.association_lines` and `dcmrecv.log.store_lines`: a function for each kind
of event, declared with the levels at which it has something to say (`Lines.of`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from dcmrecv.conditions import Condition
from dcmrecv.config import Config, LogLevel, receive_length
from dcmrecv.log.refusals import RefusalLines
from dcmrecv.log.remark_text import remark_text
from dcmrecv.log.socket_variables import socket_lines
from dcmrecv.loggers import DCMDATA, DCMNET, DCMTLS
from dcmrecv.text import printable
from dcmrecv.uids import long_name

if TYPE_CHECKING:
    from dcmrecv.core import events as ev
    from dcmrecv.log.api import AssociationLogs, Fields, Log, Logs
    from dcmrecv.remarks import Remark

__all__ = ["AssociationLog", "LineSettings", "Lines", "causes_text"]

Function = TypeVar("Function", bound=Callable[..., None])


class Lines(dict[type, tuple[Callable[[Any, Any], None], dict[str, LogLevel]]]):
    """By kind of event: what prints its lines, and from which levels of which loggers on there are any."""

    def of(
        self,
        *kinds: type,
        net: LogLevel | None = None,
        data: LogLevel | None = None,
        tls: LogLevel | None = None,
    ) -> Callable[[Function], Function]:
        """Declare a function that prints the lines of *kinds*; it takes the `AssociationLog` and the event.

        It is called if dcmtk.dcmnet, dcmdata or dcmtls passes messages of the level given for it, and always if
        none is given.
        """
        given = {DCMNET: net, DCMDATA: data, DCMTLS: tls}
        levels = {name: level for name, level in given.items() if level is not None}

        def declare(function: Function) -> Function:
            self.update(dict.fromkeys(kinds, (function, levels)))
            return function

        return declare

    def wanted(self, logs: Logs) -> set[type]:
        """Return the kinds of event that print something with the levels of *logs*, which are constant."""
        return {
            kind
            for kind, (_, levels) in self.items()
            if not levels or any(logs.logger(name).on(level) for name, level in levels.items())
        }


def causes_text(causes: Iterable[Condition]) -> str:
    """Return the causes of a failure, one a line."""
    return "\n".join(map(str, causes))


class LineSettings:
    """What the logs of all connections share. Levels are constant, so what is printed at all is, too."""

    def __init__(
        self,
        config: Config,
        resolve: Callable[[str], str],
        keyword: Callable[[int, int], str],
        *,
        net: Log,
        data: Log,
        fields: bool,
    ) -> None:
        """*net* and *data* are loggers of the whole receiver: those of connections have the same levels."""
        self.resolve = resolve
        self.refusals = RefusalLines()
        self.keyword = keyword
        self.mode = config.storage.mode
        self.max_pdu = receive_length(config.association.max_pdu)
        self.called_title = config.association.ae_title
        self.dump_level = LogLevel.INFO if config.logging.verbose_pc else LogLevel.DEBUG
        self.fields = fields
        self.socket_lines = socket_lines(os.environ)
        self.traces = net.trace_on
        self.info = net.info_on
        self.debug = net.debug_on
        self.data_debug = data.debug_on
        self.dumps_parameters = net.on(self.dump_level)
        self.wanted: frozenset[type] = frozenset()
        self.holds_back = False
        """True if there are lines below WARN, which may be held back (`AssociationLogs`)."""


class AssociationLog:
    """The loggers of one connection, and what its later lines repeat of the earlier ones."""

    request: ev.AssociateRequest | None = None
    receive_notes: tuple[Remark, ...] = ()
    """Remarks on the request that come with its acceptance."""

    # Most connections have nothing to say: their loggers are made when there is something.
    _opened: AssociationLogs | None = None
    _host = ""

    def __init__(
        self, logs: Logs, settings: LineSettings, number: int, peer_address: str, peer_port: int
    ) -> None:
        """*number* is that of the connection in this process."""
        self._all_logs = logs
        self.settings = settings
        self._number = number
        self.peer_address = peer_address
        self._peer_port = peer_port

    @property
    def calling(self) -> str:
        """The calling AE title as lines show it."""
        return "" if self.request is None else printable(self.request.calling_ae_title)

    @property
    def called(self) -> str:
        """The called AE title as lines show it."""
        return "" if self.request is None else printable(self.request.called_ae_title)

    @property
    def logs(self) -> AssociationLogs:
        """The loggers of the connection, with an identity of its own for JSON and NDC."""
        logs = self._opened
        if logs is None:
            address = self.peer_address
            peer = f"[{address}]:{self._peer_port}" if ":" in address else f"{address}:{self._peer_port}"
            logs = self._opened = self._all_logs.association(f"{os.getpid()}-{self._number}", peer)
        return logs

    @cached_property
    def net(self) -> Log:
        """The logger dcmtk.dcmnet."""
        return self.logs.logger(DCMNET)

    @cached_property
    def data(self) -> Log:
        """The logger dcmtk.dcmdata."""
        return self.logs.logger(DCMDATA)

    @cached_property
    def tls(self) -> Log:
        """The logger dcmtk.dcmtls."""
        return self.logs.logger(DCMTLS)

    @property
    def host(self) -> str:
        """The name of the peer in lines; looked up for the first one."""
        if not self._host:
            self._host = self.settings.resolve(self.peer_address)
        return self._host

    def note(self, *notes: Remark) -> None:
        """Print remarks."""
        for note in notes:
            kind = note.kind
            log = self.net if kind.logger == DCMNET else self.data
            if log.on(kind.level):
                names = self.settings.keyword, self.calling, self.called
                log.log(kind.level, remark_text(note, *names, syntax_name=long_name))

    def reading(self, name: str) -> None:
        """Print that a command or data set in the transfer syntax *name* is read."""
        self.data.debug(f'DcmDataset::read() TransferSyntax="{name}"')

    def command_starts(self) -> None:
        """Print that a command is read."""
        self.reading("Little Endian Implicit")

    def store_fields(self, name: str, request: ev.StoreRequest, **more: object) -> Fields | None:
        """Return the fields of event *name* about *request*, if they are written."""
        if not self.settings.fields:
            return None
        return {
            "event": name,
            "message_id": request.message_id,
            "sop_class_uid": request.sop_class_uid,
            "sop_instance_uid": request.sop_instance_uid,
            **more,
        }

    def flush(self) -> None:
        """Hand collected lines to the operating system."""
        if self._opened is not None:
            self._opened.flush()

    def close(self) -> None:
        """Flush; the connection is gone."""
        if self._opened is not None:
            self._opened.close()
