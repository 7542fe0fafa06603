"""Data sets in explicit VR that are there as a whole and hold nothing remarkable: most small objects.

They need no walker, no state and no output but the bytes that came; making all that costs more than looking at
their headers. What is passed over here is what the fast loop of `dcmrecv.dataset.walkers` passes over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dcmrecv.dataset.cursor import (
    BEHIND_ELEMENTS,
    FIRST_TAG,
    HEAD,
    SERIES_DATE,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
)
from dcmrecv.dataset.diagnostics import PIXEL_DATA
from dcmrecv.dataset.headers import RAW, SEQUENCE_FOLLOWS
from dcmrecv.dataset.pieces import Buffer, joined
from dcmrecv.dataset.sort_elements import MediaStorageUids, SecondPass
from dcmrecv.dataset.walkers import explicit_forms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dcmrecv.transfer_syntaxes import Encoding

__all__ = ["WholeDataSet", "read_whole"]

_BARRIERS = sorted(HEAD)


class WholeDataSet(NamedTuple):
    """What a data set comes to: as a finished `DataSetRewriter` tells it, and the output."""

    out: list[Buffer]
    """It as it is to be stored."""
    head: MediaStorageUids
    series_date: bytes | None

    # What a rewriter may find otherwise.
    empty: bool = False
    unsaveable: str | None = None
    reorder: SecondPass | None = None
    patches: Sequence[tuple[int, bytes]] = ()


def _next_barrier(last: int, behind: int) -> int:
    """Return the first tag of `HEAD` after *last*, *behind* if there is none."""
    return next((tag for tag in _BARRIERS if tag > last), behind)


def read_whole(view: memoryview, encoding: Encoding) -> WholeDataSet | None:
    """Return what the data set in *view* comes to; None if it is empty or needs a walker.

    In implicit VR it always does: some values decide how others are read.
    """
    size = len(view)
    if not encoding.explicit or encoding.deflated or not size:
        return None
    headers, shapes, runs = explicit_forms(encoding.big_endian)
    pass_over = runs.pass_over
    values: dict[int, bytes] = {}
    out: list[Buffer] = []
    start = position = 0
    last = FIRST_TAG
    behind = PIXEL_DATA if encoding.encapsulated else BEHIND_ELEMENTS
    barrier = _BARRIERS[0]
    while True:
        position, last = pass_over(view, position, size, last, barrier, values)
        if position == size:
            break
        if last >= barrier:  # by a run over the head
            barrier = behind if last >= _BARRIERS[-1] else _next_barrier(last, behind)
            continue
        if size - position < 8:
            return None
        tag, advance = headers[RAW.unpack_from(view, position)[0]]
        if barrier < (tag if tag > 0 else -tag) and barrier != behind:
            barrier = _next_barrier(barrier, behind)
            continue
        if tag < 0:
            if advance != SEQUENCE_FOLLOWS or not last < -tag < barrier:
                return None
            found = shapes.match(view, position, size)
            if found is None:
                return None
            length, changed = found
            if changed is not None:
                if position > start:
                    out.append(view[start:position])
                out.append(changed)
                start = position + length
            position += length
            last = -tag
            continue
        code = HEAD.get(tag)
        if code is None or tag != barrier or view[position + 4 : position + 6] != code:
            return None
        end = position + advance
        if end > size:
            return None
        values[tag] = bytes(view[position + 8 : end])
        position = end
        last = tag
        barrier = _next_barrier(last, behind)
    if position > start:
        out.append(view[start:position])
    sop_class = values.get(SOP_CLASS_UID)
    sop_instance = values.get(SOP_INSTANCE_UID)
    head = MediaStorageUids(
        None if sop_class is None else sop_class.split(b"\0", 1)[0],
        None if sop_instance is None else sop_instance.split(b"\0", 1)[0],
    )
    return WholeDataSet(joined(out), head, values.get(SERIES_DATE))
