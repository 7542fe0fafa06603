"""Bytes from the wire and text for people, without loss in either direction.

AE titles, UIDs and file names reach us as arbitrary bytes and must leave in log lines as the same bytes
(docs/spec/network.md: "raw bytes of titles and UIDs go out unescaped"). Text made here is UTF-8 where the bytes are,
and carries every other byte as a lone surrogate.
"""

from __future__ import annotations

__all__ = ["from_bytes", "leading_integer", "to_bytes"]


def from_bytes(data: bytes) -> str:
    """Return *data* as text; `to_bytes` gives the same bytes back."""
    return data.decode("utf-8", "surrogateescape")


def to_bytes(text: str) -> bytes:
    """Return the bytes that `from_bytes` made *text* from."""
    return text.encode("utf-8", "surrogateescape")


def leading_integer(text: str) -> int | None:
    """Return the decimal number that *text* begins with, as C's ``%d`` reads it, or None."""
    digits = text.lstrip(" \t\n\v\f\r")
    end = 1 if digits[:1] in ("+", "-") else 0
    while digits[end : end + 1].isascii() and digits[end : end + 1].isdigit():
        end += 1
    number = digits[:end]
    return int(number) if number not in ("", "+", "-") else None
