"""Lines about the state of a whole receiver. The reference, a single process without threads, has none of them."""

from __future__ import annotations

import os
import signal
import traceback

from dcmrecv import observer as ob

__all__ = ["service_line"]


def service_line(event: ob.ReceiverEvent) -> tuple[str, str] | None:
    """Return the line about *event*: the method of a `dcmrecv.log.api.Log` that logs it, and the text.

    None: these are not the lines about it.
    """
    match event:
        case ob.ShortageBegan(resource):
            return "warn", f"Short of {resource}: new connections wait until there is enough"
        case ob.ShortageEnded(resource):
            return "warn", f"No longer short of {resource}: connections are accepted as usual"
        case ob.InternalError(error):
            return "error", "Internal error: " + "".join(traceback.format_exception(error)).rstrip()
        case ob.StopBegan(grace):
            return "info", f"Stopping: no new associations; running C-STOREs have {grace:g} s to finish"
        case ob.WorkerEnded(number, pid, status, ill):
            return "error", f"Worker process {number} (pid {pid}) {_end(status, ill)}; it is replaced"
        case ob.WorkerNotStarted(number, reason):
            return "error", f"Worker process {number} cannot be started, which is tried again: {reason}"
        case ob.WorkerStarted(number, pid):
            return "warn", f"Worker process {number} runs again (pid {pid})"
    return None


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
