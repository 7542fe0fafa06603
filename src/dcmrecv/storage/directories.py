"""Directories below the output directory: the date rule, and making them without following others' links.

The output directory itself is the operator's and may be anything, links included. Below it each component is
made and opened on its own, relative to its parent and never through a symbolic link (spec/storage.md 6).
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dcmrecv import observer as ob
from dcmrecv.config import StorageConfig, SubdirectoryMode

__all__ = [
    "MAX_REMEMBERED",
    "DirectoryError",
    "OutputDirectory",
    "close_quietly",
    "series_date_directory",
    "sync_directory",
]

_DATE = re.compile(rb"(\d{4})(\.?)(\d\d)\2(\d\d)\Z")
MAX_REMEMBERED = 4096
"""Directories that are known to be on disk."""
_ATTEMPTS = 10
"""Times that the directories of one object are made again while somebody else removes empty ones."""
_LOOK_AGAIN = 1.0
"""Seconds between two looks at which file system the output directory is on."""
_NOT_SUPPORTED = (errno.EINVAL, errno.ENOTSUP)
"""What fsync of a directory reports on file systems that have nothing to synchronise there."""
_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_OPEN_BELOW = _OPEN_DIRECTORY | os.O_NOFOLLOW


class DirectoryError(Exception):
    """A directory cannot be made; `text` is the reference's."""

    def __init__(self, path: bytes, error: OSError) -> None:
        number = errno.EEXIST if error.errno in (errno.ENOTDIR, errno.ELOOP) else error.errno or 0
        self.path = path
        self.text = f"Cannot create directory: {os.strerror(number)}"
        super().__init__(self.text)


def close_quietly(descriptor: int) -> None:
    """Close a descriptor that nothing depends on any more: its number is free even if that reports an error."""
    try:
        os.close(descriptor)
    except OSError as error:
        if error.errno == errno.EBADF:  # a mistake of ours, which may hit another thread's file
            raise


def sync_directory(descriptor: int) -> None:
    """Bring the entries of a directory to disk, where the file system knows what that is. Raises OSError."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NOT_SUPPORTED:
            raise


def series_date_directory(value: bytes | None) -> bytes:
    """Return ``data/YYYY/MM/DD`` for a Series Date that the reference understands, else ``undef/YYYYMMDD``.

    *value* is the raw value of a top level (0008,0021) of VR DA, or None. The first value counts, trailing
    blanks do not; there is no calendar.
    """
    if value is not None:
        found = _DATE.match(value.split(b"\\", 1)[0].rstrip(b" "))
        if found is not None:
            year, _, month, day = found.groups()
            if 1 <= int(month) <= 12 and 1 <= int(day) <= 31:
                return b"data/%s/%s/%s" % (year, month, day)
    return b"undef/" + time.strftime("%Y%m%d").encode("ascii")


class OutputDirectory:
    """The directory of ``-od`` and what is made below it."""

    def __init__(
        self, config: StorageConfig, observe: Callable[[ob.ReceiverEvent], None] | None = None
    ) -> None:
        """*observe* is called, from any thread, with what the operator should know."""
        given = config.directory
        path = given.rstrip(b"/")
        self.shown = path if path or given.startswith(b"/") else b"."
        """The path as it stands in messages, without trailing slashes; empty for the root directory."""
        self.path = self.shown or b"/"
        self._inside = self.path + b"/."
        self.by_date = config.subdirectories is SubdirectoryMode.SERIES_DATE
        self._fsync = config.fsync
        self._durable: set[tuple[int, int]] = set()
        self._observe = observe or (lambda event: None)
        self._device = -1
        self._next_look = 0.0

    def look(self) -> None:
        """Say once when the output directory is on another file system than before: a volume may be missing."""
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + _LOOK_AGAIN
        try:
            device = os.stat(self.path).st_dev
        except OSError:
            return
        before, self._device = self._device, device
        if before not in (-1, device):
            self._observe(ob.OutputFileSystemChanged(self.path))

    def ensure(self) -> None:
        """Make the output directory again if it vanished. Raises `DirectoryError`."""
        if os.access(self._inside, os.F_OK):
            return
        close_quietly(self.open())

    def open(self) -> int:
        """Open the output directory, which is made again if it vanished. Raises `DirectoryError`."""
        try:
            for _ in range(_ATTEMPTS):  # somebody may replace it all the time
                with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                    return os.open(self.path, _OPEN_DIRECTORY)
                with contextlib.suppress(FileNotFoundError, FileExistsError):
                    os.makedirs(self.path, exist_ok=True)
                    self._made()
            return os.open(self.path, _OPEN_DIRECTORY)
        except OSError as error:
            raise DirectoryError(self.shown, error) from None

    def _made(self) -> None:
        self._observe(ob.OutputDirectoryRemade(self.path))
        self._next_look = 0.0
        self.look()
        if self._fsync:
            path = os.path.realpath(self.path)
            while path != b"/":
                path = os.path.dirname(path)
                parent = os.open(path, _OPEN_DIRECTORY)
                try:
                    sync_directory(parent)
                finally:
                    close_quietly(parent)

    @contextmanager
    def subdirectory(self, relative: bytes) -> Iterator[int]:
        """Open ``DIR/relative``, making what is missing, as a descriptor valid inside the ``with`` block.

        Raises `DirectoryError` naming the whole path.
        """
        try:
            descriptor = self._open_below(relative)
        except OSError as error:
            raise DirectoryError(self.shown + b"/" + relative, error) from None
        try:
            yield descriptor
        finally:
            close_quietly(descriptor)

    def _open_below(self, relative: bytes) -> int:
        """Open ``DIR/relative``; what others remove while it is made is made again, some times."""
        for _ in range(_ATTEMPTS):
            with contextlib.suppress(FileNotFoundError):
                return self._descend(self.open(), relative)
        return self._descend(self.open(), relative)

    def _descend(self, descriptor: int, relative: bytes) -> int:
        """Open *relative* below an open directory, which is closed."""
        for component in relative.split(b"/"):
            parent = descriptor
            try:
                try:
                    descriptor = os.open(component, _OPEN_BELOW, dir_fd=parent)
                except FileNotFoundError:  # only the first object of a day makes it
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(component, dir_fd=parent)
                    descriptor = os.open(component, _OPEN_BELOW, dir_fd=parent)
                if self._fsync:
                    self._make_durable(descriptor, parent)
            finally:
                close_quietly(parent)
        return descriptor

    def _make_durable(self, descriptor: int, parent: int) -> None:
        """See to it that the entry of a directory in its *parent* is on disk, once for each directory.

        One that exists already may have been made a moment ago by another thread that has not come to this yet.
        """
        try:
            status = os.fstat(descriptor)
            key = status.st_dev, status.st_ino
            if key not in self._durable:
                sync_directory(parent)
                if len(self._durable) >= MAX_REMEMBERED:
                    self._durable.clear()
                self._durable.add(key)
        except OSError:
            close_quietly(descriptor)
            raise
