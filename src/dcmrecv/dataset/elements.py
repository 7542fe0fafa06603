"""The complete step: what stands at the current position, whatever it is (spec/storage.md 3).

`Elements.step` handles one header: of an element, an item, a fragment, a delimiter; or the end of a sequence or item
whose explicit length is used up. It knows every transfer syntax and every oddity, and works on the same
`dcmrecv.dataset.scan.Cursor` as the scanner, which takes clean data in little endian off its hands. What an element
may need beyond the cursor's frame (an open group length, private creators, elements out of order) is in a `Frame`,
which most items do not have.

Rules at a glance; the numbers are those of spec/storage.md 3.1:

* T1, T2 elements out of order or repeated are noted here and left to the second pass (`sort_elements`);
* T3, T4 headers with a VR or reserved bytes that are not the standard's are written anew;
* T5 lengths of sequences and items become undefined, delimiters get length 0;
* T6 the content of a UN element of undefined length is implicit VR little endian (PS3.5 6.2.2 note 4, CP-246) and is
  written in the data set's own transfer syntax (`Frame.converting`);
* T7 odd values are padded, if their VR is padded at all;
* T8 group lengths are computed and patched into the output when the group ends.

Errors are raised where the reference gives up. Where its lines and its errors depend on how much of the data set
has arrived (it reads again what was cut), a header waits here for the byte behind it: `Elements.final` says
when there is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmrecv import conditions
from dcmrecv.dataset import limits
from dcmrecv.dataset.captured import choice, is_overlay_data
from dcmrecv.dataset.diagnostics import Diagnostics
from dcmrecv.dataset.element_output import Output
from dcmrecv.dataset.errors import DataSetError, limit_exceeded
from dcmrecv.dataset.frames import Frame, Frames
from dcmrecv.dataset.rules import EXPLICIT
from dcmrecv.dataset.scan import Cursor
from dcmrecv.dataset.tags import (
    BEHIND_ELEMENTS,
    DIRECTORY_RECORD_SEQUENCE,
    FIRST_TAG,
    INFINITE,
    ITEM,
    ITEM_DELIMITER,
    ITEM_TAG,
    PIXEL_DATA,
    PIXEL_SEQUENCE,
    SEQUENCE,
    SEQUENCE_DELIMITER,
    UNDEFINED,
)
from dcmrecv.dataset.vr import INFO, PAD_BINARY, UNKNOWN, VrInfo, describe

if TYPE_CHECKING:
    from collections.abc import Callable

    from dcmrecv.dataset.captured import Choice
    from dcmrecv.dataset.dictionary import DataDictionary
    from dcmrecv.transfer_syntaxes import Encoding

__all__ = ["Elements"]

UNREAD_LIMIT = 1024
"""Bytes behind a top level item delimiter that the reference tolerates before the last fragment."""


class Elements:
    """The complete step over one data set; *scannable* says that the scanner knows its encoding."""

    def __init__(
        self,
        encoding: Encoding,
        cursor: Cursor,
        dictionary: Callable[[], DataDictionary],
        diagnostics: Diagnostics,
        *,
        scannable: bool,
    ) -> None:
        self.encoding = encoding
        self.cursor = cursor
        self.final = False
        self.ended = False
        self.disordered_items: set[int] = set()
        self._dictionary = dictionary
        self._diagnostics = diagnostics
        self._scannable = scannable
        self._frames = Frames(cursor)
        self.output = Output(encoding, cursor, self._frames, dictionary, diagnostics)
        self._order = self.output.order
        self._unread = 0
        self._native_pixel_data = False
        self._empty_fragment_at = -1
        self._header_at = self._waited_at = -1
        self._look_back = limits.MAX_LOOK_BACK
        self._seen = 0

    @property
    def held(self) -> int:
        """About how many bytes are remembered of the data set: for group lengths, sorting and nesting."""
        lengths = self.output.lengths
        patches = len(lengths.patches) + len(lengths.adjustments) + len(self.disordered_items)
        return limits.PATCH_COST * (patches + self._seen) + limits.FRAME_COST * len(self._frames)

    @property
    def second_pass(self) -> bool:
        """One pass is not enough: elements out of order or repeated, odd group lengths (T1, T2, T8)."""
        return self.output.reorders or self.output.lengths.too_large

    # ---- one piece of input -----------------------------------------------------------------------

    def next_fragment(self) -> None:
        """A fragment begins. Fragments of pixel data in a native transfer syntax must not go on in it (3.7)."""
        if self.output.native_fragments:
            raise DataSetError(conditions.ILLEGAL_CALL)

    def walk(self, final: bool) -> None:
        """Walk over what the cursor has loaded. *final*: nothing follows."""
        self.final = final
        if self.ended:
            self._behind_the_end()
            return
        try:
            if self.output.values.resume():
                self._walk()
        except DataSetError:
            self.suspend()
            raise
        if not final:
            self.suspend()
            if self._diagnostics.wanted and not self.ended and not self.cursor.skip:
                self._say_cut_header(self.cursor.view[self.cursor.position :])

    def _walk(self) -> None:
        cursor = self.cursor
        while not cursor.skip:  # no frame ends in a value, even where its explicit length does (3.4)
            frame = self._frames.current
            if self._scannable and not frame.converting and frame.seen is None:
                remarkable = cursor.scan()
                self._frames.find()
                if not remarkable and (not self.final or cursor.position == cursor.size):
                    return
            if self.ended or not self.step():
                return

    def step(self) -> bool:
        """Handle what stands at the current position. False: more input is needed."""
        kind = self.cursor.kind
        if kind == ITEM:
            return self._item_step()
        return self._sequence_step() if kind == SEQUENCE else self._fragment_step()

    def suspend(self) -> None:
        """Reading stops here, at the end of a fragment or because of an error: say what was put off."""
        for frame in reversed(self._frames):
            if frame.deferred is not None:
                self._say_deferred(frame)

    def _behind_the_end(self) -> None:
        """Count what follows a top level item delimiter; the reference chokes on more than 1,024 bytes."""
        if self._unread > UNREAD_LIMIT:
            raise DataSetError(conditions.ILLEGAL_CALL)
        cursor = self.cursor
        self._unread += cursor.size
        cursor.position = cursor.run = cursor.size

    # ---- items and sequences ----------------------------------------------------------------------

    def _enter(self, kind: int, tag: int, length: int, converting: bool) -> None:
        """Enter a sequence or item whose content starts at the current position."""
        cursor = self.cursor
        if cursor.depth >= cursor.max_depth:
            self._diagnostics.too_deep(tag, cursor.max_depth // 2)
        self._frames.enter(kind, tag, length, converting)

    def _leave_item(self) -> None:
        """The current item (or the data set) is complete."""
        self.output.lengths.close()
        if self._frames.current.disordered:
            self.disordered_items.add(self.cursor.output_start)
            if len(self.disordered_items) > limits.MAX_SORTED_ELEMENTS:
                raise limit_exceeded("items out of order")

    def _leave_sequence(self) -> None:
        cursor = self.cursor
        if cursor.kind == PIXEL_SEQUENCE:
            self.output.native_fragments = False
        self._frames.leave()
        if self._frames.current.deferred is not None:
            self._say_deferred(self._frames.current)

    def _item_step(self) -> bool:
        cursor = self.cursor
        position = cursor.position
        if cursor.base + position >= cursor.end:
            self._end_item(position)
            return True
        rest = cursor.size - position
        if rest < 8:
            return False
        order = self.output.incoming()
        group, element, length = order.item_header.unpack_from(cursor.view, position)
        tag = group << 16 | element
        if tag in (ITEM_TAG, ITEM_DELIMITER, SEQUENCE_DELIMITER):
            self._delimiter_in_item(tag, length)
            return True
        header = self._read_header(tag, length, rest)
        if header is None:
            return False
        info, chosen, code, size, length = header
        if self._header_at != cursor.base + position:
            # Once, also if the header has to wait below.
            self._header_at = cursor.base + position
            if self._diagnostics.wanted:
                self._diagnostics.header(tag, info, length, code)
        self._check_fit(tag, size, length)
        if (
            not self.final
            and rest < size + min(length, 1 if element else 4)
            and self._waits(tag, info, length)
        ):
            self._waited_at = self._header_at
            return False
        if chosen is not None and self._diagnostics.detailed:
            self._diagnostics.chosen(tag, chosen)
        self._element(tag, info, size, length)
        return True

    def _read_header(
        self, tag: int, length: int, rest: int
    ) -> tuple[VrInfo, Choice | None, bytes, int, int] | None:
        """Return VR, what it was chosen by, its bytes, the header's size and the value's length; None: more is needed.

        *length* is what stands behind the tag, *rest* the number of bytes that are there.
        """
        if self.output.implicit():
            info, chosen = self._lookup(tag)
            return info, chosen, b"", 8, length
        cursor = self.cursor
        order = self.output.incoming()
        code = self.output.code()
        info = describe(code)
        if info.long:
            if rest < 12:
                return None
            return info, None, code, 12, order.word.unpack_from(cursor.view, cursor.position + 8)[0]
        if info.name != "na":
            return info, None, code, 8, order.half.unpack_from(cursor.view, cursor.position + 6)[0]
        return None if rest < 10 and not self.final else (info, None, code, 8, length)

    def _waits(self, tag: int, info: VrInfo, length: int) -> bool:
        """Return whether a header waits for its value: not if it leads to fragments that must not be there."""
        native = self._frames.current.converting or not self.encoding.encapsulated
        return not (length == UNDEFINED and native and self._is_pixel_data(tag, info))

    def _check_fit(self, tag: int, header: int, length: int) -> None:
        """3.4: an element must fit into the explicit length of its item."""
        cursor = self.cursor
        if cursor.end >= INFINITE or length == UNDEFINED or cursor.tag == DIRECTORY_RECORD_SEQUENCE:
            return
        remaining = cursor.end - (cursor.base + cursor.position + header)
        if remaining < 0:
            self._diagnostics.too_long_for_item(tag, cursor.end - cursor.begin)
        elif length > remaining:
            self._diagnostics.larger_than_item(tag, length, remaining)

    def _delimiter_in_item(self, tag: int, length: int) -> None:
        cursor = self.cursor
        self._diagnostics.odd(tag, length)
        self._check_fit(tag, 8, length)
        position = cursor.position
        if tag == ITEM_TAG:
            self._diagnostics.wrong_element(tag)
        if tag == SEQUENCE_DELIMITER:
            self._diagnostics.wrong_item_delimiter(tag)
        self._leave_item()
        if not cursor.depth:
            cursor.flush(position)
            self.ended = True
            self._unread = cursor.size - position - 8
            cursor.position = cursor.run = cursor.size
            return
        if length or cursor.end < INFINITE or self.output.foreign():
            cursor.replace(position, self._order.item_end, position + 8)
        cursor.position = position + 8
        self._frames.leave()

    def _end_item(self, position: int) -> None:
        """End an item without delimiter at *position*."""
        self._leave_item()
        self.cursor.replace(position, self._order.item_end, position)
        self._frames.leave()

    def _end_sequence(self, position: int) -> None:
        """End a sequence without delimiter at *position*."""
        self.cursor.replace(position, self._order.sequence_end, position)
        self._leave_sequence()

    def _end_sequence_here(self, tag: int, length: int) -> None:
        """End a sequence or pixel sequence with the delimiter that must stand here."""
        cursor = self.cursor
        if tag != SEQUENCE_DELIMITER:
            self._diagnostics.wrong_sequence_delimiter(cursor.tag, tag)
        if length or cursor.end < INFINITE or self.output.foreign():
            cursor.replace(cursor.position, self._order.sequence_end, cursor.position + 8)
        cursor.position += 8
        self._leave_sequence()

    def _sequence_step(self) -> bool:
        cursor = self.cursor
        position = cursor.position
        if cursor.base + position >= cursor.end:
            self._end_sequence(position)
            return True
        if cursor.size - position < 8:
            return False
        converting = self._frames.current.converting
        order = self.output.incoming()
        group, element, length = order.item_header.unpack_from(cursor.view, position)
        tag = group << 16 | element
        self._diagnostics.odd_item(cursor.tag, length)
        if tag != ITEM_TAG:
            self._end_sequence_here(tag, length)
            return True
        if length != UNDEFINED or self.output.foreign():
            cursor.replace(position, self._order.item(UNDEFINED), position + 8)
        cursor.position = position + 8
        self._enter(ITEM, cursor.tag, length, converting)
        return True

    def _fragment_step(self) -> bool:
        cursor = self.cursor
        position = cursor.position
        rest = cursor.size - position
        if rest < 8:
            return False
        order = self.output.incoming()
        group, element, length = order.item_header.unpack_from(cursor.view, position)
        tag = group << 16 | element
        if self._header_at != cursor.base + position:
            self._header_at = cursor.base + position  # once, also if the header has to wait here
            self._diagnostics.odd_item(cursor.tag, length)
        if length and rest == 8 and not self.final and tag == ITEM_TAG:
            return False
        if tag != ITEM_TAG:
            self._end_sequence_here(tag, length)
            return True
        if length and rest == 8:
            self.output.cut_short(ITEM_TAG, self._order.item(0), length)
            return True
        if length == UNDEFINED:
            self._diagnostics.not_loaded(ITEM_TAG)
        if length & 1:
            cursor.replace(position, self._order.item(length + 1), position + 8)
        if not length:
            self._empty_fragment_at = cursor.base + position + 8
        self.output.values.take(ITEM_TAG, position + 8, length, pad=PAD_BINARY)
        return True

    # ---- order and group lengths ------------------------------------------------------------------

    def _advance(self, tag: int) -> bool:
        """Element *tag* starts here. False: it is out of order, or repeated."""
        cursor = self.cursor
        frame = self._frames.current
        if not cursor.depth:
            cursor.started = True
        if tag > FIRST_TAG:
            in_order = tag > cursor.last
        else:
            in_order = cursor.last == FIRST_TAG and tag > frame.low
        if not in_order:
            if not frame.disordered:
                frame = self._frames.own()
                frame.disordered = self.output.reorders = True
                if self._diagnostics.wanted:
                    frame.seen = self._tags_before()
        else:
            if frame.group_length is not None and frame.group_length.group != tag >> 16:
                self.output.lengths.close()
            if tag > FIRST_TAG:
                cursor.last = tag
            else:
                self._frames.own().low = tag
        self._frames.set_barrier()
        return in_order

    def _tags_before(self) -> set[int]:
        """Return the tags of the current item up to here, as far as they can be found out."""
        cursor = self.cursor
        begin = cursor.begin - cursor.base
        size = cursor.position - begin
        if begin < 0 or size > self._look_back:
            return {self._frames.current.low if cursor.last == FIRST_TAG else cursor.last}
        self._look_back -= size
        collector = _TagCollector(self.encoding, self._dictionary, self._frames.current.converting)
        return collector.collect(cursor.view[begin : cursor.position])

    def _say_deferred(self, frame: Frame) -> None:
        """Say what is wrong with the place of an element, which was read as far as it is there."""
        assert frame.deferred is not None
        tag, in_order = frame.deferred
        frame.deferred = None
        seen = frame.seen
        self._diagnostics.place(tag, in_order, not in_order and seen is not None and tag in seen)
        if seen is not None:
            seen.add(tag)
            self._seen += 1
            if len(seen) > limits.MAX_SORTED_ELEMENTS:
                raise limit_exceeded("elements out of order")

    # ---- elements ---------------------------------------------------------------------------------

    def _lookup(self, tag: int) -> tuple[VrInfo, Choice | None]:
        """Implicit VR: return the VR of *tag* from the dictionary or, for some, from other elements (PS3.5 A.1)."""
        context = self._frames.current.context
        creator = None
        if tag & 0x10000 and tag & 0xFFFF >= 0x1000:
            value = context.get(tag & 0xFFFF0000 | (tag & 0xFFFF) >> 8)
            creator = value if isinstance(value, bytes) else None
        name = self._dictionary().vr(tag, creator)
        chosen = choice(name, tag, context)
        return INFO.get(name if chosen is None else chosen.vr, UNKNOWN), chosen

    def _element(self, tag: int, info: VrInfo, header: int, length: int) -> None:
        """Handle element *tag* whose header of *header* bytes stands at the current position."""
        cursor = self.cursor
        info, pixels = self._checked(tag, info, header, length)
        in_order = self._advance(tag)
        depth = cursor.depth
        if tag == PIXEL_DATA and not depth and in_order and length != UNDEFINED:
            self._native_pixel_data = True
        frame = self._frames.current
        if self._diagnostics.wanted and (
            not in_order or tag <= FIRST_TAG or tag >= 0xFFFF0000 or frame.seen is not None
        ):
            frame = self._frames.own()
            frame.deferred = (tag, in_order)
        self._pass_on(tag, info, header, length, in_order, pixels)
        if cursor.depth != depth:
            return
        waits = cursor.skip and self.final and self._waited_at != self._header_at
        if frame.deferred is not None and not waits:
            self._say_deferred(frame)

    def _pass_on(
        self, tag: int, info: VrInfo, header: int, length: int, in_order: bool, pixels: bool
    ) -> None:
        """Enter a sequence or fragments, or let the value go out."""
        cursor = self.cursor
        converting = self._frames.current.converting
        unknown = length == UNDEFINED and info.name in ("UN", "??")
        if unknown:
            self._diagnostics.unknown_sequence(tag)
        if unknown or info.name == "SQ":
            self.output.open_sequence(tag, header, length)
            self._enter(SEQUENCE, tag, length, (converting or unknown) and self.encoding.explicit)
        elif pixels and length == UNDEFINED:
            # a second one of the same tag is dropped, whatever it is
            self.output.open_pixel_sequence(tag, header, dropped=not in_order and cursor.last == tag)
            self._enter(PIXEL_SEQUENCE, tag, UNDEFINED, converting)
        elif not tag & 0xFFFF:
            self.output.group_length(tag, info, header, length, in_order)
        else:
            if info.name in ("ox", "px") and (pixels or is_overlay_data(tag)):
                info = INFO["OW"]._replace(standard=False)
            self.output.plain(tag, info, header, length, in_order)

    def _checked(self, tag: int, info: VrInfo, header: int, length: int) -> tuple[VrInfo, bool]:
        """Raise for what the reference refuses; return the VR to go on with, and whether it is pixel data."""
        name = info.name
        if name == "na":
            self._diagnostics.wrong_element(tag)
        if name == "pi":
            self._diagnostics.wrong_item_delimiter(tag)
        pixels = self._is_pixel_data(tag, info)
        if name == "??" and pixels:
            return INFO["OW"]._replace(standard=False), True
        if not pixels:
            if name in ("OB", "OW") and not is_overlay_data(tag):
                self._diagnostics.ob_ow(tag, length)
            elif (
                length == UNDEFINED
                and name not in ("SQ", "UN", "??")
                and self.cursor.position + header < self.cursor.size
            ):
                self._diagnostics.not_loaded(tag, info.pad)
        return info, pixels

    def _is_pixel_data(self, tag: int, info: VrInfo) -> bool:
        """Return whether a value of undefined length would be fragments (PS3.5 A.4)."""
        if info.name == "px" or tag != PIXEL_DATA:
            return info.name == "px"
        return info.name in ("OB", "OW", "ox") or (
            info.name == "??" and not self.output.implicit() and self.output.code() == b"OX"
        )

    # ---- the end ----------------------------------------------------------------------------------

    def finish(self, empty_last: bool, saving: bool) -> None:
        """The data set is complete. *empty_last*: its last fragment had no bytes (3.8 S7).

        Without *saving* what is said about writing is left out.
        """
        try:
            self._finish(empty_last, saving)
        finally:
            self.suspend()

    def _finish(self, empty_last: bool, saving: bool) -> None:
        cursor = self.cursor
        if cursor.skip:
            self._diagnostics.value_cut(
                cursor.value_tag, cursor.value_length, cursor.value_length - cursor.skip
            )
        if empty_last and cursor.held:
            self.output.nothing_follows = True
            cursor.load(memoryview(b""))
            self.walk(True)
            cursor.unload()
        held = cursor.held
        cut = bool(held) or self.output.truncated
        if self._diagnostics.wanted:
            self._say_cut_header(held)
        cursor.held = b""
        cursor.view = memoryview(b"")
        cursor.position = cursor.run = cursor.size = 0
        self._close_frames(strict=not (cut or empty_last or self.ended))
        if not self.ended:
            self._leave_item()
        if self._native_pixel_data and self.encoding.encapsulated and not cut:
            self._diagnostics.native_pixel_data()
        if saving and self.output.unsaveable is None:
            self._diagnostics.corrected_group_lengths(self.output.group_lengths_corrected)
        cursor.settle()

    def _say_cut_header(self, rest: bytes | memoryview) -> None:
        """Say what can be said of a header of which only *rest* is there; the reference reads it again then."""
        if not 6 <= len(rest) < 12 or self.cursor.kind != ITEM or self.output.implicit():
            return
        group, element = self._order.tag.unpack_from(rest)
        code = bytes(rest[4:6])
        info = describe(code)
        if group != 0xFFFE and not info.standard and len(rest) < (12 if info.long else 8):
            self._diagnostics.vr(group << 16 | element, info, code)

    def _close_frames(self, strict: bool) -> None:
        """Close what is open. *strict*: as at an element boundary, where a missing delimiter is an error."""
        cursor = self.cursor
        here = cursor.base
        while cursor.depth:
            if cursor.kind == ITEM:
                self._end_item(0)
                if strict and here < cursor.end:
                    self._diagnostics.sequence_not_ended(cursor.tag)
                continue
            if strict and cursor.begin != here and here < cursor.end and self._empty_fragment_at != here:
                self._diagnostics.sequence_not_ended(cursor.tag)
            self._end_sequence(0)


class _TagCollector(Elements):
    """Collects the tags of an item that was already walked over, leaving out what is nested."""

    def __init__(
        self, encoding: Encoding, dictionary: Callable[[], DataDictionary], converting: bool
    ) -> None:
        cursor = Cursor(EXPLICIT, BEHIND_ELEMENTS, 2 * limits.MAX_NESTING)
        silent = Diagnostics(None, False, b"")
        super().__init__(encoding, cursor, dictionary, silent, scannable=False)
        self._tags: set[int] = set()
        if converting:
            self._frames.own().converting = True

    def collect(self, item: memoryview) -> set[int]:
        """Return the tags of *item*."""
        self.cursor.load(item)
        self.walk(True)
        return self._tags

    def _advance(self, tag: int) -> bool:
        if not self.cursor.depth:
            self._tags.add(tag)
        return True
