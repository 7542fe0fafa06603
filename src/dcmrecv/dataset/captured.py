"""Values that are looked at or changed on their way out, and what they decide.

In implicit VR some values decide the VR of other elements (`choice`; PS3.5 A.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dcmrecv.dataset import limits
from dcmrecv.dataset.errors import limit_exceeded
from dcmrecv.dataset.tags import (
    NO_TEXT,
    PIXEL_DATA,
    PIXEL_REPRESENTATION,
    SERIES_DATE,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    WAVEFORM_BITS_ALLOCATED,
)
from dcmrecv.dataset.vr import PAD_BINARY, PAD_NONE, PAD_TEXT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dcmrecv.dataset.dictionary import DataDictionary
    from dcmrecv.dataset.frames import Frames, GroupLengths
    from dcmrecv.dataset.scan import Cursor
    from dcmrecv.dataset.vr import VrInfo
    from dcmrecv.transfer_syntaxes import Encoding

__all__ = ["Choice", "Value", "Values", "choice", "is_overlay_data"]

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


class Values:
    """The values of one data set on their way: what is done with each, and what is kept of it."""

    def __init__(
        self,
        encoding: Encoding,
        cursor: Cursor,
        frames: Frames,
        lengths: GroupLengths,
        dictionary: Callable[[], DataDictionary],
    ) -> None:
        self._encoding = encoding
        self._cursor = cursor
        self._frames = frames
        self._lengths = lengths
        self._dictionary = dictionary
        self._pending: Value | None = None

    def take(
        self,
        tag: int,
        start: int,
        length: int,
        *,
        pad: int = PAD_NONE,
        uid: bool = False,
        drop: bool = False,
        swap: int = 0,
        keep: bool = False,
    ) -> None:
        """Take the value of *length* bytes at *start*; what lies behind the buffer comes with later pieces."""
        cursor = self._cursor
        cursor.position = start
        cursor.value_tag = tag
        cursor.value_length = length
        padding = b""
        if length & 1 and pad != PAD_NONE:
            padding = b" " if pad == PAD_TEXT and not uid else b"\0"
        cursor.verbatim = not (padding or drop or swap > 1 or keep)
        if cursor.verbatim:
            cursor.position = min(start + length, cursor.size)
            cursor.skip = start + length - cursor.position
            return
        swap = swap if swap > 1 else 0
        self._pending = Value(
            tag, length, padding, counted=pad != PAD_BINARY, drop=drop, swap=swap, keep=keep
        )
        self.resume()

    def resume(self) -> bool:
        """Take more of a value that is not passed on as it is. True: it is complete, or there is none."""
        value = self._pending
        cursor = self._cursor
        if value is None:
            return True
        if not value.take(cursor):
            return False
        self._pending = None
        cursor.verbatim = True
        if value.pad and not value.counted:
            self._lengths.adjust(-1)
        if value.kept is not None:
            self.keep(value.tag, bytes(value.kept))
        return True

    def wanted(self, tag: int, info: VrInfo, in_order: bool) -> bool:
        """Return whether the value of *tag* has to be kept."""
        cursor = self._cursor
        if tag in (SOP_CLASS_UID, SOP_INSTANCE_UID):
            if (cursor.sop_class if tag == SOP_CLASS_UID else cursor.sop_instance) is not None:
                return False
            if info.pad == PAD_TEXT:
                return True
            self.keep(tag, NO_TEXT)
            return False
        if tag == SERIES_DATE:
            return not cursor.depth and in_order and info.name == "DA"
        if self._frames.current.converting or not self._encoding.explicit:
            if tag in (PIXEL_REPRESENTATION, WAVEFORM_BITS_ALLOCATED):
                return info.name in ("US", "xs")
            if tag & 0x10000 and 0x10 <= tag & 0xFFFF <= 0xFF and info.pad == PAD_TEXT:
                return self._dictionary().has_private
        return False

    def keep(self, tag: int, value: bytes) -> None:
        """Keep *value*, for the receiver or for other elements of the item; the first one counts."""
        cursor = self._cursor
        if tag == SOP_CLASS_UID:
            if cursor.sop_class is None:
                cursor.sop_class = value
        elif tag == SOP_INSTANCE_UID:
            if cursor.sop_instance is None:
                cursor.sop_instance = value
        elif tag == SERIES_DATE:
            cursor.series_date = value
        else:
            context = self._frames.own().context
            if len(context) >= limits.MAX_CREATORS:
                raise limit_exceeded("private creators of an item")
            if tag not in (PIXEL_REPRESENTATION, WAVEFORM_BITS_ALLOCATED):
                context.setdefault(tag, value.split(b"\0", 1)[0])
            elif len(value) >= 2:
                big = self._encoding.big_endian and not self._frames.current.converting
                context.setdefault(tag, int.from_bytes(value[:2], "big" if big else "little"))
