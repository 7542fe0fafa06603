"""Bytes from the wire and text for people, without loss in either direction.

AE titles, UIDs and file names reach us as arbitrary bytes. Text made here is UTF-8 where the bytes are, and
carries every other byte as a lone surrogate, so that it leaves as the same bytes. In log lines control characters
are the exception (`printable`): with a line feed in a UID a peer could write lines of its own into the log.
"""

from __future__ import annotations

__all__ = ["from_bytes", "leading_integer", "printable", "to_bytes"]

_MOST_DIGITS = 19
_CONTROLS = {
    code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)
}


def from_bytes(data: bytes) -> str:
    """Return *data* as text; `to_bytes` gives the same bytes back."""
    return data.decode("utf-8", "surrogateescape")


def to_bytes(text: str) -> bytes:
    """Return the bytes that `from_bytes` made *text* from."""
    return text.encode("utf-8", "surrogateescape")


def printable(data: bytes) -> str:
    """Return *data* as text for a log line: like `from_bytes`, with control characters as ``\\x0a``."""
    text = data.decode("utf-8", "surrogateescape")
    return text if text.isprintable() else text.translate(_CONTROLS)


def leading_integer(text: str) -> int | None:
    """Return the decimal number that *text* begins with, as C's ``%d`` reads it, or None; 19 digits of it at most."""
    digits = text.lstrip(" \t\n\v\f\r")
    end = 1 if digits[:1] in ("+", "-") else 0
    while end < _MOST_DIGITS and digits[end : end + 1].isascii() and digits[end : end + 1].isdigit():
        end += 1
    number = digits[:end]
    return int(number) if number not in ("", "+", "-") else None
