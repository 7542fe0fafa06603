"""Runs pass over what the element by element loop passes over, whatever was met before."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcmrecv.dataset import limits
from dcmrecv.dataset.cursor import FIRST_TAG
from dcmrecv.dataset.headers import RAW, SEQUENCE_FOLLOWS, ExplicitHeaders
from dcmrecv.dataset.runs import Runs

END = 0xFFFE0000
LONG = (b"OB", b"OW", b"UN", b"UT")


def element(tag: int, vr: bytes, length: int) -> bytes:
    start = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr)
    return (
        start + (struct.pack("<HI", 0, length) if vr in LONG else struct.pack("<H", length)) + bytes(length)
    )


def encode(elements: list[tuple[int, bytes, int]]) -> memoryview:
    return memoryview(b"".join(element(*one) for one in elements))


def make() -> Runs:
    return Runs(ExplicitHeaders(False), big_endian=False)


def one_by_one(data: memoryview, room: int, last: int, barrier: int) -> tuple[int, int]:
    """What `Runs.pass_over` promises, without runs."""
    headers = ExplicitHeaders(False)
    position = 0
    while position + 8 <= room:
        tag, advance = headers[RAW.unpack_from(data, position)[0]]
        if tag < 0 and advance != SEQUENCE_FOLLOWS and position + 12 <= room:
            length = struct.unpack_from("<I", data, position + 8)[0]
            if length & advance:
                break
            tag, advance = -tag, 12 + length
        if not last < tag < barrier or position + advance > room:
            break
        position += advance
        last = tag
    return position, last


TAGS = [
    0x00080005,
    0x00080016,
    0x00080018,
    0x00080021,
    0x00090010,
    0x00091001,
    *range(0x00100010, 0x00100040, 7),
]
TAGS += [0x00280010, 0x00281201, 0x7FE00010]
ELEMENTS = st.lists(
    st.tuples(
        st.sampled_from(TAGS), st.sampled_from([b"CS", b"US", b"OW", b"UN", b"LO", b"??"]), st.integers(0, 6)
    ),
    max_size=16,
).flatmap(lambda found: st.sampled_from([found, sorted(found)]))


@given(st.lists(ELEMENTS, max_size=5), ELEMENTS, st.integers(0, 30), st.sampled_from([*TAGS, END]), st.data())
def test_as_one_by_one(before, elements, cut, barrier, data):
    runs = make()
    last = data.draw(st.sampled_from([FIRST_TAG, *TAGS]))
    for other in [*before, *before, elements, elements, *before]:
        encoded = encode(other)
        runs.pass_over(encoded, 0, len(encoded), FIRST_TAG, END, {})
    encoded = encode(elements)
    room = max(0, len(encoded) - cut)
    assert runs.pass_over(encoded, 0, room, last, barrier, {}) == one_by_one(encoded, room, last, barrier)


PLAIN = [(0x00100010 + i, b"CS", 2 * i) for i in range(10)]


def learnt(elements: list[tuple[int, bytes, int]] = PLAIN) -> Runs:
    runs = make()
    for _ in range(2):
        pass_all(runs, elements)
    return runs


def pass_all(runs: Runs, elements: list[tuple[int, bytes, int]]) -> int:
    data = encode(elements)
    position, _ = runs.pass_over(data, 0, len(data), FIRST_TAG, END, {})
    assert position == len(data)
    return position


def lengths(runs: Runs) -> list[int]:
    """Elements of the runs known, in the order of their tags."""
    return [len(run.headers) for run in sorted(runs._known.values(), key=lambda run: run.first)]


def test_a_run_is_learnt_at_the_second_meeting():
    runs = make()
    pass_all(runs, PLAIN)
    assert not lengths(runs)
    pass_all(runs, PLAIN)
    assert lengths(runs) == [10]


def test_a_length_that_differs_cuts_a_run_and_begins_another_behind_it():
    runs = learnt()
    other = [*PLAIN[:5], (PLAIN[5][0], b"CS", 30), *PLAIN[6:]]
    pass_all(runs, other)
    assert lengths(runs) == [5, 4]


def test_a_first_element_whose_length_behind_its_vr_differs_fits_nothing():
    first = [(0x00091001, b"UN", 4), *PLAIN]
    runs = learnt(first)
    other = encode([(0x00091001, b"UN", 6), *PLAIN])
    assert runs.pass_over(other, 0, len(other), FIRST_TAG, END, {}) == (len(other), PLAIN[-1][0])


@pytest.mark.parametrize("tag", [0x00080016, 0x00080018, 0x00080021, 0x7FE00010])
def test_values_the_receiver_looks_at_are_in_no_run(tag):
    elements = sorted([*PLAIN, (tag, b"CS", 2)])
    runs = learnt(elements)
    header = element(tag, b"CS", 2)[:8]
    assert all(header not in run.headers for run in runs._known.values())


def test_limits():
    runs = make()
    for number in range(2 * limits.MAX_RUNS_MET):
        for _ in range(2 if number % 4 else 1):
            pass_all(runs, [(0x00110001 + number, b"CS", 2)])
        assert len(runs._known) <= limits.MAX_RUNS
        assert len(runs._met) <= limits.MAX_RUNS_MET
    many = [(0x00110001 + i, b"CS", 2) for i in range(limits.MAX_RUN_ELEMENTS + 20)]
    assert max(lengths(learnt(many))) == limits.MAX_RUN_ELEMENTS


def test_one_lesson_for_each_data_set():
    many = [(0x00110001 + i, b"CS", 2) for i in range(3 * limits.MAX_RUN_ELEMENTS)]
    runs = make()
    for expected in (0, 1, 2, 3):
        pass_all(runs, many)
        assert len(runs._known) == expected
