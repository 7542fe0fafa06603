"""The conversion pattern of PatternLayout (spec/logging.md A.7).

The parser works on one character per byte, because positions, widths and cuts count bytes; what it makes is
text again (`dcmrecv.text`). A piece is a function of the record and of the (part of the) message at hand.
"""

from __future__ import annotations

import logging
import os
import re
import socket
from collections.abc import Callable, Mapping

from dcmrecv.log.api import LogConfigError
from dcmrecv.log.descriptor_writer import encode
from dcmrecv.log.loglog import InternalLog
from dcmrecv.log.times import TimeFormat, relative
from dcmrecv.text import from_bytes

__all__ = ["LOCATION_LETTERS", "Piece", "checked_time_format", "host_name", "parse_pattern"]

Piece = Callable[[logging.LogRecord, str], str]

LOCATION_LETTERS = "bFlLM"
MAX_WIDTH = 1 << 16
"""Columns a minimum width is cut to."""

_ATOI = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]{1,18})")


def _native(text: str) -> str:
    return from_bytes(text.encode("latin-1"))


def host_name(*, full: bool) -> str:
    """Return the name of this machine, with *full* as the resolver completes it."""
    name = socket.gethostname()
    if full:
        try:
            found = socket.getaddrinfo(name, None, socket.AF_INET, socket.SOCK_STREAM, 0, socket.AI_CANONNAME)
        except OSError:
            return name
        name = found[0][3] or name
    return name


def checked_time_format(text: str, *, utc: bool) -> TimeFormat:
    """Return a `TimeFormat`; raises `LogConfigError` for one that gives nothing.

    The reference aborts at the first message of such a layout.
    """
    result = TimeFormat(text, utc=utc)
    if not result.format(0.0):
        raise LogConfigError(f'Specified --log-config file: date format "{text}" gives an empty text')
    return result


def _number(digits: str, limit: int) -> int:
    return min(int(digits.lstrip("0")[:12] or "0"), limit)


def _literal(text: str) -> Piece:
    return lambda record, message: text


def _logger_name(precision: int) -> Piece:
    def piece(record: logging.LogRecord, message: str) -> str:
        name = record.name
        if precision <= 0:
            return name
        end = len(name) - 1
        for _ in range(precision):
            end = name.rfind(".", 0, end)
            if end < 0:
                return name
        return name[end + 1 :]

    return piece


def _context(depth: int) -> Piece:
    def piece(record: logging.LogRecord, message: str) -> str:
        text: str = record.__dict__.get("ndc", "")
        return " ".join(text.split(" ")[:depth]) if depth > 0 else text

    return piece


def _mapped(key: str) -> Piece:
    def piece(record: logging.LogRecord, message: str) -> str:
        values: Mapping[str, str] = record.__dict__.get("mdc", {})
        return values.get(key, "")

    return piece


def _thread_number(record: logging.LogRecord, message: str) -> str:
    # Lost in the reference when the text is cut into lines (spec/logging.md A.7, h08).
    return str(record.__dict__.get("native_id", "")) if message is record.msg else ""


def _location(record: logging.LogRecord, message: str) -> str:
    return f"{record.pathname}:{record.lineno}" if record.pathname else ":"


_SIMPLE: dict[str, Piece] = {
    "m": lambda record, message: message,
    "n": lambda record, message: "\n",
    "p": lambda record, message: record.levelname,
    "P": lambda record, message: record.levelname[:1],
    "r": lambda record, message: relative(record.created, record.__dict__.get("start", record.created)),
    "i": lambda record, message: str(os.getpid()),
    "t": lambda record, message: str(record.thread),
    "T": _thread_number,
    "F": lambda record, message: record.pathname,
    "b": lambda record, message: record.pathname.rpartition("/")[2],
    "L": lambda record, message: str(record.lineno) if record.pathname else "",
    "l": _location,
    "M": lambda record, message: record.funcName or "",
}


