"""File meta information as the reference writes it, with our own identity (spec/storage.md 2, PS3.10 7.1)."""

from __future__ import annotations

import struct
from functools import lru_cache

from dcmrecv.identity import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

__all__ = ["meta_header"]

_PREAMBLE = bytes(128) + b"DICM"  # zeros: a preamble can make a file executable (CVE-2019-11687)
_USUAL_UID = 64  # longer ones come from broken data sets and are not worth remembering
_GROUP_LENGTH = struct.Struct("<4s2sHI")
_ELEMENT = struct.Struct("<HH2sH")
_VERSION = struct.pack("<HH2sHI", 2, 1, b"OB", 0, 2) + b"\x00\x01"


def _element(element: int, vr: bytes, value: bytes, pad: bytes) -> bytes:
    if len(value) % 2:
        value += pad
    return _ELEMENT.pack(2, element, vr, len(value)) + value


@lru_cache(maxsize=256)
def _around_instance(
    sop_class: bytes, instance_length: int, transfer_syntax: bytes, source_ae_title: bytes | None
) -> tuple[bytes, bytes]:
    """Return what comes before and after the value of (0002,0003), of *instance_length* bytes."""
    before = [
        _VERSION,
        _element(2, b"UI", sop_class, b"\0"),
        _ELEMENT.pack(2, 3, b"UI", instance_length),
    ]
    after = [
        _element(0x10, b"UI", transfer_syntax, b"\0"),
        _element(0x12, b"UI", IMPLEMENTATION_CLASS_UID, b"\0"),
        _element(0x13, b"SH", IMPLEMENTATION_VERSION_NAME, b" "),
    ]
    if source_ae_title is not None:
        after.append(_element(0x16, b"AE", source_ae_title, b" "))
    length = sum(map(len, before)) + instance_length + sum(map(len, after))
    return b"".join([_PREAMBLE, _GROUP_LENGTH.pack(b"\2\0\0\0", b"UL", 4, length), *before]), b"".join(after)


def meta_header(
    sop_class: bytes, sop_instance: bytes, transfer_syntax: bytes, source_ae_title: bytes | None = None
) -> bytes:
    """Return preamble, prefix and group 2 of a stored file.

    *source_ae_title* is given in bit-preserving mode only. UIDs longer than the 65,535 bytes that a UI
    element can hold are cut; nothing on the wire gets here with such a length.
    """
    around = _around_instance
    if len(sop_class) > _USUAL_UID or len(sop_instance) > _USUAL_UID:
        around = around.__wrapped__  # type: ignore[assignment]
        sop_class = sop_class[:0xFFFE]
        sop_instance = sop_instance[:0xFFFE]
    if len(sop_instance) % 2:
        sop_instance += b"\0"
    before, after = around(sop_class, len(sop_instance), transfer_syntax, source_ae_title)
    return before + sop_instance + after
