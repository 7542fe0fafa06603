"""The scanner does what the complete step does, only for fewer cases: same output, values, notes and errors."""

from __future__ import annotations

import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcmrecv.dataset.dictionary import DataDictionary, TagRange, builtin_dictionary
from dcmrecv.dataset.limits import LARGEST_COPY, SCRATCH
from dcmrecv.dataset.rules import EXPLICIT as EXPLICIT_RULES
from dcmrecv.dataset.rules import OPENS, mark
from dcmrecv.dataset.scan import Cursor
from dcmrecv.dataset.tags import BEHIND_ELEMENTS, PIXEL_DATA
from tests.unit.dataset.generate import BIG_ENDIAN, EXPLICIT, IMPLICIT, JPEG, UNDEFINED, Generator, Repetition
from tests.unit.dataset.rewriting import outcome, rewrite

DEPTH = 128
CLASS = b"\x08\0\x16\0UI\x06\x001.2.3\0"
INSTANCE = b"\x08\0\x18\0UI\x06\x001.2.4\0"
DATE = b"\x08\0\x21\0DA\x08\x0020240131"
NAME = b"\x10\0\x10\0PN\x0c\0Measure^Mary"
PIXELS = b"\xe0\x7f\x10\0OW\0\0\x04\0\0\0abcd"


def short(tag: int, vr: bytes, value: bytes) -> bytes:
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value


def both(data: bytes, syntax: bytes, cuts=None, **options) -> tuple[object, ...]:
    """Return what became of *data*, which must be the same with and without the scanner."""
    scanned = outcome(data, syntax, cuts, **options)
    assert scanned == outcome(data, syntax, cuts, **options, single_steps=True)
    return scanned


def scanner(syntax: bytes = EXPLICIT) -> Cursor:
    rules = builtin_dictionary().rules if syntax == IMPLICIT else EXPLICIT_RULES
    assert rules is not None
    return Cursor(rules, PIXEL_DATA if syntax == JPEG else BEHIND_ELEMENTS, DEPTH)


def scanned(data: bytes, syntax: bytes = EXPLICIT, size: int | None = None) -> tuple[int, Cursor]:
    """Let the scanner alone pass over *data*; return how far it came."""
    cursor = scanner(syntax)
    size = size or len(data)
    done = 0
    for start in range(0, len(data), size):
        held = len(cursor.held)
        cursor.load(memoryview(data)[start : start + size])
        remarkable = cursor.scan()
        done = start - held + cursor.position
        cursor.unload()
        if remarkable:
            break
    return done, cursor


# ---- the same as single steps -----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(300))
def test_same_as_single_steps(seed):
    generator = Generator(seed, (0.0, 0.01, 0.04)[seed % 3])
    data = generator.data_set()
    cuts = generator.cuts(len(data))
    chance = random.Random(seed)
    options = {
        "noted": chance.random() < 0.7,
        "detailed": chance.choice((False, False, True)),
        "batch": chance.choice((1, 1, 7)),
    }
    both(data, generator.syntax, None, **options)
    both(data, generator.syntax, cuts, **options)


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG_ENDIAN])
@pytest.mark.parametrize("seed", range(40))
def test_nested_groups_same_as_single_steps(syntax, seed):
    data = Repetition(syntax, seed).data_set()
    for cuts in (None, 1000):
        both(data, syntax, cuts)


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, JPEG])
@pytest.mark.parametrize("seed", range(3))
def test_cut_at_every_byte(syntax, seed):
    """Stopping and going on anywhere changes nothing, and is noted as the complete step notes it."""
    data = next(
        data
        for number in range(1000)
        if (generator := Generator(1000 * seed + number, 0.01)).syntax == syntax
        and 200 < len(data := generator.data_set()) < 600
    )
    for cut in range(2, len(data), 2):
        both(data, syntax, [cut])
    both(data, syntax, 2)


