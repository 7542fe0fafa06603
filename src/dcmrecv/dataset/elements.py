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
from dcmrecv.dataset.encoding import Encoding
from dcmrecv.dataset.errors import DataSetError, limit_exceeded
from dcmrecv.dataset.stream import (
    FIRST_TAG,
    INFINITE,
    ITEM,
    ITEM_DELIMITER,
    ITEM_TAG,
    PIXEL_SEQUENCE,
    SEQUENCE,
    SEQUENCE_DELIMITER,
    SERIES_DATE,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    UNDEFINED,
    GroupLength,
    Stream,
    text,
)
from dcmrecv.dataset.vr import INFO, PAD_BINARY, PAD_NONE, PAD_TEXT, UNKNOWN, VrInfo, describe

if TYPE_CHECKING:
    from dcmrecv.dataset.dictionary import DataDictionary

__all__ = ["ElementWalker"]

DIRECTORY_RECORD_SEQUENCE = 0x00041220
VOI_LUT_SEQUENCE = 0x00283010
PIXEL_DATA = 0x7FE00010
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
GROUPS_NOT_ALLOWED = frozenset((1, 2, 3, 5, 7, 0xFFFF))
MAX_SHORT_LENGTH = 0xFFFF
UNREAD_LIMIT = 1024
"""Bytes behind a top level item delimiter that the reference tolerates before the last fragment."""

_LITTLE = struct.Struct("<HHI")


def is_overlay_data(tag: int) -> bool:
    """Return whether *tag* is (60xx,3000)."""
    return tag & 0xFF00FFFF == 0x60003000


def is_curve_data(tag: int) -> bool:
    """Return whether *tag* is (50xx,3000)."""
    return tag & 0xFF00FFFF == 0x50003000