def _fitted(piece: Piece, left: bool, minimum: int, maximum: int | None) -> Piece:
    """Return *piece* padded to *minimum* bytes, or cut to its last *maximum* ones."""

    def fitted(record: logging.LogRecord, message: str) -> str:
        text = piece(record, message)
        raw = encode(text)
        if maximum is not None and len(raw) > maximum:
            return from_bytes(raw[len(raw) - maximum :])
        padding = " " * (minimum - len(raw))
        return text + padding if left else padding + text

    return fitted


_CONVERSION = re.compile(r"%(-*)(?!-)([0-9]*)(?:\.([0-9]+))?([^0-9])", re.DOTALL)
"""Flags, minimum, maximum, letter. The letter is a dot where a dot has no number behind it."""


class _Parser:
    def __init__(self, pattern: str, ndc_depth: int, internal: InternalLog) -> None:
        self._pattern = encode(pattern).decode("latin-1")
        self._depth = ndc_depth
        self._internal = internal
        self._position = 0
        self.pieces: list[Piece] = []
        self.located = False

    def parse(self) -> None:
        text = ""
        while self._position < len(self._pattern):
            found = _CONVERSION.match(self._pattern, self._position)
            if found is None or found[4] == "%" == found[0][1]:
                # Text; a doubled percent sign is one, an unfinished conversion at the end stays as it is.
                text += self._pattern[self._position]
                self._position += 1 if found is None else 2
            elif found[4] == "." and found[3] is None:
                text += self._dot(found)
            else:
                self._literal(text)
                text = ""
                self._conversion(found)
        self._literal(text)

    def _literal(self, text: str) -> None:
        if text:
            self.pieces.append(_literal(_native(text)))

    def _dot(self, found: re.Match[str]) -> str:
        """Return the text of a conversion without a number behind its dot."""
        start, end = found.start(), found.end() + 1
        character = self._pattern[end - 1 : end]
        if not character or character in "0123456789":  # the pattern ends before the letter
            end = len(self._pattern)
        else:
            self._internal.error(
                f"Error occurred in position {end}.\n"
                f' Was expecting digit, instead got char "{_native(character)}".'
            )
        self._position = end
        return self._pattern[start:end]

    def _conversion(self, found: re.Match[str]) -> None:
        flags, minimum, maximum, letter = found.groups()
        self._position = found.end()
        piece = self._piece(letter)
        if piece is None:
            self._internal.error(
                f"Unexpected char [{_native(letter)}] at position {self._position} in conversion pattern."
            )
            piece = _literal(_native(found[0]))
        elif minimum or maximum:
            widest = None if maximum is None else _number(maximum, 1 << 31)
            piece = _fitted(piece, bool(flags), _number(minimum, MAX_WIDTH), widest)
        self.pieces.append(piece)
        self.located = self.located or letter in LOCATION_LETTERS

    def _piece(self, letter: str) -> Piece | None:
        if letter == "c":
            number = _ATOI.match(self._option())
            return _logger_name(int(number[1]) if number else 0)
        if letter in "dD":
            time_format = checked_time_format(self._option() or "%Y-%m-%d %H:%M:%S", utc=letter == "d")
            return lambda record, message: time_format.format(record.created)
        if letter in "hH":
            return _literal(host_name(full=letter == "H"))
        if letter == "x":
            return _context(self._depth)
        if letter == "X":
            return _mapped(self._option())
        return _SIMPLE.get(letter)

    def _option(self) -> str:
        if self._pattern[self._position : self._position + 1] != "{":
            return ""
        end = self._pattern.find("}", self._position)
        if end < 0:
            whole = _native(self._pattern)
            self._internal.error(f"No matching '}}' found in conversion pattern string \"{whole}\"")
            self._position = len(self._pattern)
            return ""
        option = self._pattern[self._position + 1 : end]
        self._position = end + 1
        return _native(option)


def parse_pattern(pattern: str, ndc_depth: int, internal: InternalLog) -> tuple[list[Piece], bool]:
    """Return the pieces of *pattern* and whether one of them names the place in the source."""
    parser = _Parser(pattern, ndc_depth, internal)
    parser.parse()
    return parser.pieces, parser.located
