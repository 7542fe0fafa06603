"""The few values that decide something: UIDs and dates for the receiver, others for the VR of their neighbours.

A value is remembered only while it can still decide, up to `limits.MAX_CAPTURED_VALUE` bytes of it.
"""

from __future__ import annotations

from dcmrecv.dataset import limits
from dcmrecv.dataset.cursor import (
    BEHIND_ELEMENTS,
    FIRST_TAG,
    SERIES_DATE,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
)
from dcmrecv.dataset.diagnostics import PIXEL_DATA, CheckedCursor
from dcmrecv.dataset.errors import limit_exceeded
from dcmrecv.dataset.vr import INFO, PAD_TEXT, UNKNOWN, VrInfo

__all__ = ["CapturingCursor", "is_curve_data", "is_overlay_data"]

PIXEL_REPRESENTATION, WAVEFORM_BITS_ALLOCATED = 0x00280103, 0x54001004
WAVEFORM_TAGS = frozenset((0x54001010, 0x5400100A, 0x54000110, 0x54000112))
"""WaveformData, WaveformPaddingValue, ChannelMinimumValue, ChannelMaximumValue (PS3.5 8.3)."""
PIXEL_VALUE_TAGS = frozenset(
    (
        *(0x00280120, 0x00280121, 0x00603004, 0x00603006, 0x00189810, 0x00280106, 0x00280107),
        *(0x00280108, 0x00280109, 0x00283002, 0x00409212, 0x00409211, 0x00409216),
    )
)
"""Elements whose US or SS follows Pixel Representation (PS3.3 C.7.5.1, C.7.6.16, C.11.5)."""


def is_overlay_data(tag: int) -> bool:
    """Return whether *tag* is (60xx,3000)."""
    return tag & 0xFF00FFFF == 0x60003000


def is_curve_data(tag: int) -> bool:
    """Return whether *tag* is (50xx,3000)."""
    return tag & 0xFF00FFFF == 0x50003000


class CapturingCursor(CheckedCursor):
    """`CheckedCursor` with the values that decide."""

    def _barrier(self) -> int:
        """Return the lowest tag above the last one that the fast loops must not pass."""
        last = self.last
        if (last == FIRST_TAG and self.group_length is not None) or self._seen:
            # An open group below 0008, or every tag is to be remembered.
            return 0
        gl = self.group_length
        barrier = BEHIND_ELEMENTS if gl is None else (gl.group + 1) << 16
        wanted = barrier
        if last < SERIES_DATE:
            if last < SOP_CLASS_UID and self.sop_class is None:
                wanted = SOP_CLASS_UID
            elif last < SOP_INSTANCE_UID and self.sop_instance is None:
                wanted = SOP_INSTANCE_UID
            elif not self.stack:
                wanted = SERIES_DATE
        elif last < PIXEL_DATA and not self.stack and self.encoding.encapsulated:
            wanted = PIXEL_DATA
        return wanted if wanted < barrier else barrier

    def _lookup(self, tag: int) -> VrInfo:
        """Implicit VR: the VR of *tag* from the dictionary and, for some, from other elements (PS3.5 A.1)."""
        name = self.dictionary.vr(tag, self._creator(tag))
        info = INFO.get(name, UNKNOWN)
        if info.name == "ox":
            if tag in WAVEFORM_TAGS:
                bits = (self.context or {}).get(WAVEFORM_BITS_ALLOCATED)
                if bits is not None:
                    info = INFO["OB"] if bits == 8 else INFO["OW"]
            elif tag == PIXEL_DATA or is_overlay_data(tag):
                info = INFO["OW"]
            elif is_curve_data(tag):
                info = INFO["OB"]
        elif info.name == "xs" and tag in PIXEL_VALUE_TAGS:
            signed = (self.context or {}).get(PIXEL_REPRESENTATION)
            if signed is not None:
                info = INFO["SS"] if signed == 1 else INFO["US"]
        return info

    def _creator(self, tag: int) -> bytes | None:
        element = tag & 0xFFFF
        if not tag & 0x10000 or element < 0x1000 or self.context is None:
            return None
        value = self.context.get(tag & 0xFFFF0000 | element >> 8)
        return value if isinstance(value, bytes) else None

    def _wanted(self, tag: int, info: VrInfo, in_order: bool) -> bool:
        """Return whether the value of *tag* has to be remembered."""
        if tag in (SOP_CLASS_UID, SOP_INSTANCE_UID):
            if (self.sop_class if tag == SOP_CLASS_UID else self.sop_instance) is not None:
                return False
            if info.pad == PAD_TEXT:
                return True
            self._captured(tag, b"")
            return False
        if tag == SERIES_DATE:
            return not self.stack and in_order and info.name == "DA"
        if self._implicit():
            if tag in (PIXEL_REPRESENTATION, WAVEFORM_BITS_ALLOCATED):
                return info.name in ("US", "xs")
            element = tag & 0xFFFF
            if tag & 0x10000 and 0x10 <= element <= 0xFF and info.pad == PAD_TEXT:
                return self.dictionary.has_private
        return False

    @property
    def head_passed(self) -> bool:
        """Both UIDs are known and the data set itself is behind Series Date."""
        stack = self.stack
        last = stack[0][4] if stack else self.last
        return last > SERIES_DATE and self.sop_class is not None and self.sop_instance is not None

    def _captured(self, tag: int, value: bytes) -> None:
        if tag == SOP_CLASS_UID:
            if self.sop_class is None:
                self.sop_class = value.split(b"\0", 1)[0]
            self.barrier = self._barrier()
        elif tag == SOP_INSTANCE_UID:
            if self.sop_instance is None:
                self.sop_instance = value.split(b"\0", 1)[0]
            self.barrier = self._barrier()
        elif tag == SERIES_DATE:
            self.series_date = value
            self.barrier = self._barrier()
        else:
            if self.context is None:
                self.context = {}
            if len(self.context) >= limits.MAX_CREATORS:
                raise limit_exceeded("private creators of an item")
            if tag in (PIXEL_REPRESENTATION, WAVEFORM_BITS_ALLOCATED):
                order = "little" if self.converting or not self.encoding.big_endian else "big"
                if len(value) >= 2:
                    self.context.setdefault(tag, int.from_bytes(value[:2], order))  # type: ignore[arg-type]
            else:
                self.context.setdefault(tag, value.split(b"\0", 1)[0])
