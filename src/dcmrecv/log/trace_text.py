"""The lines of the trace level: what the reference says of states, PDU headers, items and elements.

Best effort (spec/network.md f.3): the lines follow from what the engine knows, in the reference's order.
Those about the elements of a received data set come from its parser (`dcmrecv.dataset.trace_walker`). Nothing in
here is loaded, and no byte looked at, below the trace level.
"""

from __future__ import annotations

import os
import struct
from collections import deque
from collections.abc import Iterator
from typing import Final, NamedTuple

from dcmrecv.text import from_bytes
from dcmrecv.uids import name_of

__all__ = [
    "ABORT_RECEIVED",
    "ABORT_SENT",
    "ACCEPT",
    "CLOSED",
    "CONNECTED",
    "DATA_SENT",
    "RECEIVING_COMMAND",
    "REJECT",
    "RELEASE_RECEIVED",
    "RELEASE_SENT",
    "REQUEST",
    "Line",
    "Pdu",
    "Wire",
    "before_connection",
    "command_lines",
    "request_lines",
    "response_lines",
]

MAX_PDUS_KEPT: Final = 4096
"""PDU headers remembered between two events; older ones are not told of."""


class Line(NamedTuple):
    """One trace message."""

    data: bool
    """True: logger dcmtk.dcmdata, else dcmtk.dcmnet."""
    text: str


def _transition(state: int, event: int, name: str, action: str) -> str:
    return f"DUL  FSM Table: State: {state} Event: {event}\nDUL  Event:  {name}\nDUL  Action: {action}"


CONNECTED: Final = _transition(1, 4, "Transport connection indication", "AE 5 Transport Connect Response")
REQUEST: Final = _transition(2, 5, "A-ASSOCIATE-RQ PDU (on transport)", "AE 6 Examine Associate Request")
ACCEPT: Final = _transition(3, 6, "A-ASSOCIATE resp prim (accept)", "AE 7 Send Associate AC")
REJECT: Final = _transition(3, 7, "A-ASSOCIATE resp prim (reject)", "AE 8 Send Associate RJ")
DATA_SENT: Final = _transition(6, 8, "P-DATA request primitive", "DT 1 Send P DATA PDU")
DATA_RECEIVED: Final = _transition(6, 9, "P-DATA-TF PDU (on transport)", "DT 2 Indicate P DATA PDU Received")
RELEASE_RECEIVED: Final = _transition(6, 11, "A-RELEASE-RQ PDU (on transport)", "AR 2 Indicate Release")
RELEASE_SENT: Final = _transition(8, 13, "A-RELEASE response primitive", "AR 4 Send Release RP")
ABORT_SENT: Final = _transition(6, 14, "A-ABORT request primitive", "AA 1 Send A ABORT PDU")
ABORT_RECEIVED: Final = _transition(6, 15, "A-ABORT PDU (on transport)", "AA 3 Indicate Peer Aborted")
CLOSED: Final = _transition(6, 16, "Transport connection closed", "AA 4 Indicate AP Abort")

RECEIVING_COMMAND: Final = "DIMSE receiveCommand"


def before_connection() -> Iterator[str]:
    """Yield the lines about a connection before it is announced."""
    yield "Receiving data via select()"
    for name, default in (
        ("TCP_BUFFER_LENGTH", "using the system defaults"),
        ("TCP_NODELAY", "using the default value (0)"),
    ):
        yield f"checking whether environment variable {name} is set"
        if name not in os.environ:
            yield f"  environment variable {name} not set, {default}"


# -- PDU headers -----------------------------------------------------------------------------------------


_TOLD: Final = b"\4"
"""Header of what is left of a PDU that was told of."""


class Pdu(NamedTuple):
    """Header of a received PDU and, of a P-DATA-TF, message control header and data length of each PDV."""

    head: bytes
    pdvs: tuple[tuple[int, int], ...]

    def lines(self) -> Iterator[str]:
        """Yield what is said when this PDU is read."""
        kind, length = self.head[0], int.from_bytes(self.head[2:6], "big")
        yield "Read PDU HEAD TCP: " + self.head.hex(" ")
        yield f"Read PDU HEAD TCP: type: {kind:02x}, length: {length} ({length:02x})"
        if kind == 4:
            yield DATA_RECEIVED


