"""Several processes on one port (``--workers``, an addition): a supervisor that watches, workers that serve.

All workers accept from the same listening sockets, so no connection waits in the queue of a busy or dead
process. The supervisor alone obeys signals; workers end when their control pipe says so or breaks, which it does
when the supervisor is gone. A worker that ends is replaced, and one that is not healthy any more is killed
and replaced. A worker that cannot be started is tried again and again, at growing intervals; the others serve on.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from dcmrecv import observer as ob
from dcmrecv.server import limits
from dcmrecv.server.health import HealthBoard

__all__ = ["EXIT_INTERNAL_ERROR", "Supervisor", "wait_for_supervisor"]

EXIT_INTERNAL_ERROR = 70
"""EX_SOFTWARE of sysexits.h: a mistake in this program, or a state that only a new process can heal."""

_REOPEN, _RELOAD = b"r", b"h"
"""What the supervisor writes to a control pipe."""

_CANNOT_WAIT = -1
"""Stands for the status of a worker that other code waited for."""


@dataclass(slots=True)
class _Worker:
    """One of the processes: what is to run, and the process that runs it, if there is one."""

    pid: int = 0
    control: int = -1  # write end of its pipe
    started: float = 0.0
    pause: float = 0.0  # before the next start
    refused: str = ""  # why it could not be started, once that was reported


class Supervisor:
    """Forks *count* workers that run ``serve(number, control)`` and never return to the caller."""

    def __init__(
        self,
        count: int,
        serve: Callable[[int, int], None],
        *,
        health: HealthBoard,
        observe: Callable[[ob.ReceiverEvent], None],
    ) -> None:
        """Only workers that have a place in *health* are expected to be healthy."""
        self._serve = serve
        self._workers = [_Worker() for _ in range(count)]
        self._health = health
        self._observe = observe
        # inherited over exec as "ignored" it would make the kernel hide from us how workers end
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)

    def watch(self) -> None:
        """Start workers that do not run, have ended or are ill, as far as that can be done. Call now and then."""
        for number, worker in enumerate(self._workers):
            if worker.pid:
                self._look_at(number, worker)
            if not worker.pid and time.monotonic() - worker.started >= worker.pause:
                self._fork(number, worker)

    def reopen_logs(self) -> None:
        """Tell every worker to reopen its log files."""
        self._tell(_REOPEN)

    def reload(self) -> None:
        """Tell every worker to reopen its log files and to read again what this process has read again."""
        self._tell(_RELOAD)

    def _tell(self, order: bytes) -> None:
        for worker in self._workers:
            if worker.pid:
                # one that has just ended is replaced by `watch`, with the files that are open by then
                with contextlib.suppress(BrokenPipeError):
                    os.write(worker.control, order)

    def stop(self, grace: float, *, hurry: Callable[[], bool]) -> None:
        """Let the workers drain; kill what is left after *grace* seconds or when *hurry* says True."""
        running = [worker for worker in self._workers if worker.pid]
        for worker in running:
            os.close(worker.control)
        end = time.monotonic() + grace + 2 * limits.LAST_WORD_SECONDS
        while running and time.monotonic() < end and not hurry():
            running = [worker for worker in running if _status(worker.pid) is None]
            time.sleep(limits.LOOK_AGAIN_SECONDS / 2)
        for worker in running:
            _kill(worker.pid)

    def _look_at(self, number: int, worker: _Worker) -> None:
        status = _status(worker.pid)
        ill = self._is_ill(number, worker)
        if status is None and ill:
            status = _kill(worker.pid)
        if status is None:
            if worker.pause and time.monotonic() - worker.started > limits.WORKER_SETTLED_SECONDS:
                worker.pause = 0.0
            return
        self._observe(ob.WorkerEnded(number, worker.pid, None if status == _CANNOT_WAIT else status, ill))
        os.close(worker.control)
        worker.pid = 0
        if number < len(self._health):
            self._health.forget(number)
        self._wait_longer(worker)

    def _is_ill(self, number: int, worker: _Worker) -> bool:
        return (
            number < len(self._health)
            and not self._health.worth_keeping(number)
            and time.monotonic() - worker.started > limits.HOPELESS_SECONDS
        )

    @staticmethod
    def _wait_longer(worker: _Worker) -> None:
        worker.pause = min(max(worker.pause * 2, limits.WORKER_PAUSE), limits.WORKER_PAUSE_MOST)

    def _fork(self, number: int, worker: _Worker) -> None:
        worker.started = time.monotonic()
        read_end = write_end = -1
        try:
            read_end, write_end = os.pipe()
            pid = os.fork()
        except (OSError, MemoryError) as error:
            for end in (read_end, write_end):
                if end >= 0:
                    os.close(end)
            reason = os.strerror(error.errno or 0) if isinstance(error, OSError) else "out of memory"
            if reason != worker.refused:
                worker.refused = reason
                self._observe(ob.WorkerNotStarted(number, reason))
            self._wait_longer(worker)
            return
        if not pid:
            self._be_worker(number, read_end, write_end)
        os.close(read_end)
        worker.pid, worker.control = pid, write_end
        if worker.refused:
            worker.refused = ""
            self._observe(ob.WorkerStarted(number, pid))

    def _be_worker(self, number: int, read_end: int, write_end: int) -> NoReturn:
        status = EXIT_INTERNAL_ERROR
        try:
            os.close(write_end)
            for worker in self._workers:
                if worker.pid:
                    os.close(worker.control)  # a brother's pipe must break when the supervisor is gone
            self._serve(number, read_end)
            status = 0
        except Exception as error:  # noqa: BLE001 nothing above us may go on in this process
            self._observe(ob.InternalError(error))
        finally:
            os._exit(status)


def _status(pid: int) -> int | None:
    """Return how the process ended, as `os.waitpid` does, None while it runs."""
    try:
        ended, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return _CANNOT_WAIT
    return status if ended else None


def _kill(pid: int) -> int:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    try:
        return os.waitpid(pid, 0)[1]
    except ChildProcessError:
        return _CANNOT_WAIT


def wait_for_supervisor(
    control: int,
    *,
    reopen: Callable[[], None],
    reload: Callable[[], object] | None = None,
    beat: Callable[[], None] = lambda: None,
) -> None:
    """Return when the supervisor says stop or is gone; call *reopen* and *reload* whenever it says so.

    *reload* None: the logs are all that there is. *beat* is called every `limits.CHECK_SECONDS`, also while one order
    follows the other. What a MemoryError has stopped is tried again then.
    """
    ordered: Callable[[], object] | None = None
    poll = select.poll()
    poll.register(control, select.POLLIN)
    next_beat = time.monotonic() + limits.CHECK_SECONDS
    while True:
        try:
            if poll.poll(max(next_beat - time.monotonic(), 0.0) * 1000):
                order = os.read(control, 1)
                if not order:
                    return
                if order != _REOPEN and reload is not None:
                    ordered = reload
                elif ordered is None:
                    ordered = reopen
        except MemoryError:
            time.sleep(limits.ACCEPT_PAUSE)
        if ordered is not None:
            with contextlib.suppress(MemoryError):
                ordered()
                ordered = None
        if time.monotonic() >= next_beat:
            with contextlib.suppress(MemoryError):
                beat()
            next_beat = time.monotonic() + limits.CHECK_SECONDS
