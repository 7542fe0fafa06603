"""Response messages: one bytes object with all PDUs of a C-ECHO-RSP or C-STORE-RSP (PS3.7 section 9.3).

Elements and their order: spec/network.md c.2. How a response is cut for a peer with a small maximum length:
a.4.
"""

from __future__ import annotations

import struct

from dcmrecv.core import limits
from dcmrecv.core.dimse import NO_DATA_SET
from dcmrecv.core.events import EchoRequest, StoreRequest
from dcmrecv.core.pdu import encode_p_data

__all__ = ["ResponseWriter", "cut_by_elements", "cut_by_length"]

_C_ECHO_RSP = 0x8030
_C_STORE_RSP = 0x8001
_LAST_COMMAND = 3
_COMMAND = 1
_U16 = struct.Struct("<H").pack
_NO_ROOM = 12
_TOO_SMALL_FOR_ELEMENTS = 24
_LONGEST = 7 * 8 + 4 + 4 * 2 + 2 * limits.UID_LENGTH
"""Bytes of the longest response: seven headers, the group length, four numbers, two UIDs."""


def _element(number: int, value: bytes) -> bytes:
    return struct.pack("<HHI", 0, number, len(value)) + value


def _padded(value: bytes) -> bytes:
    return value + b"\0" if len(value) % 2 else value


def cut_by_elements(message: bytes, length: int) -> list[bytes]:
    """Cut *message*, a command set, into fragments of at most *length* bytes; no element header is cut.

    *length* is even and at least 12.
    """
    fragments = []
    begin = pos = 0
    end = len(message)
    while pos < end:
        room = begin + length - pos
        if room < 8:
            fragments.append(message[begin:pos])
            begin = pos
            continue
        (left,) = struct.unpack_from("<I", message, pos + 4)
        pos += 8
        room -= 8
        while left > room:
            pos += room
            left -= room
            fragments.append(message[begin:pos])
            begin = pos
            room = length
        pos += left
    fragments.append(message[begin:])
    return fragments


def cut_by_length(message: bytes, length: int) -> list[bytes]:
    """Cut *message* into fragments of *length* bytes, wherever that is."""
    return [message[pos : pos + length] for pos in range(0, len(message), length)]


class ResponseWriter:
    """Writes responses for one association."""

    __slots__ = ("_limit", "_peer", "possible", "uncut")

    def __init__(self, peer_max_pdu: int, max_send_pdv: int) -> None:
        """*peer_max_pdu* as the peer said it, 0 for no limit; *max_send_pdv* as made of it."""
        self._peer = peer_max_pdu
        self._limit = max_send_pdv
        self.possible = peer_max_pdu == 0 or peer_max_pdu - peer_max_pdu % 2 > _NO_ROOM
        """False if the peer's maximum length leaves room for nothing (a.4, last row)."""
        self.uncut = max_send_pdv >= _LONGEST and not 0 < peer_max_pdu < _TOO_SMALL_FOR_ELEMENTS
        """True if every response is one PDU."""

    def write(self, request: EchoRequest | StoreRequest, status: int, details: bytes = b"") -> bytes:
        """Return the PDUs of the response; *details* are elements behind the status, encoded (PS3.7 C.4)."""
        context_id = request.context_id
        field = _C_ECHO_RSP
        if isinstance(request, StoreRequest):
            field = _C_STORE_RSP
            details += _element(0x1000, _padded(request.sop_instance_uid))
        message = _response(field, request.message_id, request.sop_class_uid, status, details)
        if self.uncut and len(message) <= _LONGEST:
            return encode_p_data(context_id, _LAST_COMMAND, message)
        if 0 < self._peer < _TOO_SMALL_FOR_ELEMENTS:
            fragments = cut_by_length(message, self._peer - _NO_ROOM)
        else:
            fragments = cut_by_elements(message, self._limit)
        last = fragments.pop()
        pdus = [encode_p_data(context_id, _COMMAND, fragment) for fragment in fragments]
        pdus.append(encode_p_data(context_id, _LAST_COMMAND, last))
        return b"".join(pdus)


def _response(field: int, message_id: int, class_uid: bytes, status: int, rest: bytes = b"") -> bytes:
    """Return a response's command set (c.2)."""
    elements = (
        _element(0x0002, _padded(class_uid))
        + _element(0x0100, _U16(field))
        + _element(0x0120, _U16(message_id))
        + _element(0x0800, _U16(NO_DATA_SET))
        + _element(0x0900, _U16(status))
        + rest
    )
    return _element(0x0000, struct.pack("<I", len(elements))) + elements
