"""How the elements of a data set go out: as they came in, or as the reference writes them (spec/storage.md 3.1).

`Elements` knows what stands at the cursor; `Output` writes it: headers (T3-T6), padding and byte order (T6, T7),
group lengths (T8). What is not changed stays in the input, and the cursor's output refers to it.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from dcmrecv import conditions
from dcmrecv.dataset.captured import Values
from dcmrecv.dataset.frames import GroupLengths
from dcmrecv.dataset.tags import SOP_CLASS_UID, SOP_INSTANCE_UID, UNDEFINED
from dcmrecv.dataset.vr import INFO, PAD_NONE, VrInfo

if TYPE_CHECKING:
    from collections.abc import Callable

    from dcmrecv.dataset.diagnostics import Diagnostics
    from dcmrecv.dataset.dictionary import DataDictionary
    from dcmrecv.dataset.frames import Frames
    from dcmrecv.dataset.scan import Cursor
    from dcmrecv.transfer_syntaxes import Encoding

__all__ = ["Output"]

MAX_SHORT_LENGTH = 0xFFFF


class ByteOrder:
    """The numbers and delimiters of a byte order."""

    def __init__(self, sign: str) -> None:
        self.word = struct.Struct(sign + "I")
        self.half = struct.Struct(sign + "H")
        self.tag = struct.Struct(sign + "HH")
        self.item_header = struct.Struct(sign + "HHI")
        self.item_end = self.item_header.pack(0xFFFE, 0xE00D, 0)
        self.sequence_end = self.item_header.pack(0xFFFE, 0xE0DD, 0)

    def item(self, length: int) -> bytes:
        """Return the header of an item or fragment."""
        return self.item_header.pack(0xFFFE, 0xE000, length)


LITTLE, BIG = ByteOrder("<"), ByteOrder(">")


class Output:
    """Writes what stands at *cursor*."""

    def __init__(
        self,
        encoding: Encoding,
        cursor: Cursor,
        frames: Frames,
        dictionary: Callable[[], DataDictionary],
        diagnostics: Diagnostics,
    ) -> None:
        self.order = BIG if encoding.big_endian else LITTLE
        self.lengths = GroupLengths(cursor, frames, self.order.word.pack)
        self.values = Values(encoding, cursor, frames, self.lengths, dictionary)
        self.reorders = False
        """Elements are out of order or repeated, or the second pass has to do a group length."""
        self.truncated = False
        """The last element was announced and did not come."""
        self.nothing_follows = False
        """An empty fragment ends the data set: what is missing then was not lost on the way."""
        self.unsaveable: str | None = None
        self.native_fragments = False
        """Pixel data is open that is encapsulated, in a transfer syntax that is not."""
        self.group_lengths_corrected = 0
        self._encoding = encoding
        self._cursor = cursor
        self._frames = frames
        self._diagnostics = diagnostics

    def implicit(self) -> bool:
        """Return whether the input is implicit VR."""
        return self._frames.current.converting or not self._encoding.explicit

    def incoming(self) -> ByteOrder:
        """Return the byte order of the input."""
        return LITTLE if self._frames.current.converting else self.order

    def foreign(self) -> bool:
        """Return whether the input is little endian and the output is not (T6)."""
        return self._frames.current.converting and self._encoding.big_endian

    def code(self) -> bytes:
        """Return the VR bytes of the header at the current position."""
        position = self._cursor.position
        return bytes(self._cursor.view[position + 4 : position + 6])

    def _header(self, tag: int, vr: str, length: int) -> bytes:
        """Return an output header; a length too long for the VR makes it UN."""
        order = self.order
        start = order.tag.pack(tag >> 16, tag & 0xFFFF)
        if not self._encoding.explicit:
            return start + order.word.pack(length)
        if not INFO[vr].long:
            if length <= MAX_SHORT_LENGTH:
                return start + vr.encode() + order.half.pack(length)
            vr = "UN"
        return start + vr.encode() + b"\0\0" + order.word.pack(length)

    def _is_clean(self, info: VrInfo, header: int) -> bool:
        """Return whether the header at the current position may go out as it came in, its length permitting."""
        if self._frames.current.converting:
            return False
        if not self._encoding.explicit:
            return True
        if not info.standard:
            return False
        cursor = self._cursor
        return header == 8 or not (cursor.view[cursor.position + 6] or cursor.view[cursor.position + 7])

    def plain(self, tag: int, info: VrInfo, header: int, length: int, in_order: bool) -> None:
        """Write an element with a value."""
        cursor = self._cursor
        position = cursor.position
        start = position + header
        if length and start == cursor.size:
            # Only with `final`: the header announces a value of which nothing came (3.8 S3).
            self.cut_short(tag, self._header(tag, info.written, 0), length)
            if tag in (SOP_CLASS_UID, SOP_INSTANCE_UID):
                self.values.keep(tag, b"")
            return
        written = length + (length & 1 if info.pad != PAD_NONE else 0)
        converting = self._frames.current.converting
        illegal = info.name == "??" and header == 8 and self._encoding.explicit and not converting
        if written != length or illegal or not self._is_clean(info, header):
            cursor.replace(position, self._header(tag, info.written, written), start)
        wanted = self.values.wanted(tag, info, in_order)
        swap = info.width if self.foreign() and info.written not in ("OB", "UN") else 0
        if swap and not INFO[info.written].long and written > MAX_SHORT_LENGTH:
            swap = 0
        self.values.take(tag, start, length, pad=info.pad, uid=info.name == "UI", swap=swap, keep=wanted)

    def cut_short(self, tag: int, header: bytes, claimed: int) -> None:
        """3.8 S3: the value of the last element is missing; the element is stored empty."""
        cursor = self._cursor
        if not self.nothing_follows:
            self._diagnostics.value_missing(tag, claimed)
        cursor.replace(cursor.position, header, cursor.size)
        # The reference counts the length that was announced.
        self.lengths.adjust(claimed)
        cursor.position = cursor.size
        self.truncated = True

    def group_length(self, tag: int, info: VrInfo, header: int, length: int, in_order: bool) -> None:
        """T8: a group length becomes UL of 4 bytes with the value of the output."""
        cursor = self._cursor
        position = cursor.position
        start = position + header
        is_ul = info.name in ("UL", "up")
        if is_ul and start < cursor.size and length and (length != 4 or start + 4 > cursor.size):
            # What becomes of it depends on whether its group is the item's last; or it is cut.
            self.reorders = self.reorders or length != 4
            self.plain(tag, info, header, length, in_order)
            return
        if is_ul and length == 4 and start < cursor.size:
            if self._is_clean(info, header):
                offset = cursor.written(start)
            else:
                cursor.replace(position, self._header(tag, "UL", 4), start)
                offset = cursor.total
            foreign = self.foreign()
            (received,) = self.incoming().word.unpack_from(cursor.view, start)
            self.values.take(tag, start, 4, swap=4 if foreign else 0)
        else:
            if not is_ul and (in_order or tag not in (self._frames.current.seen or ())):
                self.group_lengths_corrected += 1
            cursor.replace(position, self._header(tag, "UL", 4) + bytes(4), start)
            offset = cursor.total - 4
            received = 0
            if start == cursor.size and length:
                cursor.position = cursor.size
                self.truncated = True
            else:
                self.values.take(tag, start, length, drop=True)
        if in_order:
            # A dropped value may go on behind this buffer without any output.
            self.lengths.open(tag >> 16, offset, received)

    def open_sequence(self, tag: int, header: int, length: int) -> None:
        """Write the header of a sequence, and go behind it."""
        cursor = self._cursor
        position = cursor.position
        start = position + header
        if not tag & 0xFFFF:
            self.reorders = True
        explicit = self._encoding.explicit
        clean = length == UNDEFINED and not self._frames.current.converting
        if clean and explicit:
            clean = bytes(cursor.view[position + 4 : position + 8]) == b"SQ\0\0"
        if not clean:
            cursor.replace(position, self._header(tag, "SQ", UNDEFINED), start)
        cursor.position = start
        if tag in (SOP_CLASS_UID, SOP_INSTANCE_UID):
            self.values.keep(tag, b"")

    def open_pixel_sequence(self, tag: int, header: int, *, dropped: bool) -> None:
        """Write the header of fragments of pixel data, and go behind it; *dropped*: the second pass drops them."""
        cursor = self._cursor
        position = cursor.position
        start = position + header
        converting = self._frames.current.converting
        if (converting or not self._encoding.encapsulated) and not dropped:
            self.unsaveable = conditions.REPRESENTATION_NOT_FOUND.text
            self.native_fragments = True
        if self._encoding.explicit and (
            converting or bytes(cursor.view[position + 4 : position + 8]) != b"OB\0\0"
        ):
            cursor.replace(position, self._header(tag, "OB", UNDEFINED), start)
        cursor.position = start
