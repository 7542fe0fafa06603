"""Directories below the output directory: the date rule, and making them without following anybody's links.

The output directory itself is the operator's and may be anything, links included. Below it each component is
made and opened on its own, relative to its parent and never through a symbolic link (spec/storage.md 6).
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

from dcmrecv.config import StorageConfig, SubdirectoryMode

__all__ = ["DirectoryError", "OutputDirectory", "series_date_directory"]

_DATE = re.compile(rb"(\d{4})(\.?)(\d\d)\2(\d\d)\Z")
_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class DirectoryError(Exception):
    """A directory cannot be made; `text` is the reference's."""

    def __init__(self, path: bytes, error: OSError) -> None:
        number = errno.EEXIST if error.errno in (errno.ENOTDIR, errno.ELOOP) else error.errno or 0
        self.path = path
        self.text = f"Cannot create directory: {os.strerror(number)}"
        super().__init__(self.text)


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

    def __init__(self, config: StorageConfig) -> None:
        given = config.directory
        path = given.rstrip(b"/")
        self.shown = path if path or given.startswith(b"/") else b"."
        """The path as it stands in messages, without trailing slashes; empty for the root directory."""
        self.path = self.shown or b"/"
        self.by_date = config.subdirectories is SubdirectoryMode.SERIES_DATE

    def ensure(self) -> None:
        """Make the output directory again if it vanished. Raises `DirectoryError`."""
        try:
            os.makedirs(self.path, exist_ok=True)
            os.close(os.open(self.path, _OPEN_DIRECTORY))
        except OSError as error:
            raise DirectoryError(self.shown, error) from None

    @contextmanager
    def subdirectory(self, relative: bytes) -> Iterator[int]:
        """Open ``DIR/relative``, making what is missing, as a descriptor valid inside the ``with`` block.

        Raises `DirectoryError` naming the whole path.
        """
        descriptor = -1
        try:
            try:
                descriptor = self._open_below(relative)
            except OSError as error:
                raise DirectoryError(self.shown + b"/" + relative, error) from None
            yield descriptor
        finally:
            if descriptor >= 0:
                os.close(descriptor)

    def _open_below(self, relative: bytes) -> int:
        os.makedirs(self.path, exist_ok=True)
        descriptor = os.open(self.path, _OPEN_DIRECTORY)
        for component in relative.split(b"/"):
            parent = descriptor
            try:
                with contextlib.suppress(FileExistsError):  # only the first object of a day makes them
                    os.mkdir(component, dir_fd=parent)
                descriptor = os.open(component, _OPEN_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
            finally:
                os.close(parent)
        return descriptor
