"""Response messages: one bytes object with all PDUs of a C-ECHO-RSP or C-STORE-RSP (PS3.7 section 9.3).

Elements and their order: spec/network.md c.2. How a response is cut for a peer with a small maximum length:
a.4. Responses repeat as commands do, so the constant parts are kept.
"""

from __future__ import annotations

import struct

from dcmrecv.core import limits
from dcmrecv.core.pdu import HEADERS, encode_p_data

__all__ = ["ResponseWriter", "Templates", "cut_by_elements", "cut_by_length"]

_C_ECHO_RSP = 0x8030
_C_STORE_RSP = 0x8001
_LAST_COMMAND = 3
_COMMAND = 1
_U16 = struct.Struct("<H").pack
_NO_DATA_SET = 0x0101
_NO_ROOM = 12
_TOO_SMALL_FOR_ELEMENTS = 24
_LONGEST = 7 * 8 + 4 + 4 * 2 + 2 * limits.UID_LENGTH
"""Bytes of the longest response: seven headers, the group length, four numbers, two UIDs."""


Templates = dict[tuple[int, int, bytes, int], tuple[bytes, bytes, bytes]]
"""The constant parts of a response by command field, context, class UID and length of the instance UID."""


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

    __slots__ = ("_limit", "_peer", "_roomy", "_templates", "possible")

    def __init__(self, peer_max_pdu: int, max_send_pdv: int, templates: Templates | None = None) -> None:
        """*peer_max_pdu* as the peer said it, 0 for no limit; *max_send_pdv* as made of it.

        *templates*: those that other writers have made, shared with them.
        """
        self._peer = peer_max_pdu
        self._limit = max_send_pdv
        self._templates: Templates = {} if templates is None else templates
        self.possible = peer_max_pdu == 0 or peer_max_pdu - peer_max_pdu % 2 > _NO_ROOM
        """False if the peer's maximum length leaves room for nothing (a.4, last row)."""
        self._roomy = max_send_pdv >= _LONGEST and not 0 < peer_max_pdu < _TOO_SMALL_FOR_ELEMENTS

    def echo(self, context_id: int, message_id: int, class_uid: bytes, status: int) -> bytes:
        """Return the PDUs of a C-ECHO-RSP."""
        return self._write((_C_ECHO_RSP, context_id, class_uid, 0), message_id, status, b"")

    def store(
        self, context_id: int, message_id: int, class_uid: bytes, instance_uid: bytes, status: int
    ) -> bytes:
        """Return the PDUs of a C-STORE-RSP."""
        instance = instance_uid + b"\0" if len(instance_uid) % 2 else instance_uid
        key = (_C_STORE_RSP, context_id, class_uid, len(instance))
        return self._write(key, message_id, status, instance)

    def _write(self, key: tuple[int, int, bytes, int], message_id: int, status: int, end: bytes) -> bytes:
        template = self._templates.get(key)
        if template is None:
            if len(self._templates) >= limits.MEMO_RESPONSES:
                self._templates.clear()
            template = self._templates[key] = _template(*key)
        head, middle, tail = template
        data = head + _U16(message_id) + middle + _U16(status) + tail + end
        if self._roomy:
            return data
        if len(data) - HEADERS > self._limit or 0 < self._peer < _TOO_SMALL_FOR_ELEMENTS:
            return self._cut(key[1], data[HEADERS:])
        return data

    def _cut(self, context_id: int, message: bytes) -> bytes:
        if 0 < self._peer < _TOO_SMALL_FOR_ELEMENTS:
            fragments = cut_by_length(message, self._peer - _NO_ROOM)
        else:
            fragments = cut_by_elements(message, self._limit)
        last = fragments.pop()
        pdus = [encode_p_data(context_id, _COMMAND, fragment) for fragment in fragments]
        pdus.append(encode_p_data(context_id, _LAST_COMMAND, last))
        return b"".join(pdus)


def _template(
    field: int, context_id: int, class_uid: bytes, instance_length: int
) -> tuple[bytes, bytes, bytes]:
    """Return the bytes before the message ID, between it and the status, and between that and the end."""
    before = (
        _element(0x0002, _padded(class_uid))
        + _element(0x0100, _U16(field))
        + struct.pack("<HHI", 0, 0x0120, 2)
    )
    middle = _element(0x0800, _U16(_NO_DATA_SET)) + struct.pack("<HHI", 0, 0x0900, 2)
    tail = struct.pack("<HHI", 0, 0x1000, instance_length) if field == _C_STORE_RSP else b""
    rest = len(before) + 2 + len(middle) + 2 + len(tail) + instance_length
    whole = encode_p_data(context_id, _LAST_COMMAND, bytes(rest + 12))
    return whole[:HEADERS] + _element(0x0000, struct.pack("<I", rest)) + before, middle, tail
