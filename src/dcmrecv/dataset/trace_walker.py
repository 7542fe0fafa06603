"""A walker that tells the lines of the debug and trace levels about a data set while it is parsed.

What the reference says of its objects follows from the structure of the data set (spec/network.md f.3). The
walker takes every element step by step, so nothing in the fast loops has to know about these lines.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from dcmrecv.dataset import limits
from dcmrecv.dataset.captured import (
    PIXEL_REPRESENTATION,
    PIXEL_VALUE_TAGS,
    WAVEFORM_BITS_ALLOCATED,
    WAVEFORM_TAGS,
    is_curve_data,
    is_overlay_data,
)
from dcmrecv.dataset.cursor import ITEM, ITEM_DELIMITER, SEQUENCE, text
from dcmrecv.dataset.diagnostics import PIXEL_DATA
from dcmrecv.dataset.elements import ElementWalker
from dcmrecv.dataset.errors import DataSetError, limit_exceeded
from dcmrecv.dataset.vr import VrInfo
from dcmrecv.transfer_syntaxes import Encoding

if TYPE_CHECKING:
    from dcmrecv.dataset.dictionary import DataDictionary

__all__ = ["DATA_SET_READ", "TraceWalker"]

DATA_SET_READ = "DcmDataset::read() returns error = "
"""What the last trace line about a fragment starts with."""

_SUSPENDED = "I/O suspension or premature end of stream"
_FINE = "Normal"
_NO_TAG = 1 << 32
_MAX_LEVELS = 64
"""Open sequences and items that are told of when a fragment ends; deeper ones are left out."""


def _has_choice(tag: int) -> bool:
    return (
        tag in PIXEL_VALUE_TAGS
        or tag == PIXEL_DATA
        or tag in WAVEFORM_TAGS
        or is_overlay_data(tag)
        or is_curve_data(tag)
    )


class TraceWalker(ElementWalker):
    """*traces*: tell the lines of the trace level, too."""

    def __init__(
        self,
        encoding: Encoding,
        dictionary: Callable[[], DataDictionary],
        note: Callable[[str, str], None] | None,
        traces: bool,
    ) -> None:
        super().__init__(encoding, dictionary, note)
        self._traces = traces
        self._tags: list[set[int]] = [set()]
        self._lowest: list[int] = [_NO_TAG]
        self._inserted: list[bool] = []
        self._failed = False

    def note(self, level: str, message: str) -> None:
        """See `Cursor.note`; lines of these levels belong to every element and are not counted."""
        if level not in "TD":
            super().note(level, message)
        elif self._note is not None:
            self._note(level, message)

    def _trace(self, message: str) -> None:
        if self._traces:
            self.note("T", message)

    # ---- levels -----------------------------------------------------------------------------------

    def feed(self, view: memoryview, final: bool) -> None:
        """See `Cursor.feed`."""
        try:
            super().feed(view, final)
        except DataSetError as error:
            self._tell_failure(error.parser_text)
            raise
        if not final:
            self._tell_open(_SUSPENDED)
            self._trace(DATA_SET_READ + _SUSPENDED)

    def pass_through(self, views: Sequence[bytes | bytearray | memoryview], first: int, stop: int) -> int:
        """See `Cursor.pass_through`: every fragment is told of."""
        return 0

    def finish(self, empty_last: bool) -> None:
        """See `ElementWalker.finish`."""
        try:
            super().finish(empty_last)
        except DataSetError as error:
            self._tell_failure(error.parser_text)
            raise
        if PIXEL_DATA in self._tags[0]:
            self._tell_found(PIXEL_DATA)
        self._trace(DATA_SET_READ + _FINE)

    def _tell_failure(self, what: str) -> None:
        if not self._failed:
            self._failed = True
            self._tell_open(what)
            self._trace(DATA_SET_READ + what)

    def _tell_open(self, what: str) -> None:
        """Tell how far the reader got: the open sequences and items, from the innermost one."""
        if not self._traces:
            return
        kind, tag = self.kind, self.tag
        depth = len(self._inserted)
        for frame in [*reversed(self.stack[-_MAX_LEVELS:]), None]:
            if kind == ITEM:
                self._trace(f"DcmItem::read() returns error = {what}")
            else:
                self._trace(f"DcmSequenceOfItems::read() returns error = {what}")
                depth -= 1
                if depth >= 0 and not self._inserted[depth]:
                    self._inserted[depth] = True
                    self._tell_inserted(tag, "SQ", depth, what)
            if frame is None:
                return
            kind, tag = frame[0], frame[3]

    # ---- items and sequences ----------------------------------------------------------------------

    def _push(self, kind: int, tag: int, length: int, converting: bool) -> None:
        if kind == ITEM:
            self._trace("DcmSequenceOfItems::readSubItem() Sub Item (fffe,e000) inserted")
            self._tags.append(set())
            self._lowest.append(_NO_TAG)
        else:
            self._inserted.append(False)
        super()._push(kind, tag, length, converting)

    def _delimiter_in_item(self, tag: int, length: int) -> None:
        if tag == ITEM_DELIMITER:
            self._trace("DcmItem::readSubItem() returns error = Item end")
        super()._delimiter_in_item(tag, length)

    def _leave_item(self) -> None:
        super()._leave_item()
        self._trace(f"DcmItem::read() returns error = {_FINE}")
        if self.stack:
            self._tags.pop()
            self._lowest.pop()

    def _wrong_delimiter(self, tag: int) -> None:  # type: ignore[override]
        try:
            super()._wrong_delimiter(tag)
        except DataSetError:
            self.note("D", f"DcmItem::readSubElement() cannot create Sub Element {text(tag)}")
            raise

    def _expect_sequence_delimiter(self, tag: int) -> None:
        try:
            super()._expect_sequence_delimiter(tag)
        except DataSetError:
            self.note("D", f"DcmSequenceOfItems::readSubItem() cannot create Sub Item {text(tag)}")
            raise
        self._trace("DcmSequenceOfItems::readSubItem() returns error = Sequence end")

    def _resume_item(self) -> None:
        tag, kind = self.tag, self.kind
        inserted = self._inserted.pop()
        self._trace(f"DcmSequenceOfItems::read() returns error = {_FINE}")
        if not inserted:
            self._tell_inserted(tag, "SQ" if kind == SEQUENCE else "OB", len(self._tags) - 1, _FINE)
        super()._resume_item()

    # ---- elements ---------------------------------------------------------------------------------

    def _element(self, tag: int, info: VrInfo, header: int, length: int) -> None:
        if self._implicit() and _has_choice(tag):
            self._tell_choice(tag)
        depth = len(self.stack)
        super()._element(tag, info, header, length)
        if len(self.stack) == depth:
            name = "OW" if info.name == "px" else info.name
            self._tell_inserted(tag, name, len(self._tags) - 1, _SUSPENDED if self.skip else _FINE)

    def _tell_inserted(self, tag: int, vr: str, level: int, result: str) -> None:
        """Tell that element *tag* was put into the item at *level*; the second of its kind is not."""
        if not self._traces:
            if tag == PIXEL_DATA:
                self._tags[level].add(tag)
            return
        tags = self._tags[level]
        if tag not in tags:
            where = "" if tag > self._lowest[level] else " at beginning"
            self._lowest[level] = min(tag, self._lowest[level])
            tags.add(tag)
            if len(tags) > limits.MAX_SORTED_ELEMENTS:
                raise limit_exceeded("elements of an item")
            self._trace(f'DcmItem::insert() Element {text(tag)} VR="{vr}" inserted{where}')
        self._trace(f"DcmItem::readSubItem() returns error = {result}")

    def _tell_found(self, tag: int) -> None:
        self._trace(f"DcmItem::searchSubFromHere() Element {text(tag)} found")

    def _tell_choice(self, tag: int) -> None:
        """Tell which VR an element gets that may have several (`CapturingCursor._lookup`)."""
        vr = self.dictionary.vr(tag, self._creator(tag))
        choice = reason = ""
        if vr == "ox":
            if tag in WAVEFORM_TAGS:
                bits = (self.context or {}).get(WAVEFORM_BITS_ALLOCATED)
                if bits is None:
                    return
                self._tell_found(WAVEFORM_BITS_ALLOCATED)
                choice = "OB" if bits == 8 else "OW"
                kind = "of 8" if bits == 8 else "that is different from 8"
                reason = f" because WaveformBitsAllocated {text(WAVEFORM_BITS_ALLOCATED)} has a value {kind}"
            elif tag == PIXEL_DATA or is_overlay_data(tag):
                choice = "OW"
            elif is_curve_data(tag):
                choice = "OB"
        elif vr == "xs" and tag in PIXEL_VALUE_TAGS:
            signed = (self.context or {}).get(PIXEL_REPRESENTATION)
            if signed is None:
                return
            self._tell_found(PIXEL_REPRESENTATION)
            choice = "SS" if signed == 1 else "US"
            kind = "of 1" if signed == 1 else "that is different from 1"
            reason = f" because PixelRepresentation {text(PIXEL_REPRESENTATION)} has a value {kind}"
        if choice:
            self.note(
                "D",
                f"DcmItem::checkAndUpdateVR() setting undefined VR of {self._name(tag)} {text(tag)} "
                f"to '{choice}'{reason}",
            )