class Wire:
    """The headers in a stream of PDUs, whatever its pieces; values are skipped, not kept."""

    def __init__(self) -> None:
        self._pdus: deque[Pdu] = deque(maxlen=MAX_PDUS_KEPT)
        self._head = b""
        self._body = 0
        self._pdv = b""
        self._value = 0
        self._pdvs: list[tuple[int, int]] = []

    def feed(self, data: bytes) -> None:
        """Take the next *data* of the stream."""
        position = 0
        while position < len(data):
            if len(self._head) < 6:
                taken = data[position : position + 6 - len(self._head)]
                self._head += taken
                position += len(taken)
                if len(self._head) < 6:
                    return
                self._body = int.from_bytes(self._head[2:6], "big")
                self._pdvs = []
            elif self._head[0] == 4 and self._value == 0 and self._body:
                taken = data[position : position + min(6 - len(self._pdv), self._body)]
                self._pdv += taken
                self._body -= len(taken)
                position += len(taken)
                if len(self._pdv) == 6:
                    self._value = max(int.from_bytes(self._pdv[:4], "big") - 2, 0)
                    self._pdvs.append((self._pdv[5], self._value))
                    self._value = min(self._value, self._body)
                    self._pdv = b""
            else:
                count = min(self._body, len(data) - position)
                if self._value:
                    count = min(count, self._value)
                    self._value -= count
                self._body -= count
                position += count
            if self._body == 0 and len(self._head) == 6:
                self._pdus.append(Pdu(self._head, tuple(self._pdvs)))
                self._head = self._pdv = b""
                self._value = 0

    def next(self) -> Pdu | None:
        """Return the next complete PDU and forget it, or None."""
        return self._pdus.popleft() if self._pdus else None

    def next_of_message(self, command: bool) -> Iterator[Pdu]:
        """Yield the P-DATA-TF PDUs up to the last fragment of the next command, or of the next data set.

        A PDU that also holds the start of something else is yielded once.
        """
        while self._pdus and self._pdus[0].head[0] == 4:
            pdu = self._pdus.popleft()
            rest: list[tuple[int, int]] = list(pdu.pdvs)
            done = False
            while rest and not done:
                flags, _ = rest.pop(0)
                done = bool(flags & 1) == command and bool(flags & 2)
            if done and rest:
                self._pdus.appendleft(Pdu(_TOLD, tuple(rest)))
            if pdu.head is not _TOLD:
                yield pdu
            if done:
                return


# -- A-ASSOCIATE-RQ --------------------------------------------------------------------------------------

_STRINGS: Final = {0x10: "Application Context", 0x30: "Abstract Syntax", 0x40: "Transfer Syntax"}


def _text_item(kind: int, value: bytes) -> str:
    return f"Subitem parse: Type {kind:02x}, Length {len(value):04d}, Content: {from_bytes(value)}"


def _items(data: bytes, where: str) -> Iterator[tuple[int, bytes, str]]:
    """Yield type, value and opening line of the items of *data*, as far as their lengths allow."""
    position = 0
    while len(data) - position >= 4:
        kind = data[position]
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        opening = f"Parsing remaining {len(data) - position} bytes of {where}\nNext item type: {kind:02x}"
        value = data[position + 4 : position + 4 + length]
        position += 4 + length
        yield kind, value, opening


def request_lines(raw: bytes) -> Iterator[str]:
    """Yield what is said while the well-formed A-ASSOCIATE-RQ *raw* is parsed."""
    yield (
        f"PDU type: 1 (A-ASSOCIATE RQ), PDU Length: {len(raw) - 6}\n"
        f"DICOM Protocol: {int.from_bytes(raw[6:8], 'big'):x}\n"
        f"Called AP Title:  {from_bytes(raw[10:26].split(bytes(1), 1)[0].rstrip(b' '))}\n"
        f"Calling AP Title: {from_bytes(raw[26:42].split(bytes(1), 1)[0].rstrip(b' '))}"
    )
    for kind, value, opening in _items(raw[74:], "A-ASSOCIATE PDU"):
        yield opening
        if kind == 0x10:
            yield _text_item(kind, value)
            yield "Successfully parsed Application Context"
        elif kind in (0x20, 0x21):
            yield (
                f"Parsing Presentation Context: ({kind:02x}), Length: {len(value)}\n"
                f"Presentation Context ID: {value[0] if value else 0:02x}"
            )
            for inner, text, line in _items(value[4:], "Presentation Context"):
                yield line
                if inner in _STRINGS:
                    yield _text_item(inner, text)
                    yield f"Successfully parsed {_STRINGS[inner]}"
            yield "Successfully parsed Presentation Context"
        elif kind == 0x50:
            yield f"Parsing user info field ({kind:02x}), Length: {len(value)}"
            for inner, text, line in _items(value, "User Information"):
                yield line
                if inner == 0x51:
                    yield f"Maximum PDU Length: {int.from_bytes(text[:4], 'big')}"
                    yield "Successfully parsed Maximum PDU Length"
                elif inner in (0x52, 0x55):
                    yield _text_item(inner, text)
            yield "Successfully parsed User Information"


# -- command sets ----------------------------------------------------------------------------------------

