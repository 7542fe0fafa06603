"""Numbers: the reference's lenient rule and our strict ones (spec/cli.md c)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcmrecv.cli.numbers import parse_amount, parse_size, parse_unsigned


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("5abc", 5),
        ("21000.9", 21000),
        ("1e4", 1),
        ("1,000", 1),
        ("5 6", 5),
        ("1_000", 1),
        ("0x10", 0),
        ("010", 10),
        (" \t\n\v\f\r+7", 7),
        ("-0", 0),
        ("-5", 2**64 - 5),
        ("-18446744073709551615", 1),
        ("-18446744073709551616", 2**64 - 1),
        ("18446744073709551616", 2**64 - 1),
        ("9" * 100_000, 2**64 - 1),
        ("0" * 100_000 + "1", 1),
        ("", None),
        ("abc", None),
        ("+ 5", None),
        ("- 5", None),
        ("+-5", None),
        (".5", None),
        ("٣", None),
    ],
)
def test_the_reference_reads_what_it_can(text: str, value: int | None) -> None:
    assert parse_unsigned(text) == value


@given(st.text(alphabet="0123456789+-. \tabc\x00é"))
def test_values_fit_64_bits(text: str) -> None:
    value = parse_unsigned(text)
    assert value is None or 0 <= value < 2**64


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("10", 10.0),
        ("0.25", 0.25),
        ("1.", None),
        (".5", None),
        ("-1", None),
        ("1e3", None),
        ("", None),
        ("9" * 30, None),
    ],
)
def test_amounts_are_plain_decimals(text: str, value: float | None) -> None:
    assert parse_amount(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("4096", 4096),
        ("2K", 2048),
        ("3m", 3 << 20),
        ("1G", 1 << 30),
        ("5T", 5 << 40),
        ("K", None),
        ("1KM", None),
        ("1 K", None),
        ("1.5G", None),
        ("-1", None),
        ("9" * 30, None),
    ],
)
def test_sizes_have_binary_units(text: str, value: int | None) -> None:
    assert parse_size(text) == value
