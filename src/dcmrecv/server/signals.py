"""Signals, waited for in the main thread: no handler runs in the middle of anything.

The reference has no handlers: SIGTERM and SIGINT end it at once. Here they end it after a drain, and then by
the same signal, so that its parent sees the same wait status (design.md, decided differences).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

__all__ = ["StopSignals", "end_by_signal"]

_STOP = frozenset({signal.SIGTERM, signal.SIGINT})


class StopSignals:
    """Blocks the stop signals from here on in this thread and in all threads made after."""

    def __init__(self, *, reopen: Callable[[], None] | None = None) -> None:
        """*reopen* is called on SIGHUP; without it SIGHUP keeps its default action (it ends the process)."""
        self._reopen = reopen
        self._awaited = set(_STOP) | ({signal.SIGHUP} if reopen is not None else set())
        signal.pthread_sigmask(signal.SIG_BLOCK, self._awaited)

    def wait(self, *, beat: Callable[[], None] | None = None, interval: float = 0.0) -> signal.Signals:
        """Wait for SIGTERM or SIGINT and return it. *beat* is called every *interval* seconds, if given."""
        while True:
            if beat is None:
                number: int | None = signal.sigwait(self._awaited)
            else:
                info = signal.sigtimedwait(self._awaited, interval)
                number = None if info is None else info.si_signo
                beat()
            if number is None:
                continue
            if number == signal.SIGHUP:
                assert self._reopen is not None
                self._reopen()
                continue
            return signal.Signals(number)

    def arrived(self) -> bool:
        """True if another stop signal has come meanwhile."""
        return signal.sigtimedwait(_STOP, 0) is not None


def end_by_signal(number: signal.Signals) -> None:
    """End this process by *number*, as if it had never been caught."""
    signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
    os.kill(os.getpid(), number)
