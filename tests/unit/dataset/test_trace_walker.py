"""`dcmrecv.dataset.trace_walker`: lines of the debug and trace levels; texts are the reference's."""

from __future__ import annotations

import struct

import pytest

from dcmrecv.dataset.dictionary import builtin_dictionary
from dcmrecv.dataset.rewriter import DataSetError, DataSetRewriter

from .rewriting import letter_and_text

IMPLICIT = b"1.2.840.10008.1.2"
UNDEFINED = 0xFFFFFFFF


def element(tag: int, value: bytes, length: int | None = None) -> bytes:
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value) if length is None else length) + value


def told(pieces: list[bytes], detail: int) -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    rewriter = DataSetRewriter(
        IMPLICIT,
        dictionary=builtin_dictionary,
        note=lambda remark: lines.append(letter_and_text(remark)),
        detail=detail,
    )
    rewriter.feed([memoryview(piece) for piece in pieces], True)
    rewriter.finish()
    return lines


SIGNED = element(0x00280103, b"\1\0") + element(0x00280106, b"\0\0")
CHOICE = (
    "D",
    "DcmItem::checkAndUpdateVR() setting undefined VR of SmallestImagePixelValue (0028,0106) to 'SS' because "
    "PixelRepresentation (0028,0103) has a value of 1",
)


def test_debug_tells_choices_alone():
    assert told([SIGNED], 1) == [CHOICE]
    assert told([SIGNED], 0) == []


def test_no_choice_without_what_decides():
    assert told([element(0x00280106, b"\0\0")], 1) == []


def test_trace():
    item = element(0x00080100, b"AB") + element(0xFFFEE00D, b"")
    sequence = element(0x00082218, element(0xFFFEE000, item, UNDEFINED) + element(0xFFFEE0DD, b""), UNDEFINED)
    assert [text for _, text in told([sequence + SIGNED], 2)] == [
        "DcmSequenceOfItems::readSubItem() Sub Item (fffe,e000) inserted",
        'DcmItem::insert() Element (0008,0100) VR="SH" inserted at beginning',
        "DcmItem::readSubItem() returns error = Normal",
        "DcmItem::readSubItem() returns error = Item end",
        "DcmItem::read() returns error = Normal",
        "DcmSequenceOfItems::readSubItem() returns error = Sequence end",
        "DcmSequenceOfItems::read() returns error = Normal",
        'DcmItem::insert() Element (0008,2218) VR="SQ" inserted at beginning',
        "DcmItem::readSubItem() returns error = Normal",
        'DcmItem::insert() Element (0028,0103) VR="US" inserted',
        "DcmItem::readSubItem() returns error = Normal",
        "DcmItem::searchSubFromHere() Element (0028,0103) found",
        CHOICE[1],
        'DcmItem::insert() Element (0028,0106) VR="SS" inserted',
        "DcmItem::readSubItem() returns error = Normal",
        "DcmItem::read() returns error = Normal",
        "DcmDataset::read() returns error = Normal",
    ]


def test_trace_of_a_value_in_two_fragments():
    whole = element(0x00100010, b"A" * 10)
    suspended = "I/O suspension or premature end of stream"
    assert [text for _, text in told([whole[:12], whole[12:]], 2)] == [
        'DcmItem::insert() Element (0010,0010) VR="PN" inserted at beginning',
        f"DcmItem::readSubItem() returns error = {suspended}",
        f"DcmItem::read() returns error = {suspended}",
        f"DcmDataset::read() returns error = {suspended}",
        "DcmItem::read() returns error = Normal",
        "DcmDataset::read() returns error = Normal",
    ]


def test_every_fragment_of_a_value_is_told_of() -> None:
    whole = element(0x00100010, b"A" * 30)
    lines = [text for _, text in told([whole[:12], whole[12:20], whole[20:]], 2)]
    assert lines.count("DcmDataset::read() returns error = I/O suspension or premature end of stream") == 2


def test_wrong_delimiter():
    lines: list[tuple[str, str]] = []
    rewriter = DataSetRewriter(
        IMPLICIT,
        dictionary=builtin_dictionary,
        note=lambda remark: lines.append(letter_and_text(remark)),
        detail=1,
    )
    with pytest.raises(DataSetError):
        rewriter.feed([memoryview(element(0xFFFEE0DD, b""))], True)
    assert lines[-1] == ("D", "DcmItem::readSubElement() cannot create Sub Element (fffe,e0dd)")


def test_details_do_not_use_up_the_warnings():
    many = b"".join(element(0x00091000 + i, b"") for i in range(2000)) + element(0x00100010, b"A")
    assert ("W", "DcmItem: Length of element (0010,0010) is odd") in told([many], 2)


def test_the_output_is_the_same():
    data = SIGNED + element(0x7FE00010, bytes(64))
    outputs = []
    for detail in range(3):
        rewriter = DataSetRewriter(IMPLICIT, dictionary=builtin_dictionary, detail=detail)
        outputs.append(b"".join([*rewriter.feed([memoryview(data)], True), *rewriter.finish()]))
    assert outputs[0] == outputs[1] == outputs[2] == data
