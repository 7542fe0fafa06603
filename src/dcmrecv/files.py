"""Files that an operator names: read whole, within a limit."""

from __future__ import annotations

import errno
import os

__all__ = ["FileTooLarge", "read_file"]


class FileTooLarge(OSError):
    """A file has more bytes than are read; `strerror` says how many that are."""

    def __init__(self, limit: int) -> None:
        super().__init__(errno.EFBIG, f"larger than {limit} bytes")


def read_file(path: bytes, limit: int, *, wait: bool = True) -> bytes:
    """Return the contents of *path*. Raises OSError, `FileTooLarge` if there are more than *limit* bytes.

    Without *wait*, a pipe that is silent does not hold up the caller: it is an error, or empty if no process
    writes to it.
    """
    if b"\0" in path:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    mode = 0 if wait else os.O_NONBLOCK
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | mode)) as file:
        data: bytes | None = file.read(limit + 1)
    if data is None:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    if len(data) > limit:
        raise FileTooLarge(limit)
    return data