class ElementWalker(Stream):
    """`Stream` with the rules; subclasses bring fast loops for their encoding."""

    @property
    def dictionary(self) -> DataDictionary:
        """The data dictionary; asking for it may load it."""
        return self._get_dictionary()

    def _name(self, tag: int) -> str:
        return self.dictionary.name(tag)

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

    def __init__(
        self,
        encoding: Encoding,
        dictionary: Callable[[], DataDictionary],
        note: Callable[[str, str], None] | None,
    ) -> None:
        super().__init__(encoding, dictionary, note)
        self._seen: dict[int, set[int]] = {}
        self._deferred: dict[int, tuple[int, bool]] = {}
        self._look_back = limits.MAX_LOOK_BACK
        self._group_lengths_corrected = 0

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
            info = describe(bytes(self.buffer[position + 4 : position + 6]))
            if info.long:
                size = 12
                if rest < 12:
                    return False
                length = self.word.unpack_from(self.buffer, position + 8)[0]
            elif info.name == "na":
                if rest < 10:
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
            self._replace(position, self.item_header.pack(0xFFFE, 0xE00D, 0), position + 8)
        self.position = position + 8
        self._pop()

    def _wrong_delimiter(self, tag: int) -> None:
        self.note(
            "E",
            f"DcmItem: Parse error in sequence item, found {text(tag)} instead of item delimiter "
            f"{text(ITEM_DELIMITER)}",
        )
        raise DataSetError(errors.ITEM_DELIMITER_MISSING)

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
        self._replace(position, self.item_header.pack(0xFFFE, 0xE00D, 0), position)
        self._pop()

    def _end_sequence(self, position: int) -> None:
        """End a sequence without delimiter at *position*."""
        self._replace(position, self.item_header.pack(0xFFFE, 0xE0DD, 0), position)
        self._resume_item()

    def _resume_item(self) -> None:
        self._pop()
        self.barrier = self._barrier()
        if self._deferred:
            element = self._deferred.pop(len(self.stack), None)
            if element is not None:
                self._tell_element(*element)

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
            self._replace(position, self.item_header.pack(0xFFFE, 0xE0DD, 0), position + 8)
        self.position = position + 8
        self._resume_item()
        return True

    def _expect_sequence_delimiter(self, tag: int) -> None:
        if tag != SEQUENCE_DELIMITER:
            self.note(
                "E",
                f"DcmSequenceOfItems: Parse error in sequence {text(self.tag)}, found {text(tag)} instead of "
                f"sequence delimiter {text(SEQUENCE_DELIMITER)}",
            )
            raise DataSetError(errors.SEQUENCE_DELIMITER_MISSING)

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
                self._replace(position, self.item_header.pack(0xFFFE, 0xE0DD, 0), position + 8)
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

    def _tell_header(self, tag: int, info: VrInfo, length: int, implicit: bool) -> None:
        if not implicit:
            if not info.standard:
                self._tell_vr(tag, info)
            if info.width > 1 and length % info.width:
                self.note(
                    "W",
                    f"DcmItem: Length of element {text(tag)} is not a multiple of {info.width} (VR={info.name})",
                )
        if length & 1 and length != UNDEFINED:
            self.note("W", f"DcmItem: Length of element {text(tag)} is odd")

    def _tell_vr(self, tag: int, info: VrInfo) -> None:
        code = bytes(self.buffer[self.position + 4 : self.position + 6])
        shown = bytes(32 if c < 32 else c for c in code).decode("utf-8", "surrogateescape")
        self.note(
            "W",
            f"DcmItem: Non-standard VR '{shown}' ({code[0]:02x}\\{code[1]:02x}) encountered while parsing element "
            f"{text(tag)}, assuming {4 if info.long else 2} byte length field",
        )
        if tag == PIXEL_DATA and code == b"OX":
            self.note(
                "W",
                f"DcmItem: Non-standard VR 'OX' is known to be wrongly used for PixelData {text(tag)}, "
                "setting VR to 'OW'",
            )

    def _check_fit(self, tag: int, header: int, length: int) -> None:
        """3.4: an element must fit into the explicit length of its item."""
        end = self.end
        if end >= INFINITE or length == UNDEFINED or self.tag == DIRECTORY_RECORD_SEQUENCE:
            return
        remaining = end - (self.base + self.position + header)
        if remaining < 0:
            self.note(
                "W",
                f"DcmItem: Explicit item length ({end - self.begin} bytes) too large for the elements contained "
                "in the item",
            )
            if tag == SEQUENCE_DELIMITER:
                self.note(
                    "W",
                    "DcmItem: Sequence delimitation occurred before all bytes announced by explicit item length "
                    "could be read",
                )
                raise DataSetError(errors.PREMATURE_SEQUENCE_DELIMITER)
        elif length > remaining:
            if self._note is not None:
                self.note(
                    "W",
                    f"DcmItem: Element {self._name(tag)} {text(tag)} larger ({length}) than remaining bytes "
                    f"({remaining}) of surrounding item",
                )
            raise DataSetError(errors.ELEMENT_LARGER_THAN_ITEM)

    def _not_loaded(self, tag: int, pad: int = PAD_BINARY) -> None:
        if self._note is not None:
            what = f"{self._name(tag)} {text(tag)} has odd maximum length ({UNDEFINED}) and therefore is not loaded"
            if pad == PAD_TEXT:
                self.note("W", f"DcmByteString: Element {what}")
            else:
                self.note("E", f"DcmElement: {what}")
        raise DataSetError(errors.CORRUPTED_DATA)

    # ---- order, group lengths, head ---------------------------------------------------------------

    def _barrier(self) -> int:
        """Return the lowest tag above the last one that the fast loops must not pass."""
        last = self.last
        if (last == FIRST_TAG and self.group_length is not None) or self._seen:
            # An open group below 0008, or every tag is to be remembered.
            return 0
        gl = self.group_length
        barrier = 0xFFFE0000 if gl is None else (gl.group + 1) << 16
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

    def _tags_before(self) -> set[int]:
        """Return the tags of the current item up to here, as far as they can be found out."""
        begin = self.begin - self.base
        size = self.position - begin
        if begin < 0 or size > self._look_back:
            return {self.low if self.last == FIRST_TAG else self.last}
        self._look_back -= size
        collector = _TagCollector(self.encoding, self._get_dictionary, None)
        collector.converting = self.converting
        collector.feed(self.buffer[begin : self.position], True)
        return collector.tags

    def _tell_element(self, tag: int, in_order: bool) -> None:
        """Tell what is wrong with the place of an element, once it was read."""
        self._deferred.pop(len(self.stack), None)
        seen = self._seen.get(len(self.stack))
        if not in_order:
            if seen is not None and tag in seen:
                self.note(
                    "W",
                    f"DcmItem: Element {text(tag)} found twice in one data set or item, ignoring second entry",
                )
            else:
                self.note("W", f"DcmItem: Dataset not in ascending tag order, at element {text(tag)}")
        if seen is not None:
            seen.add(tag)
            if len(seen) > limits.MAX_SORTED_ELEMENTS:
                raise limit_exceeded("elements out of order")
        if tag >> 16 in GROUPS_NOT_ALLOWED:
            self.note("W", f"DcmItem: Invalid Element {text(tag)} found in data set")

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
        if name == "??" and tag == PIXEL_DATA and not self._implicit():
            if bytes(self.buffer[self.position + 4 : self.position + 6]) == b"OX":
                info = INFO["OW"]._replace(standard=False)
                name = "OW"
                pixel_class = True
        if not pixel_class:
            if name in ("OB", "OW") and not overlay:
                self._check_ob_ow(tag, length)
            elif length == UNDEFINED and name not in ("SQ", "UN", "??"):
                if self.position + header < self.size:
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
                self._tell_element(tag, in_order)
            else:
                self._deferred[len(self.stack) - 1] = (tag, in_order)

    def _implicit(self) -> bool:
        return self.converting or not self.encoding.explicit

    def _check_ob_ow(self, tag: int, length: int) -> None:
        if tag == VOI_LUT_SEQUENCE and length != UNDEFINED:
            self.note("E", "DcmItem: VOI LUT Sequence with VR=OW and explicit length encountered.")
            raise DataSetError(errors.VOI_LUT_OB_OW)
        if length == UNDEFINED:
            condition = errors.UNDEFINED_LENGTH_OB_OW
            self.note("E", f"DcmItem: Parse error in {text(tag)}: {condition.text}")
            raise DataSetError(condition)

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
            return
        written = length + (length & 1 if info.pad != PAD_NONE else 0)
        illegal = info.name == "??" and header == 8 and self.encoding.explicit and not self.converting
        if written != length or illegal or not self._is_clean(info, header):
            self._replace(position, self._header(tag, info.written, written), start)
        wanted = self._wanted(tag, info, in_order)
        swap = info.width if self.converting and self.encoding.big_endian and info.written not in ("OB", "UN") else 0
        if swap and not INFO[info.written].long and written > MAX_SHORT_LENGTH:
            swap = 0
        self._value(tag, start, length, pad=info.pad, uid=info.name == "UI", swap=swap, capture=wanted)

    def _wanted(self, tag: int, info: VrInfo, in_order: bool) -> bool:
        """Return whether the value of *tag* has to be remembered."""
        if tag == SOP_CLASS_UID or tag == SOP_INSTANCE_UID:
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
            if not is_ul:
                if in_order or tag not in self._seen.get(len(self.stack), ()):
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
            self.group_length = GroupLength(tag >> 16, offset, self.out_total + self.position - self.run + self.adjusted, received)
            self.barrier = self._barrier()

    def _open_sequence(self, tag: int, header: int, length: int, converting: bool) -> None:
        position = self.position
        start = position + header
        if not tag & 0xFFFF:
            self.second_pass = True
        explicit = self.encoding.explicit
        clean = length == UNDEFINED and not self.converting
        if clean and explicit:
            code = self.buffer[position + 4 : position + 8]
            clean = code == b"SQ\0\0"
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
            self.converting or self.buffer[position + 4 : position + 8] != b"OB\0\0"
        ):
            self._replace(position, self._header(tag, "OB", UNDEFINED), start)
        self.position = start
        self._push(PIXEL_SEQUENCE, tag, UNDEFINED, self.converting)

    # ---- the end ----------------------------------------------------------------------------------

    def _behind_the_end(self) -> None:
        """Count what follows a top level item delimiter; the reference chokes on more than 1,024 bytes."""
        if self.unread > UNREAD_LIMIT:
            raise DataSetError(errors.ILLEGAL_CALL)
        self.unread += self.size

    def finish(self, empty_last: bool) -> None:
        """The data set is complete. *empty_last*: its last fragment had no bytes (3.8 S7)."""
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

    def _tell_cut_header(self) -> None:
        group, element, _ = self.item_header.unpack(self.held[:8].ljust(8, b"\0"))
        info = describe(self.held[4:6])
        if group != 0xFFFE and not info.standard:
            self.buffer = memoryview(self.held)
            self.position = 0
            self._tell_vr(group << 16 | element, info)

    def _explicit_pixel_data(self) -> str:
        return (
            "Found explicit length Pixel Data in top level dataset with transfer syntax "
            f"{self.syntax_name()}: Only undefined length permitted"
        )

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

    def _sequence_not_ended(self) -> None:
        if self._note is not None:
            self.note(
                "W",
                f"DcmSequenceOfItems: Reached end of stream before the end of sequence {self._name(self.tag)} "
                f"{text(self.tag)}",
            )
        raise DataSetError(errors.SEQUENCE_DELIMITER_MISSING)


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
