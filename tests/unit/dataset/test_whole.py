"""A data set read as a whole comes to what a walker makes of it, or is left to one."""

from __future__ import annotations

import pytest

from dcmrecv.dataset import rewriter
from dcmrecv.dataset.dictionary import builtin_dictionary
from dcmrecv.dataset.encoding import encoding_of
from dcmrecv.dataset.walkers import forms_of
from dcmrecv.dataset.whole import WholeDataSet, read_whole
from tests.unit.dataset.generate import BIG_ENDIAN, EXPLICIT, IMPLICIT, Generator
from tests.unit.dataset.rewriting import rewrite
from tests.unit.dataset.test_walkers import outcome

JPEG = b"1.2.840.10008.1.2.4.50"


def read(data: bytes, syntax: bytes = EXPLICIT) -> WholeDataSet | None:
    encoding = encoding_of(syntax)
    forms = forms_of(encoding, builtin_dictionary)
    return read_whole(memoryview(data), forms, encapsulated=encoding.encapsulated)


@pytest.mark.parametrize("seed", range(200))
def test_as_a_walker(seed, monkeypatch):
    generator = Generator(seed, (0.0, 0.01)[seed % 2])
    data = generator.data_set()
    if len(data) > 16000:
        data = data[:16000]
    whole = outcome(data, generator.syntax, None)
    monkeypatch.setattr(rewriter, "read_whole", lambda *_, **__: None)
    assert whole == outcome(data, generator.syntax, None)


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
    assert found[1:5] == (True, b"1.2.3", b"1.2.4", b"20240131")


def test_values_that_are_missing():
    found = read(NAME)
    assert found is not None
    assert found[1:5] == (True, None, None, None)


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
