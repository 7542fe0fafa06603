"""Values that are looked at or changed on their way out, and what they decide.

In implicit VR some values decide the VR of other elements (`choice`; PS3.5 A.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dcmrecv.dataset import limits
from dcmrecv.dataset.tags import PIXEL_DATA, PIXEL_REPRESENTATION, WAVEFORM_BITS_ALLOCATED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dcmrecv.dataset.scan import Cursor

__all__ = ["Choice", "Value", "choice", "is_overlay_data"]

_WAVEFORM_TAGS = frozenset((0x54001010, 0x5400100A, 0x54000110, 0x54000112))
"""WaveformData, WaveformPaddingValue, ChannelMinimumValue, ChannelMaximumValue (PS3.5 8.3)."""
_PIXEL_VALUE_TAGS = frozenset(
    (
        *(0x00280120, 0x00280121, 0x00603004, 0x00603006, 0x00189810, 0x00280106, 0x00280107),
        *(0x00280108, 0x00280109, 0x00283002, 0x00409212, 0x00409211, 0x00409216),
    )
)
"""Elements whose US or SS follows Pixel Representation (PS3.3 C.7.5.1, C.7.6.16, C.11.5)."""


def is_overlay_data(tag: int) -> bool:
    """Return whether *tag* is (60xx,3000)."""
    return tag & 0xFF00FFFF == 0x60003000


def _is_curve_data(tag: int) -> bool:
    return tag & 0xFF00FFFF == 0x50003000


class Choice(NamedTuple):
    """The VR of an element that has a choice."""

    vr: str
    by: int = 0
    """The element that decided; 0: the tag alone."""


def choice(vr: str, tag: int, context: Mapping[int, bytes | int]) -> Choice | None:
    """Return what the dictionary's *vr* of *tag* means beside the values of *context*; None: what it says."""
    if vr == "ox":
        if tag in _WAVEFORM_TAGS:
            bits = context.get(WAVEFORM_BITS_ALLOCATED)
            return None if bits is None else Choice("OB" if bits == 8 else "OW", WAVEFORM_BITS_ALLOCATED)
        if tag == PIXEL_DATA or is_overlay_data(tag):
            return Choice("OW")
        if _is_curve_data(tag):
            return Choice("OB")
    elif vr == "xs" and tag in _PIXEL_VALUE_TAGS:
        signed = context.get(PIXEL_REPRESENTATION)
        return None if signed is None else Choice("SS" if signed == 1 else "US", PIXEL_REPRESENTATION)
    return None


class Value:
    """A value that is padded, dropped, swapped or kept on its way out.

    *pad* goes out behind it, and is *counted* in group lengths or not; *swap* is the number of bytes to be reversed
    (0: none); *keep* collects it, up to `limits.MAX_CAPTURED_VALUE` bytes.
    """

    def __init__(
        self, tag: int, length: int, pad: bytes, *, counted: bool, drop: bool, swap: int, keep: bool
    ) -> None:
        self.tag = tag
        self.left = length
        self.pad = pad
        self.counted = counted
        self.kept = bytearray() if keep else None
        self._drop = drop
        self._swap = swap
        self._rest = b""

    def take(self, cursor: Cursor) -> bool:
        """Take what the buffer has of it, from `Cursor.position` on. True: it is complete."""
        start = cursor.position
        stop = min(start + self.left, cursor.size)
        self.left -= stop - start
        cursor.position = stop
        cursor.skip = self.left
        if self.kept is not None:
            self.kept += cursor.view[start : min(stop, start + limits.MAX_CAPTURED_VALUE - len(self.kept))]
        if self._drop or self._swap:
            cursor.flush(start)
            cursor.run = stop
        if self._swap:
            self._emit_swapped(cursor, cursor.view[start:stop])
        if self.left:
            return False
        if self._rest:
            cursor.emit(self._rest)
        if self.pad:
            cursor.flush(stop)
            cursor.emit(self.pad)
        return True

    def _emit_swapped(self, cursor: Cursor, part: memoryview) -> None:
        width = self._swap
        data = self._rest + bytes(part)
        whole = len(data) - len(data) % width
        swapped = bytearray(whole)
        for i in range(width):
            swapped[i::width] = data[width - 1 - i : whole : width]
        self._rest = data[whole:]
        if whole:
            cursor.emit(bytes(swapped))
