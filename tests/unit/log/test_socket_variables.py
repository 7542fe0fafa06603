from __future__ import annotations

import pytest

from dcmrecv.log.socket_variables import socket_lines
from dcmrecv.text import leading_integer

DISABLED = "DUL: disabling Nagle algorithm as requested at runtime (TCP_NODELAY="


@pytest.mark.parametrize(
    ("environment", "lines"),
    [
        ({}, []),
        ({"TCP_NODELAY": "1"}, [("D", DISABLED + "1)")]),
        ({"TCP_NODELAY": "0"}, []),
        ({"TCP_NODELAY": "abc"}, [("W", "DUL: cannot parse environment variable TCP_NODELAY=abc")]),
        ({"TCP_NODELAY": " -7x"}, [("D", DISABLED + " -7x)")]),
        ({"TCP_BUFFER_LENGTH": "0"}, [("D", "DUL: setting TCP buffer length to 65536 bytes")]),
        (
            {"TCP_BUFFER_LENGTH": "", "TCP_NODELAY": "2"},
            [("W", "DUL: cannot parse environment variable TCP_BUFFER_LENGTH="), ("D", DISABLED + "2)")],
        ),
    ],
)
def test_lines(environment: dict[str, str], lines: list[tuple[str, str]]) -> None:
    assert list(socket_lines(environment)) == lines


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12", 12),
        ("+3.9", 3),
        ("-4abc", -4),
        ("\t5", 5),
        ("", None),
        ("+", None),
        ("x1", None),
        ("\u0663", None),
        ("1" * 5000, 1111111111111111111),
    ],
)
def test_leading_integer(text: str, number: int | None) -> None:
    assert leading_integer(text) == number
