"""What the elements, items and delimiters of a data set mean (spec/storage.md 3).

`ElementWalker._step` handles whatever stands at the current position, one header at a time. Rules at a
glance: T3, T4 headers are repaired; T5 lengths become undefined; T6 undefined length UN content is re-encoded;
T7 odd values are padded; T8 group lengths are computed and patched; T1, T2 (order) are noted here and left to
the second pass. Errors are raised where the reference gives up.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING

from dcmrecv.dataset import errors, limits
from dcmrecv.dataset.captured import CapturingCursor, is_overlay_data
from dcmrecv.dataset.cursor import (
    FIRST_TAG,
    INFINITE,
    ITEM,
    ITEM_DELIMITER,
    ITEM_TAG,
    PIXEL_SEQUENCE,
    SEQUENCE,
    SEQUENCE_DELIMITER,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    UNDEFINED,
    GroupLength,
    text,
)
from dcmrecv.dataset.diagnostics import PIXEL_DATA
from dcmrecv.dataset.errors import DataSetError, limit_exceeded
from dcmrecv.dataset.vr import INFO, PAD_BINARY, PAD_NONE, VrInfo, describe
from dcmrecv.transfer_syntaxes import Encoding

if TYPE_CHECKING:
    from dcmrecv.dataset.dictionary import DataDictionary

__all__ = ["ElementWalker"]

MAX_SHORT_LENGTH = 0xFFFF
UNREAD_LIMIT = 1024
"""Bytes behind a top level item delimiter that the reference tolerates before the last fragment."""

_LITTLE = struct.Struct("<HHI")


class ElementWalker(CapturingCursor):
    """`CapturingCursor` with the rules; subclasses bring fast loops for their encoding."""

    def _walk(self) -> None:
        while self._step():
            pass

    def _step(self) -> bool:
        """Handle what stands at `position`; False: more input is needed."""
        if self.skip or self.ended:
            return False
        if self.kind == ITEM:
            return self._item_step()
        if self.kind == SEQUENCE:
            return self._sequence_step()
        return self._fragment_step()

    # ---- items and sequences ----------------------------------------------------------------------

    def _item_step(self) -> bool:
        position = self.position
        if self.base + position >= self.end:
            self._end_item(position)
            return True
        rest = self.size - position
        if rest < 8:
            return False
        implicit = self.converting or not self.encoding.explicit
        header = _LITTLE if self.converting else self.item_header
        group, element, length = header.unpack_from(self.buffer, position)
        tag = group << 16 | element
        if tag in (ITEM_TAG, ITEM_DELIMITER, SEQUENCE_DELIMITER):
            self._delimiter_in_item(tag, length)
            return True
        size = 8
        if implicit:
            info = self._lookup(tag)
        else:
            info = describe(self._code())
            if info.long:
                size = 12
                if rest < 12:
                    return False
                length = self.word.unpack_from(self.buffer, position + 8)[0]
            elif info.name == "na":
                if rest < 10 and not self.final:
                    return False
            else:
                length = self.half.unpack_from(self.buffer, position + 6)[0]
        if not self.final and rest < size + (min(length, 4) if element == 0 else min(length, 1)):
            return False
        if self._note is not None:
            self._tell_header(tag, info, length, implicit)
        self._check_fit(tag, size, length)
        self._element(tag, info, size, length)
        return True

    def _delimiter_in_item(self, tag: int, length: int) -> None:
        if length & 1 and length != UNDEFINED:
            self.note("W", f"DcmItem: Length of element {text(tag)} is odd")
        self._check_fit(tag, 8, length)
        position = self.position
        if tag == ITEM_TAG:
            self.note("W", f"DcmItem: Parse error while parsing element {text(tag)}")
            raise DataSetError(errors.INVALID_TAG)
        if tag == SEQUENCE_DELIMITER:
            self._wrong_delimiter(tag)
        if not self.stack:
            self._flush(position)
            self._leave_item()
            self.ended = True
            self.unread = self.size - position - 8
            return
        self._leave_item()
        if length or self.end < INFINITE or (self.converting and self.encoding.big_endian):
            self._replace(position, self.item_end, position + 8)
        self.position = position + 8
        self._pop()

    def _leave_item(self) -> None:
        self._close_group_length()
        if self.disordered:
            self._seen.pop(len(self.stack), None)
            self.disordered_items.add(self.output_start)
            if len(self.disordered_items) > limits.MAX_SORTED_ELEMENTS:
                raise limit_exceeded("items out of order")

    def _end_item(self, position: int) -> None:
        """End an item without delimiter at *position*."""
        self._leave_item()
        self._replace(position, self.item_end, position)
        self._pop()

    def _end_sequence(self, position: int) -> None:
        """End a sequence without delimiter at *position*."""
        self._replace(position, self.sequence_end, position)
        self._resume_item()

    def _resume_item(self) -> None:
        self._pop()
        self.barrier = self._barrier()
        if self._deferred:
            element = self._deferred.pop(len(self.stack), None)
            if element is not None:
                self._tell_element(*element, len(self.stack))

    def _sequence_step(self) -> bool:
        position = self.position
        if self.base + position >= self.end:
            self._end_sequence(position)
            return True
        if self.size - position < 8:
            return False
        foreign = self.converting and self.encoding.big_endian
        header = _LITTLE if foreign else self.item_header
        group, element, length = header.unpack_from(self.buffer, position)
        tag = group << 16 | element
        if length & 1 and length != UNDEFINED and self._note is not None:
            self.note(
                "W",
                f"DcmSequenceOfItems: Length of item in sequence {self._name(self.tag)} {text(self.tag)} is odd",
            )
        if tag == ITEM_TAG:
            if length != UNDEFINED or foreign:
                self._replace(position, self.item_header.pack(0xFFFE, 0xE000, UNDEFINED), position + 8)
            self.position = position + 8
            self._push(ITEM, self.tag, length, self.converting)
            self.barrier = self._barrier()
            return True
        self._expect_sequence_delimiter(tag)
        if length or self.end < INFINITE or foreign:
            self._replace(position, self.sequence_end, position + 8)
        self.position = position + 8
        self._resume_item()
        return True

    def _fragment_step(self) -> bool:
        position = self.position
        rest = self.size - position
        if rest < 8:
            return False
        group, element, length = self.item_header.unpack_from(self.buffer, position)
        tag = group << 16 | element
        if length & 1 and length != UNDEFINED and self._note is not None:
            self.note(
                "W",
                f"DcmSequenceOfItems: Length of item in sequence {self._name(self.tag)} {text(self.tag)} is odd",
            )
        if tag != ITEM_TAG:
            self._expect_sequence_delimiter(tag)
            if length:
                self._replace(position, self.sequence_end, position + 8)
            self.position = position + 8
            self._resume_item()
            return True
        if length and rest == 8:
            if not self.final:
                return False
            self._cut_short(ITEM_TAG, self.item_header.pack(0xFFFE, 0xE000, 0), length)
            return True
        if length == UNDEFINED:
            self._not_loaded(ITEM_TAG)
        if length & 1:
            self._replace(position, self.item_header.pack(0xFFFE, 0xE000, length + 1), position + 8)
        if not length:
            self.empty_fragment_at = self.base + position + 8
        self._value(ITEM_TAG, position + 8, length, pad=PAD_BINARY)
        return True

    # ---- checks -----------------------------------------------------------------------------------

    # ---- order, group lengths, head ---------------------------------------------------------------

    def _advance(self, tag: int) -> bool:
        """Note that element *tag* starts here: order, group lengths, barrier. False: it is out of order."""
        if not self.stack:
            self.started = True
        in_order = tag > self.last if tag > FIRST_TAG else self.last == FIRST_TAG and tag > self.low
        if not in_order:
            if not self.disordered:
                self.disordered = True
                self.second_pass = True
                if self._note is not None:
                    self._seen[len(self.stack)] = self._tags_before()
        else:
            gl = self.group_length
            if gl is not None and gl.group != tag >> 16:
                self._close_group_length()
            if tag > FIRST_TAG:
                self.last = tag
            else:
                self.low = tag
        self.barrier = self._barrier()
        return in_order

    def _close_group_length(self) -> None:
        gl = self.group_length
        self.group_length = None
        if gl is None or self.disordered:
            return
        value = self._counted(self.position) - gl.start
        if value == gl.received:
            return
        if value >= UNDEFINED:
            self.second_pass = True
            return
        self.patches.append((gl.patch_offset, self.word.pack(value)))
        if len(self.patches) > limits.MAX_PATCHES:
            raise limit_exceeded("group lengths")

    # ---- elements ---------------------------------------------------------------------------------

    def _element(self, tag: int, info: VrInfo, header: int, length: int) -> None:
        """Handle element *tag* whose header of *header* bytes stands at `position`."""
        name = info.name
        if name == "na":
            self.note("W", f"DcmItem: Parse error while parsing element {text(tag)}")
            raise DataSetError(errors.INVALID_TAG)
        if name == "pi":
            self._wrong_delimiter(tag)
        overlay = is_overlay_data(tag)
        pixel_class = name == "px" or (tag == PIXEL_DATA and name in ("OB", "OW", "ox"))
        if name == "??" and tag == PIXEL_DATA and not self._implicit() and self._code() == b"OX":
            info = INFO["OW"]._replace(standard=False)
            name = "OW"
            pixel_class = True
        if not pixel_class:
            if name in ("OB", "OW") and not overlay:
                self._check_ob_ow(tag, length)
            elif (
                length == UNDEFINED and name not in ("SQ", "UN", "??") and self.position + header < self.size
            ):
                self._not_loaded(tag, info.pad)
        in_order = self._advance(tag)
        if tag == PIXEL_DATA and not self.stack and in_order and length != UNDEFINED:
            self.native_pixel_data = True
        if name == "SQ":
            self._open_sequence(tag, header, length, self.converting)
        elif name in ("UN", "??") and length == UNDEFINED:
            if self._note is not None:
                self.note(
                    "W",
                    f"Found element {text(tag)} with VR UN and undefined length, reading a sequence with transfer "
                    "syntax LittleEndianImplicit (CP-246)",
                )
            self._open_sequence(tag, header, length, True)
        elif pixel_class and length == UNDEFINED:
            self._open_pixel_sequence(tag, header)
        elif not tag & 0xFFFF:
            self._group_length(tag, info, header, length, in_order)
        else:
            if name in ("ox", "px") and (pixel_class or overlay):
                info = INFO["OW"]._replace(standard=False)
            self._plain(tag, info, header, length, in_order)
        if self._note is not None and (not in_order or tag <= FIRST_TAG or tag >= 0xFFFF0000 or self._seen):
            if self.kind == ITEM:
                self._tell_element(tag, in_order, len(self.stack))
            else:
                self._deferred[len(self.stack) - 1] = (tag, in_order)

    def _header(self, tag: int, vr: str, length: int) -> bytes:
        """Return an output header; a length too long for the VR makes it UN."""
        start = self.half.pack(tag >> 16) + self.half.pack(tag & 0xFFFF)
        if not self.encoding.explicit:
            return start + self.word.pack(length)
        if not INFO[vr].long:
            if length <= MAX_SHORT_LENGTH:
                return start + vr.encode() + self.half.pack(length)
            vr = "UN"
        return start + vr.encode() + b"\0\0" + self.word.pack(length)

    def _is_clean(self, info: VrInfo, header: int) -> bool:
        """Return whether the header at `position` may go out as it came in, its length permitting."""
        if self.converting:
            return False
        if not self.encoding.explicit:
            return True
        if not info.standard:
            return False
        position = self.position
        return header == 8 or not (self.buffer[position + 6] or self.buffer[position + 7])

    def _plain(self, tag: int, info: VrInfo, header: int, length: int, in_order: bool) -> None:
        position = self.position
        start = position + header
        if length and start == self.size:
            # Only with `final`: the header announces a value of which nothing came (3.8 S3).
            self._cut_short(tag, self._header(tag, info.written, 0), length)
            if tag in (SOP_CLASS_UID, SOP_INSTANCE_UID):
                self._captured(tag, b"")
            return
        written = length + (length & 1 if info.pad != PAD_NONE else 0)
        illegal = info.name == "??" and header == 8 and self.encoding.explicit and not self.converting
        if written != length or illegal or not self._is_clean(info, header):
            self._replace(position, self._header(tag, info.written, written), start)
        wanted = self._wanted(tag, info, in_order)
        swap = (
            info.width
            if self.converting and self.encoding.big_endian and info.written not in ("OB", "UN")
            else 0
        )
        if swap and not INFO[info.written].long and written > MAX_SHORT_LENGTH:
            swap = 0
        self._value(tag, start, length, pad=info.pad, uid=info.name == "UI", swap=swap, capture=wanted)

    def _cut_short(self, tag: int, header: bytes, claimed: int) -> None:
        """3.8 S3: the value of the last element is missing; the element is stored empty."""
        if self._note is not None:
            self.note(
                "E",
                f"DcmElement: {self._name(tag)} {text(tag)} larger ({claimed}) than remaining bytes in file",
            )
        self._replace(self.position, header, self.size)
        # The reference counts the length that was announced.
        self._adjust(claimed)
        self.position = self.size
        self.truncated = True

    def _group_length(self, tag: int, info: VrInfo, header: int, length: int, in_order: bool) -> None:
        """T8: a group length becomes UL of 4 bytes with the value of the output."""
        position = self.position
        start = position + header
        is_ul = info.name in ("UL", "up")
        if is_ul and length not in (0, 4) and start < self.size:
            # What becomes of it depends on whether its group is the item's last.
            self.second_pass = True
            self._plain(tag, info, header, length, in_order)
            return
        if is_ul and length == 4 and start + 4 > self.size and start < self.size:
            self._plain(tag, info, header, length, in_order)
            return
        if is_ul and length == 4 and start < self.size:
            if self._is_clean(info, header):
                offset = self.out_total + start - self.run
            else:
                self._replace(position, self._header(tag, "UL", 4), start)
                offset = self.out_total
            swapped = self.converting and self.encoding.big_endian
            received = _LITTLE.unpack_from(b"\0\0\0\0" + bytes(self.buffer[start : start + 4]))[2]
            if not swapped:
                received = self.word.unpack_from(self.buffer, start)[0]
            self._value(tag, start, 4, swap=4 if swapped else 0)
        else:
            if not is_ul and (in_order or tag not in self._seen.get(len(self.stack), ())):
                self._group_lengths_corrected += 1
            new_header = self._header(tag, "UL", 4)
            self._replace(position, new_header + bytes(4), start)
            offset = self.out_total - 4
            received = 0
            if start == self.size and length:
                self.position = self.size
                self.truncated = True
            else:
                self._value(tag, start, length, drop=True)
        if in_order:
            # A dropped value may continue behind this buffer without any output.
            self.group_length = GroupLength(
                tag >> 16, offset, self.out_total + self.position - self.run + self.adjusted, received
            )
            self.barrier = self._barrier()

    def _open_sequence(self, tag: int, header: int, length: int, converting: bool) -> None:
        position = self.position
        start = position + header
        if not tag & 0xFFFF:
            self.second_pass = True
        explicit = self.encoding.explicit
        clean = length == UNDEFINED and not self.converting
        if clean and explicit:
            clean = bytes(self.buffer[position + 4 : position + 8]) == b"SQ\0\0"
        if not clean:
            self._replace(position, self._header(tag, "SQ", UNDEFINED), start)
        self.position = start
        if tag in (SOP_CLASS_UID, SOP_INSTANCE_UID):
            self._captured(tag, b"")
        self._push(SEQUENCE, tag, length, converting and explicit)

    def _open_pixel_sequence(self, tag: int, header: int) -> None:
        position = self.position
        start = position + header
        if self.converting or not self.encoding.encapsulated:
            self.unsaveable = errors.REPRESENTATION_NOT_FOUND.text
        if self.encoding.explicit and (
            self.converting or bytes(self.buffer[position + 4 : position + 8]) != b"OB\0\0"
        ):
            self._replace(position, self._header(tag, "OB", UNDEFINED), start)
        self.position = start
        self._push(PIXEL_SEQUENCE, tag, UNDEFINED, self.converting)

    def _code(self) -> bytes:
        """Return the VR bytes of the header at `position`."""
        return bytes(self.buffer[self.position + 4 : self.position + 6])

    # ---- the end ----------------------------------------------------------------------------------

    def _behind_the_end(self) -> None:
        """Count what follows a top level item delimiter; the reference chokes on more than 1,024 bytes."""
        if self.unread > UNREAD_LIMIT:
            raise DataSetError(errors.ILLEGAL_CALL)
        self.unread += self.size

    def finish(self, empty_last: bool) -> None:
        """The data set is complete. *empty_last*: its last fragment had no bytes (3.8 S7)."""
        try:
            self._finish(empty_last)
        finally:
            self._suspended()

    def _finish(self, empty_last: bool) -> None:
        if self.skip:
            if self._note is not None:
                tag = self.value_tag
                self.note(
                    "E",
                    f"DcmElement: {self._name(tag)} {text(tag)} larger ({self.value_length}) than remaining bytes "
                    f"({self.value_length - self.skip}) in file, premature end of stream",
                )
            raise DataSetError(errors.INVALID_STREAM)
        if empty_last and self.held:
            held = memoryview(self.held)
            self.held = b""
            self.base -= len(held)
            self.feed(held, True)
        cut = bool(self.held) or self.truncated
        if len(self.held) >= 6 and self._note is not None and self.kind == ITEM and not self._implicit():
            self._tell_cut_header()
        self.buffer = memoryview(b"")
        self.base += 0
        self.position = self.run = self.size = 0
        self._close_frames(strict=not (cut or empty_last or self.ended))
        if not self.ended:
            self._leave_item()
        if self.native_pixel_data and self.encoding.encapsulated and not cut:
            self.note("E", self._explicit_pixel_data())
            raise DataSetError(errors.PIXEL_DATA_EXPLICIT_LENGTH)
        if self.saving and self.unsaveable is None:
            for _ in range(min(self._group_lengths_corrected, limits.MAX_NOTES)):
                self.note("W", "DcmItem: Group Length with VR other than UL found, corrected")

    def _close_frames(self, strict: bool) -> None:
        """Close what is open. *strict*: as at an element boundary, where a missing delimiter is an error."""
        here = self.base
        while self.stack:
            if self.kind == ITEM:
                self._end_item(0)
                if strict and here < self.end:
                    self._sequence_not_ended()
                continue
            if strict and self.begin != here and here < self.end and self.empty_fragment_at != here:
                self._sequence_not_ended()
            self._end_sequence(0)

    def _collect_tags(self, item: memoryview) -> set[int]:
        collector = _TagCollector(self.encoding, self._get_dictionary, None)
        collector.converting = self.converting
        collector.feed(item, True)
        return collector.tags


class _TagCollector(ElementWalker):
    """Collects the tags of an item that was already walked over, leaving out what is nested."""

    def __init__(
        self,
        encoding: Encoding,
        dictionary: Callable[[], DataDictionary],
        note: Callable[[str, str], None] | None,
    ) -> None:
        super().__init__(encoding, dictionary, note)
        self.tags: set[int] = set()

    def _advance(self, tag: int) -> bool:
        if not self.stack:
            self.tags.add(tag)
        return True
