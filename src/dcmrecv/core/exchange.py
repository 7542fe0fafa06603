# cython: wraparound=False
"""The usual exchange, framed in one step: a C-STORE-RQ and what is there of its data set, or a C-ECHO-RQ.

This module is compiled where that is possible (the types are in ``exchange.pxd``); its source is the fallback and the
oracle. It knows one shape of message only, the one that nearly all messages have, and answers None to everything
else *before anything is consumed*: then the general path (`dcmrecv.core.acceptor`, `dcmrecv.core.upper_layer`) looks at
the same bytes again. So a mistake here can only be to take something for usual that is not, and what is usual is
little enough to be read in one go:

* each P-DATA-TF PDU is whole, not longer than we have advertised, and has one PDV, which fills it;
* the command set is one PDV of an accepted context; its elements are known ones of group 0000, in ascending order, of
  even length, the numbers of two bytes; it is a C-STORE-RQ with a data set, or a C-ECHO-RQ without one that has
  nothing but what it needs; its UIDs are digits and dots, with one NUL where the length would be odd;
* each fragment of the data set has the context of the command and an even length.

Nothing is learned from one message for the next, and nothing depends on where the bytes were cut: what is not there
yet is not usual. Lengths are compared with the end of what has been received before they are added to a position.
All arithmetic is in 64 bits, and every index is checked.
"""

from __future__ import annotations

from dcmrecv.core import dimse, limits, pdu
from dcmrecv.core.events import EchoRequest, StoreRequest

__all__ = ["Exchange", "frame_data_set", "frame_request"]

_P_DATA = pdu.P_DATA
_PDU_HEADER = pdu.HEADER
_HEADERS = pdu.HEADERS
_WHOLE_COMMAND = 3  # message control header: command, last
_LAST = 2  # data set, last
_LONGEST_COMMAND = 1024
_LONGEST_UID = limits.UID_LENGTH
_LONGEST_TITLE = 16
_NO_DATA_SET = dimse.NO_DATA_SET
_STORE = dimse.C_STORE_RQ
_ECHO = dimse.C_ECHO_RQ
_BATCH = limits.FRAGMENTS_AT_ONCE

_DOT, _ZERO, _NINE = b".09"
_HEAD = bytes.fromhex("04000000000000000000 0003 0000 0000 04000000 00000000")
"""A response up to its class UID: PDU, PDV, group length; the lengths and the context are put in."""
_LENGTH_OF_PDU, _LENGTH_OF_PDV, _CONTEXT, _LENGTH_OF_GROUP = 4, 8, 10, 20
"""Where in it: two big endian numbers, a byte, a little endian number; the other bytes of these stay zero."""
_MIDDLE = bytes.fromhex(
    "00000001 02000000 0180  00002001 02000000 0000  00000008 02000000 0101  00000009 02000000 0000"
)
"""Command field, message ID being responded to, data set type, status 0000 (c.2)."""
_FIELD, _MESSAGE_ID = (
    8,
    18,
)  # in _MIDDLE; a response has the field of its request, with a bit in the other byte


class Exchange:
    """What was framed, up to `position` in the buffer."""

    __slots__ = ("last", "position", "request", "response", "stores", "views")

    def __init__(self) -> None:
        self.position = 0
        self.request: StoreRequest | EchoRequest | None = None
        self.stores = False
        """True if that is a C-STORE-RQ."""
        self.response = b""
        """The response with status 0000, if there is a request."""
        self.views: list[memoryview] = []
        """Fragments of the data set, in order; each is the only one of its PDU."""
        self.last = False
        """True if the final view ends the data set."""


def frame_request(
    data: bytearray, view: memoryview, begin: int, end: int, max_pdu: int, contexts: dict[int, bytes]
) -> Exchange | None:
    """Frame a C-STORE-RQ and what follows of its data set, or a C-ECHO-RQ, in *data* from *begin* to *end*.

    *view* is a view of *data*; *contexts* has the transfer syntaxes of the accepted contexts. Returns None, with
    nothing changed, if that is not there as a whole or not usual.
    """
    body = _whole_pdv(data, begin, end, max_pdu)
    if body < 0 or body > _LONGEST_COMMAND or body & 1 or data[begin + 11] != _WHOLE_COMMAND:
        return None
    context_id = data[begin + 10]
    transfer_syntax = contexts.get(context_id)
    if transfer_syntax is None:
        return None
    pos = begin + _HEADERS
    stop = pos + body
    exchange = Exchange()
    if not _read(exchange, view[pos:stop].tobytes(), context_id, transfer_syntax):
        return None
    exchange.position = stop
    if exchange.stores:
        _frame(exchange, data, view, stop, end, max_pdu, context_id)
    return exchange


def _read(exchange: Exchange, command: bytes, context_id: int, transfer_syntax: bytes) -> bool:
    """Read the request and make its response; False if it is not usual."""
    pos = 0
    stop = len(command)
    last = -1
    field = message_id = priority = data_set_type = -1
    class_at = class_size = instance_at = instance_size = 0
    move_originator = move_originator_id = None
    while pos < stop:
        if stop - pos < 8 or _u16(command, pos) != 0:
            return False
        element = _u16(command, pos + 2)
        size = _u32(command, pos + 4)
        pos += 8
        if element <= last or size > stop - pos or size & 1:
            return False
        last = element
        if element == 0x0002:
            class_at = pos
            class_size = size
        elif element == 0x1000:
            instance_at = pos
            instance_size = size
        elif element == 0x1030:
            if size > _LONGEST_TITLE:
                return False
            move_originator = command[pos : pos + size].partition(b"\0")[0].strip()
        elif element != 0x0000:  # the group length is ignored, the others are numbers
            if size != 2:
                return False
            number = _u16(command, pos)
            if element == 0x0100:
                field = number
            elif element == 0x0110:
                message_id = number
            elif element == 0x0700:
                priority = number
            elif element == 0x0800:
                data_set_type = number
            elif element == 0x1031:
                move_originator_id = number
            else:
                return False
        pos += size
    return _take(
        exchange, command, context_id, transfer_syntax, last, field, message_id, priority, data_set_type,
        class_at, class_size, instance_at, instance_size, move_originator, move_originator_id,
    )  # fmt: skip


