"""The observer of a connection at trace level: the usual lines, and between them those of states, PDUs and commands.

Best effort (docs/differences.md): each line reads as the reference's, but those whose place depends on how it is
built inside are left out, and PDU headers are printed when they arrive, before what follows from them. The lines
about the elements of a received data set come from its parser (`dcmrecv.dataset.trace_walker`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from dcmrecv import observer as ob
from dcmrecv.core import events as ev
from dcmrecv.core.dimse import CommandError, read_elements
from dcmrecv.log.dcmtk_association import LINES, DcmtkAssociationLines
from dcmrecv.text import printable
from dcmrecv.uids import name_of

__all__ = ["PduHeaders", "TracingAssociationLines"]


def _transition(state: int, event: int, name: str, action: str) -> str:
    return f"DUL  FSM Table: State: {state} Event: {event}\nDUL  Event:  {name}\nDUL  Action: {action}"


_RECEIVED: Final = {
    1: _transition(2, 5, "A-ASSOCIATE-RQ PDU (on transport)", "AE 6 Examine Associate Request"),
    4: _transition(6, 9, "P-DATA-TF PDU (on transport)", "DT 2 Indicate P DATA PDU Received"),
    5: _transition(6, 11, "A-RELEASE-RQ PDU (on transport)", "AR 2 Indicate Release"),
    7: _transition(6, 15, "A-ABORT PDU (on transport)", "AA 3 Indicate Peer Aborted"),
}
"""State transitions by the type of the PDU."""
_CONNECTED: Final = _transition(1, 4, "Transport connection indication", "AE 5 Transport Connect Response")
_ACCEPT: Final = _transition(3, 6, "A-ASSOCIATE resp prim (accept)", "AE 7 Send Associate AC")
_REJECT: Final = _transition(3, 7, "A-ASSOCIATE resp prim (reject)", "AE 8 Send Associate RJ")
_DATA_SENT: Final = _transition(6, 8, "P-DATA request primitive", "DT 1 Send P DATA PDU")
_RELEASE_SENT: Final = _transition(8, 13, "A-RELEASE response primitive", "AR 4 Send Release RP")
_ABORT_SENT: Final = _transition(6, 14, "A-ABORT request primitive", "AA 1 Send A ABORT PDU")
_CLOSED: Final = _transition(6, 16, "Transport connection closed", "AA 4 Indicate AP Abort")
_RECEIVING_COMMAND: Final = "DIMSE receiveCommand"

_VARIABLES: Final = {
    "TCP_BUFFER_LENGTH": "using the system defaults",
    "TCP_NODELAY": "using the default value (0)",
}

_TEXT_ELEMENTS: Final = {
    0x0002: ("UI", "AffectedSOPClassUID"),
    0x0003: ("UI", "RequestedSOPClassUID"),
    0x0600: ("AE", "MoveDestination"),
    0x1000: ("UI", "AffectedSOPInstanceUID"),
    0x1001: ("UI", "RequestedSOPInstanceUID"),
    0x1030: ("AE", "MoveOriginatorApplicationEntityTitle"),
}
_NUMBER_ELEMENTS: Final = {
    0x0100: "CommandField",
    0x0110: "MessageID",
    0x0120: "MessageIDBeingRespondedTo",
    0x0700: "Priority",
    0x0800: "CommandDataSetType",
    0x0900: "Status",
    0x1002: "EventTypeID",
    0x1008: "ActionTypeID",
    0x1031: "MoveOriginatorMessageID",
}
"""Keywords of the elements of commands (PS3.7 annex E.1)."""


class PduHeaders:
    """The headers in a stream of PDUs, whatever its pieces."""

    def __init__(self) -> None:
        self._head = b""
        self._body = 0

    def feed(self, data: memoryview) -> Iterator[bytes]:
        """Yield the six bytes of each header that is whole with the next *data*."""
        position = 0
        while position < len(data):
            if self._body:
                step = min(self._body, len(data) - position)
                self._body -= step
            else:
                step = min(6 - len(self._head), len(data) - position)
                self._head += data[position : position + step]
                if len(self._head) == 6:
                    yield self._head
                    self._body = int.from_bytes(self._head[2:], "big")
                    self._head = b""
            position += step


def _request_items(request: ev.AssociateRequest) -> Iterator[str]:
    def item(kind: int, value: bytes) -> str:
        return f"Subitem parse: Type {kind:02x}, Length {len(value):04d}, Content: {printable(value)}"

    yield item(0x10, request.application_context)
    yield "Successfully parsed Application Context"
    for context in request.contexts:
        yield item(0x30, context.abstract_syntax)
        yield "Successfully parsed Abstract Syntax"
        for syntax in context.transfer_syntaxes:
            yield item(0x40, syntax)
            yield "Successfully parsed Transfer Syntax"
        yield "Successfully parsed Presentation Context"
    yield f"Maximum PDU Length: {request.max_pdu}"
    yield "Successfully parsed Maximum PDU Length"
    yield "Successfully parsed User Information"


def _printed(element: int, value: bytes) -> str:
    """Return one element of a command set in dcmdump style."""
    count = 1
    if element in _NUMBER_ELEMENTS:
        vr, keyword = "US", _NUMBER_ELEMENTS[element]
        numbers = [str(int.from_bytes(value[at : at + 2], "little")) for at in range(0, len(value), 2)]
        shown, count = "\\".join(numbers), len(numbers)
    else:
        vr, keyword = _TEXT_ELEMENTS.get(element, ("UN", "Unknown Tag & Data"))
        text = printable(value.rstrip(b"\0"))
        name = name_of(text) if vr == "UI" else None
        shown = f"[{text}]" if name is None else "=" + name
        count += text.count("\\")
    if not value:
        shown, count = "(no value available)", 0
    return f"(0000,{element:04x}) {vr} {shown:<40} #{len(value):4}, {count} {keyword}"


class TracingAssociationLines(DcmtkAssociationLines):
    """More of what `DcmtkAssociationLines` prints."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._headers = PduHeaders()

    def observe(self, event: ob.AssociationEvent) -> None:
        """See `AssociationObserver.observe`."""
        _TRACE_LINES[type(event)](self, event)

    def _trace(self, texts: Iterable[str]) -> None:
        for text in texts:
            self._net.trace(text)

    def wire_received(self, event: ob.WireReceived) -> None:
        for head in self._headers.feed(event.data):
            length = int.from_bytes(head[2:], "big")
            self._net.trace("Read PDU HEAD TCP: " + head.hex(" "))
            self._net.trace(f"Read PDU HEAD TCP: type: {head[0]:02x}, length: {length} ({length:02x})")
            if head[0] in _RECEIVED:
                self._net.trace(_RECEIVED[head[0]])

    def connected(self, event: ob.Connected) -> None:
        self._net.trace("Receiving data via select()")
        for name, default in _VARIABLES.items():
            self._net.trace(f"checking whether environment variable {name} is set")
            if name not in os.environ:
                self._net.trace(f"  environment variable {name} not set, {default}")
        super().connected(event)
        seconds = self._settings.acse_timeout
        self._trace((_CONNECTED, f"setting timeout for first PDU to be read to {seconds} seconds"))

    def _request_parsed(self, request: ev.AssociateRequest) -> None:
        self._trace(_request_items(request))

    def rejected(self, event: ev.AssociationRejected) -> None:
        super().rejected(event)
        self._net.trace(_REJECT)

    def accepted(self, event: ev.AssociationAccepted) -> None:
        self._net.trace(_ACCEPT)
        super().accepted(event)
        self._net.trace(_RECEIVING_COMMAND)

    def command(self, event: ev.EchoRequest | ev.StoreRequest) -> None:
        super().command(event)
        self._command_parsed(event.command_set)

    def _command_parsed(self, command_set: bytes) -> None:
        try:
            elements, _ = read_elements(command_set)
        except CommandError:
            return  # its remarks say what is there
        lines = [_printed(tag, value) for tag, value in elements.items() if 0 < tag < 0x10000]
        head = "\n# Dicom-Data-Set\n# Used TransferSyntax: Little Endian Implicit\n"
        self._net.trace(f"DIMSE Command Received:\n{head}" + "".join(line + "\n" for line in lines))

    def _response_sent(self) -> None:
        self._trace((_DATA_SENT, _RECEIVING_COMMAND))

    def echo_response_sent(self, event: ob.EchoResponseSent) -> None:
        super().echo_response_sent(event)
        self._response_sent()

    def store_response(self, event: ob.StoreResponse) -> None:
        super().store_response(event)
        self._response_sent()

    def protocol_error(self, event: ev.ProtocolError) -> None:
        super().protocol_error(event)
        self._net.trace(_ABORT_SENT)

    def release_requested(self, event: ev.ReleaseRequested) -> None:
        super().release_requested(event)
        self._net.trace(_RELEASE_SENT)

    def peer_closed(self, event: ev.PeerClosed) -> None:
        self._net.trace(_CLOSED)
        self.abort_received(event)


_TRACE_LINES: dict[type, Callable[[Any, Any], None]] = {
    **LINES,
    ob.WireReceived: TracingAssociationLines.wire_received,
    ob.Connected: TracingAssociationLines.connected,
    ev.AssociationRejected: TracingAssociationLines.rejected,
    ev.AssociationAccepted: TracingAssociationLines.accepted,
    ev.EchoRequest: TracingAssociationLines.echo_request,
    ob.EchoResponseSent: TracingAssociationLines.echo_response_sent,
    ev.StoreRequest: TracingAssociationLines.command,
    ob.TraceRemark: TracingAssociationLines.data_set_remark,
    ob.StoreResponse: TracingAssociationLines.store_response,
    ev.ProtocolError: TracingAssociationLines.protocol_error,
    ev.ReleaseRequested: TracingAssociationLines.release_requested,
    ev.PeerClosed: TracingAssociationLines.peer_closed,
}
