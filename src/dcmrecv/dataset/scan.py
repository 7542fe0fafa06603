# cython: wraparound=False
"""The way of clean data: one loop over the headers of a data set in little endian, one header a turn.

A data set is a row of elements; a sequence is an element of items, an item again a row of elements (PS3.5 7.1,
7.5). Normal mode writes what it received, with three exceptions that concern clean data: every sequence and item
gets undefined length and a delimiter (spec/storage.md T5), and nothing else changes. So the scanner

* looks at each header once, at `position`, and passes over the value, which goes out as a slice of the input;
* keeps the frames it is in (data set, sequence, item) on a stack of its own: nothing recurses on input;
* copies what goes out around an edit, if it is short, into `scratch`, and refers to the input where it is long;
* takes the three values that the receiver needs (SOP Class and Instance UID, Series Date).

It stops in front of whatever is remarkable: tags that do not ascend, group lengths, odd lengths, non-standard VRs,
lengths that do not fit, values that other elements depend on, ends that come too late. The complete step
(`dcmrecv.dataset.elements`) does what is to be done there, on the same `Cursor`, and the scanner goes on behind.
**Both lead to the same output, remarks and errors; the scanner only knows fewer cases.** It learns nothing from
data: the same bytes take the same way, always.

The loop can stop and go on at any byte. `load` brings the next piece of input, `unload` puts the output together
and keeps an incomplete header for the next time.

The file runs as it is. ``scan.pxd`` gives the types to its compiled form: bounds are checked, and all arithmetic
is 64 bit, so that a position plus a length of 2**32 - 1 stays what it is in Python. A length is compared with the
buffer and with its frame before anything is done with it.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from dcmrecv.dataset import memory
from dcmrecv.dataset.limits import LARGEST_COPY, MAX_CAPTURED_VALUE, SCRATCH
from dcmrecv.dataset.memory import Buffer
from dcmrecv.dataset.rules import LONG, OPENS, SHORT, Rules
from dcmrecv.dataset.tags import (
    BEHIND_ELEMENTS,
    FIRST_TAG,
    INFINITE,
    ITEM,
    ITEM_DELIMITER,
    ITEM_TAG,
    PIXEL_SEQUENCE,
    SEQUENCE,
    SEQUENCE_DELIMITER,
    SERIES_DATE,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    UNDEFINED,
    VOI_LUT_SEQUENCE,
)

__all__ = ["Cursor"]

UI, DA = int.from_bytes(b"UI", "little"), int.from_bytes(b"DA", "little")
UNDEFINED_BYTES = b"\xff\xff\xff\xff"
ITEM_END = b"\xfe\xff\x0d\xe0\0\0\0\0"
SEQUENCE_END = b"\xfe\xff\xdd\xe0\0\0\0\0"

MORE, REMARKABLE, ROOM = 0, 1, 2
"""Why the loop stops: more input is needed, the complete step is, or room for output or frames."""
WIDTH = 6
"""Numbers of a suspended frame: kind, begin, end, tag, last, output_start."""

_NO_FRAMES = array("q")
_NO_SCRATCH = bytearray()


class Cursor:
    """Where the pass over a data set stands: input, output, frames, and what was found.

    The scanner and the complete step work on the same one. *top_barrier* is the lowest tag of the data set itself
    that is not the scanner's; *max_depth* the number of sequences and items that may be open at a time.
    """

    def __init__(self, rules: Rules, top_barrier: int, max_depth: int) -> None:
        self.explicit = rules.explicit
        self.table = rules.table
        self.special = rules.special
        self.private = rules.private

        # Input: the current buffer, the next byte to look at, the start of what goes out as it came, and where in
        # the data set the buffer begins.
        self.view = memoryview(b"")
        self.size = 0
        self.position = 0
        self.run = 0
        self.base = 0
        self.held = b""

        # A value that goes on behind the buffer, by `skip` bytes. `verbatim`: it goes out as it comes.
        self.skip = 0
        self.value_tag = 0
        self.value_length = 0
        self.verbatim = True

        # Output: finished pieces; `scratch`, of which `settled` bytes are in pieces and `used` bytes written; bytes in
        # all, and those that group lengths count in addition.
        self.out: list[Buffer] = []
        self.scratch = _NO_SCRATCH
        self.used = 0
        self.settled = 0
        self.total = 0
        self.adjusted = 0

        # The current frame: positions in the data set, the sequence it belongs to, its last tag, and where its
        # content begins in the output.
        self.kind = ITEM
        self.begin = 0
        self.end = INFINITE
        self.tag = 0
        self.last = FIRST_TAG
        self.output_start = 0
        # The frames around it, and what the scanner must leave to the complete step: the ends of frames at or below
        # `floor`, elements from `barrier` on.
        self.frames = _NO_FRAMES
        self.depth = 0
        self.max_depth = max_depth
        self.floor = 0
        self.barrier = self.top_barrier = top_barrier

        # Findings.
        self.started = False
        self.sop_class: bytes | None = None
        self.sop_instance: bytes | None = None
        self.series_date: bytes | None = None

    # ---- input ------------------------------------------------------------------------------------

    def load(self, view: memoryview) -> None:
        """Take the next piece of input; a value that goes on in it is passed over as far as it is `verbatim`."""
        if self.held:
            view = memoryview(self.held + bytes(view))
            self.base -= len(self.held)
            self.held = b""
        self.view = view
        self.size = len(view)
        self.run = self.position = 0
        if self.skip and self.verbatim:
            self.position = min(self.skip, self.size)
            self.skip -= self.position

    def unload(self) -> None:
        """Emit what was passed over, and keep what was not."""
        self.flush(self.position)
        if self.position < self.size:
            self.held = bytes(self.view[self.position :])
        self.base += self.size
        self.settle()

    def pass_through(self, views: Sequence[Buffer], first: int, stop: int) -> int:
        """Emit those of views[first:stop] that lie inside the current value and do not end it; return how many."""
        if not self.verbatim:
            return 0
        index = first
        left = self.skip
        while index < stop:
            size = len(views[index])
            if size >= left:
                break
            left -= size
            index += 1
        passed = self.skip - left
        if passed:
            self.out += views[first:index]
            self.total += passed
            self.base += passed
            self.skip = left
        return index - first

    # ---- output -----------------------------------------------------------------------------------

    def flush(self, position: int) -> None:
        """Emit what came in up to *position*; the next stretch starts there."""
        size = position - self.run
        if size > 0:
            if size > LARGEST_COPY or self.used == self.settled:
                self._refer(self.used, self.run, position)
            else:
                self._copy(self.view[self.run : position])
            self.total += size
        self.run = position

    def emit(self, data: bytes | memoryview) -> None:
        """Emit *data*."""
        if len(data) > LARGEST_COPY:
            self.settle()
            self.out.append(data)
        else:
            self._copy(data)
        self.total += len(data)

    def replace(self, start: int, data: bytes, resume: int) -> None:
        """Emit what came in up to *start*, then *data*; the next stretch starts at *resume*."""
        self.flush(start)
        if data:
            self.emit(data)
        self.run = resume

    def written(self, position: int) -> int:
        """Return where input *position* stands in the output."""
        return self.total + position - self.run

    def settle(self) -> None:
        """Make a piece of what was copied since the last one."""
        if self.used > self.settled:
            self.out.append(memoryview(self.scratch)[self.settled : self.used])
            self.settled = self.used

    def _copy(self, data: bytes | memoryview) -> None:
        if self.used + len(data) > len(self.scratch):
            self._new_scratch()
        self.used = memory.append(self.scratch, self.used, data, 0, len(data))

    def _refer(self, used: int, start: int, stop: int) -> int:
        """Emit input as a view, behind what was copied."""
        self.used = used
        self.settle()
        self.out.append(self.view[start:stop])
        return 0

    def _new_scratch(self) -> None:
        self.settle()
        self.scratch = bytearray(SCRATCH)
        self.used = self.settled = 0

    # ---- frames -----------------------------------------------------------------------------------

    def enter(self, kind: int, tag: int, length: int) -> None:
        """Enter a sequence or item whose content starts at `position`."""
        slot = WIDTH * self.depth
        if slot == len(self.frames):
            self._more_frames()
        frames = self.frames
        frames[slot] = self.kind
        frames[slot + 1] = self.begin
        frames[slot + 2] = self.end
        frames[slot + 3] = self.tag
        frames[slot + 4] = self.last
        frames[slot + 5] = self.output_start
        self.depth += 1
        self.kind = kind
        self.begin = self.base + self.position
        self.end = INFINITE if length == UNDEFINED else self.begin + length
        self.tag = tag
        self.last = FIRST_TAG
        self.output_start = self.written(self.position)
        self.barrier = BEHIND_ELEMENTS

    def leave(self) -> None:
        """Go back to the frame around the current one."""
        self.depth -= 1
        self.kind, self.begin, self.end, self.tag, self.last, self.output_start = self.frame(self.depth)
        self.barrier = BEHIND_ELEMENTS if self.depth else self.top_barrier

    def frame(self, depth: int) -> list[int]:
        """Return the numbers of the suspended frame at *depth*; see `WIDTH`."""
        return list(self.frames[WIDTH * depth : WIDTH * (depth + 1)])

    def _more_frames(self) -> None:
        # A new array: the old one may be in use by the loop. What stands in its second half does not matter.
        self.frames = self.frames * 2 or array("q", bytes(8 * 16 * WIDTH))

    # ---- the loop ---------------------------------------------------------------------------------

    def scan(self) -> bool:
        """Pass over what is clean. True: the complete step has to look at `position`; False: more input is needed."""
        while True:
            stop = self._scan(self.view, self.scratch, self.frames)
            if stop != ROOM:
                return stop == REMARKABLE
            if len(self.scratch) - self.used < SCRATCH // 2:
                self._new_scratch()
            if WIDTH * self.depth == len(self.frames):
                self._more_frames()

    def _scan(self, buffer: memoryview, target: bytearray, frames: array[int]) -> int:  # noqa: C901  (its state is in local variables)
        """Run the loop and return why it stopped.

        One function, because its state is in local variables: reading an attribute would cost more than what
        is done with it. The parts are marked.
        """
        explicit = self.explicit
        table = self.table
        special = self.special
        private = self.private
        size = self.size
        base = self.base
        room = len(target) - LARGEST_COPY - 8
        slots = len(frames)
        max_depth = self.max_depth
        floor = self.floor
        barrier = self.barrier
        position = self.position
        run = self.run
        used = self.used
        total = self.total
        kind = self.kind
        begin = self.begin
        end = self.end
        sequence = self.tag
        last = self.last
        output_start = self.output_start
        depth = self.depth
        rule = 0
        stop = REMARKABLE
        while True:
            if base + position >= end:
                # -- The explicit length of a sequence or item is used up: it gets a delimiter.
                if base + position > end or depth <= floor:
                    break
                if used > room:
                    stop = ROOM
                    break
                if position - run > LARGEST_COPY:
                    self._refer(used, run, position)
                else:
                    used = memory.append(target, used, buffer, run, position)
                used = memory.append(target, used, ITEM_END if kind == ITEM else SEQUENCE_END, 0, 8)
                total += position - run + 8
                run = position
            else:
                if position + 8 > size:
                    # Of the VR in a cut header there may be something to say.
                    if (
                        not explicit
                        or kind != ITEM
                        or position + 6 > size
                        or table[buffer[position + 4] | buffer[position + 5] << 8]
                        or (buffer[position] == 0xFE and buffer[position + 1] == 0xFF)
                    ):
                        stop = MORE
                    break
                raw = memory.quad(buffer, position)
                tag = (raw & 0xFFFF) << 16 | raw >> 16 & 0xFFFF
                length = raw >> 32
                value = position + 8
                if kind == ITEM and tag < BEHIND_ELEMENTS:
                    # -- An element: what does its VR say?
                    if tag <= last or tag >= barrier or not tag & 0xFFFF or tag & private:
                        break
                    if explicit:
                        rule = table[length & 0xFFFF]
                        length >>= 16
                        if not rule & SHORT:
                            if not rule or length:
                                break
                            value += 4
                            if value > size:
                                stop = MORE
                                break
                            length = memory.word(buffer, position + 8)
                    else:
                        rule = special.get(tag, LONG | 1) if table[(tag ^ tag >> 16) & 0xFFFF] else LONG | 1
                        if not rule:
                            break
                    if rule == OPENS:
                        if length != UNDEFINED and (length & 1 or base + value + length > end):
                            break
                        if tag in (SOP_CLASS_UID, SOP_INSTANCE_UID):
                            break
                    else:
                        if length & rule & 7 or base + value + length > end or tag == VOI_LUT_SEQUENCE:
                            break
                        if SOP_CLASS_UID <= tag <= SERIES_DATE and not self._keep(
                            tag, raw >> 32 & 0xFFFF, value, length, depth
                        ):
                            break
                    if length and value >= size:
                        # The header, and a byte of the value: as the complete step.
                        stop = MORE
                        break
                elif kind == PIXEL_SEQUENCE:
                    # -- A fragment: empty ones and the delimiter are the complete step's.
                    if tag != ITEM_TAG or not length or length & 1:
                        break
                    if value >= size:
                        stop = MORE
                        break
                    rule = SHORT
                elif kind == SEQUENCE and tag == ITEM_TAG:
                    if length & 1 and length != UNDEFINED:
                        break
                    rule = OPENS
                else:
                    # -- A delimiter: of a frame of undefined length, its own is 0.
                    if (
                        tag != (ITEM_DELIMITER if kind == ITEM else SEQUENCE_DELIMITER)
                        or length
                        or end < INFINITE
                        or depth <= floor
                    ):
                        break
                    position = value
                    rule = 0
                if rule:
                    if rule != OPENS:
                        # -- Pass over a value.
                        last = tag
                        position = value + length
                        if position <= size:
                            continue
                        self.skip = position - size
                        self.value_tag = tag
                        self.value_length = length
                        self.verbatim = True
                        position = size
                        stop = MORE
                        break
                    # -- Enter a sequence or item; its length becomes undefined.
                    if depth >= max_depth:
                        break
                    slot = WIDTH * depth
                    if slot == slots or used > room:
                        stop = ROOM
                        break
                    if kind == ITEM:
                        last = tag
                    if length != UNDEFINED:
                        if value - 4 - run > LARGEST_COPY:
                            self._refer(used, run, value - 4)
                        else:
                            used = memory.append(target, used, buffer, run, value - 4)
                        used = memory.append(target, used, UNDEFINED_BYTES, 0, 4)
                        total += value - run
                        run = value
                    frames[slot] = kind
                    frames[slot + 1] = begin
                    frames[slot + 2] = end
                    frames[slot + 3] = sequence
                    frames[slot + 4] = last
                    frames[slot + 5] = output_start
                    depth += 1
                    position = value
                    if kind == ITEM:
                        kind = SEQUENCE
                        sequence = tag
                    else:
                        kind = ITEM
                    begin = base + position
                    end = INFINITE if length == UNDEFINED else begin + length
                    last = FIRST_TAG
                    output_start = total + position - run
                    barrier = BEHIND_ELEMENTS
                    continue
            # -- Leave a sequence or item.
            depth -= 1
            slot = WIDTH * depth
            kind = frames[slot]
            begin = frames[slot + 1]
            end = frames[slot + 2]
            sequence = frames[slot + 3]
            last = frames[slot + 4]
            output_start = frames[slot + 5]
            barrier = BEHIND_ELEMENTS if depth else self.top_barrier
        if position > self.position:
            self.started = True
        self.position = position
        self.run = run
        self.used = used
        self.total = total
        self.kind = kind
        self.begin = begin
        self.end = end
        self.tag = sequence
        self.last = last
        self.output_start = output_start
        self.depth = depth
        self.barrier = barrier
        return stop

    def _keep(self, tag: int, vr: int, value: int, length: int, depth: int) -> bool:
        """Keep the value of *tag* if the receiver needs it. False: it is not as usual, or not all there."""
        if tag == SERIES_DATE:
            # The data set's own; of another VR it is no date (spec/storage.md 6).
            if depth or (self.explicit and vr != DA):
                return True
        elif tag in (SOP_CLASS_UID, SOP_INSTANCE_UID):
            # The first one in stored order (spec/storage.md 2).
            if (self.sop_class if tag == SOP_CLASS_UID else self.sop_instance) is not None:
                return True
            if self.explicit and vr != UI:
                return False
        else:
            return True
        if value + length > self.size or length > MAX_CAPTURED_VALUE:
            return False
        content = bytes(self.view[value : value + length])
        if tag == SERIES_DATE:
            self.series_date = content
        elif tag == SOP_CLASS_UID:
            self.sop_class = content
        else:
            self.sop_instance = content
        return True
