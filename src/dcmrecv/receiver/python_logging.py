"""The lines of a receiver in Python's `logging`, for programs. Nothing is printed unless the program configures it.

The texts are the command line's. Loggers: ``dcmrecv`` (the receiver, and every failure inside it with its
traceback), ``dcmrecv.network``, ``dcmrecv.data`` (the parser of data sets), ``dcmrecv.tls``, ``dcmrecv.handlers``.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from dcmrecv import observer as ob
from dcmrecv.config import LogLevel
from dcmrecv.log import AssociationLogs, Fields, Log, Logs
from dcmrecv.log.dcmtk_lines import DcmtkLines
from dcmrecv.loggers import DCMDATA, DCMNET, DCMTLS

if TYPE_CHECKING:
    from dcmrecv.config import Config

__all__ = ["LEVELS", "python_lines"]

logging.getLogger("dcmrecv").addHandler(logging.NullHandler())

LEVELS = {
    LogLevel.TRACE: 5,
    LogLevel.DEBUG: logging.DEBUG,
    LogLevel.INFO: logging.INFO,
    LogLevel.WARN: logging.WARNING,
    LogLevel.ERROR: logging.ERROR,
    LogLevel.FATAL: logging.CRITICAL,
}
_NAMES = {DCMNET: "dcmrecv.network", DCMDATA: "dcmrecv.data", DCMTLS: "dcmrecv.tls"}


def _emit(name: str, level: LogLevel, text: str, fields: Fields | None) -> None:
    """Hand a message to `logging`."""
    logging.getLogger(name).log(LEVELS[level], "%s", text)


class _PythonLogs(Logs, AssociationLogs):
    """The loggers of the receiver, and of each connection: `logging` holds nothing back."""

    def logger(self, name: str) -> Log:
        """See `Logs.logger`."""
        name = _NAMES.get(name, "dcmrecv")
        logger = logging.getLogger(name)
        admitted = [level for level, number in LEVELS.items() if logger.isEnabledFor(number)]
        return Log(name, min(admitted, default=LogLevel.OFF), _emit)

    def association(self, identity: str, peer: str) -> AssociationLogs:
        """See `Logs.association`."""
        return self


class _Lines(DcmtkLines):
    """The command line's lines, but for those about mistakes in this program: these come with their tracebacks."""

    def observe(self, event: ob.ReceiverEvent) -> None:
        """See `ReceiverObserver.observe`."""
        if isinstance(event, ob.InternalError):
            logging.getLogger("dcmrecv").error("an internal error", exc_info=event.error)
        else:
            super().observe(event)


class _AssociationFailures(ob.AssociationObserver):
    holds_back = False
    wanted = frozenset({ob.Crashed})

    def observe(self, event: ob.AssociationEvent) -> None:
        """See `AssociationObserver.observe`."""
        assert isinstance(event, ob.Crashed)
        logging.getLogger("dcmrecv").error("an association failed", exc_info=event.error)


class _Failures(ob.ReceiverObserver):
    """Logs what ends an association by mistake, with its traceback."""

    def association(self, peer_address: str, peer_port: int) -> ob.AssociationObserver:
        """See `ReceiverObserver.association`."""
        return _AssociationFailures()


def python_lines(config: Config) -> list[ob.ReceiverObserver]:
    """Return what logs, at the levels that the loggers have now."""
    return [_Lines(_PythonLogs(), config, str), _Failures()]
