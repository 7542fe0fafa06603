"""Lines about the state of a whole receiver. The reference, a single process without threads, has none of them."""

from __future__ import annotations

import os
import signal
import traceback

from dcmrecv import observer as ob
from dcmrecv.config import LogLevel
from dcmrecv.text import printable

__all__ = ["service_line"]


def service_line(event: ob.ReceiverEvent) -> tuple[LogLevel, str]:
    """Return level and text of the line about *event*; there is none for an event that has no case here."""
    match event:
        case ob.OutputDirectoryRemade(path):
            return LogLevel.WARN, f"output directory {printable(path)} had vanished and was made again"
        case ob.OutputFileSystemChanged(path):
            where = "is on another file system than before (not mounted?)"
            return LogLevel.WARN, f"output directory {printable(path)} {where}"
        case ob.SpoolBehind(path, reason):
            return LogLevel.WARN, f"spool {printable(path)}: cannot write, will try again: {reason}"
        case ob.SpoolCaughtUp(path, lost):
            return LogLevel.WARN, f"spool {printable(path)}: lines are written again, {lost} were lost"
        case ob.SpoolLost(path, lost):
            return LogLevel.WARN, f"spool {printable(path)}: {lost} lines could not be written and are lost"
        case ob.ShortageBegan(resource):
            return LogLevel.WARN, f"Short of {resource}: new connections wait until there is enough"
        case ob.ShortageEnded(resource):
            return LogLevel.WARN, f"No longer short of {resource}: connections are accepted as usual"
        case ob.InternalError(error):
            return LogLevel.ERROR, "Internal error: " + "".join(traceback.format_exception(error)).rstrip()
        case ob.StopBegan(grace):
            return (
                LogLevel.INFO,
                f"Stopping: no new associations; running C-STOREs have {grace:g} s to finish",
            )
        case ob.WorkerEnded(number, pid, status, ill):
            return LogLevel.ERROR, f"Worker process {number} (pid {pid}) {_end(status, ill)}; it is replaced"
        case ob.WorkerNotStarted(number, reason):
            text = f"Worker process {number} cannot be started, which is tried again: {reason}"
            return LogLevel.ERROR, text
        case ob.WorkerStarted(number, pid):
            return LogLevel.WARN, f"Worker process {number} runs again (pid {pid})"
    raise TypeError(f"no line about {event!r}")


def _end(status: int | None, ill: bool) -> str:
    if ill:
        return "did not accept connections any more and was killed"
    if status is None:
        return "has ended"
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by signal {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
