"""The fast loops: runs of elements, and clean sequences and items, per encoding.

A loop passes over an element as long as nothing about it is remarkable: tags ascend, no barrier is met
(`ElementWalker._barrier`), it is no group length, its VR is a standard one with an 8 byte header (explicit VR) or
its tag is known as plain (implicit VR), and its length is even. Sequences and items of plain frames are entered
and left here as well. Everything else takes `ElementWalker._step`. Both loops are written out, because calls are
what an interpreter pays for; they do the same as the steps, only for the usual case.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING

from dcmrecv.dataset import limits
from dcmrecv.dataset.checks import VOI_LUT_SEQUENCE
from dcmrecv.dataset.elements import ElementWalker
from dcmrecv.dataset.encoding import Encoding
from dcmrecv.dataset.stream import (
    FIRST_TAG,
    INFINITE,
    ITEM,
    ITEM_DELIMITER,
    ITEM_TAG,
    SEQUENCE,
    SEQUENCE_DELIMITER,
    SERIES_DATE,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    UNDEFINED,
)
from dcmrecv.dataset.vr import fast_masks, long_masks

if TYPE_CHECKING:
    from dcmrecv.dataset.dictionary import DataDictionary

__all__ = ["ExplicitWalker", "ImplicitWalker", "walker_for"]

_MASKS: dict[bool, list[int]] = {}
_LONG_MASKS: dict[bool, dict[int, int]] = {}
_UNDEFINED_LENGTH = b"\xff\xff\xff\xff"
_MAX_DEPTH = 2 * limits.MAX_NESTING


def _masks(big_endian: bool) -> list[int]:
    masks = _MASKS.get(big_endian)
    if masks is None:
        masks = _MASKS[big_endian] = fast_masks(big_endian)
    return masks


def _long_masks(big_endian: bool) -> dict[int, int]:
    masks = _LONG_MASKS.get(big_endian)
    if masks is None:
        masks = _LONG_MASKS[big_endian] = long_masks(big_endian)
    return masks


class _FastWalker(ElementWalker):
    def _is_simple(self) -> bool:
        """Return whether the current frame has nothing the loops do not know about."""
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
        return 0xFFFE0000 if self.sop_instance is not None else SOP_INSTANCE_UID

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


class ExplicitWalker(_FastWalker):
    """Explicit VR, little or big endian."""

    def __init__(
        self,
        encoding: Encoding,
        dictionary: Callable[[], DataDictionary],
        note: Callable[[str, str], None] | None,
    ) -> None:
        super().__init__(encoding, dictionary, note)
        self._short = struct.Struct((">" if encoding.big_endian else "<") + "HHHH")
        self._masks = _masks(encoding.big_endian)
        self._long_masks = _long_masks(encoding.big_endian)
        self._sequence_code = self.half.unpack(b"SQ")[0]
        uid = self.half.unpack(b"UI")[0]
        self._head_codes = {
            SOP_CLASS_UID: uid,
            SOP_INSTANCE_UID: uid,
            SERIES_DATE: self.half.unpack(b"DA")[0],
        }

    def _walk(self) -> None:
        buffer = self.buffer
        size = self.size
        base = self.base
        stack = self.stack
        out = self.out
        step = self._step
        unpack = self._short.unpack_from
        word = self.word.unpack_from
        masks = self._masks
        code = self._sequence_code
        long_masks = self._long_masks
        head_codes = self._head_codes
        item_header = self.item_header.unpack_from
        item_delimiter = self.item_header.pack(0xFFFE, 0xE00D, 0)
        sequence_delimiter = self.item_header.pack(0xFFFE, 0xE0DD, 0)
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
            length = 0
            header = 8
            while True:
                leave = False
                if kind == ITEM:
                    item_end = end - base
                    limit = size - 9 if end > size - 9 + base else item_end - 1
                    while position <= limit:
                        group, element, vr, field = unpack(buffer, position)
                        tag = group << 16 | element
                        mask = masks[vr]
                        if last < tag < barrier and element and mask >= 0 and not field & mask:
                            position += 8 + field
                            last = tag
                            length = field
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
                        out.append(item_delimiter)
                        total += 8
                        leave = True
                    if not leave:
                        if last < tag < 0xFFFE0000 and element:
                            if mask < 0:
                                mask = long_masks.get(vr, 0)
                                if (
                                    mask
                                    and tag < barrier
                                    and not field
                                    and tag != VOI_LUT_SEQUENCE
                                    and position < size - 12
                                ):
                                    content = word(buffer, position + 8)[0]
                                    if not content & mask and position + 12 + content <= item_end:
                                        position += 12 + content
                                        last = tag
                                        if position > size:
                                            header = 12
                                            length = content
                                            break
                                        continue
                            elif (
                                tag == barrier
                                and tag in head_codes
                                and not field & mask
                                and self.group_length is None
                            ):
                                value_end = position + 8 + field
                                if vr == head_codes[tag] and value_end < size and value_end <= item_end:
                                    self._captured(tag, bytes(buffer[position + 8 : value_end]))
                                    position = value_end
                                    self.last = last = tag
                                    barrier = self._barrier()
                                    nested_barrier = self._nested_barrier()
                                    continue
                        if (
                            vr == code
                            and last < tag < barrier
                            and element
                            and not field
                            and position < size - 12
                        ):
                            content = word(buffer, position + 8)[0]
                            if len(stack) >= _MAX_DEPTH:
                                break
                            if content == UNDEFINED:
                                position += 12
                            elif not content & 1 and position + 12 + content <= item_end:
                                position += 8
                                out.append(buffer[run:position])
                                out.append(_UNDEFINED_LENGTH)
                                total += position - run + 4
                                position += 4
                                run = position
                            else:
                                break
                            stack.append((ITEM, begin, end, sequence, tag, output_start))
                            kind = SEQUENCE
                            begin = base + position
                            end = INFINITE if content == UNDEFINED else begin + content
                            sequence = tag
                            continue
                        if (
                            tag == ITEM_DELIMITER
                            and not vr
                            and not field
                            and end >= INFINITE
                            and stack
                            and len(stack[-1]) == 6
                        ):
                            position += 8
                        else:
                            break
                else:
                    if base + position < end:
                        if kind != SEQUENCE or size - position < 8:
                            break
                        group, element, content = item_header(buffer, position)
                        tag = group << 16 | element
                        if tag == ITEM_TAG and (content == UNDEFINED or not content & 1):
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
                        out.append(sequence_delimiter)
                        total += 8
                    else:
                        break
                kind, begin, end, sequence, last, output_start = stack.pop()
                if kind == ITEM:
                    if stack:
                        barrier = nested_barrier if nested_barrier > last else 0xFFFE0000
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
            if kind == ITEM and (position > size or position > end - base):
                if self._passed(position, header, length):
                    return
            else:
                self.position = position
            if not step():
                return


class ImplicitWalker(_FastWalker):
    """Implicit VR Little Endian."""

    def _walk(self) -> None:
        buffer = self.buffer
        size = self.size
        base = self.base
        stack = self.stack
        out = self.out
        step = self._step
        unpack = self.item_header.unpack_from
        plain = self.dictionary.plain
        item_header = self.item_header.unpack_from
        item_delimiter = self.item_header.pack(0xFFFE, 0xE00D, 0)
        sequence_delimiter = self.item_header.pack(0xFFFE, 0xE0DD, 0)
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
            length = 0
            header = 8
            while True:
                leave = False
                if kind == ITEM:
                    item_end = end - base
                    limit = size - 9 if end > size - 9 + base else item_end - 1
                    while position <= limit:
                        group, element, field = unpack(buffer, position)
                        tag = group << 16 | element
                        if last < tag < barrier and element:
                            known = plain[tag]
                            if known == 1 and not field & 1:
                                position += 8 + field
                                last = tag
                                length = field
                                continue
                        else:
                            known = 0
                        break
                    else:
                        if position != item_end or position > size or not stack or len(stack[-1]) != 6:
                            break
                        # The explicit length of the item is used up.
                        if position > run:
                            out.append(buffer[run:position])
                            total += position - run
                            run = position
                        out.append(item_delimiter)
                        total += 8
                        leave = True
                    if not leave:
                        if known == 2:
                            content = field
                            if len(stack) >= _MAX_DEPTH:
                                break
                            if content == UNDEFINED:
                                position += 8
                            elif not content & 1 and position + 8 + content <= item_end:
                                position += 4
                                out.append(buffer[run:position])
                                out.append(_UNDEFINED_LENGTH)
                                total += position - run + 4
                                position += 4
                                run = position
                            else:
                                break
                            stack.append((ITEM, begin, end, sequence, tag, output_start))
                            kind = SEQUENCE
                            begin = base + position
                            end = INFINITE if content == UNDEFINED else begin + content
                            sequence = tag
                            continue
                        if (
                            tag == ITEM_DELIMITER
                            and not field
                            and end >= INFINITE
                            and stack
                            and len(stack[-1]) == 6
                        ):
                            position += 8
                        else:
                            break
                else:
                    if base + position < end:
                        if kind != SEQUENCE or size - position < 8:
                            break
                        group, element, content = item_header(buffer, position)
                        tag = group << 16 | element
                        if tag == ITEM_TAG and (content == UNDEFINED or not content & 1):
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
                        out.append(sequence_delimiter)
                        total += 8
                    else:
                        break
                kind, begin, end, sequence, last, output_start = stack.pop()
                if kind == ITEM:
                    if stack:
                        barrier = nested_barrier if nested_barrier > last else 0xFFFE0000
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
            if kind == ITEM and (position > size or position > end - base):
                if self._passed(position, header, length):
                    return
            else:
                self.position = position
            if not step():
                return


def walker_for(
    encoding: Encoding,
    dictionary: Callable[[], DataDictionary],
    note: Callable[[str, str], None] | None,
) -> ElementWalker:
    """Return a walker for *encoding*."""
    if encoding.explicit:
        return ExplicitWalker(encoding, dictionary, note)
    return ImplicitWalker(encoding, dictionary, note)
