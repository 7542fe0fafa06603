"""Small sequences met before: their headers compared at once, their lengths made undefined at once.

Functional groups, code sequences and references repeat with other values in the same places. A `Shape` is the
encoded form of one sequence element without its values. Where it fits, every header in the sequence has been
seen to be in order, and what goes out is known but for the values. `Shapes.learn` makes a shape by checking
everything the fast loop would check.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, NamedTuple

from dcmrecv.dataset import limits
from dcmrecv.dataset.cursor import (
    FIRST_TAG,
    INFINITE,
    ITEM_DELIMITER,
    ITEM_TAG,
    SEQUENCE_DELIMITER,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    UNDEFINED,
)
from dcmrecv.dataset.headers import RAW, SEQUENCE_FOLLOWS, KnownHeaders

__all__ = ["Shape", "Shapes"]

_KEY = struct.Struct("28s")
"""Header of the sequence, of its first item and of the first element in it."""


class Shape(NamedTuple):
    """The form of one sequence element, or of one item with the sequences in it."""

    size: int
    """Encoded bytes, values included."""
    fields: Callable[[Any, int], tuple[bytes, ...]]
    """Unpacks headers and values in turn; only headers if nothing changes."""
    headers: tuple[bytes, ...]
    parts: list[bytes] | None
    """What goes out: headers and, in every other place, room for a value. None: what came in."""


_UNDEFINED_LENGTH = b"\xff\xff\xff\xff"
_HEAD_TAGS = (SOP_CLASS_UID, SOP_INSTANCE_UID)


_NONE = Shape(INFINITE, struct.Struct("").unpack_from, (), None)
"""Stands for one that could not be learnt: it never fits."""


class Shapes:
    """The shapes of one encoding, shared by all data sets; *headers* are those known in the encoding."""

    def __init__(self, headers: KnownHeaders, *, explicit: bool, big_endian: bool) -> None:
        order = ">" if big_endian else "<"
        self._headers = headers
        self._explicit = explicit
        self._word = struct.Struct(order + "I")
        self._item_header = struct.Struct(order + "HHI")
        self._item_end = self._item_header.pack(0xFFFE, 0xE00D, 0)
        self._sequence_end = self._item_header.pack(0xFFFE, 0xE0DD, 0)
        self._known: dict[bytes, list[Shape]] = {}
        self._met: set[bytes] = set()

    def clear(self) -> None:
        """Forget all of them."""
        self._known.clear()
        self._met.clear()

    def match(self, buffer: memoryview, position: int, room: int) -> tuple[int, bytes | None] | None:
        """Return size and output (None: unchanged) of the sequence or item at *position* if its shape is known.

        It must end at *room* at the latest.
        """
        if position + 28 > room:
            return None
        for size, fields, headers, parts in self._known.get(_KEY.unpack_from(buffer, position)[0], ()):
            if position + size > room:
                continue
            found = fields(buffer, position)
            if parts is None:
                if found == headers:
                    return size, None
            elif found[::2] == headers:
                parts = parts.copy()
                parts[1::2] = found[1::2]
                return size, b"".join(parts)
        return None

    def learn(self, buffer: memoryview, position: int, room: int, *, item: bool = False) -> bool:
        """Look at the sequence element (or *item* of a sequence) at *position*, which did not match.

        Its shape is learnt when a sequence that begins like it comes for the second time. Returns whether that
        took work.
        """
        if position + 28 > room:
            return False
        key: bytes = _KEY.unpack_from(buffer, position)[0]
        if key not in self._met:
            if len(self._met) >= limits.MAX_SHAPES_MET:
                self._met.clear()
            self._met.add(key)
            return False
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= limits.MAX_SHAPES:
                self._known.clear()
            known = self._known[key] = []
        if len(known) >= limits.MAX_SHAPE_VARIANTS:
            return False
        shape = self._shape(buffer, position, min(room, position + limits.MAX_SHAPE_SIZE), not item)
        known.append(_NONE if shape is None else shape)
        return True

    def _shape(self, buffer: memoryview, start: int, room: int, is_item: bool) -> Shape | None:
        """Return the shape of what is at *start*; None if anything about it is remarkable.

        *is_item*: it is an element of an item, else an item of a sequence.
        """
        header_size = 12 if self._explicit else 8
        form = _Form()
        position = start
        end, last = room, FIRST_TAG
        stack: list[tuple[bool, int, int]] = []
        while stack or position == start:
            if position > end or len(form.headers) > limits.MAX_SHAPE_VALUES:
                return None
            if position == end:
                form.add(b"", self._item_end if is_item else self._sequence_end)
                is_item, end, last = stack.pop()
                continue
            if position + 8 > room:
                return None
            header = bytes(buffer[position : position + 8])
            group, element, length = self._item_header.unpack(header)
            tag = group << 16 | element
            if tag in (ITEM_DELIMITER, SEQUENCE_DELIMITER):
                if is_item != (tag == ITEM_DELIMITER) or length or end < INFINITE:
                    return None
                form.add(header, header)
                position += 8
                is_item, end, last = stack.pop()
                continue
            value = 0
            opens = not is_item
            if is_item:
                tag, code = self._headers[RAW.unpack(header)[0]]
                if tag < 0:
                    tag = -tag
                    header = bytes(buffer[position : position + header_size])
                    if len(header) < header_size:
                        return None
                    length = self._word.unpack(header[-4:])[0]
                    opens = code == SEQUENCE_FOLLOWS
                    if not opens:
                        value = length
                        if length & code:
                            return None
                else:
                    value = code - 8
                if tag <= last or tag in _HEAD_TAGS:
                    return None
                last = tag
            elif tag != ITEM_TAG:
                return None
            position += len(header)
            if opens:
                if length & 1 and length != UNDEFINED:
                    return None
                form.add(header, header[:-4] + _UNDEFINED_LENGTH)
                stack.append((is_item, end, last))
                is_item, last = not is_item, FIRST_TAG
                if length != UNDEFINED and position + length > end:
                    return None
                end = INFINITE if length == UNDEFINED else position + length
            else:
                form.add(header, header)
                form.add_value(value)
                position += value
        return form.shape(position - start) if position <= room else None


class _Form:
    """A shape in the making."""

    def __init__(self) -> None:
        self.headers: list[bytes] = []
        self._parts: list[bytes] = []
        self._values: list[int] = []
        self._read = b""
        self._written = b""

    def add(self, read: bytes, written: bytes) -> None:
        """Add headers: as they come in and as they go out."""
        self._read += read
        self._written += written

    def add_value(self, size: int) -> None:
        """Add a value of *size* bytes."""
        if size:
            self.headers.append(self._read)
            self._parts += (self._written, b"")
            self._values.append(size)
            self._read = self._written = b""

    def shape(self, size: int) -> Shape:
        """Return the shape of *size* bytes."""
        headers = (*self.headers, self._read)
        parts = [*self._parts, self._written]
        values = [*self._values, 0]
        changed = headers != tuple(parts[::2])
        kind = "s" if changed else "x"
        text = "".join(f"{len(header)}s{value}{kind}" for header, value in zip(headers, values, strict=True))
        # Without the last value, which is none.
        fields = struct.Struct(text[:-2]).unpack_from
        return Shape(size, fields, headers, parts if changed else None)
