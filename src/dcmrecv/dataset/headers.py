"""Element headers the fast loop has met, by their eight bytes: what to do with one is worked out once.

Headers repeat, within an object as from object to object. A header that says all there is to know about its
element (standard VR, unremarkable length) costs one look-up when it comes again.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import lru_cache

from dcmrecv.dataset import limits
from dcmrecv.dataset.vr import INFO

__all__ = [
    "RAW",
    "SEQUENCE_FOLLOWS",
    "ExplicitHeaders",
    "ImplicitHeaders",
    "KnownHeaders",
    "explicit_headers",
]

RAW = struct.Struct("<Q")
"""Eight bytes as the number they are looked up by, whatever the byte order of the data set."""

SEQUENCE_FOLLOWS = -1

_REMARKABLE = (0, 0)
_FIRST_DELIMITER = 0xFFFE0000
_VOI_LUT_SEQUENCE = 0x00283010


class KnownHeaders(dict[int, tuple[int, int]]):
    """Two numbers for each header.

    * tag, bytes of header and value: an element to pass over if its tag is in order;
    * minus tag, code: a sequence (`SEQUENCE_FOLLOWS`), or the length bits that must be 0 in the 4 byte length
      that follows (explicit VR), for the element to be passed over;
    * 0, 0: needs a closer look.
    """

    def __missing__(self, raw: int) -> tuple[int, int]:
        entry = self._read(raw.to_bytes(8, "little"))
        if len(self) >= limits.MAX_KNOWN_HEADERS:
            self.clear()
        self[raw] = entry
        return entry

    def _read(self, header: bytes) -> tuple[int, int]:
        raise NotImplementedError


class ExplicitHeaders(KnownHeaders):
    """Explicit VR."""

    def __init__(self, big_endian: bool) -> None:
        super().__init__()
        self._struct = struct.Struct((">" if big_endian else "<") + "HH2sH")

    def _read(self, header: bytes) -> tuple[int, int]:
        group, element, code, length = self._struct.unpack(header)
        tag = group << 16 | element
        info = INFO.get(code.decode("latin-1"))
        if info is None or not info.standard or not element or tag >= _FIRST_DELIMITER:
            return _REMARKABLE
        mask = max(info.width, 2) - 1
        if not info.long:
            return _REMARKABLE if length & mask else (tag, 8 + length)
        if length or tag == _VOI_LUT_SEQUENCE:
            return _REMARKABLE
        return (-tag, SEQUENCE_FOLLOWS if info.name == "SQ" else mask)


class ImplicitHeaders(KnownHeaders):
    """Implicit VR Little Endian; *kind* tells of a tag: 1 nothing but its length matters, 2 sequence, 0 else."""

    def __init__(self, kind: Callable[[int], int]) -> None:
        super().__init__()
        self._kind = kind

    def _read(self, header: bytes) -> tuple[int, int]:
        group, element, length = struct.unpack("<HHI", header)
        tag = group << 16 | element
        if not element or tag >= _FIRST_DELIMITER:
            return _REMARKABLE
        kind = self._kind(tag)
        if kind == 2:
            return (-tag, SEQUENCE_FOLLOWS)
        return _REMARKABLE if not kind or length & 1 else (tag, 8 + length)


@lru_cache(maxsize=2)
def explicit_headers(big_endian: bool) -> ExplicitHeaders:
    """Return the headers known in explicit VR, shared by all data sets."""
    return ExplicitHeaders(big_endian)
