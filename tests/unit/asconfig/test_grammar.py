"""The lexical rules of profile files (spec/cli.md f.1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcmrecv.asconfig.grammar import SECTION, SUPERSECTION, entries, supersections


def keys(text: bytes) -> list[tuple[bytes, bytes]]:
    return [(name, value) for level, name, value in entries(text) if level == 0]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_line_ends_are_equal(end: bytes) -> None:
    text = end.join((b"[[A]]", b"[B]", b"C = D", b"E = F", b""))
    assert list(entries(text)) == [
        (SUPERSECTION, b"A", b""),
        (SECTION, b"B", b""),
        (0, b"C", b"D"),
        (0, b"E", b"F"),
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"K = v", b"v"),
        (b"K=v  \n", b"v  "),
        (b"K = v\n w", b"v\nw"),
        (b"K = v\n\n\n\tw", b"v\nw"),
        (b"K =\n v", b"v"),
        (b"K =\nX = 1", b""),
        (b"K = v\n# comment\n w", b"v\nw"),
        (b"K = v # no comment", b"v # no comment"),
        (b"K = v\n # no comment", b"v\n# no comment"),
        (b"K = a\0b", b"a b"),
        (b"K", b""),
        (b"K = ", b""),
    ],
)
def test_values(text: bytes, value: bytes) -> None:
    assert keys(text)[0] == (b"K", value)


def test_names_keep_capitals_digits_dash_underscore() -> None:
    assert next(entries(b"[ My.List! 1-2_3 ]"))[1] == b"MYLIST1-2_3"


def test_text_behind_a_heading_belongs_to_the_next_key() -> None:
    assert keys(b"[U] # text\nKey = v") == [(b"TEXTKEY", b"v")]


def test_a_missing_bracket_swallows_up_to_the_next() -> None:
    assert list(entries(b"[[A]\nK = v\n[B]")) == [(SUPERSECTION, b"A", b"")]


def test_deeper_headings_are_supersections() -> None:
    assert next(entries(b"[[[A]]]")) == (SUPERSECTION, b"A", b"")


def test_a_byte_order_mark_swallows_the_first_heading() -> None:
    assert list(supersections(b"\xef\xbb\xbf[[A]]\n[B]\nK=v\n[[C]]")) == [b"C"]


def test_the_first_of_a_name_counts_and_sections_stay_apart() -> None:
    text = b"[[A]]\n[B]\nK=1\nK=2\n[B]\nK=3\n[[A]]\n[C]\nK=4"
    assert supersections(text) == {b"A": [(b"B", {b"K": b"1"}), (b"B", {b"K": b"3"})]}


def test_what_stands_outside_is_dropped() -> None:
    assert supersections(b"K=1\n[B]\nK=2\n[[A]]\nK=3\n[C]\nK=4") == {b"A": [(b"C", {b"K": b"4"})]}


@given(st.lists(st.sampled_from([b"[", b"]", b"=", b"#", b"\n", b"\r", b" ", b"\t", b"\0", b"a", b"\xff"])))
def test_every_byte_sequence_is_some_entries(parts: list[bytes]) -> None:
    for level, name, value in entries(b"".join(parts)):
        assert level in (0, SECTION, SUPERSECTION)
        assert not set(name) & set(b"[]=# \t\n")
        assert not value.startswith((b" ", b"\t", b"\n"))
        assert not value.endswith(b"\n")
