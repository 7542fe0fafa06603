"""Starting threads without waiting for them.

`threading.Thread.start` waits until the new thread says that it runs, without a limit: where memory is short the
new thread may die before it can say so, and its starter stands still for ever. Here no thread waits. A thread
accounts for itself once it runs, so that one that never came to life has left nothing to undo.
"""

from __future__ import annotations

import _thread
import os
import sys
import threading
from collections.abc import Callable

__all__ = ["let_others_run", "processors", "save_address_space", "start_thread"]

_STACK_SIZE = 1 << 20


def start_thread(function: Callable[[], None]) -> bool:
    """Run *function*, which raises nothing, in a new thread. Return False if the system gives no thread.

    True does not mean that the thread will ever run.
    """

    def begin() -> None:
        trace, profile = threading.gettrace(), threading.getprofile()
        if trace is not None:
            sys.settrace(trace)  # debuggers and coverage see these threads, too
        if profile is not None:
            sys.setprofile(profile)
        function()

    try:
        _thread.start_new_thread(begin, ())
    except (RuntimeError, MemoryError):
        return False
    return True


def save_address_space() -> None:
    """Give the threads of this process 1 MiB of stack each instead of 8 MiB: nothing recurses on input.

    Matters where the address space is limited (``ulimit -v``) or memory is not overcommitted.
    """
    threading.stack_size(_STACK_SIZE)


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def let_others_run() -> None:
    """Let another thread have the interpreter if one wants it.

    The call itself does that, because this module is never compiled: Python looks for such a wish where a function
    of its own begins, and compiled code never looks.
    """
