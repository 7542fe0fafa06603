"""How an association profile file is read: lines, headings, keys and values (spec/cli.md f.1).

There are no syntax errors at this level: every byte sequence is some sequence of entries. Bytes stay bytes;
no encoding is assumed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["SECTION", "SUPERSECTION", "Entry", "Section", "Supersection", "entries", "supersections"]

SECTION = 1
SUPERSECTION = 2

_LINE_END = re.compile(rb"\r\n?")
_COMMENT = re.compile(rb"(?m)^#[^\n]*(?:\n|\Z)")
_SKIPPED = re.compile(rb"[ \t\n]*")
_OPENING = re.compile(rb"[\[ \t\n]*")
_DROPPED = re.compile(rb"[^A-Z0-9_-]+")
_VALUE = re.compile(rb"[^\n]*(?:\n+(?=[ \t])[^\n]*)*")

Entry = tuple[int, bytes, bytes]
"""Level (0: key, `SECTION`, `SUPERSECTION`), name, and the value of a key."""

Section = dict[bytes, bytes]
"""The keys of one ``[section]``; of a repeated key the first."""

Supersection = list[tuple[bytes, Section]]
"""The sections of one ``[[supersection]]`` in file order, equal names kept apart."""


def entries(data: bytes) -> Iterator[Entry]:
    """Yield every heading and key of a file."""
    text = _without_comments(data)
    position = _skip(_SKIPPED, text, 0)
    while position < len(text):
        if text.startswith(b"[", position):
            name_start = _skip(_OPENING, text, position)
            level = text.count(b"[", position, name_start)
            end = _find(text, b"]", name_start)
            name = _name(text[name_start:end])
            position = end + 1
            for _ in range(level - 1):
                if position >= len(text):
                    break
                position = _find(text, b"]", position) + 1
            yield min(level, SUPERSECTION), name, b""
        else:
            end = _find(text, b"=", position)
            name = _name(text[position:end])
            value, position = _value(text, end + 1)
            yield 0, name, value
        position = _skip(_SKIPPED, text, position)


def supersections(data: bytes) -> dict[bytes, Supersection]:
    """Return the supersections of a file by name; of two with one name the first is kept.

    Keys outside a section and sections outside a supersection are dropped.
    """
    found: dict[bytes, Supersection] = {}
    sections: Supersection | None = None
    keys: Section | None = None
    for level, name, value in entries(data):
        if level == SUPERSECTION:
            sections, keys = [], None
            found.setdefault(name, sections)
        elif level == SECTION:
            if sections is not None:
                keys = {}
                sections.append((name, keys))
        elif keys is not None:
            keys.setdefault(name, value)
    return found


def _without_comments(data: bytes) -> bytes:
    """Make all line ends LF and NUL a blank; drop lines whose very first byte is ``#``."""
    return _COMMENT.sub(b"", _LINE_END.sub(b"\n", data).replace(b"\0", b" "))


def _skip(pattern: re.Pattern[bytes], text: bytes, position: int) -> int:
    found = pattern.match(text, position)
    return position if found is None else found.end()


def _find(text: bytes, what: bytes, position: int) -> int:
    found = text.find(what, position)
    return len(text) if found < 0 else found


def _name(raw: bytes) -> bytes:
    """Return letters as capitals, digits, ``-`` and ``_`` of *raw*; everything else is dropped."""
    return _DROPPED.sub(b"", raw.upper())


def _value(text: bytes, position: int) -> tuple[bytes, int]:
    """Return the value that begins at *position* and where the next entry begins.

    Lines that begin with a blank or tab continue it. Leading blanks of every line go, trailing ones stay,
    lines without anything else vanish.
    """
    found = _VALUE.match(text, position)
    if found is None:
        return b"", len(text)
    lines = (line.lstrip(b" \t") for line in found.group().split(b"\n"))
    return b"\n".join(line for line in lines if line), found.end()