ELEMENTS = [
    *(0x00080005, 0x00080012, 0x00080016, 0x00080018, 0x00080020, 0x00080021, 0x00080060, 0x00080000),
    *(0x00100010, 0x00100020, 0x00281101, 0x00283010, 0x54001004, 0x54001010, 0x00091001, 0x7FE00010),
]
VRS = [b"UI", b"DA", b"CS", b"LO", b"OW", b"OB", b"SQ", b"UN", b"US", b"UL", b"FD", b"??", b"na"]
LENGTHS = [0, 2, 4, 4, 4, 8, 8, 5, 0xFFFE, 0xFFFFFFFE, UNDEFINED]


@st.composite
def headers(draw: st.DrawFn) -> bytes:
    """Headers and delimiters in any order, with values of any lengths."""
    data = b""
    explicit = draw(st.booleans())
    for _ in range(draw(st.integers(1, 14))):
        length = draw(st.sampled_from(LENGTHS))
        value = bytes(min(length, 8))
        if draw(st.integers(0, 2)) == 0:
            tag = draw(st.sampled_from([0xE000, 0xE000, 0xE00D, 0xE0DD]))
            data += struct.pack(
                "<HHI", 0xFFFE, tag, draw(st.sampled_from([0, 0, UNDEFINED, 8, 20, 0xFFFFFFFE]))
            )
            continue
        tag = draw(st.sampled_from(ELEMENTS))
        vr = draw(st.sampled_from(VRS))
        data += struct.pack("<HH", tag >> 16, tag & 0xFFFF)
        if not explicit:
            data += struct.pack("<I", length) + value
        elif vr in (b"OW", b"OB", b"SQ", b"UN"):
            data += vr + struct.pack("<HI", 0, length) + value
        else:
            data += vr + struct.pack("<H", length & 0xFFFF) + value
    return data


@settings(deadline=None, max_examples=400)
@given(
    headers(),
    st.sampled_from([EXPLICIT, IMPLICIT, JPEG]),
    st.sampled_from([None, 2, 4, 10, 26]),
    st.booleans(),
)
def test_any_headers_in_any_order(data, syntax, cuts, noted):
    both(data, syntax, cuts, noted=noted)


# ---- what it passes over ----------------------------------------------------------------------------------------


def test_plain_elements_pass_as_they_are():
    data = CLASS + INSTANCE + DATE + NAME + PIXELS
    done, cursor = scanned(data)
    assert done == len(data)
    assert [bytes(piece) for piece in cursor.out] == [data]
    assert (cursor.sop_class, cursor.sop_instance, cursor.series_date) == (
        b"1.2.3\0",
        b"1.2.4\0",
        b"20240131",
    )


def test_values_are_kept_in_implicit_vr():
    data = b"".join(
        struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value)) + value
        for tag, value in (
            (0x00080016, b"1.2.3\0"),
            (0x00080018, b"1.2.4\0"),
            (0x00080021, b"20240131"),
            (0x00280103, b"\1\0"),
            (0x00280106, b"\0\0"),
        )
    )
    done, cursor = scanned(data, IMPLICIT)
    assert done == len(data)
    assert (cursor.sop_class, cursor.sop_instance, cursor.series_date) == (
        b"1.2.3\0",
        b"1.2.4\0",
        b"20240131",
    )


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
@pytest.mark.parametrize("size", [None, 30, 1000])
def test_sequences_of_clean_data_need_no_complete_step(syntax, size):
    data = next(d for s in range(99) if len(d := Repetition(syntax, s, clean=True).data_set()) > 1000)
    done, cursor = scanned(data, syntax, size)
    assert done == len(data)
    assert cursor.depth == 0
    assert b"".join(map(bytes, cursor.out)) == rewrite(data, syntax, single_steps=True).data


def test_fragments_of_pixel_data():
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 6)
    data = CLASS + INSTANCE + b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff" + (item + b"abcdef") * 3
    data += struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    assert both(data, JPEG)[0] == data
    assert both(data, JPEG, 50)[0] == data


