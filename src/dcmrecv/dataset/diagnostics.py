"""What the parser says: the reference's log lines about data sets, and its reasons to give up.

Each line is a `Remark`; its text is the log's (spec/network.md f.1, spec/storage.md 3.4). Nothing is built unless
there is a listener.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from dcmrecv import conditions, remarks
from dcmrecv.dataset import limits
from dcmrecv.dataset.errors import DataSetError
from dcmrecv.dataset.tags import (
    GROUPS_NOT_ALLOWED,
    PIXEL_DATA,
    PIXEL_REPRESENTATION,
    SEQUENCE_DELIMITER,
    UNDEFINED,
    VOI_LUT_SEQUENCE,
)
from dcmrecv.dataset.vr import PAD_BINARY, PAD_TEXT, VrInfo

if TYPE_CHECKING:
    from collections.abc import Callable

    from dcmrecv.dataset.captured import Choice
    from dcmrecv.remarks import Remark

__all__ = ["Diagnostics"]


class Diagnostics:
    """The lines about one data set.

    *note* takes them, None if there is no listener; without *detailed* those of the debug level are
    left out. *transfer_syntax* is the UID of the data set.
    """

    def __init__(
        self,
        note: Callable[[Remark], None] | None,
        detailed: bool,
        transfer_syntax: bytes,
    ) -> None:
        self.wanted = note is not None
        self.detailed = detailed and self.wanted
        self._note = note
        self._transfer_syntax = transfer_syntax
        self._count = 0

    def _say(self, remark: Remark) -> None:
        """Say a line, as long as there are not too many."""
        if self._note is None:
            return
        self._count += 1
        if self._count <= limits.MAX_NOTES:
            self._note(remark)
        elif self._count == limits.MAX_NOTES + 1:
            self._note(remarks.MORE_REMARKS())

    def detail(self, remark: Remark) -> None:
        """Say a line of the debug level; they are not counted."""
        if self._note is not None:
            self._note(remark)

    # ---- headers ----------------------------------------------------------------------------------

    def header(self, tag: int, info: VrInfo, length: int, code: bytes) -> None:
        """Of the header of an element; *code* are the VR bytes, empty in implicit VR."""
        if code:
            if not info.standard:
                self.vr(tag, info, code)
            if info.width > 1 and length % info.width:
                self._say(remarks.NO_MULTIPLE(tag, info.width, info.name))
        self.odd(tag, length)

    def odd(self, tag: int, length: int) -> None:
        """Of an odd length, if it is one."""
        if length & 1 and length != UNDEFINED:
            self._say(remarks.ELEMENT_ODD(tag))

    def odd_item(self, sequence: int, length: int) -> None:
        """Of an odd length of an item or fragment, if it is one."""
        if length & 1 and length != UNDEFINED and self.wanted:
            self._say(remarks.ODD_ITEM(sequence))

    def vr(self, tag: int, info: VrInfo, code: bytes) -> None:
        """Of a VR that is not standard."""
        self._say(remarks.UNKNOWN_VR(tag, code, 4 if info.long else 2))
        if tag == PIXEL_DATA and code == b"OX":
            self._say(remarks.VR_OX(tag))

    def unknown_sequence(self, tag: int) -> None:
        """Of a UN element of undefined length (PS3.5 6.2.2 note 4)."""
        self._say(remarks.UNKNOWN_SEQUENCE(tag))

    def chosen(self, tag: int, chosen: Choice) -> None:
        """Debug level: the VR of an element that has a choice, in implicit VR."""
        if not chosen.by:
            self.detail(remarks.VR_CHOSEN(tag, chosen.vr))
            return
        by_sign = chosen.by == PIXEL_REPRESENTATION
        kind = remarks.VR_CHOSEN_BY_SIGN if by_sign else remarks.VR_CHOSEN_BY_BITS
        self.detail(kind(tag, chosen.by, chosen.vr, chosen.vr in ("OB", "SS")))

    # ---- order ------------------------------------------------------------------------------------

    def place(self, tag: int, in_order: bool, repeated: bool) -> None:
        """Of the place of an element."""
        if repeated:
            self._say(remarks.ELEMENT_TWICE(tag))
        elif not in_order:
            self._say(remarks.ELEMENT_ORDER(tag))
        if tag >> 16 in GROUPS_NOT_ALLOWED:
            self._say(remarks.ELEMENT_INVALID(tag))

    def corrected_group_lengths(self, count: int) -> None:
        """Of group lengths that were not UL, once for each."""
        for _ in range(min(count, limits.MAX_NOTES)):
            self._say(remarks.GROUP_LENGTH_CORRECTED())

    # ---- what ends in an error --------------------------------------------------------------------

    def too_long_for_item(self, tag: int, item_length: int) -> None:
        """An element begins behind the explicit length of its item; a sequence delimiter there is an error."""
        self._say(remarks.ITEM_TOO_SHORT(item_length))
        if tag == SEQUENCE_DELIMITER:
            self._say(remarks.DELIMITED_TOO_EARLY())
            raise DataSetError(conditions.PREMATURE_SEQUENCE_DELIMITER)

    def larger_than_item(self, tag: int, length: int, remaining: int) -> NoReturn:
        """An element does not fit into the explicit length of its item (spec/storage.md 3.4)."""
        self._say(remarks.LARGER_THAN_ITEM(tag, length, remaining))
        raise DataSetError(conditions.ELEMENT_LARGER_THAN_ITEM)

    def wrong_element(self, tag: int) -> NoReturn:
        """An item where an element is due, or the VR ``na``."""
        self._say(remarks.WRONG_ELEMENT(tag))
        raise DataSetError(conditions.INVALID_TAG)

    def wrong_item_delimiter(self, tag: int) -> NoReturn:
        """A sequence delimiter (or the VR ``pi``) where an item delimiter is due."""
        self._say(remarks.NO_ITEM_DELIMITER(tag))
        if self.detailed:
            self.detail(remarks.NO_SUB_ELEMENT(tag))
        raise DataSetError(conditions.ITEM_DELIMITER_MISSING)

    def wrong_sequence_delimiter(self, sequence: int, tag: int) -> NoReturn:
        """Neither an item nor a sequence delimiter in a sequence."""
        self._say(remarks.NO_SEQUENCE_DELIMITER(sequence, tag))
        if self.detailed:
            self.detail(remarks.NO_SUB_ITEM(tag))
        raise DataSetError(conditions.SEQUENCE_DELIMITER_MISSING)

    def sequence_not_ended(self, sequence: int) -> NoReturn:
        """The data set ends inside a sequence."""
        self._say(remarks.SEQUENCE_NOT_ENDED(sequence))
        raise DataSetError(conditions.SEQUENCE_DELIMITER_MISSING)

    def too_deep(self, sequence: int, levels: int) -> NoReturn:
        """A sequence inside *levels* others; the line and the error are those of DCMTK after 3.7.0."""
        self._say(remarks.NESTING_TOO_DEEP(sequence, levels))
        raise DataSetError(conditions.NESTING_TOO_DEEP)

    def not_loaded(self, tag: int, pad: int = PAD_BINARY) -> NoReturn:
        """A value of undefined length that is neither a sequence nor pixel data."""
        self._say((remarks.STRING_NOT_LOADED if pad == PAD_TEXT else remarks.ELEMENT_NOT_LOADED)(tag))
        raise DataSetError(conditions.CORRUPTED_DATA)

    def ob_ow(self, tag: int, length: int) -> None:
        """An OB or OW element that is no pixel data; some lengths are conditions."""
        if tag == VOI_LUT_SEQUENCE and length != UNDEFINED:
            self._say(remarks.EXPLICIT_VOI_LUT())
            raise DataSetError(conditions.VOI_LUT_OB_OW)
        if length == UNDEFINED:
            condition = conditions.UNDEFINED_LENGTH_OB_OW
            self._say(remarks.UNDEFINED_LENGTH(tag, condition.text))
            raise DataSetError(condition)

    def value_missing(self, tag: int, length: int) -> None:
        """The header at the very end announces a value of which nothing came (spec/storage.md 3.8 S3)."""
        self._say(remarks.ELEMENT_LOST(tag, length))

    def value_cut(self, tag: int, length: int, there: int) -> NoReturn:
        """The data set ends inside a value (spec/storage.md 3.8 S4)."""
        self._say(remarks.ELEMENT_CUT(tag, length, there))
        raise DataSetError(conditions.INVALID_STREAM)

    def native_pixel_data(self) -> NoReturn:
        """Pixel Data of explicit length in an encapsulated transfer syntax (spec/storage.md 3.6)."""
        self._say(remarks.NATIVE_PIXEL_DATA(self._transfer_syntax))
        raise DataSetError(conditions.PIXEL_DATA_EXPLICIT_LENGTH)
