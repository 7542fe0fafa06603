"""P-DATA-TF PDUs met before, told by their headers: about another one like that there is nothing new.

The objects of a series come with the same 12 bytes in front of their commands and, if they are small, of their
data sets. Where these bytes are in the buffer again, with all that they announce behind them, one comparison
takes the place of reading and checking them.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Met", "MetPdus"]


class Met(NamedTuple):
    """A sound PDU with one PDV, which was the only and last one of a command or data set."""

    header: bytes
    size: int
    """Bytes of the whole PDU."""
    context_id: int


class MetPdus:
    """The last ones: associations begin with what others have met, since many bring one object each."""

    __slots__ = ("command", "data_set")

    def __init__(self) -> None:
        self.command = self.data_set = Met(b"", 1 << 62, 0)  # no buffer has so many bytes