@pytest.mark.parametrize(
    ("clean", "odd", "syntax"),
    [
        (INSTANCE, CLASS, EXPLICIT),
        (CLASS, CLASS, EXPLICIT),
        (b"", short(0x00100010, b"PN", b"odd"), EXPLICIT),
        (b"", short(0x00100010, b"XX", b"even"), EXPLICIT),
        (b"", short(0x00100010, b"FD", b"even"), EXPLICIT),
        (b"", short(0x00080016, b"LO", b"1.2.3 "), EXPLICIT),
        (b"", short(0x00080000, b"UL", bytes(4)) + CLASS, EXPLICIT),
        (CLASS, PIXELS, JPEG),
        (CLASS, b"\xfe\xff\x0d\xe0\0\0\0\0", EXPLICIT),
        (CLASS, b"\x28\0\x10\x30OW\0\0\x02\0\0\0ab", EXPLICIT),
        (CLASS, b"\xe0\x7f\x10\0OW\1\0\x04\0\0\0abcd", EXPLICIT),
    ],
    ids=lambda value: value.hex()[:40] if isinstance(value, bytes) else "",
)
def test_it_stops_in_front_of_what_is_remarkable(clean, odd, syntax):
    done, _ = scanned(clean + odd, syntax)
    assert done == len(clean)
    both(clean + odd, syntax)


def test_a_group_length_ends_with_its_group():
    """Behind a group length the scanner goes on, up to the end of the group, which has its part in the value."""
    group = CLASS + INSTANCE + DATE
    right = short(0x00080000, b"UL", struct.pack("<I", len(group)))
    wrong = short(0x00080000, b"UL", struct.pack("<I", 7))
    assert both(right + group + NAME, EXPLICIT)[0] == right + group + NAME
    assert both(wrong + group + NAME, EXPLICIT)[0] == right + group + NAME


@pytest.mark.parametrize("length", [0xFFFFFFFE, 0x7FFFFFFE, 0x80000000])
@pytest.mark.parametrize("where", ["element", "sequence", "item"])
def test_lengths_near_the_end_of_their_numbers(length, where):
    """All arithmetic is 64 bit: nothing comes out before where it began."""
    element = b"\x10\0\x20\0OB\0\0" + struct.pack("<I", length)
    sequence = b"\x40\0\x30\xa7SQ\0\0"
    data = CLASS + INSTANCE
    if where == "element":
        data += element
    elif where == "sequence":
        data += sequence + struct.pack("<I", length)
    else:
        data += sequence + struct.pack("<IHHI", UNDEFINED, 0xFFFE, 0xE000, length) + element
    both(data + b"AB", EXPLICIT)


@pytest.mark.parametrize("over", range(9))
def test_a_delimiter_may_run_over_the_length_of_the_item_around_it(over):
    inner = b"\x08\0\x15\x92SQ\0\0\xff\xff\xff\xff"
    inner += struct.pack("<HHI", 0xFFFE, 0xE000, 10) + short(0x00080100, b"SH", b"AB")
    inner += b"\xfe\xff\xdd\xe0\0\0\0\0"
    outer = struct.pack("<HHI", 0xFFFE, 0xE000, len(inner) - over) + inner
    data = CLASS + INSTANCE + b"\x40\0\x30\xa7SQ\0\0" + struct.pack("<I", len(outer)) + outer
    assert both(data, EXPLICIT)[1] == (b"1.2.3", b"1.2.4")


# ---- output -----------------------------------------------------------------------------------------------------


def nested(count: int, value: bytes) -> bytes:
    """Items of explicit length, with one value each."""
    element = b"\x09\0\x01\x10OB\0\0" + struct.pack("<I", len(value)) + value
    items = (struct.pack("<HHI", 0xFFFE, 0xE000, len(element)) + element) * count
    return CLASS + INSTANCE + b"\x40\0\x30\xa7SQ\0\0" + struct.pack("<I", len(items)) + items


