"""``--spool DIR`` (an addition): one JSON line per stored object, for other programs to follow.

A line is written after the object has its name and before the sender is told of success: every acknowledged
object has a line. Lines go to a hidden file; when it is big or old enough it gets its final name, which ends
in ``.jsonl``, by a rename, and is never touched again. A follower therefore only ever sees whole, finished
files. Every process writes files of its own. What a killed process leaves is finished by the next one that
starts (docs/deployment.md, "Following what was stored").
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from dcmrecv.core.events import AssociationAccepted
from dcmrecv.observer import AssociationEvent, AssociationObserver, ReceiverObserver, Stored
from dcmrecv.text import from_bytes

if TYPE_CHECKING:
    pass

__all__ = ["Spool", "SpoolObserver"]

ROTATE_BYTES = 1 << 20
"""A file of at least this size is finished."""

ROTATE_SECONDS = 2.0
"""A file whose first line is this old is finished: how late a follower may hear of an object."""

UNWRITTEN_LINES = 100_000
"""Lines kept in memory while they cannot be written (a full disk); later ones are lost, which is said."""

_ACTIVE = b".part"
_FINISHED = b".jsonl"


def _complain(text: str) -> None:
    sys.stderr.write(f"E: spool: {text}\n")
    sys.stderr.flush()


class Spool:
    """The spool files of one process. Safe for use by many threads."""

    def __init__(
        self,
        directory: bytes,
        *,
        fsync: bool = False,
        rotate_bytes: int = ROTATE_BYTES,
        rotate_seconds: float = ROTATE_SECONDS,
        complain: Callable[[str], None] = _complain,
    ) -> None:
        """*fsync*: `write` returns when the line is on disk. *complain* is told of what goes wrong."""
        self._directory = os.path.abspath(directory)
        self._fsync = fsync
        self._rotate_bytes = rotate_bytes
        self._rotate_seconds = rotate_seconds
        self._complain = complain
        self._lock = threading.Lock()
        self._sync_lock = threading.Lock()  # taken before the other one
        self._descriptor = -1
        self._path = b""
        self._size = 0
        self._opened = 0.0
        self._written = self._synced = 0  # lines
        self._in_trouble = False
        self._unwritten: deque[bytes] = deque()
        self._number = 0
        self._closing = threading.Event()
        self._lines = threading.Event()
        self._timer = threading.Thread(target=self._rotate_by_age, name="spool", daemon=True)

    def start(self) -> None:
        """Finish what dead processes left, and begin to watch the age of files."""
        self._adopt()
        self._timer.start()

    def write(self, line: bytes) -> None:
        """Append *line*, which ends in a newline. Never raises: a line that cannot be written is kept."""
        with self._lock:
            if len(self._unwritten) >= UNWRITTEN_LINES:
                self._complain(f"lost: {line.decode('ascii').rstrip()}")
                return
            self._unwritten.append(line)
            self._write_all()
            number = self._written
        self._lines.set()
        if self._fsync:
            self._sync(number)

    def close(self) -> None:
        """Finish the file and stop."""
        self._closing.set()
        self._lines.set()
        if self._timer.is_alive():
            self._timer.join()
        with self._lock:
            self._write_all()
            for line in self._unwritten:
                self._complain(f"lost: {line.decode('ascii').rstrip()}")
        self._rotate()

    def _write_all(self) -> None:
        """Write what is waiting; the lock is held."""
        while self._unwritten:
            line = self._unwritten[0]
            try:
                if self._descriptor < 0:
                    self._open()
                if os.write(self._descriptor, line) != len(line):
                    os.ftruncate(self._descriptor, self._size)
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError as error:
                if not self._in_trouble:
                    self._complain(f"cannot write, will try again: {error.strerror}")
                self._in_trouble = True
                return
            self._in_trouble = False
            self._size += len(line)
            self._written += 1
            self._unwritten.popleft()

    def _open(self) -> None:
        now = datetime.now(timezone.utc)
        self._number += 1
        host = "".join(c if c.isalnum() else "-" for c in socket.gethostname())
        name = f"{now:%Y%m%dT%H%M%S.%f}-{host}-{os.getpid()}-{self._number}".encode()
        path = self._directory + b"/." + name + _ACTIVE
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # says that its writer lives
            if self._fsync:
                self._sync_directory()
        except OSError:
            os.close(descriptor)
            raise
        self._descriptor, self._path, self._size, self._opened = descriptor, path, 0, time.monotonic()

    def _sync(self, number: int) -> None:
        """Return when line *number* is on disk; one call to the disk serves all who wait."""
        with self._sync_lock:
            if self._synced >= number:
                return
            with self._lock:
                descriptor, written = self._descriptor, self._written
            try:
                if descriptor >= 0:
                    os.fsync(descriptor)
            except OSError as error:
                self._complain(f"cannot bring lines to disk: {error.strerror}")
            self._synced = written

    def _rotate(self) -> None:
        with self._sync_lock, self._lock:
            if self._descriptor < 0:
                return
            try:
                if self._fsync:
                    os.fsync(self._descriptor)
                os.rename(self._path, _final(self._path))
                if self._fsync:
                    self._sync_directory()
            except OSError as error:
                self._complain(f"cannot finish {from_bytes(self._path)}: {error.strerror}")
            self._synced = self._written
            os.close(self._descriptor)
            self._descriptor = -1

    def _rotate_by_age(self) -> None:
        while not self._closing.is_set():
            self._lines.wait()
            self._lines.clear()
            while not self._closing.is_set():
                with self._lock:
                    self._write_all()
                    if self._descriptor < 0 and not self._unwritten:
                        break
                    age = time.monotonic() - self._opened
                    due = self._descriptor >= 0 and (
                        age >= self._rotate_seconds or self._size >= self._rotate_bytes
                    )
                if due:
                    self._rotate()
                else:
                    self._closing.wait(min(0.1, self._rotate_seconds))

    def _adopt(self) -> None:
        """Finish files whose writers have died; a line that was cut off in the middle goes."""
        for name in os.listdir(self._directory):
            if not (name.startswith(b".") and name.endswith(_ACTIVE)):
                continue
            path = self._directory + b"/" + name
            try:
                with open(path, "r+b") as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    if not os.path.exists(path):
                        continue  # its writer, or another adopter, was faster
                    content = file.read()
                    whole = content.rfind(b"\n") + 1
                    if whole:
                        file.truncate(whole)
                        os.fsync(file)
                        os.rename(path, _final(path))
                    else:
                        os.unlink(path)
            except BlockingIOError:
                continue
            except OSError as error:
                self._complain(f"cannot finish {from_bytes(path)}: {error.strerror}")

    def _sync_directory(self) -> None:
        descriptor = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _final(path: bytes) -> bytes:
    directory, name = os.path.split(path)
    return directory + b"/" + name[1 : -len(_ACTIVE)] + _FINISHED


class _SpoolAssociation(AssociationObserver):
    wanted = frozenset({AssociationAccepted, Stored})

    def __init__(self, spool: Spool, peer_address: str, peer_port: int) -> None:
        self._spool = spool
        self._peer = {"address": peer_address, "port": peer_port}
        self._calling = self._called = ""

    def observe(self, event: AssociationEvent) -> None:
        if isinstance(event, AssociationAccepted):
            request = event.association.request
            self._calling = from_bytes(request.calling_ae_title)
            self._called = from_bytes(request.called_ae_title)
        elif isinstance(event, Stored):
            self._stored(event)

    def _stored(self, event: Stored) -> None:
        path, request, size = event
        line = {
            "time": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
            "path": from_bytes(os.path.abspath(path)),
            "bytes": size,
            "sop_class_uid": from_bytes(request.sop_class_uid),
            "sop_instance_uid": from_bytes(request.sop_instance_uid),
            "transfer_syntax_uid": from_bytes(request.transfer_syntax),
            "calling_ae_title": self._calling,
            "called_ae_title": self._called,
            "peer": self._peer,
        }
        # ASCII throughout: bytes of a name that are no UTF-8 come back as they were (surrogateescape)
        self._spool.write(json.dumps(line, ensure_ascii=True).encode("ascii") + b"\n")


class SpoolObserver(ReceiverObserver):
    """Tells *spool* of every stored object."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    def association(self, peer_address: str, peer_port: int) -> AssociationObserver:
        """See `ReceiverObserver.association`."""
        return _SpoolAssociation(self._spool, peer_address, peer_port)
