"""What can be wrong with a received data set."""

from __future__ import annotations

from dcmrecv.conditions import Condition

__all__ = ["DataSetError"]


_DCMDATA = 1

INVALID_TAG = Condition(_DCMDATA, 1, "Invalid tag")
INVALID_STREAM = Condition(_DCMDATA, 4, "Invalid stream")
CORRUPTED_DATA = Condition(_DCMDATA, 6, "Corrupted data")
ILLEGAL_CALL = Condition(_DCMDATA, 7, "Illegal call, perhaps wrong parameters")
REPRESENTATION_NOT_FOUND = Condition(_DCMDATA, 13, "Pixel representation not found")
ELEMENT_LARGER_THAN_ITEM = Condition(
    _DCMDATA, 27, "Length of element larger than explicit length of surrounding item"
)
SEQUENCE_DELIMITER_MISSING = Condition(_DCMDATA, 34, "Sequence Delimitation Item missing")
ITEM_DELIMITER_MISSING = Condition(_DCMDATA, 38, "Item Delimitation Item missing")
PREMATURE_SEQUENCE_DELIMITER = Condition(
    _DCMDATA, 39, "Sequence Delimitation Item occurred before Item was completely read"
)
UNDEFINED_LENGTH_OB_OW = Condition(
    _DCMDATA,
    51,
    "Illegal element with OB or OW Value Representation and undefined length encountered",
)
VOI_LUT_OB_OW = Condition(
    _DCMDATA,
    52,
    "Illegal VOI LUT Sequence element with OB or OW Value Representation and explicit length encountered",
)
PIXEL_DATA_EXPLICIT_LENGTH = Condition(
    _DCMDATA,
    53,
    "Pixel data in top level dataset in compressed Transfer Syntax uses explicit length",
)
NESTING_TOO_DEEP = Condition(_DCMDATA, 69, "Maximum sequence nesting depth exceeded")
"""Of DCMTK after 3.7.0 (CVE-2026-44031); 3.6.8 has no limit and dies."""


class DataSetError(Exception):
    """The data set cannot be parsed: the association is aborted without a response.

    `parser_text` is what the reference prints in brackets after ``dset->read() Failed``;
    `causes` are the same as (module, code, text), outermost first.
    """

    def __init__(self, condition: Condition) -> None:
        super().__init__(condition.text)
        self.parser_text = condition.text
        self.causes: tuple[Condition, ...] = (condition,)
        self.fragments: int | None = None
        """How many of the fragments that were fed last count, the bad one included; None: all of them."""


def limit_exceeded(what: str) -> DataSetError:
    """Return the error for data that meets one of our own limits (no counterpart in the reference)."""
    return DataSetError(Condition(_DCMDATA, 4, f"Limit exceeded: {what}"))
