"""Whether a directory can take what is received."""

from __future__ import annotations

import os

__all__ = ["ReadOnlyDirectoryError", "check_directory"]


class ReadOnlyDirectoryError(PermissionError):
    """The directory is there, but nothing can be written to it."""


def check_directory(directory: bytes) -> None:
    """Look at *directory* as the reference does (spec/cli.md g.2).

    Raises OSError if it cannot be listed, ValueError if no path is like that, and `ReadOnlyDirectoryError`.
    """
    with os.scandir(directory):
        pass
    if not os.access(directory, os.W_OK):
        raise ReadOnlyDirectoryError(f"directory is not writable: {os.fsdecode(directory)}")
