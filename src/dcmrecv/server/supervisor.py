"""Several processes on one port (``--workers``, an addition): a parent that watches, children that serve.

All children accept from the one listening socket, so no connection waits in the queue of a busy or dead
process. The parent alone obeys signals; children end when their control pipe says so or breaks, which it does
when the parent is gone. A child that dies is replaced.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import NoReturn

from dcmrecv.server.signals import StopSignals

__all__ = ["Supervisor", "wait_for_supervisor"]

_RESTART_PAUSE = 1.0
"""Seconds between two starts of the same worker, so that one that cannot start does not eat the machine."""

_WATCH_INTERVAL = 0.5


class Supervisor:
    """Forks *count* workers that run ``serve(number, control)`` and never return to the caller."""

    def __init__(self, count: int, serve: Callable[[int, int], None]) -> None:
        self._serve = serve
        self._count = count
        self._workers: dict[int, tuple[int, int]] = {}  # pid: (number, write end of its control pipe)
        self._started = [0.0] * count

    def start(self) -> None:
        """Start all workers."""
        for number in range(self._count):
            self._fork(number)

    def watch(self) -> None:
        """Replace workers that have ended. Call now and then."""
        for pid in list(self._workers):
            ended, _ = os.waitpid(pid, os.WNOHANG)
            if ended:
                number, control = self._workers.pop(pid)
                os.close(control)
                self._started[number] = max(self._started[number], 0.0)
        missing = set(range(self._count)) - {number for number, _ in self._workers.values()}
        for number in missing:
            if time.monotonic() - self._started[number] >= _RESTART_PAUSE:
                self._fork(number)

    def serve_until(self, signals: StopSignals, *, beat: Callable[[], None] | None = None) -> signal.Signals:
        """Watch the workers until SIGTERM or SIGINT arrives; return the signal."""

        def look() -> None:
            self.watch()
            if beat is not None:
                beat()

        return signals.wait(beat=look, interval=_WATCH_INTERVAL)

    def reopen_logs(self) -> None:
        """Tell every worker to reopen its log files."""
        for _, control in self._workers.values():
            try:
                os.write(control, b"r")
            except BrokenPipeError:
                continue  # it has just ended; `watch` replaces it, with the files that are open by then

    def stop(self, grace: float, *, hurry: Callable[[], bool]) -> None:
        """Let the workers drain; kill what is left after *grace* seconds or when *hurry* says True."""
        for _, control in self._workers.values():
            os.close(control)
        end = time.monotonic() + grace + 2.0
        pids = set(self._workers)
        while pids and time.monotonic() < end and not hurry():
            for pid in list(pids):
                if os.waitpid(pid, os.WNOHANG)[0]:
                    pids.discard(pid)
            time.sleep(0.02)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        self._workers.clear()

    def _fork(self, number: int) -> None:
        self._started[number] = time.monotonic()
        read_end, write_end = os.pipe()
        pid = os.fork()
        if pid:
            os.close(read_end)
            self._workers[pid] = (number, write_end)
            return
        self._be_worker(number, read_end, write_end)

    def _be_worker(self, number: int, read_end: int, write_end: int) -> NoReturn:
        status = 1
        try:
            os.close(write_end)
            for _, control in self._workers.values():
                os.close(control)  # a brother's pipe must break when the parent is gone, not when we are
            self._serve(number, read_end)
            status = 0
        finally:
            os._exit(status)


def wait_for_supervisor(control: int, *, reopen: Callable[[], None]) -> None:
    """Return when the parent says stop or is gone; reopen logs whenever it says so."""
    while os.read(control, 1) == b"r":
        reopen()
