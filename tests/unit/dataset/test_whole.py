"""A data set read as a whole comes to what a walker makes of it, or is left to one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcmrecv.dataset import walkers
from dcmrecv.dataset.dictionary import builtin_dictionary
from dcmrecv.dataset.elements import ElementWalker
from dcmrecv.dataset.whole import WholeDataSet, read_whole
from dcmrecv.transfer_syntaxes import encoding_of
from tests.unit.dataset import rewriting
from tests.unit.dataset.generate import BIG_ENDIAN, EXPLICIT, IMPLICIT, Generator
from tests.unit.dataset.rewriting import rewrite
from tests.unit.dataset.test_walkers import outcome

JPEG = b"1.2.840.10008.1.2.4.50"


def read(data: bytes, syntax: bytes = EXPLICIT) -> WholeDataSet | None:
    return read_whole(memoryview(data), encoding_of(syntax))


@pytest.mark.parametrize("seed", range(200))
def test_as_a_walker(seed, monkeypatch):
    generator = Generator(seed, (0.0, 0.01)[seed % 2])
    data = generator.data_set()
    if len(data) > 16000:
        data = data[:16000]
    at_once = outcome(data, generator.syntax, None)
    monkeypatch.setattr(rewriting, "read_whole", lambda *_, **__: None)
    assert at_once == outcome(data, generator.syntax, None)


def short(group: int, element: int, vr: bytes, value: bytes) -> bytes:
    return (
        group.to_bytes(2, "little")
        + element.to_bytes(2, "little")
        + vr
        + len(value).to_bytes(2, "little")
        + value
    )


CLASS = short(0x0008, 0x0016, b"UI", b"1.2.3\0")
INSTANCE = short(0x0008, 0x0018, b"UI", b"1.2.4\0")
DATE = short(0x0008, 0x0021, b"DA", b"20240131")
NAME = short(0x0010, 0x0010, b"PN", b"Measure^Mary")
PIXELS = b"\xe0\x7f\x10\0OW\0\0\x04\0\0\0abcd"


def test_plain_elements_pass_as_they_are():
    data = CLASS + INSTANCE + DATE + NAME + PIXELS
    found = read(data)
    assert found is not None
    assert b"".join(found.out) == data
    assert found[1:3] == ((b"1.2.3", b"1.2.4"), b"20240131")


def test_values_that_are_missing():
    found = read(NAME)
    assert found is not None
    assert found[1:3] == ((None, None), None)


@pytest.mark.parametrize(
    ("data", "syntax"),
    [
        (INSTANCE + CLASS, EXPLICIT),
        (CLASS + CLASS, EXPLICIT),
        (CLASS[:-1], EXPLICIT),
        (CLASS + NAME[:7], EXPLICIT),
        (NAME[:-1] + b"", EXPLICIT),
        (short(0x0010, 0x0010, b"PN", b"odd"), EXPLICIT),
        (short(0x0010, 0x0010, b"XX", b"even"), EXPLICIT),
        (short(0x0008, 0x0016, b"LO", b"1.2.3 "), EXPLICIT),
        (short(0x0008, 0x0021, b"TM", b"101010"), EXPLICIT),
        (short(0x0008, 0x0000, b"UL", bytes(4)) + CLASS, EXPLICIT),
        (CLASS + b"\x08\0\x15\x11SQ\0\0\0\0\0\0", EXPLICIT),
        (CLASS + PIXELS, JPEG),
        (CLASS + b"\xfe\xff\x0d\xe0\0\0\0\0", EXPLICIT),
    ],
    ids=lambda value: value.hex()[:40] if isinstance(value, bytes) else "",
)
def test_what_is_remarkable_is_left_to_a_walker(data, syntax):
    assert read(data, syntax) is None


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG_ENDIAN])
def test_nothing(syntax):
    assert rewrite(b"", syntax).rewriter.empty


TAGS = [0x00080005, 0x00080012, 0x00080016, 0x00080018, 0x00080020, 0x00080021, 0x00080060]
TAGS += [*range(0x00100010, 0x00100040, 7), 0x7FE00010]
VRS = st.sampled_from([b"UI", b"DA", b"CS", b"LO", b"OW", b"??"])
USUAL = {0x00080016: b"UI", 0x00080018: b"UI", 0x00080021: b"DA", 0x7FE00010: b"OW"}


@st.composite
def series(draw: st.DrawFn) -> list[bytes]:
    """Data sets with mostly the same elements, most of them in order and of even lengths."""
    usual = draw(st.lists(st.sampled_from(TAGS), max_size=14, unique=True).map(sorted))
    found = []
    for _ in range(draw(st.integers(1, 4))):
        data = b""
        for tag in usual if draw(st.integers(0, 4)) else draw(st.lists(st.sampled_from(TAGS), max_size=8)):
            vr = USUAL.get(tag, b"LO") if draw(st.integers(0, 7)) else draw(VRS)
            value = b"1" * draw(st.sampled_from([4, 4, 4, 4, 6, 0, 5]))
            start = tag.to_bytes(4, "big")
            data += start[1::-1] + start[:1:-1] + vr
            if vr == b"OW":
                data += b"\0\0" + len(value).to_bytes(4, "little") + value
            else:
                data += len(value).to_bytes(2, "little") + value
        found.append(data[: draw(st.sampled_from([len(data)] * 5 + [len(data) // 2]))])
    return found


@settings(deadline=None)
@given(series(), st.sampled_from([EXPLICIT, JPEG]))
def test_what_was_met_before_changes_nothing(data_sets, syntax):
    """Whatever runs were learnt, a data set comes to what single steps make of it."""
    walkers.explicit_forms.cache_clear()
    for data in data_sets * 3:
        found = read(data, syntax)
        if found is None:
            continue
        walker = ElementWalker(encoding_of(syntax), builtin_dictionary, None)
        walker.out = []
        walker.feed(memoryview(data), True)
        walker.finish(False)
        assert b"".join(found.out) == b"".join(walker.out)
        assert found.head == (walker.sop_class, walker.sop_instance)
        assert found.series_date == walker.series_date
        assert not walker.second_pass
        assert walker.unsaveable is None


def test_a_run_over_the_head_is_used():
    data = CLASS + INSTANCE + DATE + NAME + PIXELS
    walkers.explicit_forms.cache_clear()
    first = [read(data) for _ in range(3)]
    assert [len(run.wanted) for run in walkers.explicit_forms(False)[2]._known.values() if run.size] == [3]
    assert first[0] == first[1] == first[2]
    second = read(data.replace(b"20240131", b"20250228"))
    assert second is not None
    assert second.series_date == b"20250228"


@pytest.mark.parametrize(
    "wrong", [short(0x0008, 0x0016, b"LO", b"1.2.3 "), short(0x0008, 0x0021, b"TM", b"101010")]
)
def test_no_run_goes_over_a_head_of_another_vr(wrong):
    walkers.explicit_forms.cache_clear()
    elements = sorted([short(0x0008, number, b"CS", b"A ") for number in (5, 8, 0x60, 0x64)] + [wrong])
    assert [read(b"".join(elements)) for _ in range(3)] == [None] * 3
