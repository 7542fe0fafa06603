"""The lines of the trace level about a data set while it is parsed (spec/network.md f.3).

What the reference says of its objects follows from the structure of the data set. The complete step calls a
`Trace` at each of its steps; the scanner knows nothing of it, and is not used at this level.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmrecv import remarks
from dcmrecv.dataset import limits
from dcmrecv.dataset.errors import limit_exceeded
from dcmrecv.dataset.tags import ITEM, PIXEL_DATA, SEQUENCE

if TYPE_CHECKING:
    from collections.abc import Callable

    from dcmrecv.dataset.scan import Cursor
    from dcmrecv.remarks import Remark

__all__ = ["Trace"]

SUSPENDED = "I/O suspension or premature end of stream"
_FINE = "Normal"
_NO_TAG = 1 << 32
_MAX_LEVELS = 64
"""Open sequences and items that are listed when a fragment ends; deeper ones are left out."""


class Trace:
    """Says the lines about one data set to *note*."""

    def __init__(self, note: Callable[[Remark], None]) -> None:
        self._say = note
        # For the data set and each open item: the tags so far, and the lowest of them.
        self._tags: list[set[int]] = [set()]
        self._lowest = [_NO_TAG]
        # For each open sequence: whether a fragment ended in it, and with it was said that it was inserted.
        self._inserted: list[bool] = []
        self._failed = False

    def suspended(self, cursor: Cursor) -> None:
        """A fragment ended, and the data set did not."""
        self._open(cursor, SUSPENDED)
        self._say(remarks.DATA_SET_READ(SUSPENDED))

    def failed(self, cursor: Cursor, what: str) -> None:
        """The data set cannot be read, because of *what*."""
        if not self._failed:
            self._failed = True
            self._open(cursor, what)
            self._say(remarks.DATA_SET_READ(what))

    def finished(self) -> None:
        """The data set was read."""
        if PIXEL_DATA in self._tags[0]:
            self.found(PIXEL_DATA)
        self._say(remarks.DATA_SET_READ(_FINE))

    def _open(self, cursor: Cursor, what: str) -> None:
        """Say how far the reader got: the open sequences and items, from the innermost one."""
        depth = cursor.depth
        open_frames = [(cursor.kind, cursor.tag)]
        for level in range(depth - 1, max(depth - 1 - _MAX_LEVELS, -1), -1):
            kind, _, _, tag, _, _ = cursor.frame(level)
            open_frames.append((kind, tag))
        sequence = len(self._inserted)
        for kind, tag in open_frames:
            if kind == ITEM:
                self._say(remarks.ITEM_READ(what))
                continue
            self._say(remarks.SEQUENCE_READ(what))
            sequence -= 1
            if not self._inserted[sequence]:
                self._inserted[sequence] = True
                self._insert(tag, "SQ", sequence, what)

    def entered(self, kind: int) -> None:
        """A sequence or item begins."""
        if kind == ITEM:
            self._say(remarks.SUB_ITEM_INSERTED())
            self._tags.append(set())
            self._lowest.append(_NO_TAG)
        else:
            self._inserted.append(False)

    def item_delimiter(self) -> None:
        """An item ends with a delimiter."""
        self._say(remarks.ITEM_END())

    def item_left(self, depth: int) -> None:
        """An item ended, or at *depth* 0 the data set."""
        self._say(remarks.ITEM_READ(_FINE))
        if depth:
            self._tags.pop()
            self._lowest.pop()

    def sequence_delimiter(self) -> None:
        """A sequence ends with a delimiter."""
        self._say(remarks.SEQUENCE_END())

    def sequence_left(self, kind: int, tag: int) -> None:
        """The sequence of element *tag* ended."""
        self._say(remarks.SEQUENCE_READ(_FINE))
        if not self._inserted.pop():
            self._insert(tag, "SQ" if kind == SEQUENCE else "OB", len(self._tags) - 1, _FINE)

    def inserted(self, tag: int, vr: str, complete: bool) -> None:
        """Element *tag* was read as far as it is there."""
        self._insert(tag, vr, len(self._tags) - 1, _FINE if complete else SUSPENDED)

    def _insert(self, tag: int, vr: str, level: int, result: str) -> None:
        """Element *tag* was put into the item at *level*; the second of its kind is not."""
        tags = self._tags[level]
        if tag not in tags:
            kind = remarks.INSERTED if tag > self._lowest[level] else remarks.INSERTED_FIRST
            self._lowest[level] = min(tag, self._lowest[level])
            tags.add(tag)
            if len(tags) > limits.MAX_SORTED_ELEMENTS:
                raise limit_exceeded("elements of an item")
            self._say(kind(tag, vr))
        self._say(remarks.SUB_ITEM_READ(result))

    def found(self, tag: int) -> None:
        """The reference looked for element *tag*."""
        self._say(remarks.FOUND(tag))
