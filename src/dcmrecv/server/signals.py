"""Signals, waited for in the main thread: no handler runs in the middle of anything.

The reference has no handlers: SIGTERM and SIGINT end it at once. Here they end it after a drain, and then by
the same signal, so that its parent sees the same wait status.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable

__all__ = ["StopSignals", "end_by_signal", "end_in_any_case"]

_PAUSE = 0.1
_STOP = frozenset({signal.SIGTERM, signal.SIGINT})


class StopSignals:
    """Blocks the stop signals from here on in this thread and in all threads made after."""

    def __init__(self, *, reopen: Callable[[], None] | None = None) -> None:
        """*reopen* is called on SIGHUP; without it SIGHUP keeps its default action (it ends the process)."""
        self._reopen = reopen
        # signals that the parent had ignored stay ignored; blocked, it would not be
        self._stop = {number for number in _STOP if signal.getsignal(number) is not signal.SIG_IGN}
        self._awaited = self._stop | ({signal.SIGHUP} if reopen is not None else set())
        signal.pthread_sigmask(signal.SIG_BLOCK, self._awaited)

    def wait(self, *, beat: Callable[[], None], interval: float) -> signal.Signals:
        """Wait for SIGTERM or SIGINT and return it; call *beat* every *interval* seconds meanwhile.

        Also while one SIGHUP follows the other. What a MemoryError has stopped is tried again, this wait included.
        """
        next_beat = time.monotonic() + interval
        is_to_reopen = False
        while True:
            try:
                # the kernel hands out the lowest number first, which is SIGHUP's
                number = _wait_a_while(self._stop, 0.0)
                if number not in self._stop:
                    number = _wait_a_while(self._awaited, max(next_beat - time.monotonic(), 0.0))
            except MemoryError:
                number = None
                time.sleep(_PAUSE)
            if number in self._stop:
                return signal.Signals(number)
            if self._reopen is not None and (number == signal.SIGHUP or is_to_reopen):
                is_to_reopen = True
                with contextlib.suppress(MemoryError):
                    self._reopen()
                    is_to_reopen = False
            if time.monotonic() >= next_beat:
                with contextlib.suppress(MemoryError):
                    beat()
                next_beat = time.monotonic() + interval

    def arrived(self) -> bool:
        """True if another stop signal has come meanwhile."""
        return _wait_a_while(self._stop, 0.0) in self._stop


def _wait_a_while(signals: Iterable[signal.Signals], seconds: float) -> int | None:
    """Wait for one of *signals*, which are blocked, for at most *seconds*; return it or None.

    Where a debugger interrupts the wait (valgrind's does) it may be another number.
    """
    info = signal.sigtimedwait(signals, seconds)
    return None if info is None else info.si_signo


def end_by_signal(number: signal.Signals) -> None:
    """End this process by *number*, as if it had never been caught."""
    signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
    os.kill(os.getpid(), number)


def end_in_any_case(number: signal.Signals, seconds: float) -> None:
    """Have this process end by *number* in so many seconds, wherever its main thread may hang by then."""
    signal.signal(signal.SIGALRM, lambda *_: end_by_signal(number))
    signal.setitimer(signal.ITIMER_REAL, seconds)
