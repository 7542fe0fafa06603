"""What the parser checks and tells: the reference's log lines about data sets, and its reasons to give up.

Texts are the reference's (spec/network.md f.1, spec/storage.md 3.4); nothing is looked up or built unless
somebody listens.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

from dcmrecv.dataset import errors, limits
from dcmrecv.dataset.cursor import (
    FIRST_TAG,
    INFINITE,
    ITEM_DELIMITER,
    SEQUENCE_DELIMITER,
    UNDEFINED,
    Cursor,
    text,
)
from dcmrecv.dataset.errors import DataSetError, limit_exceeded
from dcmrecv.dataset.vr import PAD_BINARY, PAD_TEXT, VrInfo, describe
from dcmrecv.transfer_syntaxes import Encoding

if TYPE_CHECKING:
    from dcmrecv.dataset.dictionary import DataDictionary

__all__ = ["DIRECTORY_RECORD_SEQUENCE", "PIXEL_DATA", "VOI_LUT_SEQUENCE", "CheckedCursor"]

DIRECTORY_RECORD_SEQUENCE = 0x00041220
VOI_LUT_SEQUENCE = 0x00283010
PIXEL_DATA = 0x7FE00010
GROUPS_NOT_ALLOWED = frozenset((1, 2, 3, 5, 7, 0xFFFF))


class CheckedCursor(Cursor):
    """`Cursor` with the checks; `elements.ElementWalker` asks for them."""

    def __init__(
        self,
        encoding: Encoding,
        dictionary: Callable[[], DataDictionary],
        note: Callable[[str, str], None] | None,
    ) -> None:
        super().__init__(encoding, dictionary, note)
        self._seen: dict[int, set[int]] = {}
        self._deferred: dict[int, tuple[int, bool]] = {}

    @property
    def dictionary(self) -> DataDictionary:
        """The data dictionary; asking for it may load it."""
        return self._get_dictionary()

    def _name(self, tag: int) -> str:
        return self.dictionary.name(tag)

    def _implicit(self) -> bool:
        return self.converting or not self.encoding.explicit

    def _wrong_delimiter(self, tag: int) -> NoReturn:
        self.note(
            "E",
            f"DcmItem: Parse error in sequence item, found {text(tag)} instead of item delimiter "
            f"{text(ITEM_DELIMITER)}",
        )
        raise DataSetError(errors.ITEM_DELIMITER_MISSING)

    def _expect_sequence_delimiter(self, tag: int) -> None:
        if tag != SEQUENCE_DELIMITER:
            self.note(
                "E",
                f"DcmSequenceOfItems: Parse error in sequence {text(self.tag)}, found {text(tag)} instead of "
                f"sequence delimiter {text(SEQUENCE_DELIMITER)}",
            )
            raise DataSetError(errors.SEQUENCE_DELIMITER_MISSING)

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

    def _not_loaded(self, tag: int, pad: int = PAD_BINARY) -> NoReturn:
        if self._note is not None:
            what = f"{self._name(tag)} {text(tag)} has odd maximum length ({UNDEFINED}) and therefore is not loaded"
            if pad == PAD_TEXT:
                self.note("W", f"DcmByteString: Element {what}")
            else:
                self.note("E", f"DcmElement: {what}")
        raise DataSetError(errors.CORRUPTED_DATA)

    def _tags_before(self) -> set[int]:
        """Return the tags of the current item up to here, as far as they can be found out."""
        begin = self.begin - self.base
        size = self.position - begin
        if begin < 0 or size > self._look_back:
            return {self.low if self.last == FIRST_TAG else self.last}
        self._look_back -= size
        return self._collect_tags(self.buffer[begin : self.position])

    def _collect_tags(self, item: memoryview) -> set[int]:
        """Return the tags of *item*, without what is nested."""
        raise NotImplementedError

    def _suspended(self) -> None:
        if not self._deferred:
            return
        for depth in sorted(self._deferred, reverse=True):
            self._tell_element(*self._deferred.pop(depth), depth)

    def _tell_element(self, tag: int, in_order: bool, depth: int) -> None:
        """Tell what is wrong with the place of an element at *depth*, once it was read as far as it is there."""
        self._deferred.pop(depth, None)
        seen = self._seen.get(depth)
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

    def _check_ob_ow(self, tag: int, length: int) -> None:
        if tag == VOI_LUT_SEQUENCE and length != UNDEFINED:
            self.note("E", "DcmItem: VOI LUT Sequence with VR=OW and explicit length encountered.")
            raise DataSetError(errors.VOI_LUT_OB_OW)
        if length == UNDEFINED:
            condition = errors.UNDEFINED_LENGTH_OB_OW
            self.note("E", f"DcmItem: Parse error in {text(tag)}: {condition.text}")
            raise DataSetError(condition)

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

    def _sequence_not_ended(self) -> NoReturn:
        if self._note is not None:
            self.note(
                "W",
                f"DcmSequenceOfItems: Reached end of stream before the end of sequence {self._name(self.tag)} "
                f"{text(self.tag)}",
            )
        raise DataSetError(errors.SEQUENCE_DELIMITER_MISSING)
