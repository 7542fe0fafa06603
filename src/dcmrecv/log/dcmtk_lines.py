"""The DCMTK dialect of the observer: which events print something, and the lines about the whole receiver.

Levels are constant, so `DcmtkLines` knows from the start which events say nothing and does not want those. The
lines of a connection are in `dcmrecv.log.dcmtk_association`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING

from dcmrecv import observer as ob
from dcmrecv.config import Config, receive_length
from dcmrecv.core import events as ev
from dcmrecv.log import messages
from dcmrecv.log.dcmtk_association import LINES, DcmtkAssociationLines
from dcmrecv.log.service_lines import service_line
from dcmrecv.log.settings import LineSettings
from dcmrecv.loggers import DCMDATA, DCMNET, DCMTLS
from dcmrecv.text import printable

if TYPE_CHECKING:
    from dcmrecv.log.api import Log, Logs

__all__ = ["DcmtkLines"]


def _keyword(group: int, element: int) -> str:
    from dcmrecv.dataset.dictionary import builtin_dictionary  # not before a line needs it

    return builtin_dictionary().name(group << 16 | element)


_FROM_INFO = {
    ev.NotAnAssociation,
    ob.EchoResponse,
    ob.StoreStarted,
    ob.Stored,
    ob.StoreResponse,
    ev.ReleaseRequested,
    ev.AbortReceived,
    ev.PeerClosed,
}
_FROM_DEBUG = {
    ob.EchoResponseSent,
    ob.DataSetReceived,
    ob.ProcessingStore,
    ob.NameGenerated,
    ob.Ignored,
    ob.Terminated,
}
_OF_DATA_DEBUG = {ob.DataSetStarted, ob.DebugRemark, ob.MetaHeaderWritten}


def _wanted(settings: LineSettings, *, tls_debug: bool) -> frozenset[type]:
    """Return the kinds of event that print something with these levels."""
    kinds = set(LINES)
    if settings.traces:
        kinds.add(ob.WireReceived)
    else:
        if not (settings.debug or settings.socket_lines):
            kinds.discard(ob.Connected)
        if not settings.info:
            kinds -= _FROM_INFO
        if not settings.debug:
            kinds -= _FROM_DEBUG
    if settings.data_debug:
        kinds |= {ev.ReleaseRequested, ev.AbortReceived, ev.PeerClosed}  # half a command was read
    else:
        kinds -= _OF_DATA_DEBUG
    if not tls_debug:
        kinds.discard(ob.TlsDetails)
    if not settings.remarks:
        kinds.discard(ob.DataSetRemark)
    return frozenset(kinds)


def _shown(value: object) -> object:
    return printable(value) if isinstance(value, bytes) else value


class DcmtkLines(ob.ReceiverObserver):
    """The lines that concern the whole receiver.

    *resolve* turns the address of a peer into the host name of the lines (first label of its name, or the
    address where there is none; with ``-dhl`` the address always); it is asked when a line first needs it.
    *keyword* names a tag for notes about commands; without it the built-in dictionary does.
    """

    def __init__(
        self,
        logs: Logs,
        config: Config,
        resolve: Callable[[str], str],
        *,
        keyword: Callable[[int, int], str] = _keyword,
        dictionary_loaded: bool = True,
    ) -> None:
        self._logs = logs
        self._dictionary_loaded = dictionary_loaded
        self._net: Log = logs.logger(DCMNET)
        data = logs.logger(DCMDATA)
        self._settings = LineSettings(
            config, resolve, keyword, net=self._net, data=data, fields=logs.wants_fields
        )
        max_pdu = config.association.max_pdu
        self._odd_length = max_pdu if max_pdu != receive_length(max_pdu) else 0
        self._settings.wanted = _wanted(self._settings, tls_debug=logs.logger(DCMTLS).debug_on)
        self._numbers = itertools.count(1)

    def association(self, peer_address: str, peer_port: int) -> DcmtkAssociationLines:
        """Return the observer of a new connection."""
        number = next(self._numbers)
        if self._settings.traces:
            from dcmrecv.log.dcmtk_trace import TracingAssociationLines  # for the trace level alone

            return TracingAssociationLines(self._logs, self._settings, number, peer_address, peer_port)
        return DcmtkAssociationLines(self._logs, self._settings, number, peer_address, peer_port)

    def observe(self, event: ob.ReceiverEvent) -> None:
        if isinstance(event, ob.Waiting):
            if self._odd_length:
                self._net.warn(
                    messages.ODD_RECEIVE_LENGTH.format(
                        length=self._odd_length, used=receive_length(self._odd_length)
                    )
                )
        elif isinstance(event, ob.PeerRefused):
            if (line := self._settings.refusals.line(*event)) is not None:
                self._net.warn(line)
        elif (line := messages.OPERATOR_LINES.get(type(event).__name__)) is not None:
            self._net.warn(line.format(**{key: _shown(value) for key, value in event._asdict().items()}))
        elif (own := service_line(event)) is not None:
            getattr(self._net, own[0])(own[1])
        elif self._dictionary_loaded:  # once, and not if the start has said that none is loaded
            self._dictionary_loaded = False
            self._net.warn(messages.UNUSABLE_DICTIONARY)

    def flush(self) -> None:
        self._logs.flush()
