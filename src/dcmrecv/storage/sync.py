"""Durability: data and directory entry on disk before the answer (``--fsync``, an addition).

Several associations that wait for the same directory share one fsync of it (group commit): one that comes
while a sync is running waits for the next, and one of them runs it for all.
"""

from __future__ import annotations

import os
import threading

from dcmrecv.storage.directories import sync_directory

__all__ = ["DirectorySync"]


class _Group:
    __slots__ = ("condition", "finished", "running", "started")

    def __init__(self) -> None:
        self.condition = threading.Condition()
        self.started = 0
        self.finished = 0
        self.running = False


class DirectorySync:
    """fsync of directories, shared among threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._groups: dict[tuple[int, int], _Group] = {}
        self._users: dict[tuple[int, int], int] = {}

    def sync(self, descriptor: int) -> None:
        """Return when everything that was renamed into the directory before this call is on disk.

        Raises OSError when the system says that it is not.
        """
        status = os.fstat(descriptor)
        key = (status.st_dev, status.st_ino)
        with self._lock:
            group = self._groups.setdefault(key, _Group())
            self._users[key] = self._users.get(key, 0) + 1
        try:
            self._wait_or_run(group, descriptor)
        finally:
            with self._lock:
                self._users[key] -= 1
                if not self._users[key]:
                    del self._users[key], self._groups[key]

    @staticmethod
    def _wait_or_run(group: _Group, descriptor: int) -> None:
        with group.condition:
            wanted = group.started + 1  # a run that has begun may have missed our rename
            while group.running:
                group.condition.wait()
                if group.finished >= wanted:
                    return
            group.running = True
            group.started += 1
            number = group.started
        done = False
        try:
            sync_directory(descriptor)
            done = True
        finally:
            with group.condition:
                group.running = False
                if done:
                    group.finished = number
                group.condition.notify_all()
