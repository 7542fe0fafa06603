"""The state of one pass over a data set: input, output, values, frames.

`Cursor` knows how bytes come in and go out; what they mean is the business of `elements.ElementWalker`.
Values pass as slices of the input, headers are the only bytes looked at, and at most one incomplete header is
kept back (spec/storage.md 9).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from dcmrecv.dataset import limits
from dcmrecv.dataset.errors import DataSetError, limit_exceeded
from dcmrecv.dataset.vr import PAD_NONE, PAD_TEXT
from dcmrecv.transfer_syntaxes import Encoding

if TYPE_CHECKING:
    from dcmrecv.dataset.dictionary import DataDictionary

__all__ = [
    "BEHIND_ELEMENTS",
    "FIRST_TAG",
    "HEAD",
    "INFINITE",
    "ITEM",
    "ITEM_DELIMITER",
    "ITEM_TAG",
    "PIXEL_SEQUENCE",
    "SEQUENCE",
    "SEQUENCE_DELIMITER",
    "SERIES_DATE",
    "SOP_CLASS_UID",
    "SOP_INSTANCE_UID",
    "UNDEFINED",
    "Cursor",
    "GroupLength",
    "text",
]

ITEM, SEQUENCE, PIXEL_SEQUENCE = 0, 1, 2
"""What the current frame expects next: elements, items, pixel fragments."""

UNDEFINED = 0xFFFFFFFF
INFINITE = 1 << 62
FIRST_TAG = 0x0007FFFF
"""Elements at or below it belong to groups that need a look of their own."""
BEHIND_ELEMENTS = 0xFFFE0000
"""Items and delimiters come from here on."""

ITEM_TAG, ITEM_DELIMITER, SEQUENCE_DELIMITER = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
SOP_CLASS_UID, SOP_INSTANCE_UID, SERIES_DATE = 0x00080016, 0x00080018, 0x00080021
HEAD = {SOP_CLASS_UID: b"UI", SOP_INSTANCE_UID: b"UI", SERIES_DATE: b"DA"}
"""Elements whose values the receiver needs, and their VR."""


def text(tag: int) -> str:
    """Return *tag* as the reference prints it."""
    if tag == 0xFFFFFFFF:
        return "(????,????)"
    return f"({tag >> 16:04x},{tag & 0xFFFF:04x})"


_SIMPLE: tuple[bool, int, None, bool, None] = (False, -1, None, False, None)


class GroupLength(NamedTuple):
    """A group length element whose group is still open."""

    group: int
    patch_offset: int
    """Of its value in the output."""
    start: int
    """Counted output position of the first element behind it."""
    received: int


class _Order:
    """The numbers and delimiters of a byte order."""

    def __init__(self, sign: str) -> None:
        self.word = struct.Struct(sign + "I")
        self.half = struct.Struct(sign + "H")
        self.item_header = struct.Struct(sign + "HHI")
        self.item_end = self.item_header.pack(0xFFFE, 0xE00D, 0)
        self.sequence_end = self.item_header.pack(0xFFFE, 0xE0DD, 0)


_LITTLE, _BIG = _Order("<"), _Order(">")


class Cursor:
    """Input, output and values of one pass; see the module text.

    What an object of usual data never sets is a default of the class: a small object costs as much as the
    attributes that are made for it.
    """

    # Input: the current buffer, the next byte to look at, the start of the verbatim run, and the
    # position in the data set of the buffer's first byte.
    buffer = memoryview(b"")
    position = 0
    run = 0
    size = 0
    base = 0
    held = b""
    final = False

    # A value that continues behind the buffer.
    skip = 0
    value_tag = 0
    value_length = 0
    pad = b""
    pad_counted = True
    drop = False
    swap_width = 0
    swap_rest = b""
    capture: bytearray | None = None

    # Output.
    out_total = 0
    adjusted = 0

    # The current frame.
    kind = ITEM
    begin = 0
    end = INFINITE
    tag = 0
    converting = False
    last = FIRST_TAG
    low = -1
    group_length: GroupLength | None = None
    output_start = 0
    disordered = False
    context: dict[int, bytes | int] | None = None
    barrier = SOP_CLASS_UID

    # Findings.
    started = False
    ended = False
    unread = 0
    sop_class: bytes | None = None
    sop_instance: bytes | None = None
    series_date: bytes | None = None
    second_pass = False
    unsaveable: str | None = None
    native_pixel_data = False
    truncated = False
    empty_fragment_at = -1
    saving = True
    _notes = 0
    _group_lengths_corrected = 0
    _look_back = limits.MAX_LOOK_BACK

    def __init__(
        self,
        encoding: Encoding,
        dictionary: Callable[[], DataDictionary],
        note: Callable[[str, str], None] | None,
    ) -> None:
        self.encoding = encoding
        self._get_dictionary = dictionary
        self._note = note
        self.syntax_name: Callable[[], str] = str
        order = _BIG if encoding.big_endian else _LITTLE
        self.word = order.word
        self.half = order.half
        self.item_header = order.item_header
        self.item_end = order.item_end
        self.sequence_end = order.sequence_end
        self.out: list[bytes | bytearray | memoryview] = []
        self.adjustments: list[tuple[int, int]] = []
        self.patches: list[tuple[int, bytes]] = []
        self.disordered_items: set[int] = set()
        # Suspended frames, outermost first: kind, begin, end, tag, last, output_start and, unless all of them
        # are as in `_SIMPLE`, converting, low, group_length, disordered, context. The fast loop pushes the short
        # form.
        self.stack: list[tuple[Any, ...]] = []

    # ---- input and output -------------------------------------------------------------------------

    def feed(self, view: memoryview, final: bool) -> None:
        """Walk over the next piece of the data set. *final*: nothing follows.

        Output is collected in `out` and refers to *view*.
        """
        self.final = final
        start = 0
        size = len(view)
        if self.skip:
            start = self._continue_value(view)
            if self.skip:
                self.base += size
                return
        elif self.held:
            view = memoryview(self.held + bytes(view))
            self.base -= len(self.held)
            self.held = b""
            size = len(view)
        self.buffer = view
        self.size = size
        self.position = start
        if not start:
            self.run = 0
        if self.ended:
            self._behind_the_end()
            return
        try:
            self._walk()
        except DataSetError:
            self._suspended()
            raise
        if not final:
            self._suspended()
        position = size if self.skip else self.position
        if not self.ended:
            self._flush(position)
            if position < size:
                self.held = bytes(view[position:])
        self.base += size

    def pass_through(self, views: Sequence[bytes | bytearray | memoryview], first: int, stop: int) -> int:
        """Take from views[first:stop] those that lie inside the current value as a whole; return how many.

        None of them ends the value. Nothing is taken if the value is not passed on as it comes.
        """
        skip = self.skip
        if self.drop or self.swap_width or self.capture is not None:
            return 0
        index = first
        while index < stop:
            left = skip - len(views[index])
            if left <= 0:
                break
            skip = left
            index += 1
        size = self.skip - skip
        if size:
            self.out += views[first:index]
            self.out_total += size
            self.base += size
            self.skip = skip
        return index - first

    def _walk(self) -> None:
        raise NotImplementedError

    def _suspended(self) -> None:
        """Reading stops here, at the end of a fragment or because of an error."""
        raise NotImplementedError

    def _behind_the_end(self) -> None:
        raise NotImplementedError

    def _captured(self, tag: int, value: bytes) -> None:
        raise NotImplementedError

    def _flush(self, position: int) -> None:
        """Emit the verbatim run up to *position*; the next run starts there."""
        run = self.run
        if position > run:
            self.out.append(self.buffer[run:position])
            self.out_total += position - run
        self.run = position

    def _emit(self, data: bytes | memoryview) -> None:
        self.out.append(data)
        self.out_total += len(data)

    def _replace(self, start: int, data: bytes, resume: int) -> None:
        """Emit the run up to *start*, then *data*; the next run starts at *resume*."""
        self._flush(start)
        if data:
            self._emit(data)
        self.run = resume

    def _adjust(self, amount: int) -> None:
        """Count *amount* bytes more in group lengths than were just emitted."""
        self.adjusted += amount
        self.adjustments.append((self.out_total, amount))
        if len(self.adjustments) > limits.MAX_PATCHES:
            raise limit_exceeded("padded values")

    def _counted(self, position: int) -> int:
        """Output position of input *position*, as group lengths count it."""
        return self.out_total + position - self.run + self.adjusted

    def note(self, level: str, message: str) -> None:
        """Tell a line of the parser, as long as there are not too many."""
        if self._note is None:
            return
        self._notes += 1
        if self._notes <= limits.MAX_NOTES:
            self._note(level, message)
        elif self._notes == limits.MAX_NOTES + 1:
            self._note("W", "DcmItem: further messages about this data set are not shown")

    # ---- values -----------------------------------------------------------------------------------

    def _value(
        self,
        tag: int,
        start: int,
        length: int,
        *,
        pad: int = PAD_NONE,
        uid: bool = False,
        drop: bool = False,
        swap: int = 0,
        capture: bool = False,
    ) -> None:
        """Take the value of *length* bytes at *start*; what lies behind the buffer comes with later feeds."""
        self.pad = b""
        if length & 1 and pad != PAD_NONE:
            self.pad = b" " if pad == PAD_TEXT and not uid else b"\0"
            self.pad_counted = pad == PAD_TEXT
        self.drop = drop
        self.swap_width = swap if swap > 1 else 0
        self.swap_rest = b""
        self.value_tag = tag
        self.value_length = length
        self.capture = bytearray() if capture else None
        here = min(length, self.size - start)
        self.skip = length - here
        stop = start + here
        if capture:
            self._capture(self.buffer[start:stop])
        if drop or self.swap_width:
            self._flush(start)
            self._pass(self.buffer[start:stop])
            self.run = stop
        self.position = stop
        if not self.skip:
            self._value_complete(stop)

    def _continue_value(self, view: memoryview) -> int:
        """Take the rest of a value from *view*; return where it ends there."""
        here = min(self.skip, len(view))
        self.skip -= here
        if here:
            part = view[:here]
            if self.capture is not None:
                self._capture(part)
            self._pass(part)
        self.buffer = view
        self.run = here
        if not self.skip:
            self._value_complete(here)
        return here

    def _pass(self, part: memoryview) -> None:
        if self.drop:
            return
        if self.swap_width:
            self._swap(part)
        elif part:
            self._emit(part)

    def _capture(self, part: memoryview) -> None:
        assert self.capture is not None
        self.capture += part[: limits.MAX_CAPTURED_VALUE - len(self.capture)]

    def _swap(self, part: memoryview) -> None:
        width = self.swap_width
        data = self.swap_rest + bytes(part)
        whole = len(data) - len(data) % width
        swapped = bytearray(whole)
        for i in range(width):
            swapped[i::width] = data[width - 1 - i : whole : width]
        self.swap_rest = data[whole:]
        if whole:
            self._emit(bytes(swapped))

    def _value_complete(self, position: int) -> None:
        if self.swap_rest:
            self._emit(self.swap_rest)
            self.swap_rest = b""
        if self.pad:
            self._flush(position)
            self._emit(self.pad)
            if not self.pad_counted:
                self._adjust(-1)
            self.pad = b""
        if self.capture is not None:
            value = bytes(self.capture)
            self.capture = None
            self._captured(self.value_tag, value)

    # ---- frames -----------------------------------------------------------------------------------

    def _push(self, kind: int, tag: int, length: int, converting: bool) -> None:
        """Enter a sequence or item whose content starts at `position`."""
        stack = self.stack
        stack.append(
            (
                self.kind,
                self.begin,
                self.end,
                self.tag,
                self.last,
                self.output_start,
                self.converting,
                self.low,
                self.group_length,
                self.disordered,
                self.context,
            )
        )
        if len(stack) > 2 * limits.MAX_NESTING:
            raise limit_exceeded("nesting of sequences")
        begin = self.base + self.position
        self.kind = kind
        self.begin = begin
        self.end = INFINITE if length == UNDEFINED else begin + length
        self.tag = tag
        self.converting = converting
        self.last = FIRST_TAG
        self.low = -1
        self.group_length = None
        self.output_start = self.out_total + self.position - self.run
        self.disordered = False
        self.context = None

    def _pop(self) -> None:
        """Go back to the surrounding frame."""
        frame = self.stack.pop()
        self.kind, self.begin, self.end, self.tag, self.last, self.output_start = frame[:6]
        if len(frame) > 6:
            self.converting, self.low, self.group_length, self.disordered, self.context = frame[6:]
        else:
            self.converting, self.low, self.group_length, self.disordered, self.context = _SIMPLE