def test_dense_edits_come_in_few_pieces():
    data = nested(5000, b"abcdefgh")
    _, cursor = scanned(data)
    size = sum(map(len, cursor.out))
    assert len(cursor.out) <= 2 * size / SCRATCH + 2


def test_long_values_are_not_copied():
    data = nested(20, bytes(LARGEST_COPY))
    _, cursor = scanned(data)
    assert sum(1 for piece in cursor.out if piece.obj is data) == 20


@pytest.mark.parametrize("size", [LARGEST_COPY - 20, LARGEST_COPY, LARGEST_COPY + 20, SCRATCH])
def test_pieces_of_every_size(size):
    both(nested(60, bytes(size)), EXPLICIT)


# ---- frames -----------------------------------------------------------------------------------------------------


def test_deeper_than_the_first_stack():
    depth = 60
    data = b"\x40\0\x30\xa7SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff" * depth
    data += b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0" * depth
    done, cursor = scanned(data)
    assert done == len(data)
    assert len(cursor.frames) > 2 * depth
    assert both(data, EXPLICIT, 100)[0] == data


def test_it_stops_in_front_of_what_is_nested_too_deep():
    data = b"\x40\0\x30\xa7SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff" * (DEPTH // 2 + 1)
    done, cursor = scanned(data)
    assert cursor.depth == DEPTH
    assert done == 20 * DEPTH // 2


# ---- the dictionary's rules -------------------------------------------------------------------------------------


def test_a_new_dictionary_entry_counts_at_once():
    dictionary = DataDictionary()
    for tag, (vr, name) in builtin_dictionary().exact.items():
        dictionary.add(tag, vr, name)
    inner = struct.pack("<HHI", 0xFFFE, 0xE000, 10) + b"\x08\0\0\x01\x02\0\0\0AB"
    data = b"\x09\0\x10\x10" + struct.pack("<I", len(inner)) + inner
    assert rewrite(data, IMPLICIT, dictionary=lambda: dictionary).data == data
    dictionary.add(0x00091010, "SQ", "Something")
    assert rewrite(data, IMPLICIT, dictionary=lambda: dictionary).data != data


def test_ranges_of_sequences_are_the_complete_steps():
    dictionary = DataDictionary()
    dictionary.add_range(TagRange(0x5000, 0x50FF, "e", 0x2600, 0x2600, ""), "SQ", "Curves")
    assert dictionary.rules is not None
    assert dictionary.rules.special[0x50022600] == 0
    dictionary.add_range(TagRange(0, 0xFFFF, "", 0x1000, 0xFFFF, ""), "SQ", "Everything")
    assert dictionary.rules is None
    data = struct.pack("<HHIHHI", 0x10, 0x2000, 8, 0xFFFE, 0xE000, 0)
    assert outcome(data, IMPLICIT, dictionary=lambda: dictionary) == outcome(
        data, IMPLICIT, dictionary=lambda: dictionary, single_steps=True
    )


@pytest.mark.parametrize("vr", ["UI", "LO", "US", "SQ"])
@pytest.mark.parametrize("tag", [0x00080016, 0x00080021])
def test_a_dictionary_with_other_vrs_for_what_is_kept(tag, vr):
    dictionary = DataDictionary()
    dictionary.add(tag, vr, "Other")
    data = struct.pack("<HHI", tag >> 16, tag & 0xFFFF, 8) + struct.pack("<HHI", 0xFFFE, 0xE000, 0)
    both(data, IMPLICIT, dictionary=lambda: dictionary)


def test_every_special_tag_is_marked():
    rules = builtin_dictionary().rules
    assert rules is not None
    assert all(rules.table[mark(tag)] for tag in rules.special)
    assert sum(1 for rule in rules.special.values() if rule == OPENS) > 500
