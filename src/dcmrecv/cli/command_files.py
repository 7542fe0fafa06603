"""``@file`` arguments: their place is taken by the tokens of the file (spec/cli.md b)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dcmrecv.cli.errors import CommandLineError
from dcmrecv.files import read_file
from dcmrecv.text import from_bytes, to_bytes

__all__ = ["MAX_COMMAND_FILE", "expand", "tokens"]

MAX_COMMAND_FILE = 16 * 1024 * 1024
"""Bytes of a command file that are read; a larger one counts as unreadable."""

_BLANKS = frozenset(b" \t\n\r")
_QUOTES = frozenset(b"\"'")


def expand(arguments: Sequence[str]) -> list[str]:
    """Return *arguments* with every ``@file`` replaced by the tokens of the file.

    Tokens are not looked at again, so files do not nest. Raises `CommandLineError` for the first file that
    cannot be opened.
    """
    if not any(argument.startswith("@") for argument in arguments):
        return list(arguments)
    expanded: list[str] = []
    for argument in arguments:
        if len(argument) > 1 and argument.startswith("@"):
            expanded.extend(from_bytes(token) for token in tokens(_read(argument[1:])))
        else:
            expanded.append(argument)
    return expanded


def _read(name: str) -> bytes:
    try:
        return read_file(to_bytes(name), MAX_COMMAND_FILE)
    except IsADirectoryError:
        return b""  # the reference opens a directory as an empty file
    except OSError:
        raise CommandLineError(f"Cannot open command file '{name}'") from None


def tokens(data: bytes) -> Iterator[bytes]:
    """Split the contents of a command file into arguments.

    Blanks end a token that is not empty; a quoted part runs to the same quote, which ends the token even if
    it is empty. There are no escapes and no comments.
    """
    token = bytearray()
    quote: int | None = None
    for byte in data:
        if quote is not None:
            if byte == quote:
                yield bytes(token)
                token.clear()
                quote = None
            else:
                token.append(byte)
        elif byte in _BLANKS:
            if token:
                yield bytes(token)
                token.clear()
        elif byte in _QUOTES:
            quote = byte
        else:
            token.append(byte)
    if token:
        yield bytes(token)
