"""What the end of a fragment changes: the reference reads a cut header again, and does not go on with some values.

Outcomes and lines are those of the 3.6.8 build for the same fragments.
"""

from __future__ import annotations

import struct

import pytest

from dcmrecv import remarks
from dcmrecv.dataset.dictionary import builtin_dictionary
from dcmrecv.dataset.rewriter import DataSetRewriter
from tests.unit.dataset.generate import BIG_ENDIAN, EXPLICIT, IMPLICIT, JPEG
from tests.unit.dataset.rewriting import outcome

HEAD = b"\x08\0\x16\0UI\x06\x001.2.3\0\x08\0\x18\0UI\x06\x001.2.4\0"
END = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
TAIL = b"\xfc\xff\xfc\xffOB\0\0\x04\0\0\0abcd"


def fragment(size: int) -> bytes:
    return struct.pack("<HHI", 0xFFFE, 0xE000, size) + b"a" * size


def short(tag: int, vr: bytes, value: bytes, length: int | None = None) -> bytes:
    return (
        struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value) if length is None else length) + value
    )


PIXELS = b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff" + fragment(0) + fragment(20) + fragment(30) + END
ICON = (
    b"\x88\0\0\x02SQ\0\0\xff\xff\xff\xff"
    + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    + PIXELS
    + struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
    + END
)
ICON_HEADERS = 20


def refused(data: bytes, cuts: list[int], syntax: bytes = EXPLICIT) -> bool:
    """Return whether the data set is refused for fragments that go on; else it is unsaveable."""
    found = outcome(data, syntax, cuts)
    assert found[0] == outcome(data, syntax, cuts, batch=50)[0]
    assert found == outcome(data, syntax, cuts, single_steps=True)
    if found[0] == "Illegal call, perhaps wrong parameters":
        return True
    assert found[3] == "Pixel representation not found"
    return False


class TestFragmentsInANativeTransferSyntax:
    """Compressed pixel data under an uncompressed transfer syntax (spec/storage.md 3.7)."""

    @pytest.mark.parametrize("size", range(0, len(PIXELS) + 1, 2))
    @pytest.mark.parametrize("vr", [b"OB", b"OW", b"OX"])
    def test_they_must_lie_in_one_fragment(self, vr, size):
        data = HEAD + PIXELS.replace(b"OB", vr) + TAIL
        assert refused(data, [len(HEAD) + size]) == (12 <= size < len(PIXELS))

    def test_also_those_of_an_icon(self):
        data = HEAD + ICON + TAIL
        start = len(HEAD) + ICON_HEADERS
        assert not refused(data, [])
        assert not refused(data, [len(HEAD) + 12])
        assert refused(data, [start + 40])
        assert not refused(data, [start + len(PIXELS)])

    def test_a_whole_fragment_of_the_data_set_inside_a_pixel_fragment(self):
        data = HEAD + PIXELS[:20] + fragment(200) + END
        assert refused(data, [len(HEAD) + 30, 100])

    def test_implicit_vr(self):
        head = struct.pack("<HHI", 8, 0x60, 2) + b"CT"
        pixels = struct.pack("<HHI", 0x7FE0, 0x10, 0xFFFFFFFF) + PIXELS[12:]
        assert not refused(head + pixels, [], IMPLICIT)
        for size in range(8, len(pixels), 2):
            assert refused(head + pixels, [len(head) + size], IMPLICIT)

    @pytest.mark.parametrize("syntax", [EXPLICIT, BIG_ENDIAN, JPEG])
    def test_those_inside_a_sequence_read_as_implicit_vr_little_endian(self, syntax):
        order = ">" if syntax == BIG_ENDIAN else "<"
        head = struct.pack(order + "HH2sHI", 0x0088, 0x0200, b"UN", 0, 0xFFFFFFFF)
        start = len(head) + 16
        data = head + ICON[12:20] + struct.pack("<HHI", 0x7FE0, 0x10, 0xFFFFFFFF) + PIXELS[12:] + ICON[-16:]
        assert not refused(data, [], syntax)
        for size in range(2, len(data), 2):
            assert refused(data, [size], syntax) == (start <= size < len(data) - 16)

    def test_how_many_fragments_count(self):
        _, fragments, _ = outcome(HEAD + PIXELS, EXPLICIT, [len(HEAD) + 20, 10, 10], batch=50)
        assert fragments == 2

    def test_an_encapsulated_transfer_syntax_takes_them_however_they_are_cut(self):
        data = HEAD + PIXELS
        assert outcome(data, JPEG, 6)[0] == data


def lines(data: bytes, cuts: list[int], syntax: bytes = EXPLICIT) -> list[str]:
    found = outcome(data, syntax, cuts)
    assert found == outcome(data, syntax, cuts, single_steps=True)
    notes = found[-1]
    assert isinstance(notes, list)
    return [text for _, text in notes]


