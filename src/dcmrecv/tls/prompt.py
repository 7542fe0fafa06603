"""The pass phrase prompt, as OpenSSL's console does it (spec/tls.md c).

Text and input use the controlling terminal, whatever the standard streams are; without a terminal the text
goes to standard error and a line is read from standard input.
"""

from __future__ import annotations

import os
import signal
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from dcmrecv.tls import limits

__all__ = ["PromptEnded", "PromptInterrupted", "ask_pass_phrase"]

_TEXT = b"Enter PEM pass phrase:"
_ATTEMPTS = 2  # OpenSSL 3 asks again after an interrupted prompt, and only then
_STDIN, _STDERR = 0, 2


class PromptEnded(Exception):
    """End of input at the prompt."""


class PromptInterrupted(Exception):
    """Ctrl-C at the prompt."""


def ask_pass_phrase() -> bytes:
    """Return what was typed, without the end of the line. Raises `PromptEnded` or `PromptInterrupted`."""
    failure: Exception = PromptEnded()
    for _ in range(_ATTEMPTS):
        try:
            return _ask_once()
        except (PromptEnded, PromptInterrupted) as error:
            failure = error
    raise failure


def _ask_once() -> bytes:
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:  # none: a daemon, a container
        with _interruptible():
            return _converse(_STDIN, _STDERR)
    try:
        with _interruptible(), _no_echo(terminal):
            return _converse(terminal, terminal)
    finally:
        os.close(terminal)


def _converse(source: int, target: int) -> bytes:
    _write(target, _TEXT)
    try:
        return _read_line(source)
    finally:
        _write(target, b"\n")


def _write(target: int, text: bytes) -> None:
    try:
        os.write(target, text)
    except OSError:
        return  # no one can see the prompt; what is read still counts


def _read_line(source: int) -> bytes:
    line = bytearray()
    while len(line) < limits.PROMPT_BYTES:
        try:
            character = os.read(source, 1)  # one at a time: what follows the line is not ours
        except OSError as error:
            raise PromptEnded from error
        if not character:
            if line:
                break
            raise PromptEnded
        if character == b"\n":
            break
        line += character
    return bytes(line)


@contextmanager
def _no_echo(terminal: int) -> Iterator[None]:
    try:
        before = termios.tcgetattr(terminal)
    except termios.error:
        yield
        return
    silent = termios.tcgetattr(terminal)
    silent[3] &= ~termios.ECHO
    termios.tcsetattr(terminal, termios.TCSANOW, silent)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSANOW, before)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise PromptInterrupted


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C end the prompt instead of the program; only the main thread can have it so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
