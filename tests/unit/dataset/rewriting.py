"""Drives a rewriter as the storage side does, in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from dcmrecv.dataset import limits
from dcmrecv.dataset.dictionary import DataDictionary, builtin_dictionary
from dcmrecv.dataset.rewriter import DataSetError, DataSetRewriter
from dcmrecv.dataset.sort_elements import MediaStorageUids
from dcmrecv.log.remark_text import remark_text
from dcmrecv.remarks import Remark


class Rewritten(NamedTuple):
    """What became of a data set."""

    data: bytes
    head: MediaStorageUids
    series_date: bytes | None
    rewriter: DataSetRewriter


def split(data: bytes, cuts: int | Iterable[int] | None) -> list[bytes]:
    """Cut *data*: a size, a list of sizes (the rest is one more), or None for the default maximum PDU."""
    if cuts is None:
        cuts = 16372
    if isinstance(cuts, int):
        return [data[i : i + cuts] for i in range(0, len(data), cuts)] or [b""]
    parts = []
    position = 0
    for size in cuts:
        parts.append(data[position : position + size])
        position += size
    if position < len(data):
        parts.append(data[position:])
    return parts


def letter_and_text(remark: Remark) -> tuple[str, str]:
    """Return level and text of *remark* as they are logged."""

    def keyword(group: int, element: int) -> str:
        return builtin_dictionary().name(group << 16 | element)

    return remark.kind.level.name[0], remark_text(remark, keyword)


def rewrite(
    data: bytes,
    transfer_syntax: bytes,
    cuts: int | Iterable[int] | None = None,
    *,
    dictionary: Callable[[], DataDictionary] = builtin_dictionary,
    note: Callable[[str, str], None] | None = None,
    detailed: bool = False,
    batch: int = 1,
    single_steps: bool = False,
    max_nesting: int = limits.NESTING,
) -> Rewritten:
    """Feed *data* in fragments, *batch* of them at a time, finish, patch, take the second pass."""
    parts = [memoryview(part) for part in split(data, cuts)]
    rewriter = DataSetRewriter(
        transfer_syntax,
        dictionary=dictionary,
        note=None if note is None else lambda remark: note(*letter_and_text(remark)),
        detailed=detailed,
        max_nesting=max_nesting,
        single_steps=single_steps,
    )
    out = bytearray()
    for i in range(0, len(parts), batch):
        for piece in rewriter.feed(parts[i : i + batch], i + batch >= len(parts)):
            out += piece
    for piece in rewriter.finish():
        out += piece
    head = rewriter.head
    assert head is not None
    series_date = rewriter.series_date
    for offset, patch in rewriter.patches:
        out[offset : offset + len(patch)] = patch
    second = rewriter.reorder
    if second is not None and not rewriter.unsaveable:
        source = bytes(out)
        if second.deflated:
            source = b"".join(second.inflate(iter([source])))
        second.prepare(lambda offset, size: source[offset : offset + size], len(source))
        out = bytearray(b"".join(second.write()))
        head = second.head
        series_date = second.series_date
    return Rewritten(bytes(out), head, series_date, rewriter)


def outcome(
    data: bytes,
    transfer_syntax: bytes,
    cuts: int | Iterable[int] | None = None,
    *,
    dictionary: Callable[[], DataDictionary] = builtin_dictionary,
    noted: bool = True,
    detailed: bool = False,
    batch: int = 1,
    single_steps: bool = False,
) -> tuple[object, ...]:
    """Return all that can be known of what became of *data*: output or error, values for the meta header, notes."""
    notes: list[tuple[str, str]] = []
    try:
        result = rewrite(
            data,
            transfer_syntax,
            cuts,
            dictionary=dictionary,
            note=(lambda level, text: notes.append((level, text))) if noted else None,
            detailed=detailed,
            batch=batch,
            single_steps=single_steps,
        )
    except DataSetError as error:
        return str(error), error.fragments, notes
    found = result.rewriter
    return result.data, result.head, result.series_date, found.unsaveable, found.empty, notes
