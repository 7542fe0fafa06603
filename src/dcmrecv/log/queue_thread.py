"""A thread that works off what others hand over, so that they do not wait for what may take long."""

from __future__ import annotations

import contextlib
import functools
import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from dcmrecv.threads import start_thread

__all__ = ["QueueThread"]

QUEUE_WAIT_SECONDS = 0.5
"""How long a message may wait for room in such a queue before it is dropped, and with it the next ones until there is
room; twice this long the end waits for what is queued."""

Item = TypeVar("Item")


class QueueThread(Generic[Item]):
    """Calls *work* with one item after the other. *work* raises nothing but MemoryError, which costs the item."""

    def __init__(self, work: Callable[[Item], None], limit: int) -> None:
        """*limit*: items that may be queued."""
        self._work = work
        self._limit = limit
        self.start()

    def start(self) -> None:
        """Begin with an empty queue; again in a forked process, as the thread stays in its parent."""
        self._stalled = False
        self._thread = 0
        self._items: queue.Queue[Item | None] = queue.Queue(self._limit)
        self._run_in_thread()

    def _run_in_thread(self) -> None:
        self._begun = start_thread(functools.partial(self._run, self._items))

    def _run(self, items: queue.Queue[Item | None]) -> None:
        self._thread = threading.get_ident()
        while (item := items.get()) is not None:
            with contextlib.suppress(MemoryError):
                self._work(item)
            items.task_done()

    def put(self, item: Item) -> None:
        """Hand over *item*. Without a thread, as there is none to be had, it is worked off here."""
        if not self._begun:
            self._work(item)
            return
        try:
            self._items.put(item, not self._stalled, QUEUE_WAIT_SECONDS)
            self._stalled = False
        except queue.Full:
            self._stalled = True
            if not self._thread:  # it never came to life
                self._run_in_thread()

    def drain(self) -> bool:
        """Wait for the queue to be worked off, for a bounded time; return whether it was."""
        if not self._begun or self._thread == threading.get_ident():
            return True
        done = self._items.all_tasks_done
        with done:
            return done.wait_for(lambda: not self._items.unfinished_tasks, 2 * QUEUE_WAIT_SECONDS)

    def stop(self) -> bool:
        """Work off what is queued, in a bounded time, and end the thread; return False if it hangs."""
        drained = self.drain()
        self._begun = False
        with contextlib.suppress(queue.Full):
            self._items.put_nowait(None)
        return drained
