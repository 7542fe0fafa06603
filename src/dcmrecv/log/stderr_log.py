"""The console: one line of text, or one JSON object, per line of message, on standard error.

This is the path of a receiver without ``--log-config``. It does not use `logging`: importing that costs a
third of the start-up, and a record per line more than the line (spec/logging.md A.1, C "Speed").
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from dcmrecv.config import LEVEL_BY_LETTER, LogLevel
from dcmrecv.log.api import AssociationLogs, Fields, Log, Logs
from dcmrecv.log.descriptor_writer import DescriptorWriter, encode
from dcmrecv.loggers import APPLICATION, DEBUG_VARIABLE

__all__ = ["LineLogs", "LineStyle", "text_lines"]

BATCH_LIMIT = 64 << 10
"""Characters of held text that are written without waiting for `AssociationLogs.flush`."""

_PREFIXES = {level: f"{letter}: " for letter, level in LEVEL_BY_LETTER.items()}


LineStyle = Callable[[str, LogLevel, str, Fields | None, str, str], str]
"""How a message becomes text on the console: from logger, level, text, fields, and the association's identity and
peer, to one line or several, with their newlines."""


def text_lines(name: str, level: LogLevel, text: str, fields: Fields | None, identity: str, peer: str) -> str:
    """Return a message in the built-in pattern ``%P: %m%n``, applied to each line of its text."""
    prefix = _PREFIXES[level]
    if "\n" in text:
        text = text.replace("\n", "\n" + prefix)
    return f"{prefix}{text}\n"


class _LineBuffer(AssociationLogs):
    def __init__(self, owner: LineLogs, identity: str, peer: str) -> None:
        self._owner = owner
        self._identity = identity
        self._peer = peer
        self._style = owner.style
        self._writer = owner.writer
        self._lines: list[str] = []
        self._held = 0
        self._lock = threading.Lock()

    def logger(self, name: str) -> Log:
        return Log(name, self._owner.threshold, self._emit)

    def _emit(self, name: str, level: LogLevel, text: str, fields: Fields | None) -> None:
        line = self._style(name, level, text, fields, self._identity, self._peer)
        self._lines.append(line)
        self._held += len(line)
        if level >= LogLevel.WARN or self._held > BATCH_LIMIT:
            self.flush()

    def flush(self) -> None:
        lines = self._lines
        if not lines:
            return
        # `LineLogs.flush` may come from another thread: what the owner appends meanwhile stays.
        with self._lock:
            count = len(lines)
            data = "".join(lines[:count])
            del lines[:count]
            self._held = 0
            if data:
                self._writer.write(encode(data))

    def close(self) -> None:
        self.flush()
        self._owner.forget(self)


class LineLogs(Logs):
    """All loggers of a receiver without ``--log-config``: one level, standard error."""

    def __init__(self, threshold: LogLevel, style: LineStyle, *, wants_fields: bool) -> None:
        self.threshold = threshold
        self.style = style
        self.errors_visible = threshold <= LogLevel.ERROR
        self.wants_fields = wants_fields
        self.writer = DescriptorWriter(2, self._lost_lines)
        self._buffers: dict[int, _LineBuffer] = {}

    def logger(self, name: str) -> Log:
        return Log(name, self.threshold, self._emit)

    def _emit(self, name: str, level: LogLevel, text: str, fields: Fields | None) -> None:
        self.writer.write(encode(self.style(name, level, text, fields, "", "")))

    def association(self, identity: str, peer: str) -> AssociationLogs:
        buffer = _LineBuffer(self, identity, peer)
        self._buffers[id(buffer)] = buffer
        return buffer

    def forget(self, buffer: _LineBuffer) -> None:
        """Let go of the loggers of a closed connection."""
        self._buffers.pop(id(buffer), None)

    def emit_unconditional(self, text: str) -> None:
        """See `Logs.emit_unconditional`."""
        self._emit("root", LogLevel.INFO, text, None)

    def flush(self) -> None:
        for buffer in list(self._buffers.values()):
            buffer.flush()
        self.writer.drain()

    def after_fork(self) -> None:
        """See `Logs.after_fork`."""
        self._buffers = {}
        self.writer.after_fork()

    def close(self) -> None:
        self.flush()
        self.writer.close()
        if self.errors_visible and DEBUG_VARIABLE in os.environ:
            # Loaded on demand: hardly any site sets this.
            from dcmrecv.log.loglog import print_exit_steps

            print_exit_steps()

    def _lost_lines(self, count: int) -> bytes:
        text = f"{count} lines of this log were lost: standard error did not take them"
        return encode(self.style(APPLICATION, LogLevel.WARN, text, None, "", ""))
