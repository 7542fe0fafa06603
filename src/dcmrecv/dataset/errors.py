"""What can be wrong with a received data set."""

from __future__ import annotations

from dcmrecv import conditions
from dcmrecv.conditions import Condition

__all__ = ["DataSetError"]


class DataSetError(Exception):
    """The data set cannot be parsed: the association is aborted without a response.

    The text of `condition` is what the reference prints in brackets after ``dset->read() Failed``.
    """

    def __init__(self, condition: Condition) -> None:
        super().__init__(condition.text)
        self.condition = condition
        self.fragments: int | None = None
        """How many of the fragments that were fed last count, the bad one included; None: all of them."""


def limit_exceeded(what: str) -> DataSetError:
    """Return the error for data that meets one of our own limits (no counterpart in the reference)."""
    return DataSetError(conditions.limit_exceeded(what))
