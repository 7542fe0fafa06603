"""The outermost element of a DER file that the operator names (ITU-T X.690 8.1).

Nothing a peer sends comes here. `cryptography` and OpenSSL read what is inside; how a file fails to hold an
element decides what the reference says about it (spec/tls.md a.5).
"""

from __future__ import annotations

__all__ = ["DerError", "first_element", "first_number", "shape"]

_INTEGER = 0x02
_SEQUENCE = 0x30
_LENGTH_BYTES = 4
_HIGH_TAG = 0x1F


class DerError(ValueError):
    """Not an element, or not all of one."""


def first_element(data: bytes) -> bytes:
    """Return the encoding of the element that *data* begins with. Raises `DerError`."""
    return data[: _ends(data, 0)[1]]


def first_number(data: bytes) -> int:
    """Return the INTEGER that the SEQUENCE in *data* begins with: the prime of DH parameters (PKCS#3).

    Raises `DerError`.
    """
    begin, _ = _ends(data, 0)
    start, end = _ends(data, begin)
    if (data[0], data[begin]) != (_SEQUENCE, _INTEGER):
        raise DerError("no number")
    return int.from_bytes(data[start:end], "big", signed=True)


def _ends(data: bytes, offset: int) -> tuple[int, int]:
    """Return where the contents of the element at *offset* begin and end."""
    if len(data) < offset + 2:
        raise DerError("not enough data")
    if data[offset] & _HIGH_TAG == _HIGH_TAG:
        raise DerError("high tag number")
    length, start = data[offset + 1], offset + 2
    if length & 0x80:
        count = length & 0x7F
        if not 1 <= count <= _LENGTH_BYTES:
            raise DerError("length of length")
        length = int.from_bytes(data[start : start + count], "big")
        start += count
    if start + length > len(data):
        raise DerError("not enough data")
    return start, start + length


def shape(data: bytes) -> str:
    """Return how *data* fails to be a wanted element: ``empty``, ``short`` or ``wrong`` (spec/tls.md a.5)."""
    if not data:
        return "empty"
    try:
        first_element(data)
    except DerError as error:
        return "short" if "enough" in str(error) else "wrong"
    return "wrong"
