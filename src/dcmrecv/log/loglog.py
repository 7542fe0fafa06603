"""Messages of the logging itself: ``log4cplus:ERROR …`` on standard error and so on (spec/logging.md A.9)."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

from dcmrecv.log.descriptor_writer import DescriptorWriter, encode
from dcmrecv.loggers import DEBUG_VARIABLE

__all__ = ["InternalLog", "OnceOnly", "parse_bool", "parse_int", "print_exit_steps"]

QUIET_VARIABLE = "DCMTK_LOG4CPLUS_LOGLOG_QUIETMODE"

_INTEGER = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]+)[ \t\n\v\f\r]*\Z")


def parse_int(text: str, low: int, high: int) -> int | None:
    """Return a plain decimal in [*low*, *high*] with nothing after it, else None (A.2 "integers")."""
    match = _INTEGER.match(text)
    if match is None or len(match[1]) > 24:
        return None
    value = int(match[1])
    return value if low <= value <= high else None


def parse_bool(text: str) -> bool | None:
    """Return what ``true``, ``false`` or an integer stands for, else None (A.2 "booleans")."""
    word = text.strip(" \t\n\v\f\r").lower()
    if word in ("true", "false"):
        return word == "true"
    value = parse_int(word, -(1 << 63), (1 << 63) - 1)
    return None if value is None else bool(value)


def _from_environment(name: str) -> bool:
    return bool(parse_bool(os.environ.get(name, "")))


def print_exit_steps() -> None:
    """Print what the reference prints with `DEBUG_VARIABLE` when its built-in console goes away."""
    if _from_environment(DEBUG_VARIABLE):
        writer = DescriptorWriter(1)
        writer.write(
            b"log4cplus: Entering ConsoleAppender::close()..\nlog4cplus: Destroying appender named [].\n"
        )
        writer.close()


class InternalLog:
    """The three kinds of internal message: *quiet* hides all, *debugging* shows the steps."""

    def __init__(self, out: DescriptorWriter, err: DescriptorWriter) -> None:
        self._out = out
        self._err = err
        self.quiet = _from_environment(QUIET_VARIABLE)
        self.debugging = _from_environment(DEBUG_VARIABLE)

    def error(self, text: str) -> None:
        """Write an error to standard error."""
        if not self.quiet:
            self._err.write(encode(f"log4cplus:ERROR {text}\n"))

    def warn(self, text: str) -> None:
        """Write a warning to standard error."""
        if not self.quiet:
            self._err.write(encode(f"log4cplus:WARN {text}\n"))

    def debug(self, text: str) -> None:
        """Write a step to standard output."""
        if self.debugging and not self.quiet:
            self._out.write(encode(f"log4cplus: {text}\n"))


class OnceOnly:
    """Pass on the first error after each `reset`."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._first = True

    def error(self, text: str) -> None:
        """Pass *text* on if it is the first."""
        if self._first:
            self._first = False
            self._write(text)

    def reset(self) -> None:
        """Make ready for the next error."""
        self._first = True