_ELEMENTS: Final = {
    0x0000: ("UL", "CommandGroupLength"),
    0x0002: ("UI", "AffectedSOPClassUID"),
    0x0003: ("UI", "RequestedSOPClassUID"),
    0x0100: ("US", "CommandField"),
    0x0110: ("US", "MessageID"),
    0x0120: ("US", "MessageIDBeingRespondedTo"),
    0x0600: ("AE", "MoveDestination"),
    0x0700: ("US", "Priority"),
    0x0800: ("US", "CommandDataSetType"),
    0x0900: ("US", "Status"),
    0x1000: ("UI", "AffectedSOPInstanceUID"),
    0x1001: ("UI", "RequestedSOPInstanceUID"),
    0x1002: ("US", "EventTypeID"),
    0x1008: ("US", "ActionTypeID"),
    0x1030: ("AE", "MoveOriginatorApplicationEntityTitle"),
    0x1031: ("US", "MoveOriginatorMessageID"),
}
"""VR and keyword of the command elements that are met (PS3.6 table 7-1)."""


def _values(command_set: bytes) -> list[tuple[int, bytes]]:
    found = []
    position = 0
    while position + 8 <= len(command_set):
        group, element, length = struct.unpack_from("<HHL", command_set, position)
        value = command_set[position + 8 : position + 8 + length]
        position += 8 + length
        if group == 0 and element in _ELEMENTS:
            found.append((element, value))
    return found


def _printed(element: int, value: bytes, length: int) -> str:
    vr, keyword = _ELEMENTS[element]
    count = 1
    if not value:
        text, count = "(no value available)", 0
    elif vr in ("US", "UL"):
        size = 2 if vr == "US" else 4
        numbers = [int.from_bytes(value[i : i + size], "little") for i in range(0, len(value), size)]
        text, count = "\\".join(map(str, numbers)), len(numbers)
    else:
        plain = from_bytes(value)
        name = name_of(plain.rstrip("\0")) if vr == "UI" else None
        text = f"[{plain}]" if name is None else "=" + name
        count += plain.count("\\")
    return f"(0000,{element:04x}) {vr} {text:<40} #{length:4}, {count} {keyword}"


def _dump(title: str, syntax: str, lines: list[str]) -> str:
    head = f"\n# Dicom-Data-Set\n# Used TransferSyntax: {syntax}\n"
    return f"{title}\n{head}" + "".join(line + "\n" for line in lines)


def command_lines(command_set: bytes, context_id: int, fragments: int) -> Iterator[Line]:
    """Yield what is said while a complete command of *fragments* PDVs is parsed and shown."""
    values = _values(command_set)
    for number, (element, _) in enumerate(values):
        where = " at beginning" if number == 0 else ""
        vr = _ELEMENTS[element][0]
        yield Line(True, f'DcmItem::insert() Element (0000,{element:04x}) VR="{vr}" inserted{where}')
        yield Line(True, "DcmItem::readSubItem() returns error = Normal")
    yield Line(True, "DcmItem::read() returns error = Normal")
    yield Line(True, "DcmDataset::read() returns error = Normal")
    size = len(command_set)
    yield Line(False, f"{RECEIVING_COMMAND}: {fragments} PDVs ({size} bytes), PresID={context_id}")
    printed = [_printed(element, value, len(value)) for element, value in values if element]
    yield Line(False, _dump("DIMSE Command Received:", "Little Endian Implicit", printed))
    present = dict(values)
    searched = [0x0100, 0x0100, 0x0110, 0x0120, 0x0800, 0x0002, 0x1000, 0x0700]
    for element in searched:
        if element in present:
            yield Line(True, f"DcmItem::searchSubFromHere() Element (0000,{element:04x}) found")


def response_lines(
    command: int, context_id: int, message_id: int, status: int, class_uid: bytes, instance_uid: bytes | None
) -> Iterator[Line]:
    """Yield what is said while a response without data set is made and sent."""
    values: list[tuple[int, bytes]] = [
        (0x0000, bytes(4)),
        (0x0100, command.to_bytes(2, "little")),
        (0x0120, message_id.to_bytes(2, "little")),
        (0x0800, b"\1\1"),
        (0x0900, status.to_bytes(2, "little")),
        (0x0002, class_uid),
    ]
    if instance_uid is not None:
        values.append((0x1000, instance_uid))
    for number, (element, _) in enumerate(values):
        where = " at beginning" if number == 0 else ""
        vr = _ELEMENTS[element][0]
        yield Line(True, f'DcmItem::insert() Element (0000,{element:04x}) VR="{vr}" inserted{where}')
    yield Line(False, f"DIMSE Command to be sent on Presentation Context ID: {context_id}")
    printed = [_printed(element, value, len(value) + (len(value) & 1)) for element, value in sorted(values)]
    yield Line(False, _dump("DIMSE Command to send:", "Little Endian Explicit", printed))
    total = sum(8 + len(value) + (len(value) & 1) for _, value in values)
    yield Line(False, f"DIMSE sendDcmDataset: sending {total} bytes")
    yield Line(False, DATA_SENT)
