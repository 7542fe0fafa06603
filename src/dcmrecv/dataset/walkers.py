"""The fast loop: runs of elements, and clean sequences and items.

It passes over an element as long as nothing about it is remarkable: tags ascend, no barrier is met
(`ElementWalker._barrier`), and its header is known as harmless (`dcmrecv.dataset.headers`). Sequences and items
of plain frames are entered and left here as well, those of a known shape (`dcmrecv.dataset.shapes`) passed over.
Everything else takes `ElementWalker._step`. The loop is written out, because calls are what an interpreter pays
for; it does the same as the steps, only for the usual case.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from dcmrecv.dataset import limits
from dcmrecv.dataset.cursor import (
    BEHIND_ELEMENTS,
    FIRST_TAG,
    HEAD,
    INFINITE,
    ITEM,
    ITEM_TAG,
    SEQUENCE,
    SEQUENCE_DELIMITER,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    UNDEFINED,
)
from dcmrecv.dataset.elements import ElementWalker
from dcmrecv.dataset.headers import RAW, KnownHeaders, explicit_headers
from dcmrecv.dataset.runs import Runs
from dcmrecv.dataset.shapes import Shapes
from dcmrecv.transfer_syntaxes import Encoding

if TYPE_CHECKING:
    from dcmrecv.dataset.dictionary import DataDictionary

__all__ = ["FastWalker", "Forms", "explicit_forms", "walker_for"]

_UNDEFINED_LENGTH = b"\xff\xff\xff\xff"
_MAX_DEPTH = 2 * limits.MAX_NESTING

Forms: TypeAlias = tuple[KnownHeaders, Shapes, Runs]
"""What is known of data sets in one encoding."""


class FastWalker(ElementWalker):
    """`ElementWalker` with the fast loop; *headers*, *shapes* and *runs* are what is known in its encoding."""

    def __init__(
        self,
        encoding: Encoding,
        dictionary: Callable[[], DataDictionary],
        note: Callable[[str, str], None] | None,
        headers: KnownHeaders,
        shapes: Shapes,
        runs: Runs,
    ) -> None:
        super().__init__(encoding, dictionary, note)
        self._headers = headers
        self._shapes = shapes
        self._runs = runs
        self._lessons = limits.MAX_LESSONS

    def _is_simple(self) -> bool:
        """Return whether the current frame has nothing the loop does not know about."""
        return (
            not self.converting
            and self.low < 0
            and self.group_length is None
            and not self.disordered
            and self.context is None
            and not self._deferred
            and not self._seen
            and not self.ended
            and not self.skip
        )

    def _nested_barrier(self) -> int:
        if self.sop_class is None:
            return SOP_CLASS_UID
        return BEHIND_ELEMENTS if self.sop_instance is not None else SOP_INSTANCE_UID

    def _passed(self, position: int, header: int, length: int) -> bool:
        """Take over where the last element passed may end behind its item or the buffer.

        *position* is where it ends, *header* and *length* the lengths of its header and value. True: the
        buffer is used up.
        """
        last = self.last
        if position > self.end - self.base:
            self.position = position - header - length
            self._check_fit(last, header, length)
        if position > self.size:
            self.skip = position - self.size
            self.value_tag = last
            self.value_length = length
            self.pad = b""
            self.drop = False
            self.swap_width = 0
            self.capture = None
            self.position = self.size
            return True
        self.position = position
        return False

    def _walk(self) -> None:
        buffer = self.buffer
        size = self.size
        base = self.base
        stack = self.stack
        out = self.out
        step = self._step
        unpack = RAW.unpack_from
        word = self.word.unpack_from
        headers = self._headers
        match = self._shapes.match
        pass_over = self._runs.pass_over
        values: dict[int, bytes] = {}
        explicit = self.encoding.explicit
        header_size = 12 if explicit else 8
        item_header = self.item_header.unpack_from
        item_end_header = self.item_end
        sequence_end_header = self.sequence_end
        (item_end_raw,) = RAW.unpack(item_end_header)
        while True:
            if not self._is_simple():
                if not step():
                    return
                continue
            kind = self.kind
            begin = self.begin
            end = self.end
            sequence = self.tag
            last = self.last
            output_start = self.output_start
            barrier = self.barrier
            nested_barrier = self._nested_barrier()
            position = start = self.position
            run = self.run
            total = self.out_total
            advance = 0
            header = 8
            while True:
                if kind == ITEM:
                    item_end = end - base
                    limit = size - 9 if end > size - 9 + base else item_end - 1
                    if not stack:
                        # items are too short for runs, and have shapes
                        room = item_end if item_end < size else size
                        position, last = pass_over(buffer, position, room, last, barrier, values)
                        if values:
                            for tag, value in values.items():
                                self.last = tag
                                self._captured(tag, value)
                            values = {}
                            self.last = last
                            barrier = self._barrier()
                            nested_barrier = self._nested_barrier()
                            continue
                    while position <= limit:
                        (raw,) = unpack(buffer, position)
                        tag, advance = headers[raw]
                        if last < tag < barrier:
                            position += advance
                            last = tag
                            continue
                        break
                    else:
                        if position != item_end or position > size or not stack or len(stack[-1]) != 6:
                            break
                        # The explicit length of the item is used up.
                        if position > run:
                            out.append(buffer[run:position])
                            total += position - run
                            run = position
                        out.append(item_end_header)
                        total += 8
                        raw = -1
                    if raw >= 0:
                        if tag < 0:
                            tag = -tag
                            if not last < tag < barrier or position >= size - header_size:
                                break
                            content = word(buffer, position + header_size - 4)[0]
                            after = position + header_size + content
                            if advance >= 0:
                                if content & advance or after > item_end:
                                    break
                                last = tag
                                position = after
                                if after > size:
                                    header = 12
                                    advance = 12 + content
                                    break
                                continue
                            room = item_end if item_end < size else size
                            found = match(buffer, position, room)
                            if found is not None:
                                if found[1] is None:
                                    position += found[0]
                                else:
                                    if position > run:
                                        out.append(buffer[run:position])
                                        total += position - run
                                    out.append(found[1])
                                    total += len(found[1])
                                    run = position = position + found[0]
                                last = tag
                                continue
                            if self._lessons and self._shapes.learn(buffer, position, room):
                                self._lessons -= 1
                            if len(stack) >= _MAX_DEPTH:
                                break
                            if content == UNDEFINED:
                                position += header_size
                            elif not content & 1 and after <= item_end:
                                position += header_size
                                out.append(buffer[run : position - 4])
                                out.append(_UNDEFINED_LENGTH)
                                total += position - run
                                run = position
                            else:
                                break
                            stack.append((ITEM, begin, end, sequence, tag, output_start))
                            kind = SEQUENCE
                            begin = base + position
                            end = INFINITE if content == UNDEFINED else begin + content
                            sequence = tag
                            continue
                        if raw == item_end_raw and end >= INFINITE and stack and len(stack[-1]) == 6:
                            position += 8
                        elif (
                            tag == barrier
                            and explicit
                            and HEAD.get(tag) == bytes(buffer[position + 4 : position + 6])
                        ):
                            after = position + advance
                            if after >= size or after > item_end:
                                break
                            self.last = last = tag
                            self._captured(tag, bytes(buffer[position + 8 : after]))
                            position = after
                            barrier = self.barrier
                            nested_barrier = self._nested_barrier()
                            continue
                        else:
                            break
                else:
                    if base + position < end:
                        if kind != SEQUENCE or size - position < 8:
                            break
                        group, element, content = item_header(buffer, position)
                        tag = group << 16 | element
                        if tag == ITEM_TAG and (content == UNDEFINED or not content & 1):
                            room = end - base if end - base < size else size
                            found = match(buffer, position, room)
                            if found is not None:
                                if found[1] is None:
                                    position += found[0]
                                else:
                                    if position > run:
                                        out.append(buffer[run:position])
                                        total += position - run
                                    out.append(found[1])
                                    total += len(found[1])
                                    run = position = position + found[0]
                                continue
                            if self._lessons and (content <= limits.MAX_SHAPE_SIZE or content == UNDEFINED):
                                self._lessons -= self._shapes.learn(buffer, position, room, item=True)
                            if len(stack) >= _MAX_DEPTH:
                                break
                            position += 8
                            if content != UNDEFINED:
                                out.append(buffer[run : position - 4])
                                out.append(_UNDEFINED_LENGTH)
                                total += position - run
                                run = position
                            stack.append((SEQUENCE, begin, end, sequence, last, output_start))
                            kind = ITEM
                            begin = base + position
                            end = INFINITE if content == UNDEFINED else begin + content
                            last = FIRST_TAG
                            output_start = total + position - run
                            barrier = nested_barrier
                            continue
                        if tag != SEQUENCE_DELIMITER or content or end < INFINITE or len(stack[-1]) != 6:
                            break
                        position += 8
                    elif len(stack[-1]) == 6:
                        # The explicit length of the sequence is used up.
                        if position > run:
                            out.append(buffer[run:position])
                            total += position - run
                            run = position
                        out.append(sequence_end_header)
                        total += 8
                    else:
                        break
                kind, begin, end, sequence, last, output_start = stack.pop()
                advance = 0
                if kind == ITEM:
                    if stack:
                        barrier = nested_barrier if nested_barrier > last else BEHIND_ELEMENTS
                    else:
                        self.last = last
                        barrier = self._barrier()
            if stack or position > start:
                self.started = True
            self.kind = kind
            self.begin = begin
            self.end = end
            self.tag = sequence
            self.last = last
            self.output_start = output_start
            self.barrier = barrier
            self.run = run
            self.out_total = total
            if kind == ITEM and advance and (position > size or position > end - base):
                if self._passed(position, header, advance - header):
                    return
            else:
                self.position = position
            if not step():
                return


@lru_cache(maxsize=2)
def explicit_forms(big_endian: bool) -> Forms:
    """Return what is known of data sets in explicit VR."""
    headers = explicit_headers(big_endian)
    return (
        headers,
        Shapes(headers, explicit=True, big_endian=big_endian),
        Runs(headers, big_endian=big_endian, over_heads=True),
    )


def _forms_of(encoding: Encoding, dictionary: Callable[[], DataDictionary]) -> Forms:
    """Return what is known of data sets in *encoding*; all of them share it."""
    if encoding.explicit:
        return explicit_forms(encoding.big_endian)
    tags = dictionary()
    return tags.headers, tags.shapes, tags.runs


def walker_for(
    encoding: Encoding,
    dictionary: Callable[[], DataDictionary],
    note: Callable[[str, str], None] | None,
) -> FastWalker:
    """Return a walker for *encoding*."""
    return FastWalker(encoding, dictionary, note, *_forms_of(encoding, dictionary))
