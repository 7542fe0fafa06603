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
from dcmrecv.log.api import AssociationLogs, Fields, Log, Logs, Sink
from dcmrecv.log.appenders import Appender, AppenderContext
from dcmrecv.log.levels import level_name

__all__ = ["Hierarchy", "TreeLogger", "TreeLogs"]


class TreeLogger(logging.Logger):
    """A logger that reports its lack of appenders in log4cplus's words."""

    hierarchy: Hierarchy

    def appenders(self) -> list[Appender]:
        """Return the appenders of this logger itself."""
        return [handler for handler in self.handlers if isinstance(handler, Appender)]

    def callHandlers(self, record: logging.LogRecord) -> None:
        """Hand *record* to the appenders from here up to the root, or to where additivity ends."""
        logger: logging.Logger | None = self
        found = False
        while logger is not None:
            for handler in logger.handlers:
                found = True
                if record.levelno >= handler.level:
                    handler.handle(record)
            logger = logger.parent if logger.propagate else None
        if not found:
            self.hierarchy.no_appenders(self.name)


class Hierarchy:
    """One tree of loggers with its root."""

    def __init__(self, context: AppenderContext) -> None:
        self.context = context
        self.root = TreeLogger("root", LogLevel.INFO)
        self.root.hierarchy = self
        self._manager = logging.Manager(self.root)  # type: ignore[arg-type]
        self._manager.setLoggerClass(TreeLogger)
        self.root.manager = self._manager
        self._known = {"": self.root}
        self._reported = False

    def logger(self, name: str) -> TreeLogger:
        """Return the logger *name*; the root has the empty name, ``root`` is an ordinary one."""
        known = self._known.get(name)
        if known is not None:
            return known
        logger = self._manager.getLogger(name)
        if not isinstance(logger, TreeLogger):
            raise TypeError(name)
        logger.hierarchy = self
        self._known[name] = logger
        return logger

    def loggers(self) -> list[TreeLogger]:
        """Return the root, then all others in byte order of their names."""
        known = self._manager.loggerDict
        others = [known[name] for name in sorted(known)]
        return [self.root, *(one for one in others if isinstance(one, TreeLogger))]

    def appenders(self) -> list[Appender]:
        """Return each appender in use once."""
        found: dict[int, Appender] = {}
        for logger in self.loggers():
            for appender in logger.appenders():
                found.setdefault(id(appender), appender)
        return list(found.values())

    def no_appenders(self, name: str) -> None:
        """Report, once, that a message of logger *name* goes nowhere."""
        if not self._reported:
            self._reported = True
            self.context.internal.error(f"No appenders could be found for logger ({name}).")
            self.context.internal.error("Please initialize the log4cplus system properly.")


class _Origin(Sink):
    """Makes the records of one association, or of the program outside of any."""

    def __init__(self, owner: TreeLogs, identity: str, peer: str) -> None:
        self._owner = owner
        self._identity = identity
        self._peer = peer
        self._ndc = identity if owner.ndc else ""
        self._mdc = {"association": identity, "peer": peer} if owner.ndc and identity else {}

    def emit(self, name: str, level: LogLevel, text: str, fields: Fields | None) -> None:
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
        record.levelname = level_name(level)
        extra = record.__dict__
        extra["native_id"] = threading.get_native_id()
        extra["start"] = owner.start
        extra["ndc"] = self._ndc
        extra["mdc"] = self._mdc
        extra["association"] = self._identity
        extra["peer"] = self._peer
        extra["fields"] = fields
        logger.callHandlers(record)


class _TreeAssociationLogs(AssociationLogs):
    def __init__(self, owner: TreeLogs, identity: str, peer: str) -> None:
        self._owner = owner
        self._origin = _Origin(owner, identity, peer)

    def logger(self, name: str) -> Log:
        return Log(name, self._owner.threshold(name), self._origin)


class TreeLogs(Logs):
    """`Logs` over a `Hierarchy`. Messages go to the appenders at once; nothing is held per association.

    *ndc* makes the association id the nested diagnostic context (``%x``), an addition to the reference.
    """

    def __init__(self, hierarchy: Hierarchy, *, ndc: bool) -> None:
        self.hierarchy = hierarchy
        self.ndc = ndc
        self.start = time.time()
        appenders = hierarchy.appenders()
        self.located = any(appender.located for appender in appenders)
        self.errors_visible = hierarchy.root.level <= LogLevel.ERROR
        self.wants_fields = hierarchy.context.json
        self._origin = _Origin(self, "", "")

    def threshold(self, name: str) -> int:
        """Return the level in force for logger *name*."""
        return self.hierarchy.logger(name).getEffectiveLevel()

    def logger(self, name: str) -> Log:
        """See `Logs.logger`."""
        return Log(name, self.threshold(name), self._origin)

    def association(self, identity: str, peer: str) -> AssociationLogs:
        """See `Logs.association`."""
        return _TreeAssociationLogs(self, identity, peer)

    def emit_unconditional(self, text: str) -> None:
        """See `Logs.emit_unconditional`."""
        self._origin.send(self.hierarchy.root, LogLevel.INFO, text, None, 2)

    def flush(self) -> None:
        """See `Logs.flush`."""
        for appender in self.hierarchy.appenders():
            appender.flush()
        self.hierarchy.context.err.drain()

    def reopen(self) -> None:
        """See `Logs.reopen`."""
        for appender in self.hierarchy.appenders():
            appender.reopen()

    def after_fork(self) -> None:
        """See `Logs.after_fork`."""
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
                    appender.tell_end()
        self.hierarchy.context.out.close()
        self.hierarchy.context.err.close()
