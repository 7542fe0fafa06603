"""Conversion patterns and time formats (spec/logging.md A.7)."""

from __future__ import annotations

import logging
import os
import threading
import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dcmrecv.log.api import LogConfigError
from dcmrecv.log.descriptor_writer import DescriptorWriter, encode
from dcmrecv.log.layouts import PatternLayout
from dcmrecv.log.loglog import InternalLog
from dcmrecv.log.times import TimeFormat, relative


class Collected(InternalLog):
    def __init__(self) -> None:
        super().__init__(DescriptorWriter(-1), DescriptorWriter(-1))
        self.errors: list[str] = []
        self.warnings: list[str] = []

    def error(self, text: str) -> None:
        self.errors.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)


def record(text: str = "text", name: str = "dcmtk.apps.dcmrecv") -> logging.LogRecord:
    made = logging.LogRecord(name, 20000, "/src/a/b.py", 12, text, None, None, "f()")
    made.levelname = "INFO"
    made.__dict__.update(native_id=77, start=made.created - 1.5, ndc="one two three", mdc={"peer": "p"})
    return made


def formatted(pattern: str, text: str = "text", **options: int) -> tuple[str, list[str]]:
    internal = Collected()
    layout = PatternLayout(pattern, internal, depth=options.get("depth", 0))
    return layout.format(record(text)), internal.errors


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("%p|%P|%m%n", "INFO|I|text\n"),
        ("%%%m%%%n", "%text%\n"),
        (
            "%c{1}|%c{2}|%c{9}|%c{0}|%c{x}|%c{-1}",
            "dcmrecv|apps.dcmrecv|" + "|".join(["dcmtk.apps.dcmrecv"] * 4),
        ),
        ("[%5p][%-5p][%.2p][%5.2p][%-6.3p]", "[ INFO][INFO ][FO][FO][NFO]"[:26] + "]"),
        ("[%.0p][%3.3c][%05p]", "[][ecv][ INFO]"),
        ("%F %b %L %l %M", "/src/a/b.py b.py 12 /src/a/b.py:12 f()"),
        ("%x|%X{peer}|%X{other}|%X", "one two three|p||"),
        ("%T %r", "77 1500"),
        ("%m%", "text%"),
        ("%m %-5", "text %-5"),
        ("%p{x}", "INFO{x}"),
        ("é%4m", "étext"),
    ],
)
def test_conversions(pattern: str, expected: str) -> None:
    assert formatted(pattern) == (expected, [])


def test_widths_count_bytes() -> None:
    assert formatted("%5m|%.3m", "éé")[0] == " éé|\udca9é"


def test_process_and_thread() -> None:
    assert formatted("%i %t")[0] == f"{os.getpid()} {threading.get_ident()}"


def test_context_depth() -> None:
    assert formatted("%x", depth=2)[0] == "one two"


def test_unknown_letters_are_told_and_kept() -> None:
    assert formatted("%k %5Z %m") == (
        "%k %5Z text",
        [
            "Unexpected char [k] at position 2 in conversion pattern.",
            "Unexpected char [Z] at position 6 in conversion pattern.",
        ],
    )


def test_a_point_without_digit() -> None:
    assert formatted("%.p%m") == (
        "%.ptext",
        ['Error occurred in position 3.\n Was expecting digit, instead got char "p".'],
    )


def test_a_missing_brace_takes_the_rest() -> None:
    text, errors = formatted("%m %D{%H %n")
    assert text.startswith("text 2")
    assert "\n" not in text
    assert errors == ["No matching '}' found in conversion pattern string \"%m %D{%H %n\""]


def test_each_line_goes_through_the_whole_pattern() -> None:
    assert formatted("%p [%T] %m%n", "a\n\nb\n")[0] == "INFO [] a\nINFO [] \nINFO [] b\nINFO [] \n"
    whole = PatternLayout("%p %m%n", Collected(), each_line=False)
    assert whole.format(record("a\nb")) == "INFO a\nb\n"


def test_an_empty_pattern_is_the_message() -> None:
    internal = Collected()
    assert PatternLayout("", internal).format(record()) == "text"
    assert internal.warnings == ["PatternLayout pattern is empty.  Using default..."]


@given(st.binary(max_size=60), st.text(max_size=10))
def test_any_pattern_gives_a_text_or_the_one_error(pattern: bytes, text: str) -> None:
    try:
        result = formatted(pattern.decode("utf-8", "surrogateescape"), text)[0]
    except LogConfigError:
        assume(b"D" in pattern or b"d" in pattern)
        return
    assert isinstance(encode(result), bytes)


@given(st.text("ab ", max_size=20))
def test_text_without_percent_stands_as_it_is(text: str) -> None:
    assert formatted(text + "!")[0] == text + "!"


@given(st.text("abcé", max_size=12), st.integers(0, 20), st.integers(0, 20), st.booleans())
def test_width_rules(text: str, low: int, high: int, left: bool) -> None:
    minus = "-" if left else ""
    got = encode(formatted(f"%{minus}{low}.{high}m", text)[0])
    raw = encode(text)
    if len(raw) > high:
        assert got == raw[len(raw) - high :]
    else:
        assert len(got) == max(len(raw), low)
        assert got.strip() == raw
        assert not left or got.startswith(raw)


def test_time_letters() -> None:
    moment = 1_700_000_000.123456
    assert TimeFormat("%s.%q|%Q|%H:%M:%S|%%q", utc=True).format(moment) == (
        "1700000000.123|123.456|22:13:20|%q"
    )


def test_a_percent_sign_at_the_end_of_a_format_is_dropped() -> None:
    assert TimeFormat("%H%", utc=True).format(0.0) == "00"


def test_local_time_and_gmt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "XYZ-5:30")
    time.tzset()
    try:
        assert TimeFormat("%H:%M", utc=False).format(0.0) == "05:30"
        assert TimeFormat("%H:%M", utc=True).format(0.0) == "00:00"
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(("after", "text"), [(0.0, "0"), (0.0071, "7"), (1.0071, "1007"), (61.5, "61500")])
def test_relative_time(after: float, text: str) -> None:
    assert relative(1000 + after, 1000) == text


def test_an_empty_date_is_refused() -> None:
    with pytest.raises(LogConfigError, match="empty text"):
        formatted("%D{%}%m")
