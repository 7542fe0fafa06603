"""The logger tree of a configuration file, on top of `logging`.

The tree has a manager and a root of its own: records of libraries that use `logging` do not land in it, and
nothing here touches their loggers. Level numbers are log4cplus's (`dcmrecv.config.LogLevel`).
"""

from __future__ import annotations

import logging
import sys
import threading
import time

from dcmrecv.config import LogLevel
from dcmrecv.log.api import AssociationLogs, Fields, Log, Logs
from dcmrecv.log.appenders import Appender, AppenderContext

__all__ = ["Hierarchy", "TreeLogger", "TreeLogs"]


class TreeLogger(logging.Logger):
    """A logger that reports its lack of appenders in log4cplus's words."""

    def appenders(self) -> list[Appender]:
        """Return the appenders of this logger itself."""
        return [handler for handler in self.handlers if isinstance(handler, Appender)]

    def callHandlers(self, record: logging.LogRecord) -> None:
        """Hand *record* to the appenders from here up to the root, or to where additivity ends."""
        if self.hasHandlers():
            super().callHandlers(record)
        elif isinstance(self.manager, Hierarchy):
            self.manager.report_no_appenders(self.name)


class Hierarchy(logging.Manager):
    """One tree of loggers with its root."""

    root: TreeLogger  # type: ignore[assignment]

    def __init__(self, context: AppenderContext) -> None:
        super().__init__(TreeLogger("root", LogLevel.INFO))  # type: ignore[arg-type]
        self.context = context
        self.root.manager = self
        self.setLoggerClass(TreeLogger)
        self._reported = False

    def logger(self, name: str) -> TreeLogger:
        """Return the logger *name*; the root has the empty name, ``root`` is an ordinary one."""
        logger = self.getLogger(name) if name else self.root
        assert isinstance(logger, TreeLogger)
        return logger

    def loggers(self) -> list[TreeLogger]:
        """Return the root, then all others in byte order of their names."""
        known = (self.loggerDict[name] for name in sorted(self.loggerDict))
        return [self.root, *(logger for logger in known if isinstance(logger, TreeLogger))]

    def appenders(self) -> list[Appender]:
        """Return each appender in use once."""
        return list(dict.fromkeys(each for logger in self.loggers() for each in logger.appenders()))

    def report_no_appenders(self, name: str) -> None:
        """Report, once, that a message of logger *name* goes nowhere."""
        if not self._reported:
            self._reported = True
            self.context.internal.error(f"No appenders could be found for logger ({name}).")
            self.context.internal.error("Please initialize the log4cplus system properly.")


class _Origin(AssociationLogs):
    """Makes the records of one association, or of the program outside of any."""

    def __init__(self, owner: TreeLogs, identity: str, peer: str) -> None:
        self._owner = owner
        self._identity = identity
        self._peer = peer
        self._ndc = identity if owner.ndc else ""
        self._mdc = {"association": identity, "peer": peer} if owner.ndc and identity else {}

    def logger(self, name: str) -> Log:
        return Log(name, self._owner.hierarchy.logger(name).getEffectiveLevel(), self._emit)

    def _emit(self, name: str, level: LogLevel, text: str, fields: Fields | None) -> None:
        self.send(self._owner.hierarchy.logger(name), level, text, fields, 3)

    def send(self, logger: TreeLogger, level: LogLevel, text: str, fields: Fields | None, depth: int) -> None:
        """Make a record and hand it on; the place in the source is *depth* calls up."""
        owner = self._owner
        path, line, function = "", 0, ""
        if owner.located:
            frame = sys._getframe(depth)
            code = frame.f_code
            path, line, function = code.co_filename, frame.f_lineno, f"{code.co_name}()"
        record = logging.LogRecord(logger.name, level, path, line, text, None, None, function)
        record.levelname = level.name
        record.__dict__.update(
            native_id=threading.get_native_id(), start=owner.start, ndc=self._ndc, mdc=self._mdc,
            association=self._identity, peer=self._peer, fields=fields
        )  # fmt: skip
        logger.callHandlers(record)


class TreeLogs(Logs):
    """`Logs` over a `Hierarchy`. Messages go to the appenders at once; nothing is held per association.

    *ndc* makes the association id the nested diagnostic context (``%x``), an addition to the reference.
    """

    def __init__(self, hierarchy: Hierarchy, *, ndc: bool) -> None:
        self.hierarchy = hierarchy
        self.ndc = ndc
        self.start = time.time()
        self.located = any(appender.located for appender in hierarchy.appenders())
        self.errors_visible = hierarchy.root.level <= LogLevel.ERROR
        self.wants_fields = hierarchy.context.json
        self._origin = _Origin(self, "", "")

    def logger(self, name: str) -> Log:
        return self._origin.logger(name)

    def association(self, identity: str, peer: str) -> AssociationLogs:
        return _Origin(self, identity, peer)

    def emit_unconditional(self, text: str) -> None:
        self._origin.send(self.hierarchy.root, LogLevel.INFO, text, None, 2)

    def flush(self) -> None:
        for appender in self.hierarchy.appenders():
            appender.flush()
        self.hierarchy.context.err.drain()

    def reopen(self) -> None:
        for appender in self.hierarchy.appenders():
            appender.reopen()

    def after_fork(self) -> None:
        self.hierarchy.context.out.after_fork()
        self.hierarchy.context.err.after_fork()
        for appender in self.hierarchy.appenders():
            appender.after_fork()

    def close(self) -> None:
        """See `Logs.close`: the root's appenders first, each with a line under ``configDebug``."""
        for logger in self.hierarchy.loggers():
            for appender in logger.appenders():
                appender.close()
                logger.removeHandler(appender)
                if appender not in self.hierarchy.appenders():
                    appender.retire()
        self.hierarchy.context.out.close()
        self.hierarchy.context.err.close()
