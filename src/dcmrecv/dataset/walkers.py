"""The fast loops: runs of elements that need no edit, per encoding.

A loop passes over an element as long as nothing about it is remarkable: tags ascend, no barrier is met
(`ElementWalker._barrier`), it is no group length, its VR is a standard one with an 8 byte header (explicit VR) or
its tag is known as plain (implicit VR), and its length is even. Everything else takes `ElementWalker._step`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING

from dcmrecv.dataset.elements import ElementWalker
from dcmrecv.dataset.encoding import Encoding
from dcmrecv.dataset.stream import ITEM
from dcmrecv.dataset.vr import fast_masks

if TYPE_CHECKING:
    from dcmrecv.dataset.dictionary import DataDictionary

__all__ = ["ExplicitWalker", "ImplicitWalker", "walker_for"]

_MASKS: dict[bool, list[int]] = {}


def _masks(big_endian: bool) -> list[int]:
    masks = _MASKS.get(big_endian)
    if masks is None:
        masks = _MASKS[big_endian] = fast_masks(big_endian)
    return masks


class _FastWalker(ElementWalker):
    def _passed(self, position: int, last: int, length: int) -> bool:
        """Take over from a loop that passed elements up to *position*; True: the buffer is used up.

        *last* is the tag and *length* the value length of the last one passed.
        """
        self.last = last
        if not self.stack:
            self.started = True
        end = self.end - self.base
        if position > end:
            self.position = position - 8 - length
            self._check_fit(last, 8, length)
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

    def _walk(self) -> None:
        unpack = self._short.unpack_from
        masks = self._masks
        step = self._step
        buffer = self.buffer
        size = self.size
        base = self.base
        while True:
            if self.kind == ITEM and not self.converting and not self.ended:
                position = start = self.position
                last = self.last
                barrier = self.barrier
                end = self.end - base
                limit = size - 9 if end > size - 9 else end - 1
                passed = 0
                while position <= limit:
                    group, element, vr, length = unpack(buffer, position)
                    tag = group << 16 | element
                    mask = masks[vr]
                    if last < tag < barrier and element and mask >= 0 and not length & mask:
                        position += 8 + length
                        last = tag
                        passed = length
                        continue
                    break
                if position > start and self._passed(position, last, passed):
                    return
            if not step():
                return


class ImplicitWalker(_FastWalker):
    """Implicit VR Little Endian."""

    def _walk(self) -> None:
        unpack = self.item_header.unpack_from
        plain = self.dictionary.plain
        step = self._step
        buffer = self.buffer
        size = self.size
        base = self.base
        while True:
            if self.kind == ITEM and not self.ended:
                position = start = self.position
                last = self.last
                barrier = self.barrier
                end = self.end - base
                limit = size - 9 if end > size - 9 else end - 1
                passed = 0
                while position <= limit:
                    group, element, length = unpack(buffer, position)
                    tag = group << 16 | element
                    if last < tag < barrier and element and not length & 1 and tag in plain:
                        position += 8 + length
                        last = tag
                        passed = length
                        continue
                    break
                if position > start and self._passed(position, last, passed):
                    return
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
