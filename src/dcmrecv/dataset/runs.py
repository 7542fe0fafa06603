"""Runs of plain elements met before: passed over at one stroke if all their headers are the same.

Objects of a series, and of a scanner, have the same elements with values of the same lengths, but for a few.
A run is a piece of such a data set, from one header to the next element whose length was seen to differ: a
comparison tells how far it fits, and what lies beyond is cut off. So what is left fits nearly always.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from itertools import compress, count
from operator import ne
from typing import Any, NamedTuple

from dcmrecv.dataset import limits
from dcmrecv.dataset.cursor import FIRST_TAG, HEAD
from dcmrecv.dataset.diagnostics import PIXEL_DATA
from dcmrecv.dataset.headers import RAW, SEQUENCE_FOLLOWS, KnownHeaders

__all__ = ["Runs"]

_SHORTEST = 4
"""Elements below which passing over them one by one is as fast."""


class _Run(NamedTuple):
    """Plain elements, tags ascending."""

    size: int
    """Encoded bytes."""
    first: int
    last: int
    """Tags."""
    fields: Callable[[Any, int], tuple[bytes, ...]]
    """Unpacks the headers."""
    headers: tuple[bytes, ...]
    wanted: tuple[int, ...]
    """Tags of `HEAD` in it."""
    values: Callable[[Any, int], tuple[bytes, ...]]
    """Unpacks their values."""


_NONE = _Run(0, 0, 0, struct.Struct("").unpack_from, (), (), struct.Struct("").unpack_from)
"""Stands for one that is not worth having: no tag is so low that it fits."""


class Runs:
    """The runs of one encoding, shared by all data sets; *headers* are those known in the encoding.

    *over_heads*: they go on over the elements in `HEAD` that have the right VR, where others end. Explicit VR
    only.
    """

    def __init__(self, headers: KnownHeaders, *, big_endian: bool, over_heads: bool = False) -> None:
        self._headers = headers
        self._over_heads = over_heads
        self._word = struct.Struct(">I" if big_endian else "<I")
        self._known: dict[int, _Run] = {}
        self._met: set[int] = set()

    def clear(self) -> None:
        """Forget all of them."""
        self._known.clear()
        self._met.clear()

    def pass_over(
        self,
        buffer: memoryview,
        position: int,
        room: int,
        last: int,
        barrier: int,
        values: dict[int, bytes],
    ) -> tuple[int, int]:
        """Return the position behind the plain elements from *position* on, and the tag of the last of them.

        *last* is the tag before them. They end at *room* at the latest, their tags lie below *barrier* and
        ascend. Nothing is passed over that the element by element loop of `dcmrecv.dataset.walkers` would
        not pass over.

        Where runs go over `HEAD`, *barrier* is the next of these that may come, or a tag from `PIXEL_DATA` on.
        A run that goes over some puts their values into *values* and is the last thing passed over.
        """
        unpack = RAW.unpack_from
        headers = self._headers
        known = self._known.get
        stop = room - 8
        lesson = True  # one in each call: data that never repeats shall not cost much
        while position <= stop:
            (raw,) = unpack(buffer, position)
            run = known(raw)
            if run is not None:
                size, first, end, fields, expected, wanted, wanted_values = run
                if last < first and (end < barrier or wanted) and position + size <= room:
                    found = fields(buffer, position)
                    if found == expected:
                        if wanted:
                            values.update(zip(wanted, wanted_values(buffer, position), strict=True))
                            return position + size, end
                        position += size
                        last = end
                    else:
                        fitting = next(compress(count(), map(ne, found, expected)))
                        self._known[raw] = self._read(buffer, position, room, fitting)
                    continue
            elif lesson and self._learn(raw, buffer, position, room):
                lesson = False
                continue
            tag, advance = headers[raw]
            if last < tag < barrier:
                if position + advance > room:
                    break
                position += advance
                last = tag
                continue
            if tag >= 0 or advance == SEQUENCE_FOLLOWS or position > room - 12:
                break
            if not last < -tag < barrier:
                break
            length = self._word.unpack_from(buffer, position + 8)[0]
            if length & advance or position + 12 + length > room:
                break
            position += 12 + length
            last = -tag
        return position, last

    def _learn(self, raw: int, buffer: memoryview, position: int, room: int) -> bool:
        """Learn the run at *position*, which begins with header *raw*, if that is met for the second time.

        Returns whether there is something known about it now.
        """
        if raw not in self._met:
            if len(self._met) >= limits.MAX_RUNS_MET:
                self._met.clear()
            self._met.add(raw)
            return False
        if len(self._known) >= limits.MAX_RUNS:
            self._known.clear()
        self._known[raw] = self._read(buffer, position, room, limits.MAX_RUN_ELEMENTS)
        return True

    def _read(self, buffer: memoryview, position: int, room: int, most: int) -> _Run:
        """Return the run of at most *most* elements at *position*, `_NONE` if it is too short."""
        headers: list[bytes] = []
        tags: list[int] = []
        wanted: list[int] = []
        text = wanted_text = "<"
        wanted_end = 0
        start = position
        last = FIRST_TAG
        while position + 12 <= room and len(headers) < most:
            tag, advance = self._headers[RAW.unpack_from(buffer, position)[0]]
            header = 8
            if tag < 0:
                if advance == SEQUENCE_FOLLOWS:
                    break
                tag, mask, header = -tag, advance, 12
                length = self._word.unpack_from(buffer, position + 8)[0]
                if length & mask:
                    break
                advance = 12 + length
            if not last < tag < PIXEL_DATA or position + advance > room:
                break
            if tag in HEAD:
                if not self._over_heads or buffer[position + 4 : position + 6] != HEAD[tag]:
                    break
                wanted.append(tag)
                wanted_text += f"{position + header - start - wanted_end}x{advance - header}s"
                wanted_end = position + advance - start
            headers.append(bytes(buffer[position : position + header]))
            tags.append(tag)
            text += f"{header}s{advance - header}x"
            position += advance
            last = tag
        if len(headers) < _SHORTEST:
            return _NONE
        fields = struct.Struct(text).unpack_from
        values = struct.Struct(wanted_text).unpack_from
        return _Run(position - start, tags[0], tags[-1], fields, tuple(headers), tuple(wanted), values)
