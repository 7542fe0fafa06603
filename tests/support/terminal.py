"""Programs on a terminal of their own, whose standard streams are elsewhere."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Any

__all__ = ["Terminal"]

_ADOPT = (
    "import fcntl, os, sys, termios; "
    "fcntl.ioctl(int(sys.argv[1]), termios.TIOCSCTTY, 0); os.close(int(sys.argv[1])); "
    "os.execvp(sys.argv[2], sys.argv[2:])"
)


class Terminal:
    """A pseudo terminal; `run` starts a program whose controlling terminal it is."""

    def __init__(self) -> None:
        self._ours, self._theirs = pty.openpty()
        self.shown = ""
        """What programs wrote to the terminal, as far as `look` has seen it."""

    def run(self, command: Sequence[str], **how: Any) -> subprocess.Popen[bytes]:
        """Start *command* in a session of its own; *how* goes to `subprocess.Popen`."""
        adopt = [sys.executable, "-c", _ADOPT, str(self._theirs), *command]
        return subprocess.Popen(adopt, start_new_session=True, pass_fds=(self._theirs,), **how)

    def type(self, text: str) -> None:
        """Type *text*."""
        os.write(self._ours, text.encode())

    def look(self, seconds: float = 0.0) -> str:
        """Return `shown` after waiting at most *seconds* for more."""
        while select.select([self._ours], [], [], seconds)[0]:
            self.shown += os.read(self._ours, 4096).decode().replace("\r\n", "\n")
            seconds = 0.0
        return self.shown

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._ours)
        os.close(self._theirs)
