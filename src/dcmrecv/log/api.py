"""Named loggers as the rest of the program sees them.

`Logs` is everything that was set up, `Log` one named logger, `AssociationLogs` the loggers of one connection,
whose lines are collected until `AssociationLogs.flush`. Levels are constant after the set-up, so tests are
plain attributes. Two implementations stand behind a `Log`: the text or JSON lines of the console, made right
here without a record object, and the tree of appenders of a logger configuration file
(`dcmrecv.log.hierarchy`), loaded only when there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dcmrecv.config import LogLevel

__all__ = ["AssociationLogs", "Emit", "Fields", "Log", "LogConfigError", "Logs"]

Fields = Mapping[str, object]
"""Event fields of a message, for ``--log-json`` alone; values are str, bytes, int, float, bool or None."""

_TRACE, _DEBUG, _INFO = LogLevel.TRACE, LogLevel.DEBUG, LogLevel.INFO
_WARN, _ERROR, _FATAL = LogLevel.WARN, LogLevel.ERROR, LogLevel.FATAL


Emit = Callable[[str, LogLevel, str, Fields | None], None]
"""Takes one message (logger, level, text, fields); the level was tested before."""


class LogConfigError(Exception):
    """A logger configuration file cannot be used; the text goes behind ``error: `` and the exit code is 1."""


class Log:
    """One named logger. Text may have several lines and carry foreign bytes (`dcmrecv.text`)."""

    __slots__ = ("_emit", "debug_on", "error_on", "info_on", "name", "threshold", "trace_on", "warn_on")

    def __init__(self, name: str, threshold: int, emit: Emit) -> None:
        self.name = name
        self.threshold = threshold
        self._emit = emit
        self.trace_on = threshold <= _TRACE
        self.debug_on = threshold <= _DEBUG
        self.info_on = threshold <= _INFO
        self.warn_on = threshold <= _WARN
        self.error_on = threshold <= _ERROR

    def on(self, level: LogLevel) -> bool:
        """Return whether messages of *level* pass this logger."""
        return level >= self.threshold

    def log(self, level: LogLevel, text: str, fields: Fields | None = None) -> None:
        """Log *text* at *level*."""
        if level >= self.threshold:
            self._emit(self.name, level, text, fields)

    def trace(self, text: str, fields: Fields | None = None) -> None:
        """Log *text* at TRACE."""
        if self.trace_on:
            self._emit(self.name, _TRACE, text, fields)

    def debug(self, text: str, fields: Fields | None = None) -> None:
        """Log *text* at DEBUG."""
        if self.debug_on:
            self._emit(self.name, _DEBUG, text, fields)

    def info(self, text: str, fields: Fields | None = None) -> None:
        """Log *text* at INFO."""
        if self.info_on:
            self._emit(self.name, _INFO, text, fields)

    def warn(self, text: str, fields: Fields | None = None) -> None:
        """Log *text* at WARN."""
        if self.warn_on:
            self._emit(self.name, _WARN, text, fields)

    def error(self, text: str, fields: Fields | None = None) -> None:
        """Log *text* at ERROR."""
        if self.error_on:
            self._emit(self.name, _ERROR, text, fields)

    def fatal(self, text: str, fields: Fields | None = None) -> None:
        """Log *text* at FATAL."""
        if self.threshold <= _FATAL:
            self._emit(self.name, _FATAL, text, fields)


class AssociationLogs:
    """The loggers of one connection, used by one thread at a time.

    Messages below WARN may be held back until `flush`: the driver calls it before it blocks in a system call
    again. WARN and above, and more than 64 KiB of text, go out at once together with what is held.
    """

    def logger(self, name: str) -> Log:
        """Return the logger *name* of this connection."""
        raise NotImplementedError

    def flush(self) -> None:
        """Hand held messages to the operating system in one write."""

    def close(self) -> None:
        """Flush; the connection is gone."""
        self.flush()


class Logs:
    """Everything a log set-up provides. Safe to use from several threads."""

    errors_visible: bool = True
    """Whether the root level admits ERROR; otherwise later command line errors are silent."""

    wants_fields: bool = False
    """Whether `Fields` are written anywhere; lets callers skip building them."""

    def logger(self, name: str) -> Log:
        """Return the logger *name*; its messages go out at once."""
        raise NotImplementedError

    def association(self, identity: str, peer: str) -> AssociationLogs:
        """Return the loggers of connection *identity* from *peer* (for ``--log-json`` and ``%x``)."""
        raise NotImplementedError

    def emit_unconditional(self, text: str) -> None:
        """Log *text* through the root logger at INFO without a level test (``--arguments``)."""
        raise NotImplementedError

    def flush(self) -> None:
        """Hand over what is held anywhere, without closing. For an end by signal."""

    def reopen(self) -> None:
        """Open log files again after an external rotation (SIGHUP with ``--log-config``)."""

    def after_fork(self) -> None:
        """To be called first in a forked worker: what the parent holds, it writes itself; threads start anew."""

    def close(self) -> None:
        """Flush and close everything, as at a normal end of the process."""
        self.flush()
