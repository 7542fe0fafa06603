"""Upper layer PDUs: type codes and the encoding of those that we send (PS3.8 section 9.3)."""

from __future__ import annotations

import struct

from dcmrecv import conditions
from dcmrecv.conditions import Condition
from dcmrecv.core.events import RejectReason

__all__ = [
    "ABORT",
    "ABORT_BY_PROVIDER",
    "ABORT_BY_USER",
    "ASSOCIATE_AC",
    "ASSOCIATE_RJ",
    "ASSOCIATE_RQ",
    "HEADER",
    "HEADERS",
    "P_DATA",
    "RELEASE_RP",
    "RELEASE_RP_PDU",
    "RELEASE_RQ",
    "encode_p_data",
    "encode_reject",
    "item",
    "pdu",
    "pdv_problem",
]

ASSOCIATE_RQ = 1
ASSOCIATE_AC = 2
ASSOCIATE_RJ = 3
P_DATA = 4
RELEASE_RQ = 5
RELEASE_RP = 6
ABORT = 7

HEADER = 6
"""Bytes of a PDU header: type, reserved, length of what follows."""

HEADERS = HEADER + 6
"""Bytes of the header of a P-DATA-TF PDU and of that of its first PDV: length, context, flags."""

_PDU = struct.Struct(">BxI")
_ITEM = struct.Struct(">BxH")
_LENGTH = struct.Struct(">I").unpack_from
_ONE_PDV = struct.Struct(">BxIIBB")


def pdu(kind: int, body: bytes) -> bytes:
    """Return a whole PDU of type *kind*."""
    return _PDU.pack(kind, len(body)) + body


def item(kind: int, value: bytes) -> bytes:
    """Return an item or sub-item of type *kind*; *value* has at most 65535 bytes."""
    return _ITEM.pack(kind, len(value)) + value


def encode_reject(reason: RejectReason) -> bytes:
    """Return an A-ASSOCIATE-RJ PDU."""
    return pdu(ASSOCIATE_RJ, b"\0" + bytes(reason.value))


def encode_p_data(context_id: int, flags: int, fragment: bytes) -> bytes:
    """Return a P-DATA-TF PDU with one PDV (PS3.8 section 9.3.5 and Annex E.2)."""
    length = len(fragment) + 2
    return _ONE_PDV.pack(P_DATA, length + 4, length, context_id, flags) + fragment


def pdv_problem(buffer: bytearray, pos: int, length: int) -> Condition | None:
    """Return what is wrong with the PDV lengths of a whole P-DATA-TF PDU (PS3.8 section 9.3.5, c.4)."""
    end = pos + length
    count = 0
    while end - pos >= 4:
        (pdv_length,) = _LENGTH(buffer, pos)
        if pdv_length < 2 or pdv_length > end - pos - 4:
            return conditions.invalid_pdv_length(pdv_length)
        pos += 4 + pdv_length
        count += 1
    if pos != end:
        return conditions.pdvs_do_not_add_up(count)
    return None if count else conditions.NO_PDVS


RELEASE_RP_PDU = pdu(RELEASE_RP, b"\0\0\0\0")

ABORT_BY_USER = pdu(ABORT, b"\0\0\0\0")
"""Source 0, reason 0: what the reference sends for every error of its own finding."""

ABORT_BY_PROVIDER = pdu(ABORT, b"\0\0\2\2")
"""Source 2, reason 2: an unexpected PDU (spec/network.md e)."""
