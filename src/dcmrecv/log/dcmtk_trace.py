"""The observer of a connection at trace level: the usual lines, with those of `dcmrecv.log.trace_text` between."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from dcmrecv import observer as ob
from dcmrecv.config import StorageMode
from dcmrecv.core import events as ev
from dcmrecv.dataset.trace_walker import DATA_SET_READ
from dcmrecv.log import messages
from dcmrecv.log import trace_text as trace
from dcmrecv.log.dcmtk_lines import LINES, DcmtkAssociationLines
from dcmrecv.log.settings import LineSettings
from dcmrecv.text import from_bytes
from dcmrecv.uids import long_name

if TYPE_CHECKING:
    from dcmrecv.log.api import Logs

__all__ = ["TracingAssociationLines"]

_META = {0x0001: "OB", 0x0002: "UI", 0x0003: "UI", 0x0010: "UI", 0x0012: "UI", 0x0013: "SH", 0x0016: "AE"}


class TracingAssociationLines(DcmtkAssociationLines):
    """More of what `DcmtkAssociationLines` prints."""

    def __init__(
        self, logs: Logs, settings: LineSettings, number: int, peer_address: str, peer_port: int
    ) -> None:
        super().__init__(logs, settings, number, peer_address, peer_port)
        self._wire = trace.Wire()
        self._fragments = 0
        self._received = 0
        self._pending: Sequence[tuple[int, int]] = ()

    def observe(self, event: ob.AssociationEvent) -> None:
        """See `AssociationObserver.observe`."""
        _TRACE_LINES[type(event)](self, event)

    def wire_received(self, event: ob.WireReceived) -> None:
        self._wire.feed(bytes(event.data))

    # -- helpers -------------------------------------------------------------------------------------

    def _lines(self, lines: Iterable[trace.Line]) -> None:
        for line in lines:
            (self._data if line.data else self._net).trace(line.text)

    def _pdu(self, pdu: trace.Pdu | None) -> None:
        if pdu is not None:
            for text in pdu.lines():
                self._net.trace(text)

    def _insert(self, element: int, where: str = "") -> None:
        vr = _META.get(element, "UL")
        self._data.trace(f'DcmItem::insert() Element (0002,{element:04x}) VR="{vr}" inserted{where}')

    # -- association ---------------------------------------------------------------------------------

    def connected(self, event: ob.Connected) -> None:
        for text in trace.before_connection():
            self._net.trace(text)
        super().connected(event)
        self._net.trace(trace.CONNECTED)
        seconds = self._settings.acse_timeout
        self._net.trace(f"setting timeout for first PDU to be read to {seconds} seconds")

    def request_received(self, event: ev.RequestReceived) -> None:
        self._pdu(self._wire.next())
        self._net.trace(trace.REQUEST)
        super().request_received(event)

    def _request_parsed(self, raw: bytes) -> None:
        for text in trace.request_lines(raw):
            self._net.trace(text)

    def rejected(self, event: ev.AssociationRejected) -> None:
        super().rejected(event)
        self._net.trace(trace.REJECT)

    def accepted(self, event: ev.AssociationAccepted) -> None:
        self._net.trace(trace.ACCEPT)
        super().accepted(event)
        self._net.trace(trace.RECEIVING_COMMAND)

    # -- messages ------------------------------------------------------------------------------------

    def command(self, event: ev.EchoRequest | ev.StoreRequest) -> None:
        self._read_command()
        super().command(event)
        self._command_parsed(event.command_set, event.context_id)

    def _read_command(self) -> None:
        self._fragments = 0
        for pdu in self._wire.next_of_message(True):
            self._pdu(pdu)
            self._fragments += sum(1 for flags, _ in pdu.pdvs if flags & 1)

    def _command_parsed(self, command_set: bytes, context_id: int) -> None:
        self._lines(trace.command_lines(command_set, context_id, self._fragments or 1))

    def echo_response(self, event: ob.EchoResponse) -> None:
        super().echo_response(event)
        request = event.request
        self._lines(
            trace.response_lines(
                0x8030, request.context_id, request.message_id, event.status, request.sop_class_uid, None
            )
        )

    def echo_response_sent(self, event: ob.EchoResponseSent) -> None:
        super().echo_response_sent(event)
        self._net.trace(trace.RECEIVING_COMMAND)

    def store_started(self, event: ob.StoreStarted) -> None:
        super().store_started(event)
        self._received = 0
        if self._settings.mode is StorageMode.BIT_PRESERVING:
            self._insert(0x0000, " at beginning")
            for element in _META:
                self._insert(element)

    def data_set_started(self, event: ob.DataSetStarted) -> None:
        self._read_data(next(self._wire.next_of_message(False), None))
        super().data_set_started(event)

    def _read_data(self, pdu: trace.Pdu | None) -> None:
        if pdu is not None:
            self._pdu(pdu)
            self._pending = [(flags, size) for flags, size in pdu.pdvs if not flags & 1]

    def data_set_remark(self, event: ob.DataSetRemark) -> None:
        if not self._pending:
            self._read_data(next(self._wire.next_of_message(False), None))
        super().data_set_remark(event)
        if isinstance(event, ob.TraceRemark) and event.text.startswith(DATA_SET_READ):
            # The parser is through with a fragment: it was read before the next one.
            self._tell_fragment()

    def _tell_fragment(self) -> None:
        pending = self._pending
        self._pending = pending[:1]
        self._tell_fragments("Memory")
        self._pending = pending[1:]

    def data_set_received(self, event: ob.DataSetReceived) -> None:
        where = "File" if event.to_file else "Memory"
        self._tell_fragments(where)
        for pdu in self._wire.next_of_message(False):
            self._read_data(pdu)
            self._tell_fragments(where)
        super().data_set_received(event)

    def _tell_fragments(self, where: str) -> None:
        for flags, size in self._pending:
            self._received += size
            last = "YES" if flags & 2 else "NO"
            self._net.trace(f"DIMSE receiveDataSetIn{where}: {size} bytes read (last: {last})")
            self._net.trace(f"Bytes received: {self._received}")
        self._pending = ()

    def meta_header_written(self, event: ob.MetaHeaderWritten) -> None:
        debug = self._data.debug
        self._insert(0x0000, " at beginning")
        self._insert(0x0001)
        debug(messages.META_VERSION)
        self._insert(0x0002)
        if event.class_found:
            self._data.trace("DcmItem::searchSubFromHere() Element (0008,0016) found")
            debug(messages.META_CLASS.format(uid=from_bytes(event.class_uid)))
        else:
            debug(messages.META_NO_CLASS)
        self._insert(0x0003)
        if event.instance_found:
            self._data.trace("DcmItem::searchSubFromHere() Element (0008,0018) found")
        template = messages.META_INSTANCE if event.instance_found else messages.META_NEW_INSTANCE
        debug(template.format(uid=from_bytes(event.instance_uid)))
        self._insert(0x0010)
        debug(messages.META_SYNTAX.format(name=long_name(event.transfer_syntax)))
        self._insert(0x0012)
        self._insert(0x0013)
        debug(messages.META_VALID)

    def store_response(self, event: ob.StoreResponse) -> None:
        super().store_response(event)
        request, status = event
        self._lines(
            trace.response_lines(
                0x8001,
                request.context_id,
                request.message_id,
                status,
                request.sop_class_uid,
                request.sop_instance_uid,
            )
        )
        self._net.trace(trace.RECEIVING_COMMAND)

    # -- end -----------------------------------------------------------------------------------------

    def protocol_error(self, event: ev.ProtocolError) -> None:
        if event.command_set:
            self._read_command()
        else:
            while (pdu := self._wire.next()) is not None:
                if len(pdu.head) == 6:
                    self._pdu(pdu)
        super().protocol_error(event)
        self._net.trace(trace.ABORT_SENT)

    def release_requested(self, event: ev.ReleaseRequested) -> None:
        self._last_pdu(5)
        self._net.trace(trace.RELEASE_RECEIVED)
        super().release_requested(event)
        self._net.trace(trace.RELEASE_SENT)

    def abort_received(self, event: ev.AbortReceived | ev.PeerClosed) -> None:
        received = self._last_pdu(7)
        self._net.trace(trace.ABORT_RECEIVED if received else trace.CLOSED)
        super().abort_received(event)

    def _last_pdu(self, kind: int) -> bool:
        """Tell of the PDUs up to the first of type *kind*; return whether there is one."""
        while (pdu := self._wire.next()) is not None:
            if len(pdu.head) == 6:
                self._pdu(pdu)
            if pdu.head[0] == kind:
                return True
        return False


_TRACE_LINES: dict[type, Callable[[Any, Any], None]] = {
    **LINES,
    ob.WireReceived: TracingAssociationLines.wire_received,
    ob.Connected: TracingAssociationLines.connected,
    ev.RequestReceived: TracingAssociationLines.request_received,
    ev.AssociationRejected: TracingAssociationLines.rejected,
    ev.AssociationAccepted: TracingAssociationLines.accepted,
    ev.EchoRequest: TracingAssociationLines.echo_request,
    ob.EchoResponse: TracingAssociationLines.echo_response,
    ob.EchoResponseSent: TracingAssociationLines.echo_response_sent,
    ev.StoreRequest: TracingAssociationLines.command,
    ob.StoreStarted: TracingAssociationLines.store_started,
    ob.DataSetStarted: TracingAssociationLines.data_set_started,
    ob.DataSetRemark: TracingAssociationLines.data_set_remark,
    ob.DebugRemark: TracingAssociationLines.data_set_remark,
    ob.TraceRemark: TracingAssociationLines.data_set_remark,
    ob.DataSetReceived: TracingAssociationLines.data_set_received,
    ob.MetaHeaderWritten: TracingAssociationLines.meta_header_written,
    ob.StoreResponse: TracingAssociationLines.store_response,
    ev.ProtocolError: TracingAssociationLines.protocol_error,
    ev.ReleaseRequested: TracingAssociationLines.release_requested,
    ev.AbortReceived: TracingAssociationLines.abort_received,
    ev.PeerClosed: TracingAssociationLines.abort_received,
}