def _take(
    exchange: Exchange,
    command: bytes,
    context_id: int,
    transfer_syntax: bytes,
    last: int,
    field: int,
    message_id: int,
    priority: int,
    data_set_type: int,
    class_at: int,
    class_size: int,
    instance_at: int,
    instance_size: int,
    move_originator: bytes | None,
    move_originator_id: int | None,
) -> bool:
    """Make the request of what was read, -1 and size 0 standing for what is not there; False if it is not usual."""
    class_uid = _uid(command, class_at, class_size)
    if class_uid is None or message_id < 0 or data_set_type < 0:
        return False
    class_element = command[class_at - 8 : class_at + class_size]
    if field == _ECHO:
        if data_set_type != _NO_DATA_SET or priority >= 0 or last != 0x0800:
            return False
        exchange.request = EchoRequest(context_id, message_id, class_uid, command, ())
        exchange.response = _response(context_id, message_id, _ECHO, class_element, b"")
        return True
    if field != _STORE or priority < 0 or data_set_type == _NO_DATA_SET:
        return False
    instance_uid = _uid(command, instance_at, instance_size)
    if instance_uid is None:
        return False
    exchange.stores = True
    exchange.request = tuple.__new__(
        StoreRequest,
        (
            context_id,
            message_id,
            class_uid,
            instance_uid,
            transfer_syntax,
            priority,
            data_set_type,
            move_originator,
            move_originator_id,
            command,
            (),
        ),
    )
    instance_element = command[instance_at - 8 : instance_at + instance_size]
    exchange.response = _response(context_id, message_id, _STORE, class_element, instance_element)
    return True


def frame_data_set(
    data: bytearray, view: memoryview, begin: int, end: int, max_pdu: int, context_id: int
) -> Exchange | None:
    """Frame fragments of a data set on *context_id*; None if the first PDU is not there or not usual."""
    exchange = Exchange()
    _frame(exchange, data, view, begin, end, max_pdu, context_id)
    return exchange if exchange.views else None


def _frame(
    exchange: Exchange,
    data: bytearray,
    view: memoryview,
    begin: int,
    end: int,
    max_pdu: int,
    context_id: int,
) -> None:
    """Add the usual fragments from *begin* on to *exchange*."""
    views = exchange.views
    pos = begin
    while len(views) < _BATCH:
        body = _whole_pdv(data, pos, end, max_pdu)
        if body < 0 or body & 1 or data[pos + 10] != context_id:
            break
        flags = data[pos + 11]
        if flags != 0 and flags != _LAST:
            break
        pos += _HEADERS
        views.append(view[pos : pos + body])
        pos += body
        if flags == _LAST:
            exchange.last = True
            break
    exchange.position = pos


def _whole_pdv(data: bytearray, pos: int, end: int, max_pdu: int) -> int:
    """Return how many bytes the only PDV of the whole P-DATA-TF PDU at *pos* has; -1 if that is not there."""
    if end - pos < _HEADERS or data[pos] != _P_DATA:
        return -1
    length = _big32(data, pos + 2)
    if length < 6 or length > max_pdu or length > end - pos - _PDU_HEADER:
        return -1
    return length - 6 if _big32(data, pos + 6) == length - 4 else -1


def _uid(command: bytes, pos: int, size: int) -> bytes | None:
    """Return the UID there; None if it is empty, too long, or anything but digits, dots and one NUL of padding."""
    if size == 0 or size > _LONGEST_UID:
        return None
    stop = pos + size
    if command[stop - 1] == 0:
        stop -= 1
    value = command[pos:stop]
    for byte in value:
        if byte != _DOT and (byte < _ZERO or byte > _NINE):
            return None
    return value or None


def _response(
    context_id: int, message_id: int, field: int, class_element: bytes, instance_element: bytes
) -> bytes:
    """Return the response to the request *field*; the elements with the UIDs are those of the request."""
    out = bytearray(_HEAD)
    out += class_element
    where = len(out)
    out += _MIDDLE
    out += instance_element
    length = len(out)
    out[_CONTEXT] = context_id
    out[_LENGTH_OF_PDU] = (length - 6) >> 8
    out[_LENGTH_OF_PDU + 1] = (length - 6) & 0xFF
    out[_LENGTH_OF_PDV] = (length - 10) >> 8
    out[_LENGTH_OF_PDV + 1] = (length - 10) & 0xFF
    out[_LENGTH_OF_GROUP] = (length - 24) & 0xFF
    out[_LENGTH_OF_GROUP + 1] = (length - 24) >> 8
    out[where + _FIELD] = field
    out[where + _MESSAGE_ID] = message_id & 0xFF
    out[where + _MESSAGE_ID + 1] = message_id >> 8
    return bytes(out)


def _u16(data: bytes, pos: int) -> int:
    low = data[pos]
    high = data[pos + 1]
    return low | high << 8


def _u32(data: bytes, pos: int) -> int:
    low = _u16(data, pos)
    high = _u16(data, pos + 2)
    return low | high << 16


def _big32(data: bytearray, pos: int) -> int:
    # by way of typed names: an index gives a C int, in which a shift by 24 would overflow
    a = data[pos]
    b = data[pos + 1]
    c = data[pos + 2]
    d = data[pos + 3]
    return a << 24 | b << 16 | c << 8 | d