START = len(HEAD)


@pytest.mark.parametrize("size", range(0, 24, 2))
@pytest.mark.parametrize(("vr", "header"), [(b"??", 8), (b"ZZ", 12)])
def test_a_cut_header_with_a_non_standard_vr_is_warned_of_twice(vr, header, size):
    element = short(0x00100010, vr, b"abcd") if header == 8 else b"\x10\0\x10\0ZZ\0\0\x04\0\0\0abcd"
    text = (
        f"DcmItem: Non-standard VR '{vr.decode()}' ({vr[0]:02x}\\{vr[1]:02x}) encountered while parsing element "
        f"(0010,0010), assuming {4 if header == 12 else 2} byte length field"
    )
    expected = [text] * (2 if 6 <= size < header else 1)
    assert lines(HEAD + element + TAIL, [START + size]) == expected


@pytest.mark.parametrize("size", [0, 4, 8, 10])
def test_an_odd_length_is_warned_of_once(size):
    data = HEAD + short(0x00100010, b"PN", b"abc") + b"\0"
    assert lines(data, [START + size]) == ["DcmItem: Length of element (0010,0010) is odd"]


@pytest.mark.parametrize(
    ("syntax", "data", "expected"),
    [
        (EXPLICIT, HEAD + short(0x00100010, b"PN", b"", 3), remarks.ELEMENT_ODD(0x00100010)),
        (JPEG, HEAD + PIXELS[:20] + fragment(21)[:8], remarks.ODD_ITEM(0x7FE00010)),
    ],
    ids=["element", "pixel item"],
)
def test_an_odd_length_is_warned_of_in_the_fragment_of_its_header(syntax, data, expected):
    notes: list[remarks.Remark] = []
    rewriter = DataSetRewriter(syntax, dictionary=builtin_dictionary, note=notes.append)
    rewriter.feed([data], False)
    assert notes == [expected]


def test_an_odd_fragment_is_warned_of_once():
    data = HEAD + PIXELS[:20] + fragment(21) + fragment(5) + END
    odd = "DcmSequenceOfItems: Length of item in sequence PixelData (7fe0,0010) is odd"
    for size in (6, 8, 10):
        assert lines(data, [START + 20 + size], JPEG) == [odd] * 2


LARGER = "larger (200) than remaining bytes (6) in file, premature end of stream"


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        (0xFFFF0010, "PrivateCreator (ffff,0010)"),
        (0xFFFFFFFF, "Unknown Tag & Data (????,????)"),
        (0x00070010, "IllegalPrivateCreator (0007,0010)"),
    ],
)
def test_the_order_of_lines_about_a_cut_value_in_a_forbidden_group(tag, name):
    data = HEAD + short(tag, b"LO", b"abcdef", 200)
    larger = f"DcmElement: {name} {LARGER}"
    place = [f"DcmItem: Invalid Element {name.rpartition(' ')[2]} found in data set"]
    if tag < 0x00080000:
        place.insert(0, f"DcmItem: Dataset not in ascending tag order, at element {name.rpartition(' ')[2]}")
    for size in (-2, 0, 4):
        assert lines(data, [START + size]) == [larger, *place]
    for size in (8, 10):
        assert lines(data, [START + size]) == [*place, larger]
    assert lines(data, []) == [larger, *place]


def test_nothing_is_said_of_a_missing_value_in_front_of_an_empty_last_fragment():
    data = HEAD + short(0x00100020, b"LO", b"", 200)
    assert lines(data, []) == ["DcmElement: PatientID (0010,0020) larger (200) than remaining bytes in file"]
    assert lines(data, [len(data), 0]) == []


def test_a_directory_record_ends_behind_the_value_that_reaches_beyond_its_length():
    """In items of (0004,1220) the reference compares no length with that of the item (spec/storage.md 3.4)."""
    inside = short(0x00081030, b"LO", b"0123456789")
    for too_short in range(2, 12, 2):
        item = struct.pack("<HHI", 0xFFFE, 0xE000, len(inside) - too_short) + inside
        data = b"\x04\0\x20\x12SQ\0\0\xff\xff\xff\xff" + item + END + HEAD
        whole = outcome(data, EXPLICIT, [])[0]
        assert isinstance(whole, bytes)
        assert inside + struct.pack("<HHI", 0xFFFE, 0xE00D, 0) in whole
        for size in range(2, len(data), 2):
            assert outcome(data, EXPLICIT, [size])[0] == whole
            assert outcome(data, EXPLICIT, [size], single_steps=True)[0] == whole
            assert outcome(data, EXPLICIT, [size, 2, 2])[0] == whole
