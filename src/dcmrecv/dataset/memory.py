"""Numbers from bytes and bytes to bytes, for the source of `dcmrecv.dataset.scan` where it is not compiled.

Its compiled form takes the same three functions from ``native.pxd``. Both raise rather than reach beyond a buffer.
"""

from __future__ import annotations

import struct

__all__ = ["Buffer", "append", "quad", "word"]

_QUAD = struct.Struct("<Q")
_WORD = struct.Struct("<I")

Buffer = bytes | bytearray | memoryview


def quad(source: Buffer, start: int) -> int:
    """Return the eight bytes at *start* as a little endian number."""
    number: int = _QUAD.unpack_from(source, start)[0]
    return number


def word(source: Buffer, start: int) -> int:
    """Return the four bytes at *start* as a little endian number."""
    number: int = _WORD.unpack_from(source, start)[0]
    return number


def append(target: bytearray, at: int, source: Buffer, start: int, stop: int) -> int:
    """Copy source[start:stop] to *at* in *target*, which has room for it; return where it ends there."""
    end = at + stop - start
    target[at:end] = source[start:stop]
    return end
