"""``python -m dcmrecv`` and the console script."""

from __future__ import annotations

import gc
import os
import signal
import sys

__all__ = ["main"]


def main() -> int:
    """Run the program and return its exit code.

    A command line that only prints something ends the process right here: taking the interpreter down in
    good order takes longer than what was asked for, and there is nothing in it to put in order.
    """
    if os.name != "posix":
        sys.stderr.write(
            "error: dcmrecv needs a POSIX system such as Linux; there is no version for this one\n"
        )
        return 1
    # Until the receiver waits for signals, Ctrl-C ends the program as it ends the reference: without a word.
    # Started in the background by a shell it is ignored, and stays so.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    gc.disable()  # start-up makes no garbage worth looking for; the receiver turns it on again
    from dcmrecv.cli.program import main as run

    code, started = run()
    if not started:
        os._exit(code)
    return code


if __name__ == "__main__":
    sys.exit(main())
