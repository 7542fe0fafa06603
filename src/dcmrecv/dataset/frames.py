"""What is known of open items beside the numbers of the cursor, and what the scanner must leave alone because of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dcmrecv.dataset import limits
from dcmrecv.dataset.errors import limit_exceeded
from dcmrecv.dataset.tags import BEHIND_ELEMENTS, UNDEFINED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dcmrecv.dataset.scan import Cursor

__all__ = ["Frame", "Frames", "GroupLength", "GroupLengths"]


class GroupLength(NamedTuple):
    """A group length element whose group is still open."""

    group: int
    patch_offset: int
    """Of its value in the output."""
    start: int
    """Counted output position of the first element behind it."""
    received: int


class Frame:
    """What is known of an item beside the cursor's frame at *depth*."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        #: It lies in a UN element, and its content is implicit VR little endian.
        self.converting = False
        #: The last tag of the groups up to `tags.FIRST_TAG`, which are ordered on their own.
        self.low = -1
        self.group_length: GroupLength | None = None
        #: An element was out of order or repeated.
        self.disordered = False
        #: Values that decide about other elements: private creators, Pixel Representation, Waveform Bits Allocated.
        self.context: dict[int, bytes | int] = {}
        #: The tags so far, once one was out of order and there is a listener.
        self.seen: set[int] | None = None
        #: An element with something to say about its place (tag, in order), when it is read as far as it is there.
        self.deferred: tuple[int, bool] | None = None


_PLAIN = Frame(-1)


class Frames:
    """The frames that have something to remember, outermost first. `current` is that of the cursor, or a plain one."""

    def __init__(self, cursor: Cursor) -> None:
        self.current = _PLAIN
        self._cursor = cursor
        self._kept: list[Frame] = []

    def __len__(self) -> int:
        return len(self._kept)

    def __reversed__(self) -> Iterator[Frame]:
        return reversed(self._kept)

    def own(self) -> Frame:
        """Return the current frame as one that may be changed."""
        if self.current is _PLAIN:
            self.current = Frame(self._cursor.depth)
            self._kept.append(self.current)
            self._cursor.floor = self.current.depth + 1
        return self.current

    def find(self) -> None:
        """Find the current frame, after the cursor has changed its own."""
        kept = self._kept
        self.current = kept[-1] if kept and kept[-1].depth == self._cursor.depth else _PLAIN

    def enter(self, kind: int, tag: int, length: int, converting: bool) -> None:
        """Enter a sequence or item whose content starts at the cursor."""
        self._cursor.enter(kind, tag, length)
        self.current = _PLAIN
        if converting:
            self.own().converting = True

    def leave(self) -> None:
        """Go back to the frame around the current one."""
        cursor = self._cursor
        kept = self._kept
        cursor.leave()
        if kept and kept[-1].depth > cursor.depth:
            kept.pop()
            cursor.floor = kept[-1].depth + 1 if kept else 0
        self.find()
        self.set_barrier()

    def set_barrier(self) -> None:
        """Let the scanner stop where the group of an open group length ends."""
        cursor = self._cursor
        barrier = cursor.top_barrier if not cursor.depth else BEHIND_ELEMENTS
        group_length = self.current.group_length
        if group_length is not None:
            barrier = min(barrier, group_length.group + 1 << 16)
        cursor.barrier = barrier


class GroupLengths:
    """The values of group lengths, which are known when their groups end (T8); *pack* makes four bytes of one."""

    def __init__(self, cursor: Cursor, frames: Frames, pack: Callable[[int], bytes]) -> None:
        self.adjustments: list[tuple[int, int]] = []
        """Output positions, and bytes that group lengths count there in addition."""
        self.patches: list[tuple[int, bytes]] = []
        """Output positions, and the bytes to be written there."""
        self.too_large = False
        self._cursor = cursor
        self._frames = frames
        self._pack = pack

    def counted(self, position: int) -> int:
        """Return the output position of input *position*, as group lengths count it."""
        return self._cursor.written(position) + self._cursor.adjusted

    def adjust(self, amount: int) -> None:
        """Count *amount* bytes more than were just emitted."""
        self._cursor.adjusted += amount
        self.adjustments.append((self._cursor.total, amount))
        if len(self.adjustments) > limits.MAX_PATCHES:
            raise limit_exceeded("padded values")

    def open(self, group: int, offset: int, received: int) -> None:
        """A group begins at the cursor; its length stands at *offset* of the output, with the value *received*."""
        start = self.counted(self._cursor.position)
        self._frames.own().group_length = GroupLength(group, offset, start, received)
        self._frames.set_barrier()

    def close(self) -> None:
        """The open group of the current frame, if there is one, ends at the cursor."""
        frame = self._frames.current
        group_length = frame.group_length
        if group_length is None:
            return
        frame.group_length = None
        if frame.disordered:
            return  # the second pass does it
        value = self.counted(self._cursor.position) - group_length.start
        if value >= UNDEFINED:
            self.too_large = True
        elif value != group_length.received:
            self.patches.append((group_length.patch_offset, self._pack(value)))
            if len(self.patches) > limits.MAX_PATCHES:
                raise limit_exceeded("group lengths")
