"""Whether a directory can take what is received: found out at start instead of with each object.

Network and user-space file systems, mount options and directory attributes lack this or that. Most of it has a
fallback; without any way to give a finished file its name nothing can be stored, and the receiver says so before
it accepts anything.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable
from typing import NamedTuple

from dcmrecv.config import FilenameMode, StorageConfig

__all__ = ["Findings", "ReadOnlyDirectoryError", "check_directory", "probe"]


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


class Findings(NamedTuple):
    """What does not work in an output directory."""

    obstacle: str | None
    """Why nothing can be stored there; None: objects can be stored."""
    remarks: tuple[str, ...]
    """What works only in another way, for the operator to know."""


def probe(config: StorageConfig) -> Findings:
    """Try in the output directory of *config* what storing an object needs; nothing stays behind."""
    directory = config.directory.rstrip(b"/") or (b"/" if config.directory else b".")
    stem = b"%s/.dcmrecv-probe-%d-%s" % (directory, os.getpid(), os.urandom(4).hex().encode("ascii"))
    first, second, third = (stem + suffix for suffix in (b".tmp", b".renamed", b".linked"))
    try:
        descriptor = os.open(first, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        return Findings(f"no file can be created: {error.strerror}", ())
    try:
        obstacle, remarks = _try(descriptor, (first, second, third), config)
    finally:
        os.close(descriptor)
    if config.fsync:
        failure = _failure(lambda: _sync(directory))
        if failure is not None and failure.errno in (errno.EINVAL, errno.ENOTSUP):
            remarks.append(f"directories cannot be brought to disk ({failure.strerror})")
    failure = None
    for path in (first, second, third):
        failed = _failure(lambda path=path: os.unlink(path))  # type: ignore[misc]
        if failed is not None and failed.errno != errno.ENOENT:
            failure = failed
    if failure is not None:
        remarks.append(f"files cannot be removed ({failure.strerror}): hidden ones will stay")
    return Findings(obstacle, tuple(remarks))


def _try(
    descriptor: int, names: tuple[bytes, bytes, bytes], config: StorageConfig
) -> tuple[str | None, list[str]]:
    remarks = []
    locking = _failure(lambda: fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB))
    if locking is not None:
        remarks.append(
            f"files cannot be locked ({locking.strerror}): what a killed receiver leaves stays for a day"
        )
    first, second, third = names
    linking = _failure(lambda: os.link(first, third, follow_symlinks=False))
    renaming = _failure(lambda: os.rename(first, second))
    if renaming is not None and linking is not None:
        text = f"files can neither be renamed ({renaming.strerror}) nor linked ({linking.strerror})"
        return f"{text}: no object can get its name", remarks
    if renaming is not None:
        remarks.append(f"files cannot be renamed ({renaming.strerror}): no object can replace an older one")
    elif linking is not None and config.filenames is not FilenameMode.DEFAULT:
        remarks.append(f"files cannot be linked ({linking.strerror}): they are renamed")
    return None, remarks


def _failure(call: Callable[[], object]) -> OSError | None:
    try:
        call()
    except OSError as error:
        return error
    return None


def _sync(directory: bytes) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
