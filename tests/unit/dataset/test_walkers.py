"""The fast loop does what the steps do, however often a sequence has been met before."""

from __future__ import annotations

import random
import struct

import pytest

from dcmrecv.dataset import limits, rewriter
from dcmrecv.dataset.dictionary import DataDictionary, builtin_dictionary
from dcmrecv.dataset.elements import ElementWalker
from dcmrecv.dataset.errors import DataSetError
from dcmrecv.dataset.headers import ExplicitHeaders
from dcmrecv.dataset.shapes import Shapes
from tests.unit.dataset import rewriting
from tests.unit.dataset.generate import BIG_ENDIAN, EXPLICIT, IMPLICIT, UNDEFINED, Generator
from tests.unit.dataset.rewriting import rewrite


def outcome(data: bytes, syntax: bytes, cuts) -> object:
    notes: list[tuple[str, str]] = []
    try:
        result = rewrite(data, syntax, cuts, note=lambda *note: notes.append(note))
    except DataSetError as error:
        return str(error), notes
    return result.data, result.head, result.series_date, result.rewriter.unsaveable, notes


def step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the rewriter know nothing but single steps."""
    monkeypatch.setattr(rewriter, "walker_for", ElementWalker)
    monkeypatch.setattr(rewriting, "read_whole", lambda *_, **__: None)


@pytest.mark.parametrize("seed", range(300))
def test_same_as_step_by_step(seed, monkeypatch):
    generator = Generator(seed, (0.0, 0.02)[seed % 2])
    data = generator.data_set()
    cuts = generator.cuts(len(data))
    fast = [outcome(data, generator.syntax, None) for _ in range(3)] + [outcome(data, generator.syntax, cuts)]
    step_by_step(monkeypatch)
    slow = outcome(data, generator.syntax, None)
    assert fast[:3] == [slow] * 3
    assert fast[3] == outcome(data, generator.syntax, cuts)


class Repetition:
    """Functional groups as a multi-frame object has them, encoded one way."""

    def __init__(self, syntax: bytes, seed: int) -> None:
        self.random = random.Random(seed)
        self.order = ">" if syntax == BIG_ENDIAN else "<"
        self.explicit = syntax != IMPLICIT

    def element(self, tag: int, vr: bytes, value: bytes) -> bytes:
        start = struct.pack(self.order + "HH", tag >> 16, tag & 0xFFFF)
        if not self.explicit:
            return start + struct.pack(self.order + "I", len(value)) + value
        if vr in (b"OB", b"UT", b"SQ"):
            return start + vr + struct.pack(self.order + "HI", 0, len(value)) + value
        return start + vr + struct.pack(self.order + "H", len(value)) + value

    def sequence(self, tag: int, content: bytes) -> bytes:
        header = struct.pack(self.order + "HHI", 0xFFFE, 0xE000, len(content))
        item = header + content
        if self.random.random() < 0.3:
            item = header[:4] + b"\xff" * 4 + content + struct.pack(self.order + "HHI", 0xFFFE, 0xE00D, 0)
        if self.random.random() < 0.3:
            whole = self.element(tag, b"SQ", item)
            size = len(whole) - len(item)
            end = struct.pack(self.order + "HHI", 0xFFFE, 0xE0DD, 0)
            return whole[: size - 4] + struct.pack(self.order + "I", UNDEFINED) + item + end
        return self.element(tag, b"SQ", item)

    def text(self) -> bytes:
        return b"%d" % 10 ** self.random.choice((1, 3, 3, 5))

    def frame(self) -> bytes:
        code = self.sequence(0x00089215, self.element(0x00080100, b"SH", self.text()))
        last = self.element(0x00281051, b"DS", self.text())
        broken = self.random.random()
        if broken < 0.02:
            last += self.element(0x00281050, b"DS", self.text())
        elif broken < 0.04:
            last += self.element(0x00281052, b"DS", b"1")
        elif broken < 0.06:
            last = last[:-2]
        elif broken < 0.08:
            last += self.element(0x00283010, b"OB", b"12")
        return (
            self.sequence(0x00209113, self.element(0x00200032, b"DS", self.text()) + code)
            + self.sequence(0x00289132, self.element(0x00281050, b"DS", self.text()) + last)
            + self.sequence(0x0040A170, self.element(0x00420011, b"OB", self.text()))
        )

    def data_set(self) -> bytes:
        head = self.element(0x00080016, b"UI", b"1.2.3\0") + self.element(0x00080018, b"UI", b"1.2.4\0")
        items = [self.sequence(0x52009230, self.frame()) for _ in range(self.random.randrange(12))]
        start = len(self.element(0x52009230, b"SQ", b""))
        return head + self.element(
            0x52009230, b"SQ", b"".join(item[start:] for item in items if item[start:])
        )


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG_ENDIAN])
@pytest.mark.parametrize("seed", range(40))
def test_repeated_groups_same_as_step_by_step(syntax, seed, monkeypatch):
    data = Repetition(syntax, seed).data_set()
    fast = [outcome(data, syntax, cuts) for cuts in (None, None, None, 1000)]
    step_by_step(monkeypatch)
    slow = [outcome(data, syntax, cuts) for cuts in (None, 1000)]
    assert fast == [slow[0]] * 3 + [slow[1]]


def code_sequence(value: bytes, item_length: int | None = None) -> bytes:
    content = b"\x08\0\0\x01SH" + struct.pack("<H", len(value)) + value
    length = len(content) if item_length is None else item_length
    item = struct.pack("<HHI", 0xFFFE, 0xE000, length) + content
    return b"\x08\0\x15\x92SQ\0\0" + struct.pack("<I", len(item)) + item


def learnt() -> Shapes:
    shapes = Shapes(ExplicitHeaders(False), explicit=True, big_endian=False)
    for value in (b"AB", b"CD"):
        data = memoryview(code_sequence(value))
        shapes.learn(data, 0, len(data))
    return shapes


def test_a_shape_is_learnt_at_the_second_meeting_and_fits_other_values():
    data = memoryview(code_sequence(b"EF"))
    size, out = learnt().match(data, 0, len(data))
    assert size == len(data)
    assert out == rewrite(bytes(data), EXPLICIT).data


def test_a_shape_does_not_fit_where_a_header_or_the_room_differs():
    shapes = learnt()
    data = code_sequence(b"EF")
    assert shapes.match(memoryview(data), 0, len(data) - 1) is None
    assert shapes.match(memoryview(code_sequence(b"EFGH")), 0, len(data) + 2) is None
    for position in range(len(data) - 2):
        changed = bytearray(data)
        changed[position] ^= 1
        assert shapes.match(memoryview(changed), 0, len(data)) is None


@pytest.mark.parametrize(
    "data",
    [
        code_sequence(b"ABC"),
        code_sequence(b"AB", 8),
        code_sequence(b"AB", 12),
        code_sequence(b"AB").replace(b"\0\x01SH", b"\x16\0UI"),
        code_sequence(b"AB").replace(b"\0\x01SH", b"\0\x01ZZ"),
        code_sequence(b"AB").replace(b"\x08\0\0\x01", b"\x08\0\0\0"),
        code_sequence(b"A" * limits.MAX_SHAPE_SIZE),
    ],
)
def test_what_is_remarkable_becomes_no_shape(data):
    shapes = Shapes(ExplicitHeaders(False), explicit=True, big_endian=False)
    for _ in range(3):
        shapes.learn(memoryview(data), 0, len(data))
    assert shapes.match(memoryview(data), 0, len(data)) is None


def test_what_is_remembered_is_bounded():
    shapes = Shapes(ExplicitHeaders(False), explicit=True, big_endian=False)
    headers = ExplicitHeaders(False)
    for number in range(3 * limits.MAX_SHAPES):
        data = code_sequence(b"AB").replace(b"\x15\x92", struct.pack("<H", 0x1000 + number))
        for _ in range(2):
            shapes.learn(memoryview(data), 0, len(data))
    assert len(shapes._known) <= limits.MAX_SHAPES
    for raw in range(limits.MAX_KNOWN_HEADERS + 10):
        headers[raw]
    assert len(headers) <= limits.MAX_KNOWN_HEADERS


def test_a_new_dictionary_entry_makes_old_knowledge_void():
    dictionary = DataDictionary()
    for tag, (vr, name) in builtin_dictionary().exact.items():
        dictionary.add(tag, vr, name)
    inner = struct.pack("<HHI", 0xFFFE, 0xE000, 10) + b"\x08\0\0\x01\x02\0\0\0AB"
    data = b"\x09\0\x10\x10" + struct.pack("<I", len(inner)) + inner
    assert rewrite(data, IMPLICIT, dictionary=lambda: dictionary).data == data
    dictionary.add(0x00091010, "SQ", "Something")
    assert rewrite(data, IMPLICIT, dictionary=lambda: dictionary).data != data


@pytest.mark.parametrize("over", range(9))
def test_a_delimiter_may_run_over_the_length_of_the_item_around_it(over, monkeypatch):
    uids = b"\x08\0\x16\0UI\x04\x001.2\0\x08\0\x18\0UI\x04\x001.3\0"
    inner = code_sequence(b"AB")[:8] + b"\xff" * 4 + code_sequence(b"AB")[12:] + b"\xfe\xff\xdd\xe0\0\0\0\0"
    outer = struct.pack("<HHI", 0xFFFE, 0xE000, len(inner) - over) + inner
    data = uids + b"\x40\0\x30\xa7SQ\0\0" + struct.pack("<I", len(outer)) + outer
    fast = outcome(data, EXPLICIT, None)
    step_by_step(monkeypatch)
    assert fast == outcome(data, EXPLICIT, None)
    assert (b"1.2", b"1.3") in fast
