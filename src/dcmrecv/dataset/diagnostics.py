"""What the parser says: the reference's log lines about data sets, and its reasons to give up.

Texts are the reference's (spec/network.md f.1, spec/storage.md 3.4). Nothing is looked up or built unless there is
a listener.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from dcmrecv.dataset import errors, limits
from dcmrecv.dataset.errors import DataSetError
from dcmrecv.dataset.tags import (
    GROUPS_NOT_ALLOWED,
    ITEM_DELIMITER,
    PIXEL_DATA,
    PIXEL_REPRESENTATION,
    SEQUENCE_DELIMITER,
    UNDEFINED,
    VOI_LUT_SEQUENCE,
    text,
)
from dcmrecv.dataset.vr import PAD_BINARY, PAD_TEXT, VrInfo

if TYPE_CHECKING:
    from collections.abc import Callable

    from dcmrecv.dataset.captured import Choice
    from dcmrecv.dataset.dictionary import DataDictionary

__all__ = ["Diagnostics"]


class Diagnostics:
    """The lines about one data set.

    *note* takes level letter and text (logger dcmdata), None if nobody listens; *detail* 0 leaves out the lines of the
    debug and trace levels, 1 those of the trace level. *syntax_name* gives the long name of the transfer syntax.
    """

    def __init__(
        self,
        note: Callable[[str, str], None] | None,
        detail: int,
        dictionary: Callable[[], DataDictionary],
        syntax_name: Callable[[], str],
    ) -> None:
        self.wanted = note is not None
        self.detailed = detail > 0 and self.wanted
        self._note = note
        self._dictionary = dictionary
        self._syntax_name = syntax_name
        self._count = 0

    def _say(self, level: str, message: str) -> None:
        """Say a line, as long as there are not too many."""
        if self._note is None:
            return
        self._count += 1
        if self._count <= limits.MAX_NOTES:
            self._note(level, message)
        elif self._count == limits.MAX_NOTES + 1:
            self._note("W", "DcmItem: further messages about this data set are not shown")

    def detail(self, level: str, message: str) -> None:
        """Say a line of the debug or trace level; they belong to every element and are not counted."""
        if self._note is not None:
            self._note(level, message)

    def _name(self, tag: int) -> str:
        return self._dictionary().name(tag)

    # ---- headers ----------------------------------------------------------------------------------

    def header(self, tag: int, info: VrInfo, length: int, code: bytes) -> None:
        """Of the header of an element; *code* are the VR bytes, empty in implicit VR."""
        if code:
            if not info.standard:
                self.vr(tag, info, code)
            if info.width > 1 and length % info.width:
                self._say(
                    "W",
                    f"DcmItem: Length of element {text(tag)} is not a multiple of {info.width} (VR={info.name})",
                )
        self.odd(tag, length)

    def odd(self, tag: int, length: int) -> None:
        """Of an odd length, if it is one."""
        if length & 1 and length != UNDEFINED:
            self._say("W", f"DcmItem: Length of element {text(tag)} is odd")

    def odd_item(self, sequence: int, length: int) -> None:
        """Of an odd length of an item or fragment, if it is one."""
        if length & 1 and length != UNDEFINED and self.wanted:
            self._say(
                "W",
                f"DcmSequenceOfItems: Length of item in sequence {self._name(sequence)} {text(sequence)} is odd",
            )

    def vr(self, tag: int, info: VrInfo, code: bytes) -> None:
        """Of a VR that is not standard."""
        shown = bytes(32 if c < 32 else c for c in code).decode("utf-8", "surrogateescape")
        self._say(
            "W",
            f"DcmItem: Non-standard VR '{shown}' ({code[0]:02x}\\{code[1]:02x}) encountered while parsing element "
            f"{text(tag)}, assuming {4 if info.long else 2} byte length field",
        )
        if tag == PIXEL_DATA and code == b"OX":
            self._say(
                "W",
                f"DcmItem: Non-standard VR 'OX' is known to be wrongly used for PixelData {text(tag)}, "
                "setting VR to 'OW'",
            )

    def unknown_sequence(self, tag: int) -> None:
        """Of a UN element of undefined length (PS3.5 6.2.2 note 4)."""
        self._say(
            "W",
            f"Found element {text(tag)} with VR UN and undefined length, reading a sequence with transfer "
            "syntax LittleEndianImplicit (CP-246)",
        )

    def chosen(self, tag: int, chosen: Choice) -> None:
        """Debug level: the VR of an element that has a choice, in implicit VR."""
        reason = ""
        if chosen.by:
            first = chosen.vr in ("OB", "SS")
            if chosen.by == PIXEL_REPRESENTATION:
                what, value = "PixelRepresentation", 1
            else:
                what, value = "WaveformBitsAllocated", 8
            kind = f"of {value}" if first else f"that is different from {value}"
            reason = f" because {what} {text(chosen.by)} has a value {kind}"
        self.detail(
            "D",
            f"DcmItem::checkAndUpdateVR() setting undefined VR of {self._name(tag)} {text(tag)} "
            f"to '{chosen.vr}'{reason}",
        )

    # ---- order ------------------------------------------------------------------------------------

    def place(self, tag: int, in_order: bool, repeated: bool) -> None:
        """Of the place of an element."""
        if repeated:
            self._say(
                "W",
                f"DcmItem: Element {text(tag)} found twice in one data set or item, ignoring second entry",
            )
        elif not in_order:
            self._say("W", f"DcmItem: Dataset not in ascending tag order, at element {text(tag)}")
        if tag >> 16 in GROUPS_NOT_ALLOWED:
            self._say("W", f"DcmItem: Invalid Element {text(tag)} found in data set")

    def corrected_group_lengths(self, count: int) -> None:
        """Of group lengths that were not UL, once for each."""
        for _ in range(min(count, limits.MAX_NOTES)):
            self._say("W", "DcmItem: Group Length with VR other than UL found, corrected")

    # ---- what ends in an error --------------------------------------------------------------------

    def too_long_for_item(self, tag: int, item_length: int) -> None:
        """An element begins behind the explicit length of its item; a sequence delimiter there is an error."""
        self._say(
            "W",
            f"DcmItem: Explicit item length ({item_length} bytes) too large for the elements contained in the item",
        )
        if tag == SEQUENCE_DELIMITER:
            self._say(
                "W",
                "DcmItem: Sequence delimitation occurred before all bytes announced by explicit item length could "
                "be read",
            )
            raise DataSetError(errors.PREMATURE_SEQUENCE_DELIMITER)

    def larger_than_item(self, tag: int, length: int, remaining: int) -> NoReturn:
        """An element does not fit into the explicit length of its item (spec/storage.md 3.4)."""
        if self.wanted:
            self._say(
                "W",
                f"DcmItem: Element {self._name(tag)} {text(tag)} larger ({length}) than remaining bytes "
                f"({remaining}) of surrounding item",
            )
        raise DataSetError(errors.ELEMENT_LARGER_THAN_ITEM)

    def wrong_element(self, tag: int) -> NoReturn:
        """An item where an element is due, or the VR ``na``."""
        self._say("W", f"DcmItem: Parse error while parsing element {text(tag)}")
        raise DataSetError(errors.INVALID_TAG)

    def wrong_item_delimiter(self, tag: int) -> NoReturn:
        """A sequence delimiter (or the VR ``pi``) where an item delimiter is due."""
        self._say(
            "E",
            f"DcmItem: Parse error in sequence item, found {text(tag)} instead of item delimiter "
            f"{text(ITEM_DELIMITER)}",
        )
        if self.detailed:
            self.detail("D", f"DcmItem::readSubElement() cannot create Sub Element {text(tag)}")
        raise DataSetError(errors.ITEM_DELIMITER_MISSING)

    def wrong_sequence_delimiter(self, sequence: int, tag: int) -> NoReturn:
        """Neither an item nor a sequence delimiter in a sequence."""
        self._say(
            "E",
            f"DcmSequenceOfItems: Parse error in sequence {text(sequence)}, found {text(tag)} instead of "
            f"sequence delimiter {text(SEQUENCE_DELIMITER)}",
        )
        if self.detailed:
            self.detail("D", f"DcmSequenceOfItems::readSubItem() cannot create Sub Item {text(tag)}")
        raise DataSetError(errors.SEQUENCE_DELIMITER_MISSING)

    def sequence_not_ended(self, sequence: int) -> NoReturn:
        """The data set ends inside a sequence."""
        if self.wanted:
            self._say(
                "W",
                f"DcmSequenceOfItems: Reached end of stream before the end of sequence {self._name(sequence)} "
                f"{text(sequence)}",
            )
        raise DataSetError(errors.SEQUENCE_DELIMITER_MISSING)

    def too_deep(self, sequence: int, levels: int) -> NoReturn:
        """A sequence inside *levels* others; the line and the error are those of DCMTK after 3.7.0."""
        if self.wanted:
            self._say(
                "E",
                f"DcmSequenceOfItems: Maximum nesting depth ({levels}) exceeded while parsing sequence "
                f"{self._name(sequence)} {text(sequence)}",
            )
        raise DataSetError(errors.NESTING_TOO_DEEP)

    def not_loaded(self, tag: int, pad: int = PAD_BINARY) -> NoReturn:
        """A value of undefined length that is neither a sequence nor pixel data."""
        if self.wanted:
            what = f"{self._name(tag)} {text(tag)} has odd maximum length ({UNDEFINED}) and therefore is not loaded"
            if pad == PAD_TEXT:
                self._say("W", f"DcmByteString: Element {what}")
            else:
                self._say("E", f"DcmElement: {what}")
        raise DataSetError(errors.CORRUPTED_DATA)

    def ob_ow(self, tag: int, length: int) -> None:
        """An OB or OW element that is no pixel data; some lengths are errors."""
        if tag == VOI_LUT_SEQUENCE and length != UNDEFINED:
            self._say("E", "DcmItem: VOI LUT Sequence with VR=OW and explicit length encountered.")
            raise DataSetError(errors.VOI_LUT_OB_OW)
        if length == UNDEFINED:
            condition = errors.UNDEFINED_LENGTH_OB_OW
            self._say("E", f"DcmItem: Parse error in {text(tag)}: {condition.text}")
            raise DataSetError(condition)

    def value_missing(self, tag: int, length: int) -> None:
        """The header at the very end announces a value of which nothing came (spec/storage.md 3.8 S3)."""
        if self.wanted:
            self._say(
                "E",
                f"DcmElement: {self._name(tag)} {text(tag)} larger ({length}) than remaining bytes in file",
            )

    def value_cut(self, tag: int, length: int, there: int) -> NoReturn:
        """The data set ends inside a value (spec/storage.md 3.8 S4)."""
        if self.wanted:
            self._say(
                "E",
                f"DcmElement: {self._name(tag)} {text(tag)} larger ({length}) than remaining bytes "
                f"({there}) in file, premature end of stream",
            )
        raise DataSetError(errors.INVALID_STREAM)

    def native_pixel_data(self) -> NoReturn:
        """Pixel Data of explicit length in an encapsulated transfer syntax (spec/storage.md 3.6)."""
        if self.wanted:
            self._say(
                "E",
                "Found explicit length Pixel Data in top level dataset with transfer syntax "
                f"{self._syntax_name()}: Only undefined length permitted",
            )
        raise DataSetError(errors.PIXEL_DATA_EXPLICIT_LENGTH)
