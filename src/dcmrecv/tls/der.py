"""A reader for DER (ITU-T X.690), of the few shapes that certificates, keys and DH parameters are made of.

Works on hostile input: nothing recurses, every length is checked against the bytes that are there.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = [
    "BIT_STRING",
    "BMP_STRING",
    "GENERAL_STRING",
    "INTEGER",
    "OCTET_STRING",
    "OID",
    "SEQUENCE",
    "SET",
    "UTC_TIME",
    "DerError",
    "Element",
    "children",
    "first_element",
    "object_identifier",
    "shape",
]

INTEGER = 0x02
BIT_STRING = 0x03
OCTET_STRING = 0x04
OID = 0x06
UTC_TIME = 0x17
GENERAL_STRING = 0x1B
BMP_STRING = 0x1E
SEQUENCE = 0x30
SET = 0x31

_LENGTH_BYTES = 4
_HIGH_TAG = 0x1F


class DerError(ValueError):
    """Not what it should be."""


class Element(NamedTuple):
    """One element: its identifier octet, the whole encoding, the contents."""

    tag: int
    encoding: bytes
    contents: bytes

    def expect(self, tag: int) -> Element:
        """Return self if it has *tag*. Raises `DerError` otherwise."""
        if self.tag != tag:
            raise DerError(f"tag {self.tag:02x} where {tag:02x} belongs")
        return self

    def integer(self) -> int:
        """Return the value of an INTEGER."""
        return int.from_bytes(self.expect(INTEGER).contents, "big", signed=True)


def first_element(data: bytes, offset: int = 0) -> Element:
    """Return the element at *offset*. Raises `DerError` if it is not there as a whole."""
    if len(data) - offset < 2:
        raise DerError("not enough data")
    tag = data[offset]
    if tag & _HIGH_TAG == _HIGH_TAG:
        raise DerError("high tag number")
    length = data[offset + 1]
    start = offset + 2
    if length & 0x80:
        count = length & 0x7F
        if not 1 <= count <= _LENGTH_BYTES:
            raise DerError("length of length")
        length = int.from_bytes(data[start : start + count], "big")
        start += count
    end = start + length
    if end > len(data):
        raise DerError("not enough data")
    return Element(tag, data[offset:end], data[start:end])


def children(element: Element) -> list[Element]:
    """Return the elements within a constructed *element*."""
    found = []
    offset = 0
    while offset < len(element.contents):
        child = first_element(element.contents, offset)
        found.append(child)
        offset += len(child.encoding)
    return found


def object_identifier(element: Element) -> str:
    """Return an OBJECT IDENTIFIER in dotted form."""
    contents = element.expect(OID).contents
    if not contents or contents[-1] & 0x80:
        raise DerError("object identifier")
    arcs: list[int] = []
    value = 0
    for octet in contents:
        value = value << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(value)
            value = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


def shape(data: bytes) -> str:
    """Return how *data* fails to be a wanted element: ``empty``, ``short`` or ``wrong`` (spec/tls.md a.5)."""
    if not data:
        return "empty"
    try:
        first_element(data)
    except DerError as error:
        return "short" if "enough" in str(error) else "wrong"
    return "wrong"
