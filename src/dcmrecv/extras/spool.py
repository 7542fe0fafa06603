"""``--spool DIR`` (an addition): one JSON line per stored object, for other programs to follow.

Lines go to a hidden file; when it is big or old enough it gets its final name, which ends in ``.jsonl``, by a
rename, and is never touched again. A follower therefore only ever sees whole, finished files. Every process
writes files of its own. What a killed process leaves is finished by the next one that starts
(docs/deployment.md, "Following what was stored").

One thread does all the writing. The thread of an association hands it a line and waits until it is written, so
that an acknowledged object has a line even if the process is killed a moment later - but not for long: a spool
that takes more than `WAIT_SECONDS` is behind, and for `MISTRUST_SECONDS` no answer waits for it at all. Lines
that cannot be written are kept, up to `UNWRITTEN_LINES`, and written when they can be; beyond that they are
counted. Trouble is said once when it begins and once when it is over, to the observer and without a lock held.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import socket
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable
from datetime import datetime, timezone
from itertools import islice
from typing import Any

from dcmrecv import observer as ob
from dcmrecv.core.events import AssociationAccepted
from dcmrecv.text import from_bytes, to_bytes
from dcmrecv.threads import start_thread

__all__ = ["Spool", "SpoolObserver"]

ROTATE_BYTES = 1 << 20
"""A file of at least this size is finished."""

ROTATE_SECONDS = 2.0
"""A file whose first line is this old is finished: how late a follower may hear of an object."""

UNWRITTEN_LINES = 100_000
"""Lines kept in memory while they cannot be written (a full disk); later ones are lost, which is said."""

WAIT_SECONDS = 0.5
"""How long the answer for an object may wait for its line."""

MISTRUST_SECONDS = 10.0
"""How long no answer waits for a line after one was not written in time."""

RETRY_SECONDS = 1.0
"""Between two attempts to write what could not be written."""

CLOSE_SECONDS = 5.0
"""How long the end of the program waits for lines to be written."""

_ACTIVE = b".part"
_FINISHED = b".jsonl"
_BATCH = 100
_CHUNK = 1 << 20
_STUDY, _SERIES = 0x0020000D, 0x0020000E
_UID = re.compile(r"[0-9.]{1,64}")

Line = dict[str, Any]


class Spool:
    """The spool files of one process. Safe for use by many threads."""

    def __init__(
        self,
        directory: bytes,
        *,
        fsync: bool = False,
        sha256: bool = False,
        rotate_bytes: int = ROTATE_BYTES,
        rotate_seconds: float = ROTATE_SECONDS,
        observe: Callable[[ob.ReceiverEvent], None] = lambda event: None,
    ) -> None:
        """*fsync*: a line counts as written when it is on disk; *sha256*: it says that of its file. *observe*
        takes `ob.SpoolBehind` and its like."""
        self._directory = os.path.abspath(directory)
        self._fsync = fsync
        self._sha256 = sha256
        host = "".join(c if c.isalnum() else "-" for c in socket.gethostname())
        self._process = f"{host}-{os.getpid()}-{time.time_ns():x}"
        self._rotate_bytes = rotate_bytes
        self._rotate_seconds = rotate_seconds
        self._observe = observe
        self._begun = self._running = False
        self._look_again = 0.0  # when the next line may start a thread, if there is none
        self._ended = threading.Event()
        # Shared by all threads; nothing under this lock blocks.
        self._lock = threading.Lock()
        self._more = threading.Condition(self._lock)
        self._progress = threading.Condition(self._lock)
        self._queue: deque[tuple[int, Line | bytes]] = deque()
        self._accepted = self._written = 0  # numbers of lines
        self._lost = 0
        self._mistrusted_until = 0.0
        self._closing = False
        # Those of the spool's thread alone.
        self._descriptor = -1
        self._path = b""
        self._size = 0
        self._opened = 0.0
        self._number = 0
        self._in_trouble = False
        self._unfinished = False
        self._left_alone = False

    def start(self) -> None:
        """Begin: finish what dead processes left, then write. Raises OSError if no thread can be had."""
        # What pydicom finds odd in a file is not for standard error; only the two UIDs are wanted of it.
        warnings.filterwarnings("ignore", module=r"pydicom\.")
        if not start_thread(self._run):
            raise OSError(errno.EAGAIN, "spool: the system gives no thread")
        self._begun = True
        self._look_again = time.monotonic() + RETRY_SECONDS

    def write(self, line: Line | bytes) -> None:
        """Append *line*, and to a `Line` what the file of its object says; the top of the module says how long
        this may take."""
        if not self._running and time.monotonic() > self._look_again:
            self._look_again = time.monotonic() + RETRY_SECONDS
            self._ended.clear()
            start_thread(self._run)  # the one before never came to life, or died of something unheard of
        with self._lock:
            if len(self._queue) >= UNWRITTEN_LINES:
                self._lost += 1
                return
            self._accepted += 1
            number = self._accepted
            if not isinstance(line, bytes):
                line["sequence"] = number
            self._queue.append((number, line))
            self._more.notify()
            if time.monotonic() < self._mistrusted_until or self._closing:
                return
            if not self._progress.wait_for(lambda: self._written >= number, WAIT_SECONDS):
                self._mistrusted_until = time.monotonic() + MISTRUST_SECONDS

    def close(self) -> None:
        """Write what can be written within `CLOSE_SECONDS`, finish the file and stop."""
        with self._lock:
            self._closing = True
            self._more.notify()
        if self._begun:
            self._ended.wait(CLOSE_SECONDS)
        with self._lock:
            lost = self._lost + len(self._queue)
        if lost:
            self._observe(ob.SpoolLost(self._directory, lost))

    # -- the thread ------------------------------------------------------------------------------------

    def _run(self) -> None:
        with self._lock:
            if self._running:
                return
            self._running = True
        try:
            self._work()
        except Exception as error:  # noqa: BLE001 said here, and the next line starts another thread
            self._observe(ob.InternalError(error))
        finally:
            self._running = False
            self._ended.set()

    def _work(self) -> None:
        self._adopt()
        while True:
            batch, closing = self._next_batch()
            try:
                if batch:
                    self._append(batch)
                if self._descriptor >= 0 and (closing or self._is_due()):
                    self._finish()
            except (OSError, MemoryError) as error:
                self._failed(error)
                if closing:
                    return
                with self._lock:
                    self._more.wait_for(lambda: self._closing, RETRY_SECONDS)
            else:
                if batch and self._in_trouble:
                    self._recovered()
                with self._lock:
                    if closing and not self._queue:
                        return

    def _next_batch(self) -> tuple[list[tuple[int, Line | bytes]], bool]:
        """Wait for lines, for the age of the file or for the end; return lines and whether it is the end."""
        with self._lock:
            while not self._queue and not self._closing:
                left = None
                if self._descriptor >= 0:
                    left = self._opened + self._rotate_seconds - time.monotonic()
                    if left <= 0 or self._size >= self._rotate_bytes:
                        break
                self._more.wait(left)
            # what fits only in part is taken back: then line by line, as far as it goes
            return list(islice(self._queue, 1 if self._in_trouble else _BATCH)), self._closing

    def _is_due(self) -> bool:
        return self._size >= self._rotate_bytes or time.monotonic() >= self._opened + self._rotate_seconds

    def _append(self, batch: list[tuple[int, Line | bytes]]) -> None:
        """Write the first lines of the queue and take them off it. Raises OSError."""
        if self._descriptor < 0:
            self._open()
        data = b"".join(line if isinstance(line, bytes) else self._encode(line) for _, line in batch)
        if os.write(self._descriptor, data) != len(data):
            os.ftruncate(self._descriptor, self._size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._size += len(data)
        if self._fsync:
            os.fsync(self._descriptor)
        with self._lock:
            for _ in batch:
                number, _line = self._queue.popleft()
                self._written = max(self._written, number)
            self._progress.notify_all()

    def _encode(self, line: Line) -> bytes:
        """Return *line* with what the file of its object says; nothing of it where the file is gone or unreadable."""
        path = to_bytes(line["path"])
        study, series = uids_of(path)
        line |= {"process": self._process, "study_instance_uid": study, "series_instance_uid": series}
        if self._sha256:
            line["sha256"] = sha256_of(path)
        # ASCII throughout: bytes of a name that are no UTF-8 come back as they were (surrogateescape)
        return json.dumps(line, ensure_ascii=True).encode("ascii") + b"\n"

    def _open(self) -> None:
        now = datetime.now(timezone.utc)
        self._number += 1
        name = f"{now:%Y%m%dT%H%M%S.%f}-{self._process}-{self._number}".encode()
        path = self._directory + b"/." + name + _ACTIVE
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # says that its writer lives
            if self._fsync:
                self._sync_directory()
        except OSError:
            os.close(descriptor)
            raise
        self._descriptor, self._path, self._size, self._opened = descriptor, path, 0, time.monotonic()

    def _finish(self) -> None:
        """Give the file its final name. Raises OSError; the lines are not lost then."""
        descriptor = self._descriptor
        try:
            if self._fsync:
                os.fsync(descriptor)
            os.rename(self._path, _final(self._path))
            self._descriptor = -1
            os.close(descriptor)
            if self._fsync:
                self._sync_directory()
        except FileNotFoundError:  # the directory was removed or replaced: write the lines again
            content = os.pread(descriptor, self._size, 0)
            with self._lock:
                self._queue.extendleft((0, line) for line in reversed(content.splitlines(keepends=True)))
            self._descriptor = -1
            os.close(descriptor)
            raise
        except OSError:
            self._unfinished = True  # `_adopt` will finish it, when the trouble is over
            if self._descriptor >= 0:
                self._descriptor = -1
                os.close(descriptor)
            raise

    def _failed(self, error: OSError | MemoryError) -> None:
        if not self._in_trouble:
            self._in_trouble = True
            reason = error.strerror if isinstance(error, OSError) else "no memory"
            self._observe(ob.SpoolBehind(self._directory, reason or str(error)))

    def _recovered(self) -> None:
        self._in_trouble = False
        with self._lock:
            lost, self._lost = self._lost, 0
        self._observe(ob.SpoolCaughtUp(self._directory, lost))
        if self._unfinished:
            self._unfinished = False
            self._adopt()

    def _adopt(self) -> None:
        """Finish files whose writers have died; a line that was cut off in the middle goes."""
        try:
            names = os.listdir(self._directory)
        except OSError as error:
            self._failed(error)
            self._unfinished = True
            return
        for name in names:
            if not (name.startswith(b".") and name.endswith(_ACTIVE)):
                continue
            try:
                _adopt_file(self._directory + b"/" + name)
            except BlockingIOError:
                continue
            except OSError as error:
                if not self._left_alone:  # once: what cannot be finished now may never be
                    self._left_alone = True
                    path = self._directory + b"/" + name
                    self._observe(ob.SpoolBehind(path, error.strerror or str(error)))

    def _sync_directory(self) -> None:
        descriptor = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _adopt_file(path: bytes) -> None:
    with open(path, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.path.exists(path):
            return  # its writer, or another adopter, was faster
        content = file.read()
        whole = content.rfind(b"\n") + 1
        if whole:
            file.truncate(whole)
            os.fsync(file)
            os.rename(path, _final(path))
        else:
            os.unlink(path)


def _final(path: bytes) -> bytes:
    directory, name = os.path.split(path)
    return directory + b"/" + name[1 : -len(_ACTIVE)] + _FINISHED


def uids_of(path: bytes) -> tuple[str | None, str | None]:
    """Return Study and Series Instance UID in the file *path*; None for what is not there or not readable."""
    from pydicom import dcmread, errors  # loaded by then: the AE of every receiver needs it

    try:
        found = dcmread(os.fsdecode(path), stop_before_pixels=True, specific_tags=[_STUDY, _SERIES])
        study, series = (_uid(found.get_item(tag)) for tag in (_STUDY, _SERIES))
    except (OSError, ValueError, EOFError, NotImplementedError, errors.InvalidDicomError, Warning):
        return None, None
    return study, series


def _uid(element: object) -> str | None:
    value = getattr(element, "value", None)  # not yet converted, as it was never asked for
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else str(value or "")
    text = text.rstrip("\0 ")
    return text if _UID.fullmatch(text) else None


def sha256_of(path: bytes) -> str | None:
    """Return the SHA-256 of the file *path* in hexadecimal digits, or None if it cannot be read."""
    digest = hashlib.sha256()
    try:
        with open(path, "rb", buffering=0) as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError:
        return None
    return digest.hexdigest()


class _SpoolAssociation(ob.AssociationObserver):
    holds_back = False
    wanted = frozenset({AssociationAccepted, ob.Stored})

    def __init__(self, spool: Spool, working_directory: bytes, peer_address: str, peer_port: int) -> None:
        self._spool = spool
        self._working_directory = working_directory
        self._peer = {"address": peer_address, "port": peer_port}
        self._calling = self._called = ""

    def observe(self, event: ob.AssociationEvent) -> None:
        if isinstance(event, AssociationAccepted):
            request = event.association.request
            self._calling = from_bytes(request.calling_ae_title)
            self._called = from_bytes(request.called_ae_title)
        elif isinstance(event, ob.Stored):
            self._stored(event)

    def _stored(self, event: ob.Stored) -> None:
        path, request, size = event
        line: Line = {
            "time": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
            "path": from_bytes(os.path.normpath(os.path.join(self._working_directory, path))),
            "bytes": size,
            "sop_class_uid": from_bytes(request.sop_class_uid),
            "sop_instance_uid": from_bytes(request.sop_instance_uid),
            "transfer_syntax_uid": from_bytes(request.transfer_syntax),
            "calling_ae_title": self._calling,
            "called_ae_title": self._called,
            "peer": self._peer,
        }
        self._spool.write(line)


class SpoolObserver(ob.ReceiverObserver):
    """Tells *spool* of every stored object."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._working_directory = os.getcwdb()  # it may vanish; paths in lines are absolute all the same

    def association(self, peer_address: str, peer_port: int) -> ob.AssociationObserver:
        """See `ReceiverObserver.association`."""
        return _SpoolAssociation(self._spool, self._working_directory, peer_address, peer_port)
