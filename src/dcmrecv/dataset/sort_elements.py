"""What one pass cannot do: sort elements, drop repeated ones, group lengths of deflated data (T1, T2, T8).

The second pass reads the normalised output of the first (every sequence and item has undefined length), plans the
final order as ranges of it, and hands them out. It reads through a function, in blocks of bounded size; nothing is
mapped, since an unreadable page of a mapping ends the whole process where a read reports an error. Only the
children of items out of order are indexed, up to `limits.MAX_SORTED_ELEMENTS`; everything else is passed over.
Nesting lives on an explicit stack.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from dcmrecv.dataset import limits
from dcmrecv.dataset.errors import limit_exceeded
from dcmrecv.dataset.memory import Buffer
from dcmrecv.dataset.tags import (
    ITEM_DELIMITER,
    ITEM_TAG,
    NO_TEXT,
    SEQUENCE_DELIMITER,
    SERIES_DATE,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    UNDEFINED,
)
from dcmrecv.dataset.vr import INFO, PAD_TEXT, describe
from dcmrecv.transfer_syntaxes import Encoding

if TYPE_CHECKING:
    from dcmrecv.dataset.dictionary import DataDictionary

__all__ = ["MediaStorageUids", "SecondPass"]

_BLOCK = 1 << 16
_CHARGED_AT_ONCE = 256  # elements
_BLOCKS_KEPT = 16
_LARGE_READ = 1 << 20
_LONG_HEADER = 12
_HEAD_TAGS = frozenset((SOP_CLASS_UID, SOP_INSTANCE_UID, SERIES_DATE))


class MediaStorageUids(NamedTuple):
    """Raw values for (0002,0002) and (0002,0003), cut at the first NUL; None: not in the data set; `NO_TEXT`: not
    readable as a UID."""

    sop_class: bytes | None
    sop_instance: bytes | None


class _Source:
    """The output of the first pass, read in blocks of which the last few are kept."""

    def __init__(self, read: Callable[[int, int], bytes], size: int) -> None:
        """*read* (offset, size) returns exactly that much, and raises what `SecondPass` is to raise."""
        self._read = read
        self.size = size
        self._blocks: dict[int, bytes] = {}

    def at(self, position: int) -> tuple[bytes, int]:
        """Return a block and the index of *position* in it; the header of an element lies wholly in it."""
        number = position // _BLOCK
        start = number * _BLOCK
        block = self._blocks.get(number)
        if block is None:
            if len(self._blocks) >= _BLOCKS_KEPT:
                del self._blocks[next(iter(self._blocks))]
            block = self._blocks[number] = self._read(start, min(_BLOCK + _LONG_HEADER, self.size - start))
        return block, position - start

    def pieces(self, start: int, end: int) -> Iterator[bytes]:
        """Yield what lies in start..end."""
        while start < end:
            if end - start >= _BLOCK:
                piece = self._read(start, min(end - start, _LARGE_READ))
            else:
                block, index = self.at(start)
                piece = block[index : index + end - start]
            yield piece
            start += len(piece)

    def value(self, start: int, end: int) -> bytes:
        """Return what lies in start..end."""
        return b"".join(self.pieces(start, end))


class _Sink:
    """Planned output: ranges of the source and literal bytes, with what lies in them."""

    __slots__ = ("adjusted", "found", "pieces", "sealed", "size")

    def __init__(self) -> None:
        self.pieces: list[list[int] | bytearray] = []
        self.size = 0
        self.adjusted = 0
        self.sealed = False
        self.found: dict[int, bytes] = {}

    def add(self, start: int, end: int, adjustment: int) -> None:
        """Append the range start..end of the source, which counts *adjustment* bytes more."""
        pieces = self.pieces
        last = pieces[-1] if pieces else None
        if not self.sealed and isinstance(last, list) and last[1] == start:
            last[1] = end
        else:
            pieces.append([start, end])
        self.sealed = False
        self.size += end - start
        self.adjusted += adjustment

    def append(self, other: _Sink) -> None:
        """Append all of *other*."""
        pieces = self.pieces
        for piece in other.pieces:
            last = pieces[-1] if pieces else None
            if isinstance(piece, list) and isinstance(last, list) and last[1] == piece[0]:
                last[1] = piece[1]
            else:
                pieces.append(piece)
        self.size += other.size
        self.adjusted += other.adjusted
        for tag, value in other.found.items():
            self.found.setdefault(tag, value)

    @property
    def counted(self) -> int:
        """Size as group lengths count it."""
        return self.size + self.adjusted


class _Group(NamedTuple):
    """A group length element whose group is still open."""

    tag: int
    literal: bytearray
    """The element, filled in when the group is complete."""
    start: int
    """Counted size of the sink when the group began."""
    value: bytes | None
    """Value as received, if it was a UL."""

    @property
    def group(self) -> int:
        """Group number."""
        return self.tag >> 16


class _Child(NamedTuple):
    """An element of an item out of order."""

    tag: int
    sink: _Sink
    group: _Group | None


class _Item:
    """An open item (or the data set)."""

    __slots__ = ("children", "group", "sink")

    def __init__(self, sink: _Sink, disordered: bool) -> None:
        self.sink = sink
        self.children: list[_Child] | None = [] if disordered else None
        self.group: _Group | None = None


class _Sequence(NamedTuple):
    """An open sequence: where its element is planned."""

    tag: int
    sink: _Sink
    mark: tuple[int, int, int] | None
    """Length, size and adjustment of the sink before it, for a sequence in place of a group length."""


class SecondPass:
    """The second pass over one data set.

    Use: `prepare` with a way to read the whole output of the first pass, then `write`. Deflated data is first
    inflated by the caller with `inflate` into a place it can read again.
    """

    def __init__(
        self,
        encoding: Encoding,
        disordered: set[int],
        adjustments: list[tuple[int, int]],
        dictionary: Callable[[], DataDictionary],
    ) -> None:
        self.encoding = encoding
        self.head = MediaStorageUids(None, None)
        self.series_date: bytes | None = None
        self.size = 0
        """Bytes of the output, before deflating."""
        self._disordered = disordered
        self._offsets = [offset for offset, _ in adjustments]
        totals = [0]
        for _, amount in adjustments:
            totals.append(totals[-1] + amount)
        self._totals = totals
        self._dictionary = dictionary
        order = ">" if encoding.big_endian else "<"
        self._header = struct.Struct(order + "HHI")
        self._word = struct.Struct(order + "I")
        self._half = struct.Struct(order + "H")
        self._source = _Source(lambda offset, size: b"", 0)
        self._plan: list[list[int] | bytearray] = []
        self._indexed = 0
        self.charge: Callable[[int], None] | None = None
        """Called with bytes that `prepare` is about to hold; what it raises passes through."""

    @property
    def deflated(self) -> bool:
        """The output of the first pass is deflated: `inflate` it first; `write` deflates again."""
        return self.encoding.deflated

    def inflate(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the inflated bytes of the first pass's deflated output, in bounded pieces."""
        from dcmrecv.dataset.deflate import Inflater

        inflater = Inflater(own=True)
        for piece in pieces:
            for inflated, _ in inflater.feed(memoryview(piece)):
                yield inflated

    def prepare(self, read: Callable[[int, int], bytes], size: int) -> None:
        """Plan the final output of the (inflated) output of the first pass, of *size* bytes.

        *read* (offset, size) returns exactly so many bytes of it, until `write` is done; what it raises passes
        through. Raises DataSetError beyond a limit.
        """
        self._source = _Source(read, size)
        top = _Item(_Sink(), 0 in self._disordered)
        self._scan(top)
        self._close_item(top)
        sink = top.sink
        self._plan = sink.pieces
        self.size = sink.size
        self.head = MediaStorageUids(sink.found.get(SOP_CLASS_UID), sink.found.get(SOP_INSTANCE_UID))
        self.series_date = sink.found.get(SERIES_DATE)

    def write(self) -> Iterator[Buffer]:
        """Yield the final data set in order."""
        if not self.deflated:
            yield from self._pieces()
            return
        from dcmrecv.dataset.deflate import Deflater

        deflater = Deflater()
        for piece in self._pieces():
            deflater.feed((piece,))
            yield from deflater.take()
        yield from deflater.finish()

    def _pieces(self) -> Iterator[bytes | bytearray]:
        for piece in self._plan:
            if isinstance(piece, bytearray):
                yield piece
            else:
                yield from self._source.pieces(piece[0], piece[1])

    def _adjustment(self, start: int, end: int) -> int:
        """Sum of the adjustments of start..end."""
        offsets = self._offsets
        if not offsets:
            return 0
        totals = self._totals
        return totals[bisect_right(offsets, end)] - totals[bisect_right(offsets, start)]

    # ---- scanning ---------------------------------------------------------------------------------

    def _scan(self, top: _Item) -> None:
        source = self._source
        size = source.size
        unpack = self._header.unpack_from
        frames: list[_Item | _Sequence] = [top]
        current: _Item | _Sequence = top
        position = 0
        while position < size:
            group, element, length = unpack(*source.at(position))
            tag = group << 16 | element
            if isinstance(current, _Sequence):
                current.sink.add(position, position + 8, 0)
                position += 8
                if tag == ITEM_TAG:
                    current = _Item(current.sink, position in self._disordered)
                    frames.append(current)
                else:
                    frames.pop()
                    sequence = current
                    current = frames[-1]
                    if sequence.mark is not None:
                        self._sequence_as_group_length(current, sequence)  # type: ignore[arg-type]
                continue
            if tag == ITEM_DELIMITER:
                self._close_item(current)
                current.sink.add(position, position + 8, 0)
                position += 8
                frames.pop()
                current = frames[-1]
                continue
            position = self._element(current, frames, tag, length, position)
            current = frames[-1]

    def _element(
        self, item: _Item, frames: list[_Item | _Sequence], tag: int, length: int, start: int
    ) -> int:
        """Plan the element at *start*, or enter it if it is a sequence; return where to go on."""
        source = self._source
        vr = ""
        value = start + 8
        if self.encoding.explicit:
            block, index = source.at(start)
            code = block[index + 4 : index + 6]
            vr = code.decode("latin-1")
            if describe(code).long:
                value = start + 12
                length = self._word.unpack_from(block, index + 8)[0]
            else:
                length = self._half.unpack_from(block, index + 6)[0]
            is_sequence = vr == "SQ"
        else:
            is_sequence = length == UNDEFINED
        sink = self._child(item, tag)
        if is_sequence:
            mark = None
            if not tag & 0xFFFF:
                mark = (len(sink.pieces), sink.size, sink.adjusted)
                sink.sealed = True
            sink.add(start, value, 0)
            if tag in _HEAD_TAGS:
                sink.found.setdefault(tag, b"")
            frames.append(_Sequence(tag, sink, mark))
            return value
        end = self._skip_fragments(value) if length == UNDEFINED else value + length
        if not tag & 0xFFFF:
            is_ul = vr == "UL" if vr else self._dictionary().vr(tag, None) == "UL"
            self._plan_group_length(item, tag, source.value(value, end) if is_ul else None)
            return end
        sink.add(start, end, self._adjustment(start, end))
        if tag in _HEAD_TAGS and (tag != SERIES_DATE or len(frames) == 1):
            self._find(sink, tag, vr or self._dictionary().vr(tag, None), value, end)
        return end

    def _find(self, sink: _Sink, tag: int, vr: str, start: int, end: int) -> None:
        info = INFO.get(vr)
        if tag == SERIES_DATE:
            if vr == "DA":
                sink.found.setdefault(tag, self._source.value(start, min(end, start + 64)))
            return
        found = NO_TEXT
        if info is not None and info.pad == PAD_TEXT:
            value = self._source.value(start, min(end, start + limits.MAX_CAPTURED_VALUE))
            found = value.split(b"\0", 1)[0]
        sink.found.setdefault(tag, found)

    def _skip_fragments(self, position: int) -> int:
        source = self._source
        unpack = self._header.unpack_from
        while True:
            group, element, length = unpack(*source.at(position))
            position += 8
            if group << 16 | element == SEQUENCE_DELIMITER:
                return position
            position += length

    # ---- planning ---------------------------------------------------------------------------------

    def _child(self, item: _Item, tag: int) -> _Sink:
        """Return where element *tag* of *item* is planned."""
        if item.children is None:
            if item.group is not None and item.group.group != tag >> 16:
                self._end_group(item, last=False)
            return item.sink
        sink = _Sink()
        item.children.append(_Child(tag, sink, None))
        self._indexed += 1
        if self.charge is not None and not self._indexed % _CHARGED_AT_ONCE:
            self.charge(_CHARGED_AT_ONCE * limits.INDEX_COST)
        if self._indexed > limits.MAX_SORTED_ELEMENTS:
            raise limit_exceeded("elements out of order")
        return sink

    def _plan_group_length(self, item: _Item, tag: int, value: bytes | None) -> None:
        """Plan a group length; *value* as received if it was a UL, None if it is replaced as a whole."""
        if item.children is not None:
            item.children[-1] = _Child(tag, item.children[-1].sink, _Group(tag, bytearray(), 0, value))
        else:
            self._begin_group(item, tag, value)

    def _begin_group(self, item: _Item, tag: int, value: bytes | None) -> None:
        literal = bytearray()
        sink = item.sink
        sink.pieces.append(literal)
        item.group = _Group(tag, literal, sink.counted, value)

    def _end_group(self, item: _Item, last: bool) -> None:
        """The group of `item.group` is complete; *last*: it is the last group of the item."""
        group = item.group
        if group is None:
            return
        item.group = None
        sink = item.sink
        size = sink.counted - group.start
        if size >= UNDEFINED:
            return
        value = self._word.pack(size)
        received = group.value
        if last and received:
            value = received if len(received) % 4 else value + received[4:]
        literal = group.literal
        literal += self._half.pack(group.tag >> 16) + self._half.pack(group.tag & 0xFFFF)
        literal += (
            b"UL" + self._half.pack(len(value)) if self.encoding.explicit else self._word.pack(len(value))
        )
        literal += value
        sink.size += len(literal)

    def _sequence_as_group_length(self, item: _Item, sequence: _Sequence) -> None:
        sink = sequence.sink
        assert sequence.mark is not None
        count, sink.size, sink.adjusted = sequence.mark
        del sink.pieces[count:]
        self._plan_group_length(item, sequence.tag, None)

    def _close_item(self, item: _Item) -> None:
        children = item.children
        if children is not None:
            children.sort(key=_tag_of)
            previous = -1
            for tag, sink, group in children:
                if tag == previous:
                    continue
                previous = tag
                if item.group is not None and item.group.group != tag >> 16:
                    self._end_group(item, last=False)
                if group is not None:
                    self._begin_group(item, tag, group.value)
                else:
                    item.sink.append(sink)
            item.children = None
        self._end_group(item, last=True)


def _tag_of(child: _Child) -> int:
    return child.tag
