"""The observer of a connection at trace level: the usual lines, and between them PDU headers and states.

Best effort (docs/differences.md): each line reads as the reference's, but most of those that speak of its own
objects are left out, and PDU headers are printed when they arrive, before what follows from them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dcmrecv import observer as ob
from dcmrecv.core import events as ev
from dcmrecv.log.association_log import AssociationLog
from dcmrecv.log.dcmtk_association import DcmtkAssociationLines

__all__ = ["PduHeaders", "TracingAssociationLines"]


def _transition(state: int, event: int, name: str, action: str) -> str:
    return f"DUL  FSM Table: State: {state} Event: {event}\nDUL  Event:  {name}\nDUL  Action: {action}"


_RECEIVED: Final = {
    1: _transition(2, 5, "A-ASSOCIATE-RQ PDU (on transport)", "AE 6 Examine Associate Request"),
    4: _transition(6, 9, "P-DATA-TF PDU (on transport)", "DT 2 Indicate P DATA PDU Received"),
    5: _transition(6, 11, "A-RELEASE-RQ PDU (on transport)", "AR 2 Indicate Release"),
    7: _transition(6, 15, "A-ABORT PDU (on transport)", "AA 3 Indicate Peer Aborted"),
}
"""State transitions by the type of the PDU (PS3.8 section 9.2)."""
_DATA_SENT: Final = _transition(6, 8, "P-DATA request primitive", "DT 1 Send P DATA PDU")
_RECEIVING_COMMAND: Final = "DIMSE receiveCommand"

_BEFORE: Final[dict[type, tuple[str, ...]]] = {
    ob.Connected: ("Receiving data via select()",),
    ev.AssociationAccepted: (_transition(3, 6, "A-ASSOCIATE resp prim (accept)", "AE 7 Send Associate AC"),),
    ev.PeerClosed: (_transition(6, 16, "Transport connection closed", "AA 4 Indicate AP Abort"),),
}
"""What is printed before the usual lines of an event."""
_AFTER: Final[dict[type, tuple[str, ...]]] = {
    ob.Connected: (_transition(1, 4, "Transport connection indication", "AE 5 Transport Connect Response"),),
    ev.AssociationRejected: (_transition(3, 7, "A-ASSOCIATE resp prim (reject)", "AE 8 Send Associate RJ"),),
    ev.AssociationAccepted: (_RECEIVING_COMMAND,),
    ob.EchoResponseSent: (_DATA_SENT, _RECEIVING_COMMAND),
    ob.StoreResponse: (_DATA_SENT, _RECEIVING_COMMAND),
    ev.ProtocolError: (_transition(6, 14, "A-ABORT request primitive", "AA 1 Send A ABORT PDU"),),
    ev.ReleaseRequested: (_transition(8, 13, "A-RELEASE response primitive", "AR 4 Send Release RP"),),
}
"""What is printed after the usual lines of an event."""


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


class TracingAssociationLines(DcmtkAssociationLines):
    """More of what `DcmtkAssociationLines` prints."""

    def __init__(self, log: AssociationLog) -> None:
        super().__init__(log)
        self._headers = PduHeaders()

    def observe(self, event: ob.AssociationEvent) -> None:
        kind = type(event)
        for text in _BEFORE.get(kind, ()):
            self._log.net.trace(text)
        if isinstance(event, ob.WireReceived):
            self._wire_received(event.data)
        else:
            super().observe(event)
        for text in _AFTER.get(kind, ()):
            self._log.net.trace(text)

    def _wire_received(self, data: memoryview) -> None:
        for head in self._headers.feed(data):
            length = int.from_bytes(head[2:], "big")
            self._log.net.trace("Read PDU HEAD TCP: " + head.hex(" "))
            self._log.net.trace(f"Read PDU HEAD TCP: type: {head[0]:02x}, length: {length} ({length:02x})")
            if head[0] in _RECEIVED:
                self._log.net.trace(_RECEIVED[head[0]])
