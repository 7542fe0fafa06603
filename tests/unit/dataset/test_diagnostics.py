"""`dcmrecv.dataset.diagnostics`: lines of the debug level; texts are the reference's."""

from __future__ import annotations

import struct

import pytest

from dcmrecv.dataset import limits
from dcmrecv.dataset.dictionary import builtin_dictionary
from dcmrecv.dataset.rewriter import DataSetError, DataSetRewriter

from .rewriting import letter_and_text

IMPLICIT = b"1.2.840.10008.1.2"
UNDEFINED = 0xFFFFFFFF


def element(tag: int, value: bytes, length: int | None = None) -> bytes:
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value) if length is None else length) + value


def diagnostics(pieces: list[bytes], detailed: bool) -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    rewriter = DataSetRewriter(
        IMPLICIT,
        dictionary=builtin_dictionary,
        note=lambda remark: lines.append(letter_and_text(remark)),
        detailed=detailed,
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


def test_debug_has_choices_alone():
    assert diagnostics([SIGNED], True) == [CHOICE]
    assert diagnostics([SIGNED], False) == []


def test_no_choice_without_what_decides():
    assert diagnostics([element(0x00280106, b"\0\0")], True) == []


def test_wrong_delimiter():
    lines: list[tuple[str, str]] = []
    rewriter = DataSetRewriter(
        IMPLICIT,
        dictionary=builtin_dictionary,
        note=lambda remark: lines.append(letter_and_text(remark)),
        detailed=True,
    )
    with pytest.raises(DataSetError):
        rewriter.feed([memoryview(element(0xFFFEE0DD, b""))], True)
    assert lines[-1] == ("D", "DcmItem::readSubElement() cannot create Sub Element (fffe,e0dd)")


def test_details_do_not_use_up_the_warnings():
    items = element(0x00081140, element(0xFFFEE000, SIGNED) * (limits.MAX_NOTES + 1))
    lines = diagnostics([items + element(0x00100010, b"A")], True)
    assert lines.count(CHOICE) > limits.MAX_NOTES
    assert ("W", "DcmItem: Length of element (0010,0010) is odd") in lines


def test_the_output_is_the_same():
    data = SIGNED + element(0x7FE00010, bytes(64))
    outputs = []
    for detailed in (False, True):
        rewriter = DataSetRewriter(IMPLICIT, dictionary=builtin_dictionary, detailed=detailed)
        outputs.append(b"".join([*rewriter.feed([memoryview(data)], True), *rewriter.finish()]))
    assert outputs == [data, data]
