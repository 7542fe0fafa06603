"""Encoders for what a sender puts on the wire, and for Part 10 files.

Data sets are made in Explicit VR Little Endian; `implicit_vr` encodes such a one again.

Written apart from the receiver, so that a common mistake cannot hide.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

__all__ = [
    "COMMAND_FRAGMENT_HEADER",
    "CT_IMAGE_STORAGE",
    "ENHANCED_CT_IMAGE_STORAGE",
    "EXPLICIT_LE",
    "IMPLICIT_LE",
    "VERIFICATION",
    "associate_request",
    "c_echo_request",
    "c_store_request",
    "element",
    "fragment",
    "implicit_vr",
    "part10",
    "sequence",
    "uid",
]

EXPLICIT_LE = b"1.2.840.10008.1.2.1"
IMPLICIT_LE = b"1.2.840.10008.1.2"
VERIFICATION = b"1.2.840.10008.1.1"
CT_IMAGE_STORAGE = b"1.2.840.10008.5.1.4.1.1.2"
ENHANCED_CT_IMAGE_STORAGE = b"1.2.840.10008.5.1.4.1.1.2.1"
APPLICATION_CONTEXT = b"1.2.840.10008.3.1.1.1"
IMPLEMENTATION_CLASS_UID = b"2.25.247063120163711425190186913418712093146"

COMMAND_FRAGMENT_HEADER = 12
"""Bytes of PDU header and PDV header before the first fragment of a P-DATA-TF."""

LONG_VRS = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"UC", b"UN", b"UR", b"UT"})


def uid(value: bytes) -> bytes:
    """Return *value* padded to even length (PS3.5 6.2)."""
    return value + b"\0" * (len(value) % 2)


def element(tag: int, vr: bytes, value: bytes) -> bytes:
    """Return one data element; *tag* is group << 16 | element, *value* of even length (PS3.5 7.1.2)."""
    if len(value) % 2:
        raise ValueError(f"odd value length for {tag:08x}")
    if vr in LONG_VRS:
        return struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, vr, 0, len(value)) + value
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value


def sequence(tag: int, items: Sequence[bytes], *, undefined: bool = False) -> bytes:
    """Return a sequence of encoded *items*, with explicit or undefined lengths (PS3.5 7.5)."""
    if not undefined:
        body = b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(item)) + item for item in items)
        return element(tag, b"SQ", body)
    parts = [struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, b"SQ", 0, 0xFFFFFFFF)]
    for item in items:
        parts += [b"\xfe\xff\x00\xe0\xff\xff\xff\xff", item, b"\xfe\xff\x0d\xe0\0\0\0\0"]
    parts.append(b"\xfe\xff\xdd\xe0\0\0\0\0")
    return b"".join(parts)


def implicit_vr(data_set: bytes) -> bytes:
    """Return *data_set* (Explicit VR Little Endian, made here) in Implicit VR Little Endian (PS3.5 7.1.3)."""
    out = bytearray()
    at = 0
    while at < len(data_set):
        tag, vr = data_set[at : at + 4], data_set[at + 4 : at + 6]
        delimiter = tag[:2] == b"\xfe\xff"  # items and the ends have no VR in either encoding (PS3.5 7.5)
        if delimiter:
            start, length = at + 8, int.from_bytes(data_set[at + 4 : at + 8], "little")
        elif vr in LONG_VRS:
            start, length = at + 12, int.from_bytes(data_set[at + 8 : at + 12], "little")
        else:
            start, length = at + 8, int.from_bytes(data_set[at + 6 : at + 8], "little")
        if length == 0xFFFFFFFF:  # what is inside follows in its turn
            out += tag + b"\xff\xff\xff\xff"
            at = start
            continue
        value = data_set[start : start + length]
        if delimiter or vr == b"SQ":
            value = implicit_vr(value)
        out += tag + struct.pack("<I", len(value)) + value
        at = start + length
    return bytes(out)


def _command(elements: Iterable[tuple[int, bytes]]) -> bytes:
    body = b"".join(struct.pack("<HHI", 0, number, len(value)) + value for number, value in elements)
    return struct.pack("<HHII", 0, 0, 4, len(body)) + body


def c_echo_request(message_id: int) -> bytes:
    """Return the command set of a C-ECHO-RQ (PS3.7 9.3.5)."""
    return _command(
        [
            (0x0002, uid(VERIFICATION)),
            (0x0100, b"\x30\x00"),
            (0x0110, struct.pack("<H", message_id)),
            (0x0800, b"\x01\x01"),
        ]
    )


def c_store_request(message_id: int, sop_class: bytes, instance: bytes) -> bytes:
    """Return the command set of a C-STORE-RQ (PS3.7 9.3.1)."""
    return _command(
        [
            (0x0002, uid(sop_class)),
            (0x0100, b"\x01\x00"),
            (0x0110, struct.pack("<H", message_id)),
            (0x0700, b"\x00\x00"),
            (0x0800, b"\x00\x00"),
            (0x1000, uid(instance)),
        ]
    )


def fragment(context_id: int, data: bytes | memoryview, *, command: bool, last: bool) -> bytes:
    """Return one P-DATA-TF with one PDV (PS3.8 9.3.5)."""
    size = len(data)
    control = (1 if command else 0) | (2 if last else 0)
    return struct.pack(">BBIIBB", 4, 0, size + 6, size + 2, context_id, control) + data


def _item(kind: int, body: bytes) -> bytes:
    return struct.pack(">BBH", kind, 0, len(body)) + body


def associate_request(contexts: Sequence[tuple[int, bytes, Sequence[bytes]]], max_pdu: int = 16384) -> bytes:
    """Return an A-ASSOCIATE-RQ proposing (id, abstract syntax, transfer syntaxes) (PS3.8 9.3.2)."""
    items = [_item(0x10, APPLICATION_CONTEXT)]
    for context_id, abstract, transfers in contexts:
        body = struct.pack(">BBBB", context_id, 0, 0, 0) + _item(0x30, abstract)
        items.append(_item(0x20, body + b"".join(_item(0x40, transfer) for transfer in transfers)))
    user = _item(0x51, struct.pack(">I", max_pdu)) + _item(0x52, IMPLEMENTATION_CLASS_UID)
    items.append(_item(0x50, user + _item(0x55, b"BENCH")))
    body = struct.pack(">HH16s16s32x", 1, 0, b"ANY-SCP".ljust(16), b"BENCH".ljust(16)) + b"".join(items)
    return struct.pack(">BBI", 1, 0, len(body)) + body


def part10(sop_class: bytes, instance: bytes, data_set: bytes, transfer_syntax: bytes = EXPLICIT_LE) -> bytes:
    """Return a whole DICOM file (PS3.10 7.1)."""
    meta = (
        element(0x00020001, b"OB", b"\x00\x01")
        + element(0x00020002, b"UI", uid(sop_class))
        + element(0x00020003, b"UI", uid(instance))
        + element(0x00020010, b"UI", uid(transfer_syntax))
        + element(0x00020012, b"UI", uid(IMPLEMENTATION_CLASS_UID))
    )
    return bytes(128) + b"DICM" + element(0x00020000, b"UL", struct.pack("<I", len(meta))) + meta + data_set
