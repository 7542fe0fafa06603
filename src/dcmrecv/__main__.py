"""``python -m dcmrecv`` and the console script."""

from __future__ import annotations

import gc
import os
import signal
import sys

__all__ = ["main"]


def main() -> int:
    """Run the program and return its exit code; 70 (EX_SOFTWARE) after an error that is ours.

    A command line that only prints something ends the process right here: taking the interpreter down in
    good order takes longer than what was asked for, and there is nothing in it to put in order.
    """
    if sys.platform != "linux":  # the server waits with epoll and eventfd
        sys.stderr.write("error: dcmrecv needs Linux; there is no version for this system\n")
        return 1
    # Until the receiver waits for signals, Ctrl-C ends the program as it ends the reference: without a word.
    # Started in the background by a shell it is ignored, and stays so.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    gc.disable()  # start-up makes no garbage worth looking for; the receiver turns it on again
    try:
        from dcmrecv.cli.program import main as run

        code, started = run()
    except Exception:  # noqa: BLE001 - whatever it is, it must not end like a wrong option, with 1
        started, code = False, _internal_error()
    if not started or code:
        os._exit(code)
    return code


def _internal_error() -> int:
    """Print the traceback, as Python would, and return the exit code.

    Threads that still run must not keep the process: a service manager waits to start it again.
    """
    import contextlib
    import traceback

    from dcmrecv.cli.exit_codes import EXIT_INTERNAL_ERROR

    with contextlib.suppress(OSError):  # nothing reads standard error; the exit code says enough
        traceback.print_exc()
    return EXIT_INTERNAL_ERROR


if __name__ == "__main__":
    sys.exit(main())
